"""AP of LVIS compared with hotcoco and the lvis package: the whole table of instances, from files."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from anymask.evaluate.tables import masks
from anymask.evaluate.tables.catalog import TABLES
from anymask.evaluate.tables.models import PromptModel
from anymask.evaluate.tables.running import run_table
from anymask.geometry import rle
from anymask.types import Masks

pytestmark = pytest.mark.parity

SIZE = (140, 170)
IMAGES = (5, 3, 12, 7)
"""Not in the order of the numbers, as in COCO's files."""
MOST = 300


def ellipse(box):
    """What the model finds for a box x, y, w, h."""
    x, y, w, h = box
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return ((columns - x - w / 2) * 2 / w) ** 2 + ((rows - y - h / 2) * 2 / h) ** 2 < 1


def model():
    def session(prompts, *, multimask):
        boxes = [(*one.box[:2], *(one.box[2:] - one.box[:2])) for one in prompts]
        return Masks.from_dense(np.stack([ellipse(box) for box in boxes]))

    return PromptModel(open=lambda image: session, proposals=None, edges=None, texts=None)


def random_box(generator):
    w, h = (4 + np.array(SIZE[::-1]) * 0.95 * generator.random(2) ** 1.5).astype(int).tolist()
    return [int(generator.integers(0, SIZE[1] - w)), int(generator.integers(0, SIZE[0] - h)), w, h]


@pytest.fixture(scope="module")
def lvis(tmp_path_factory):
    """Classes 1 to 5: some images do not name a class, some not all of its objects; results above 300.

    Scores have two digits, so that many are equal, also in different images.
    """
    root, generator = tmp_path_factory.mktemp("lvis"), np.random.default_rng(4)
    images, annotations, boxes = [], [], []
    (root / "LVIS/val2017").mkdir(parents=True)
    for image in IMAGES:
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(root / f"LVIS/val2017/{image:012d}.jpg")
        own = [random_box(generator) for _ in range(9)]
        shown = generator.permutation(5)[:3] + 1
        classes = generator.choice(shown, len(own)).tolist()
        absent = sorted(set(range(1, 6)) - set(classes))
        images.append(
            {"id": image, "height": SIZE[0], "width": SIZE[1],
             "coco_url": f"http://images.cocodataset.org/val2017/{image:012d}.jpg",
             "neg_category_ids": absent[:1], "not_exhaustive_category_ids": sorted({classes[0]})}
        )  # fmt: skip
        for box, category in zip(own, classes, strict=True):
            mask = ellipse(box)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": category, "bbox": box,
                 "segmentation": rle.to_coco(rle.encode(mask), SIZE), "area": float(mask.sum() * 0.9)}
            )  # fmt: skip
        for _ in range(MOST + 40):
            near = np.add(own[generator.integers(len(own))], [*generator.integers(-3, 4, 2), 0, 0])
            box = (
                np.maximum(near, (0, 0, 1, 1)).tolist() if generator.random() < 0.4 else random_box(generator)
            )
            boxes.append(
                {"image_id": image, "category_id": int(generator.integers(1, 6)), "bbox": box,
                 "score": round(float(generator.random()), 2)}
            )  # fmt: skip
    categories = [
        {"id": number, "name": str(number), "frequency": "fcrfc"[number - 1]} for number in range(1, 6)
    ]
    truth = {"images": images, "annotations": annotations, "categories": categories}
    (root / "LVIS/lvis_v1_val.json").write_text(json.dumps(truth))
    (root / "LVIS/detections").mkdir()
    (root / "LVIS/detections/lvis_v1_val.json").write_text(json.dumps(boxes))
    return root


def results(root):
    """The masks of all boxes as results; without boxes, whose areas would be taken for those of the masks."""
    boxes = json.loads((root / "LVIS/detections/lvis_v1_val.json").read_text())
    return [
        {key: one[key] for key in ("image_id", "category_id", "score")}
        | {"segmentation": rle.to_coco(rle.encode(ellipse(one["bbox"])), SIZE)}
        for one in boxes
    ]


def by_hotcoco(root):
    api = pytest.importorskip("hotcoco")
    truth = api.LVIS(str(root / "LVIS/lvis_v1_val.json"))
    return api.LVISEval(truth, api.LVISResults(truth, results(root), max_dets=MOST), "segm")


def by_lvis(root):
    api = pytest.importorskip("lvis")
    truth = api.LVIS(str(root / "LVIS/lvis_v1_val.json"))
    return api.LVISEval(truth, api.LVISResults(truth, results(root), max_dets=MOST), "segm")


def ap(root):
    """The figures of the table."""
    one = replace(masks.INSTANCE_SETS[1], resamples=0)
    result = run_table(replace(TABLES["sam-instances"], sets=(one,)), model(), root)
    assert not result.sets[0].skipped
    return {name: number.value for name, number in result.sets[0].numbers.items()}


@pytest.fixture(scope="module")
def ours(lvis):
    return ap(lvis)


@pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated")
@pytest.mark.parametrize("official", [by_hotcoco, by_lvis])
def test_the_table_of_instances(official, lvis, ours):
    with contextlib.redirect_stdout(io.StringIO()):
        judge = official(lvis)
        judge.run()
    wanted = judge.get_results()
    names = {"ap": "AP", "ap_50": "AP50", "ap_75": "AP75", "small": "APs", "medium": "APm", "large": "APl"}
    assert 0.01 < ours["ap"] < 0.99
    assert ours == pytest.approx({name: float(wanted[key]) for name, key in names.items()}, abs=1e-9)


@pytest.mark.parametrize("rule", ["neg_category_ids", "not_exhaustive_category_ids"])
def test_the_rules_of_federated_data_matter_in_this_scene(rule, lvis, ours, tmp_path):
    """The comparison above would see it if one of them were forgotten."""
    shutil.copytree(lvis, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "LVIS/lvis_v1_val.json"
    document = json.loads(path.read_text())
    for image in document["images"]:
        image[rule] = []
    path.write_text(json.dumps(document))
    assert abs(ap(tmp_path)["ap"] - ours["ap"]) > 1e-4
