"""mIoU of ADE20K compared with hotcoco, which equals mmsegmentation, and with its definition."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from anymask.evaluate.tables import semantic

pytestmark = pytest.mark.parity

CLASSES = 150
SIZE = (60, 80)


def files(root, generator, count=6):
    """Label maps of the truth as in the data set's files (0: no class), and predictions from 0."""
    pairs = []
    for number in range(count):
        blocks = generator.integers(0, CLASSES + 1, (12, 16)).astype(np.uint8)
        truth = np.repeat(np.repeat(blocks, 5, axis=0), 5, axis=1)
        if number == 0:
            truth.flat[:CLASSES] = np.arange(1, CLASSES + 1)  # every class is in the truth of the set
        right = np.maximum(truth, 1).astype(np.int64) - 1
        found = np.where(generator.random(SIZE) < 0.6, right, generator.integers(0, CLASSES, SIZE))
        path = root / f"{number}.png"
        Image.fromarray(truth).save(path)
        pairs.append((path, found.astype(np.uint8)))
    return pairs


@pytest.fixture
def pairs(tmp_path, rng):
    return files(tmp_path, rng)


def rows(pairs):
    return [semantic.class_counts(found, semantic.classes_of(path)) for path, found in pairs]


def test_the_whole_set_as_hotcoco(pairs):
    judge = pytest.importorskip("hotcoco.semantic").SemanticEval(CLASSES, reduce_zero_label=True)
    for path, found in pairs:
        judge.update(np.asarray(Image.open(path)), found)
    wanted = judge.results()
    ours = semantic.mean_iou(rows(pairs))(np.ones(len(pairs)))
    assert 0.1 < ours["miou"] < 0.9
    assert ours["miou"] == pytest.approx(wanted["mIoU"], abs=1e-12)
    assert ours["accuracy"] == pytest.approx(wanted["aAcc"], abs=1e-12)


def test_one_confusion_matrix_of_classes_in_the_truth(tmp_path, rng):
    """As detectron2's evaluator, by which Painter was measured: a class that is only predicted has no IoU."""
    pairs = files(tmp_path, rng, 3)[1:]
    matrix = np.zeros((CLASSES, CLASSES + 1))  # predicted, true; the last column is no class
    for path, found in pairs:
        truth = np.asarray(Image.open(path)) - np.uint8(1)
        np.add.at(matrix, (found, np.minimum(truth, CLASSES)), 1)
    matrix = matrix[:, :CLASSES]
    true, predicted, shared = matrix.sum(0), matrix.sum(1), np.diag(matrix)
    assert ((true == 0) & (predicted > 0)).any()
    wanted = np.mean([s / (t + p - s) for t, p, s in zip(true, predicted, shared, strict=True) if t])
    assert semantic.mean_iou(rows(pairs))(np.ones(2))["miou"] == pytest.approx(wanted, abs=1e-12)


def test_the_mean_over_images_is_another_figure(pairs):
    of_set = semantic.mean_iou(rows(pairs))(np.ones(len(pairs)))["miou"]
    alone = [semantic.mean_iou(rows([pair]))(np.ones(1))["miou"] for pair in pairs]
    assert abs(np.mean(alone) - of_set) > 1e-4


def test_painted_colours_by_the_released_formula(rng):
    """Class k is red 255 - 42 (k / 36), green 255 - 42 (k / 6 mod 6), blue 255 - 42 (k mod 6)."""
    palette = semantic.class_palette(CLASSES, 6, 42)
    wanted = [(255 - 42 * (k // 36), 255 - 42 * ((k % 36) // 6), 255 - 42 * (k % 6)) for k in range(CLASSES)]
    assert palette.tolist() == [list(one) for one in wanted]
    colours = rng.integers(0, 256, (20, 30, 3)).astype(np.uint8)
    far = np.abs(colours[:, :, None].astype(int) - np.array(wanted)).sum(-1)
    assert (semantic.nearest_class(colours, palette) == far.argmin(-1)).all()
