from __future__ import annotations

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from anymask.errors import InputError
from anymask.evaluate.proposals import ProposalsConfig, image_recalls, recalls, run
from anymask.geometry import rle
from anymask.models import build
from anymask.models.config import DEBUG
from anymask.types import Masks, Record

SIZE = (160, 200)


def ellipses(generator, count):
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    out = []
    for _ in range(count):
        cx, cy, radius = generator.random() * 200, generator.random() * 160, 5 + 70 * generator.random() ** 2
        out.append(((x - cx) / radius) ** 2 + ((y - cy) / radius / 0.8) ** 2 < 1)
    return [one for one in out if one.any()]


def shifted(mask, generator):
    return np.roll(mask, tuple(generator.integers(-3, 4, 2)), (0, 1))


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(3))
def test_recall_is_that_of_the_coco_api(seed):
    """`COCOeval` without categories, by number of proposals and by size."""
    coco, cocoeval = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    generator = np.random.default_rng(seed)
    images, annotations, results, ours = [], [], [], []
    for image in range(4):
        truths = ellipses(generator, 12)
        answers = [shifted(generator.choice(truths, axis=0), generator) for _ in range(60)]
        answers = [answer for answer in answers if answer.any()]
        images.append({"id": image, "height": SIZE[0], "width": SIZE[1]})
        for truth in truths:
            runs = rle.to_coco(rle.encode(truth), SIZE)
            number = len(annotations) + 1
            annotations.append(
                {"id": number, "image_id": image, "category_id": 1, "segmentation": runs,
                 "area": int(truth.sum()), "iscrowd": 0, "bbox": [0, 0, 1, 1]}
            )  # fmt: skip
        for rank, answer in enumerate(answers):
            runs = rle.to_coco(rle.encode(answer), SIZE)
            results.append(
                {"image_id": image, "category_id": 1, "segmentation": runs, "score": 1 - rank / 100}
            )
        ours.append((rle.iou([rle.encode(a) for a in answers], [rle.encode(t) for t in truths]), truths))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {"images": images, "annotations": annotations, "categories": [{"id": 1}]}
        truth.createIndex()
        judge = cocoeval.COCOeval(truth, truth.loadRes(results), "segm")
        judge.params.useCats, judge.params.maxDets = 0, [5, 20, 1000]
        judge.evaluate()
        judge.accumulate()
    recall = judge.eval["recall"].mean(axis=0)[0]  # (areas, counts)
    for column, count in enumerate((5, 20, 1000)):
        mine = np.concatenate([recalls(ious[:count]) for ious, _ in ours])
        assert mine.mean() == pytest.approx(recall[0, column], abs=1e-9)
    for row, (low, high) in enumerate([(0, 32**2), (32**2, 96**2), (96**2, 1e9)], 1):
        mine = np.concatenate(
            [recalls(ious[:, [low <= t.sum() <= high for t in truths]]) for ious, truths in ours]
        )
        assert mine.mean() == pytest.approx(recall[row, 2], abs=1e-9)


def test_a_proposal_serves_one_mask():
    assert recalls(np.array([[0.9, 0.9]])).mean() == pytest.approx(0.45)
    assert recalls(np.zeros((0, 3))).shape == (3, 10)
    assert recalls(np.zeros((3, 0))).shape == (0, 10)


def model():
    torch.manual_seed(0)
    out = build(DEBUG).eval()
    out.mask_decoder.iou_prediction_head.layers[-1].bias.data += 0.5
    return out


def record(name="a", **more):
    dense = np.zeros((2, 40, 60), np.bool_)
    dense[0, 5:25, 5:25] = dense[1, 20:38, 30:58] = True
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    return Record(name, image, Masks.from_dense(dense), meta={"categories": ["cat", "dog"]}, **more)


def test_a_set_is_measured():
    config = ProposalsConfig(count=200, points_per_side=4)
    report = run(
        model(),
        {"one": [record(), record("b")]},
        config,
        lambda *_: None,
        frequencies={"cat": "r", "dog": "f"},
    )
    numbers = report.mean.numbers
    assert (report.mean.images, report.mean.masks) == (2, 4)
    assert list(numbers) == [
        "ar_10", "ar_100", "ar_200", "small", "medium", "large", "rare", "common", "frequent",
    ]  # fmt: skip
    assert numbers["ar_10"].value <= numbers["ar_200"].value
    assert 2 * numbers["ar_200"].value == pytest.approx(numbers["rare"].value + numbers["frequent"].value)
    assert np.isnan(numbers["large"].value)
    assert "SAM ViT-H, LVIS v1 (published)" in report.table()


def test_sizes_are_the_areas_that_the_file_states():
    """LVIS and COCO state the area of the polygon, which may fall on the other side of 32 x 32 pixels."""
    stated = replace(record(), meta={"areas": [1024 + 1, 100 * 100]})
    found = image_recalls(np.array([[1.0, 0.0]]), stated, 1000, {})
    assert (found["small"].size, found["medium"].tolist(), found["large"].tolist()) == (0, [1.0], [0.0])
    assert image_recalls(np.array([[1.0, 0.0]]), record(), 1000, {})["small"].tolist() == [1.0, 0.0]


def test_masks_without_a_pixel_count_as_missed():
    dense = np.zeros((2, 40, 60), np.bool_)
    dense[0, 5:25, 5:25] = True
    empty = replace(record(), masks=Masks.from_dense(dense))
    assert run(model(), {"one": [empty]}, ProposalsConfig(points_per_side=2)).mean.masks == 2


def test_sets_without_masks_are_refused():
    empty = Record("a", np.zeros((8, 8, 3), np.uint8), Masks((8, 8), ()))
    with pytest.raises(InputError, match="datasets must hold a mask, got none"):
        run(model(), {"one": [empty]})
    with pytest.raises(InputError, match="count must be 1 or more"):
        ProposalsConfig(count=0)
