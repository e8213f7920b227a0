from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest
import torch
from scipy.io import savemat

from anymask.errors import FormatError, InputError
from anymask.evaluate import edges
from anymask.evaluate.edge_matching import skeleton
from anymask.evaluate.edges import EdgeFolder, EdgesConfig, counts, figures, run, sobel
from anymask.models import build
from anymask.models.config import DEBUG

SIZE = (48, 64)


def square():
    line = np.zeros(SIZE, np.bool_)
    line[10:31, [20, 50]] = line[[10, 30], 20:51] = True
    return skeleton(line)


def scene():
    image = np.full((*SIZE, 3), 40, np.uint8)
    image[11:31, 21:51] = 200
    return image


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images/test").mkdir(parents=True)
    (tmp_path / "groundTruth/test").mkdir(parents=True)
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"images/test/{number}.png"), scene())
        cells = np.empty((1, 2), object)
        for i in range(2):
            cells[0, i] = {"Segmentation": np.ones(SIZE, np.uint16), "Boundaries": square().astype(np.uint8)}
        savemat(tmp_path / f"groundTruth/test/{number}.mat", {"groundTruth": cells})
    return tmp_path


def test_what_was_drawn_scores_one():
    found = counts(square().astype(np.float32), [square(), square()], EdgesConfig(thresholds=3))
    pixels = np.count_nonzero(square())
    assert found[:, :3].tolist() == [[2 * pixels, 2 * pixels, pixels]] * 3
    got = figures(found[None])
    assert got["ods"] == got["ois"] == got["r50"] == 1.0


def test_half_of_the_pixels_wrong_halves_precision_and_far_lines_count_for_nothing():
    far = np.roll(square(), 13, axis=0) & ~square()
    strength = 0.9 * square() + 0.4 * far
    found = counts(strength.astype(np.float32), [square()], EdgesConfig(thresholds=9, reach=0.001))
    recall, precision = found[:8, 0] / found[:8, 1], found[:8, 2] / found[:8, 3]
    assert (precision[4:] == 1).all()
    assert (recall[4:] == 1).all()
    assert precision[0] == pytest.approx(0.5, abs=0.1)


def test_figures_of_a_curve_by_hand():
    # thresholds low to high: recall 0.8, 0.5, 0.2 and precision 0.4, 0.6, 1.0
    one = np.array([[80, 100, 80, 200], [50, 100, 60, 100], [20, 100, 20, 20]], float)
    got = figures(one[None])
    # F rises between the first two thresholds: at recall 0.65 and precision 0.5 it is 0.5652
    between = [
        2 * r * p / (r + p)
        for r, p in zip(np.linspace(0.8, 0.5, 100), np.linspace(0.4, 0.6, 100), strict=True)
    ]
    assert got["ods"] == pytest.approx(max(between), abs=1e-9) == pytest.approx(0.5657, abs=1e-4)
    assert got["ois"] == pytest.approx(2 * 0.5 * 0.6 / 1.1)  # at the thresholds alone
    assert got["r50"] == pytest.approx(0.65)  # halfway between precision 0.4 and 0.6
    recall = np.linspace(0, 1, 101)
    by_hand = np.where(recall < 0.5, 1 - (recall - 0.2) / 0.3 * 0.4, 0.6 - (recall - 0.5) / 0.3 * 0.2)
    by_hand[(recall < 0.2 - 1e-9) | (recall > 0.8 + 1e-9)] = 0
    assert got["ap"] == pytest.approx(by_hand.sum() / 100, abs=1e-6)


def test_each_image_may_have_its_own_threshold_in_ois():
    good_low = np.array([[90, 100, 90, 100], [10, 100, 10, 10]], float)
    good_high = np.array([[90, 100, 90, 900], [80, 100, 80, 100]], float)
    got = figures(np.stack([good_low, good_high]))
    assert got["ois"] == pytest.approx(0.85)
    assert got["ods"] < got["ois"]


def test_a_folder_is_measured_beside_a_baseline(folder):
    torch.manual_seed(0)
    config = EdgesConfig(points_per_side=2, thresholds=5, reach=0.03)
    report = run(build(DEBUG).eval(), EdgeFolder(folder), config, lambda *_: None)
    (baseline,), mean = report.sets, report.mean
    assert (mean.images, baseline.name, mean.name) == (2, "sobel", folder.name)
    assert baseline.numbers["ods"].value > 0.95
    assert 0 <= mean.numbers["ods"].value <= 1
    assert "SAM ViT-H, BSDS500 test (published)" in report.table()
    first = EdgesConfig(points_per_side=1, thresholds=1, most_images=1)
    assert run(build(DEBUG).eval(), EdgeFolder(folder), first).mean.images == 1


def test_the_published_layout(folder, tmp_path_factory):
    """`BSDS500/data/images`, with a subfolder and files of the system beside the images; any split."""
    root = tmp_path_factory.mktemp("BSDS500")
    shutil.copytree(folder / "images/test", root / "data/images/val")
    shutil.copytree(folder / "groundTruth/test", root / "data/groundTruth/val")
    (root / "data/images/val/Thumbs.db").write_bytes(b"no scene")
    (root / "data/groundTruth/val/extra.mat").write_bytes(b"of no scene")
    data = EdgeFolder(root, "val")
    assert (data.name, len(data)) == (root.name, 2)
    first = next(iter(data))
    assert (first.name, first.image.shape, len(first.annotated)) == ("0", (*SIZE, 3), 2)
    assert all(np.array_equal(drawn, square()) for drawn in first.annotated)


def test_sobel_finds_the_square():
    lines = sobel(scene())
    assert lines.max() == 1
    near = cv2.dilate(square().view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert not (lines > 0.5)[~near].any()


def test_messages(folder, tmp_path):
    with pytest.raises(InputError, match=r"data must hold images/val/\*.jpg with groundTruth"):
        EdgeFolder(folder, "val")
    savemat(folder / "groundTruth/test/0.mat", {"other": 1})
    with pytest.raises(FormatError, match=r"0.mat must be a .mat file with groundTruth"):
        next(iter(EdgeFolder(folder)))
    with pytest.raises(InputError, match="thresholds must be 1 or more"):
        EdgesConfig(thresholds=0)
    with pytest.raises(InputError, match="reach must be above 0"):
        EdgesConfig(reach=1.0)
    assert edges.PUBLISHED["SAM ViT-H, BSDS500 test"]["ods"] == 0.768
