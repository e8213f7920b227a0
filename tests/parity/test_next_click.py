"""The next click compared with RITM's clicker and with SAM 2's, where they are installed."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.evaluate.simulated_clicks import next_click

pytestmark = pytest.mark.parity


def by_ritm(prediction, truth, clicked):
    """With `-1` for pixels that do not count."""
    clicker = pytest.importorskip("isegm.inference.clicker")
    one = clicker.Clicker(gt_mask=truth.astype(np.int64))
    for x, y in clicked:
        one.add_click(clicker.Click(is_positive=True, coords=(int(y), int(x))))
    one.make_next_click(prediction)
    click = one.clicks_list[-1]
    return (click.coords[1] + 0.5, click.coords[0] + 0.5), int(click.is_positive)


def by_sam_2(prediction, truth, clicked):
    """It does not look at earlier clicks."""
    utils = pytest.importorskip("sam2.modeling.sam2_utils")
    import torch

    masks = [torch.from_numpy(mask)[None, None] for mask in (truth, prediction)]
    points, labels = utils.sample_one_point_from_error_center(*masks)
    return tuple((points[0, 0] + 0.5).tolist()), int(labels[0, 0])


def scene(generator):
    """Blobs as truth, moved ones as prediction: errors at the border, strips, islands."""
    y, x = np.mgrid[:60, :90]
    truth, prediction = np.zeros((2, 60, 90), bool)
    for _ in range(generator.integers(1, 5)):
        cx, cy, r = generator.uniform(0, 90), generator.uniform(0, 60), generator.uniform(2, 25)
        truth |= (x - cx) ** 2 + (y - cy) ** 2 < r**2
        prediction |= (x - cx - generator.uniform(-9, 9)) ** 2 + (y - cy) ** 2 < (r + 2) ** 2
    return prediction, truth


@pytest.mark.parametrize("official", [by_ritm, by_sam_2])
def test_the_same_click(official, rng):
    labels = []
    for number in range(200):
        prediction, truth = scene(rng)
        clicked = (
            np.floor(rng.random((3 if official is by_ritm else 0, 2)) * (90, 60)).astype(np.float32) + 0.5
        )
        if number % 10 == 0:
            prediction = np.zeros_like(truth)  # the first click
        if not (prediction ^ truth).any():
            continue
        point, label = next_click(prediction, truth, clicked=clicked)
        assert (tuple(point.tolist()), label) == official(prediction, truth, clicked)
        labels.append(label)
    assert 20 < sum(labels) < len(labels) - 20
