"""Painter's keypoints: AP compared with pycocotools and hotcoco, and the decoding by its definition."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest

from anymask.evaluate import keypoints
from anymask.evaluate.keypoints import COUNT, Crop, Pose
from anymask.evaluate.tables import keypoints as table
from anymask.inference.in_context.keypoint_encoding import encode_keypoints

from .coco_tools import PyCocoTools, hotcoco

pytestmark = pytest.mark.parity

IMAGES = (8, 2, 5)


def person(generator, number, image):
    """An annotated person; some are crowds, some have no keypoint, some an area unlike their points'."""
    points = generator.uniform(0, 200, (COUNT, 2)).round()
    seen = generator.integers(0, 3, COUNT) * (generator.random() < 0.8)
    corner = points.min(0)
    return {
        "id": number, "image_id": image, "category_id": 1, "iscrowd": int(generator.random() < 0.15),
        "bbox": [*corner.tolist(), *(points.max(0) - corner).tolist()],
        "num_keypoints": int((seen > 0).sum()),
        "area": float(generator.choice([900, 4000, 20000])),
        "keypoints": np.column_stack([points * (seen > 0)[:, None], seen]).ravel().tolist(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Annotations in the layout of the data set, and poses by image: 30 in each, with equal scores."""
    root, generator = tmp_path_factory.mktemp("keypoints"), np.random.default_rng(2)
    annotations = [person(generator, i + 1, image) for i, image in enumerate(IMAGES * 5)]
    document = {
        "images": [
            {"id": image, "file_name": f"{image}.png", "width": 200, "height": 200} for image in IMAGES
        ],
        "annotations": annotations,
        "categories": [
            {"id": 1, "name": "person", "keypoints": [str(k) for k in range(COUNT)], "skeleton": []}
        ],
    }
    (root / "coco/annotations").mkdir(parents=True)
    (root / "coco/annotations/person_keypoints_val2017.json").write_text(json.dumps(document))
    boxes = [{"image_id": image, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.5} for image in IMAGES]
    (root / "coco_pose/person_detection_results").mkdir(parents=True)
    (root / table.BOXES).write_text(json.dumps(boxes))
    poses = {image: [] for image in IMAGES}
    for image in IMAGES:
        own = [one for one in annotations if one["image_id"] == image]
        for _ in range(30):
            points = np.reshape(own[generator.integers(len(own))]["keypoints"], (COUNT, 3))[:, :2]
            moved = points + generator.normal(0, generator.choice([1, 4, 30]), (COUNT, 2))
            poses[image].append(Pose(moved, round(float(generator.random()), 1), 1.0))
    return root, poses


@pytest.mark.parametrize("api", [PyCocoTools, hotcoco])
def test_average_precision(api, scene, tmp_path):
    root, poses = scene
    found = [
        {"image_id": image, "category_id": 1, "score": one.score,
         "keypoints": np.column_stack([one.points_xy, np.ones(COUNT)]).ravel().tolist()}
        for image, some in poses.items() for one in some
    ]  # fmt: skip
    (tmp_path / "found.json").write_text(json.dumps(found))
    official = api()
    with contextlib.redirect_stdout(io.StringIO()):
        truth = official.COCO(str(root / table.TRUTH))
        judge = official.COCOeval(truth, truth.loadRes(str(tmp_path / "found.json")), "keypoints")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    items = table.KEYPOINT_SETS[0].open(root)
    rows = [
        {"classes": [keypoints.match_poses(poses[int(id)], items.read(i).truths)]}
        for i, id in enumerate(items.ids)
    ]
    ours = table.KEYPOINT_SETS[0].figures(rows)(np.ones(len(rows)))
    wanted = dict(zip(("ap", "ap_50", "ap_75", "medium", "large"), judge.stats[:5], strict=True))
    assert 0.05 < ours["ap"] < 0.95
    assert ours == pytest.approx({name: float(value) for name, value in wanted.items()}, abs=1e-9)


def test_more_than_twenty_persons_and_those_without_keypoints_matter(scene):
    root, poses = scene
    items = table.KEYPOINT_SETS[0].open(root)
    truths = [items.read(i).truths for i in range(len(items.ids))]
    assert any(not one.counted for some in truths for one in some)
    assert any(one.crowd for some in truths for one in some)
    matches = keypoints.match_poses(poses[int(items.ids[0])], truths[0])
    assert len(matches["scores"]) == keypoints.MOST_FOUND


def test_the_keypoints_of_an_encoded_person_come_back_in_the_image():
    """Also from the mirrored image, where left and right change their places."""
    generator = np.random.default_rng(0)
    crop = Crop.around(np.array([30.0, 20, 60, 90]))
    cells = generator.permutation(8 * 11)[:COUNT]
    points = np.column_stack([cells % 8, cells // 8]) * 23.0 + 8
    seen = np.ones(COUNT, bool)
    plain = keypoints.heat_maps(encode_keypoints(points + 0.5, seen, (256, 192)))
    mirrored = np.column_stack([192 - points[:, 0], points[:, 1]])[keypoints.MIRRORED]
    other = keypoints.heat_maps(encode_keypoints(mirrored + 0.5, seen, (256, 192)))
    found = keypoints.pose(keypoints.both_sides(plain, other), crop, 0.8)
    assert np.abs(found.points_xy - crop.to_image(points)).max() < 1e-9
    assert found.score == pytest.approx(0.8, abs=0.01)
    assert crop.size.tolist() == [1.25 * 67.5, 1.25 * 90]
    assert crop.to_image(np.array([[96.0, 128.0]])).tolist() == [[60.0, 65.0]]


def test_the_crop_of_the_mirrored_image_is_the_mirrored_crop_moved_by_a_pixel():
    generator = np.random.default_rng(1)
    image = generator.integers(0, 256, (256, 192, 3)).astype(np.uint8)
    crop = Crop(np.array([96.0, 128.0]), np.array([192.0, 256.0]))
    assert (crop.cut(image) == image).all()
    assert (crop.mirror(192).cut(image)[:, 1:] == image[:, ::-1][:, :-1]).all()


def test_the_highest_value_moves_a_quarter_pixel_to_its_higher_neighbours():
    maps = np.zeros((COUNT, 9, 8), np.float32)
    maps[0, 4, 3], maps[0, 4, 4], maps[0, 3, 3] = 1, 0.6, 0.5
    maps[1, 0, 0] = 0.5
    points, scores = keypoints.decode(maps)
    assert points[:3].tolist() == [[3.25, 3.75], [0, 0], [-1, -1]]
    assert scores[:3].tolist() == [1, 0.5, 0]


def test_similar_persons_are_dropped():
    base = np.random.default_rng(0).uniform(0, 100, (COUNT, 2))
    near, far = Pose(base + 0.5, 0.4, 1e4), Pose(base + 30, 0.3, 1e4)
    best = Pose(base, 0.9, 1e4)
    assert keypoints.suppress([near, far, best]) == [best, far]


def test_the_painted_crop_is_resized_as_pytorch_does(monkeypatch):
    """In float64, to which Painter's script converts by multiplying with an array of NumPy."""
    functional = pytest.importorskip("torch.nn.functional")
    import torch

    values = np.random.default_rng(0).uniform(-20, 280, (448, 448, 3)).astype(np.float32)
    monkeypatch.setattr(table, "painted", lambda model, pixels, shown: values)
    clipped = torch.from_numpy(np.clip(values, 0, 255)).double().permute(2, 0, 1)[None]
    wanted = (
        functional.interpolate(clipped, size=[256, 192], mode="nearest")[0].permute(1, 2, 0).int().numpy()
    )
    assert (table._painted(None, None, None) == wanted).all()
