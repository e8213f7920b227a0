"""AP and AR of masks compared with pycocotools and hotcoco on the same predictions."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest

from anymask.evaluate.coco_ap import AveragePrecision, Detections, Truths, match
from anymask.evaluate.proposals import image_recalls
from anymask.geometry import rle
from anymask.types import Masks, Record

from .coco_tools import PyCocoTools, hotcoco

pytestmark = pytest.mark.parity

SIZE = (160, 200)


def blob(generator):
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    cx, cy, radius = generator.random() * 200, generator.random() * 160, 4 + 90 * generator.random() ** 2
    return ((x - cx) / radius) ** 2 + ((y - cy) / radius / 0.8) ** 2 < 1


def shifted(mask, generator):
    return np.roll(mask, tuple(generator.integers(-4, 5, 2)), (0, 1))


@pytest.fixture(scope="module")
def scene():
    """12 images with crowds, stated areas that differ from the pixels, equal scores and useless masks."""
    generator = np.random.default_rng(0)
    images, annotations, results = [], [], []
    for image in range(1, 13):
        images.append({"id": image, "height": SIZE[0], "width": SIZE[1]})
        masks = [mask for mask in (blob(generator) for _ in range(8)) if mask.any()]
        for mask in masks:
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": int(generator.integers(1, 4)),
                 "segmentation": rle.to_coco(rle.encode(mask), SIZE), "area": float(mask.sum() * 0.9),
                 "iscrowd": int(generator.random() < 0.15), "bbox": [0, 0, 1, 1]}
            )  # fmt: skip
        for _ in range(40):
            near = shifted(masks[generator.integers(len(masks))], generator)
            mask = near if generator.random() < 0.7 else blob(generator)
            if mask.any():
                results.append(
                    {"image_id": image, "category_id": int(generator.integers(1, 4)),
                     "segmentation": rle.to_coco(rle.encode(mask), SIZE),
                     "score": round(float(generator.random()), 2)}
                )  # fmt: skip
    categories = [{"id": number, "name": str(number)} for number in (1, 2, 3)]
    return {"images": images, "annotations": annotations, "categories": categories}, results


def judged(api, scene, tmp_path, *, use_categories=True, most=(1, 10, 100)):
    """The evaluation of an API with the interface of pycocotools."""
    (tmp_path / "truth.json").write_text(json.dumps(scene[0]))
    (tmp_path / "found.json").write_text(json.dumps(scene[1]))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = api.COCO(str(tmp_path / "truth.json"))
        judge = api.COCOeval(truth, truth.loadRes(str(tmp_path / "found.json")), "segm")
        judge.params.useCats, judge.params.maxDets = int(use_categories), list(most)
        judge.evaluate()
        judge.accumulate()
    return judge.eval


def by_image(scene):
    truth, results = scene
    for image in truth["images"]:
        own = [one for one in truth["annotations"] if one["image_id"] == image["id"]]
        found = [one for one in results if one["image_id"] == image["id"]]
        yield (
            Truths(
                [rle.from_coco(one["segmentation"])[0] for one in own],
                np.array([one["category_id"] for one in own]),
                np.array([one["area"] for one in own]),
                np.array([one["iscrowd"] == 1 for one in own]),
            ),
            Detections(
                [rle.from_coco(one["segmentation"])[0] for one in found],
                np.array([one["category_id"] for one in found]),
                np.array([one["score"] for one in found]),
            ),
        )


@pytest.mark.parametrize("api", [PyCocoTools, hotcoco])
def test_average_precision(api, scene, tmp_path):
    theirs = np.asarray(judged(api(), scene, tmp_path)["precision"])  # IoUs, recalls, classes, areas, counts
    ours = AveragePrecision([match(truth, found) for truth, found in by_image(scene)])
    wanted = theirs[..., 2].mean(axis=1).transpose(1, 2, 0)  # classes, areas, IoUs
    assert (wanted[:, 3] > 0).any()
    assert ours.by_class(np.ones(12)) == pytest.approx(wanted, abs=1e-9)
    assert ours()["all"] == pytest.approx(theirs[:, :, :, 0, 2].mean(), abs=1e-9)


@pytest.mark.parametrize("api", [PyCocoTools, hotcoco])
def test_recall_without_classes_by_size(api, scene, tmp_path):
    """AR@1000 of proposals: all masks, and the small, medium and large ones by their stated areas."""
    theirs = np.asarray(judged(api(), scene, tmp_path, use_categories=False, most=(1, 10, 1000))["recall"])
    parts = {name: [] for name in ("ar_1000", "small", "medium", "large")}
    for truth, found in by_image(scene):
        kept = np.flatnonzero(~truth.crowds)
        masks = Masks(SIZE, [truth.runs[i] for i in kept])
        record = Record(
            "a", np.zeros((*SIZE, 3), np.uint8), masks, meta={"areas": truth.areas[kept].tolist()}
        )
        order = np.argsort(-found.scores, kind="stable")
        ious = rle.iou([found.runs[i] for i in order], masks.rles)
        values = image_recalls(ious, record, 1000, {})
        for name, some in parts.items():
            some.append(values[name])
    for area, some in enumerate(parts.values()):  # IoUs, classes, areas, counts
        assert np.concatenate(some).mean() == pytest.approx(theirs[:, 0, area, 2].mean(), abs=1e-9)


def test_weights_repeat_images(scene):
    matches = [match(truth, found) for truth, found in by_image(scene)]
    weights = np.array([2, 0, 1] * 4, float)
    repeated = [one for one, times in zip(matches, weights, strict=True) for _ in range(int(times))]
    assert AveragePrecision(matches)(weights) == pytest.approx(AveragePrecision(repeated)(), abs=1e-12)
