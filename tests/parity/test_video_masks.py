"""J and F compared with vos-benchmark, whose metrics are those of the official tool of DAVIS 2017."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from anymask.evaluate.video_masks import boundary, boundary_f, object_scores

pytestmark = pytest.mark.parity


def blobs(rng, size, count=3):
    noise = cv2.GaussianBlur(rng.random((count, *size)).astype(np.float32).transpose(1, 2, 0), (0, 0), 6)
    labels = noise.argmax(-1).astype(np.uint8)
    labels[noise.max(-1) < np.quantile(noise.max(-1), 0.4)] = 0
    return labels


def moved(labels, rng):
    return np.roll(labels, tuple(rng.integers(-5, 6, 2)), (0, 1))


@pytest.mark.parametrize("size", [(96, 140), (480, 910)])
def test_objects_of_a_video(size, rng):
    evaluator = pytest.importorskip("vos_benchmark.evaluator")
    truths = [blobs(rng, size) for _ in range(4)]
    found = [moved(truth, rng) for truth in truths]
    theirs = evaluator.Evaluator(name="made")
    for one, truth in list(zip(found, truths, strict=True))[1:-1]:
        theirs.feed_frame(one, truth)
    js, fs = theirs.conclude()
    ours = object_scores(found, truths)
    assert ours["j"] == pytest.approx([js[n] / 100 for n in sorted(js)], abs=1e-9)
    assert ours["f"] == pytest.approx([fs[n] / 100 for n in sorted(fs)], abs=1e-9)


def by_definition(found, truth):
    """F by dilation with a disk, pixel by pixel as the official tool does."""
    reach = math.ceil(0.008 * math.hypot(*truth.shape))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x**2 + y**2 <= reach**2).astype(np.uint8)
    one, other = (boundary(mask).astype(np.uint8) for mask in (found, truth))
    if not one.any() or not other.any():
        return float(one.any() == other.any())
    precision = (one & cv2.dilate(other, disk)).sum() / one.sum()
    recall = (other & cv2.dilate(one, disk)).sum() / other.sum()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_boundary_f_by_definition(rng):
    for size in ((30, 41), (96, 140), (480, 854)):
        for _ in range(4):
            truth = blobs(rng, size) == 1
            found = moved(truth, rng)
            assert boundary_f(found, truth) == pytest.approx(by_definition(found, truth), abs=1e-12)


def test_masks_at_the_border_and_empty_ones():
    size = (40, 50)
    empty, full = np.zeros(size, bool), np.ones(size, bool)
    corner = empty.copy()
    corner[30:, 40:] = True
    dot = empty.copy()
    dot[-1, -1] = True  # its boundary lies on its neighbours
    for found in (empty, full, corner, dot):
        for truth in (empty, full, corner, dot):
            assert boundary_f(found, truth) == pytest.approx(by_definition(found, truth))
    assert not boundary(full).any()


def test_void_and_the_last_frames_do_not_count():
    size = (20, 30)
    truth, wrong = np.zeros((2, *size), np.uint8)
    truth[5:15, 5:15] = 1
    truth[0, 0] = 255
    scores = object_scores([wrong, truth * (truth < 255), wrong], [truth, truth, truth])
    assert scores == {"jf": [1.0], "j": [1.0], "f": [1.0], "j_recall": [1.0], "f_recall": [1.0]}
