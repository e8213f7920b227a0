from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymask import AutoConfig
from anymask.errors import InputError
from anymask.inference.mask_generation.grids import crop_windows, grid_points, windows

sides = st.integers(1, 300)


def test_a_grid_lies_at_the_centres_of_its_cells():
    assert grid_points((4, 8), 2).tolist() == [[2, 1], [6, 1], [2, 3], [6, 3]]


@given(sides, sides, st.integers(1, 40))
def test_grids_fill_the_image_evenly(h, w, n):
    points = grid_points((h, w), n)
    assert len(points) == min(n, h) * min(n, w)
    assert (points > 0).all()
    assert (points < (w, h)).all()
    assert np.allclose(points.mean(axis=0), (w / 2, h / 2), rtol=1e-4)
    assert len(np.unique(points, axis=0)) == len(points)


@given(sides, sides, st.integers(0, 3), st.floats(0, 0.9))
def test_crops_cover_the_image(h, w, layers, overlap):
    found = list(crop_windows((h, w), layers, overlap))
    assert found[0] == ((0, 0, w, h), 0)
    for layer in range(layers + 1):
        seen = np.zeros((h, w), np.bool_)
        boxes = [box for box, of in found if of == layer]
        for x0, y0, x1, y1 in boxes:
            assert 0 <= x0 < x1 <= w
            assert 0 <= y0 < y1 <= h
            seen[y0:y1, x0:x1] = True
        assert seen.all()
        assert len(boxes) <= 4**layer


def test_crops_are_those_of_the_released_code():
    """Worked out by hand from `generate_crop_boxes`: 1500 x 2000, overlap 512 px of the short side."""
    boxes = [box for box, layer in crop_windows((1500, 2000), 2, 512 / 1500) if layer == 1]
    assert boxes == [(0, 0, 1256, 1006), (0, 494, 1256, 1500), (744, 0, 2000, 1006), (744, 494, 2000, 1500)]
    assert len(list(crop_windows((1500, 2000), 2, 512 / 1500))) == 21


def test_points_per_side_shrink_by_layer():
    config = AutoConfig(points_per_side=8, crop_layers=2, crop_shrink=2)
    counts = {part.layer: len(part.points) for part in windows((200, 200), config)}
    assert counts == {0: 64, 1: 16, 2: 4}


def test_points_lie_in_their_crop():
    for part in windows((90, 120), AutoConfig(points_per_side=4, crop_layers=2)):
        x0, y0, x1, y1 = part.xyxy
        assert (part.points > (x0, y0)).all()
        assert (part.points < (x1, y1)).all()


def test_density_follows_the_area():
    assert len(windows((100, 200), AutoConfig(pixels_per_point=10))[0].points) == 200
    assert len(windows((5, 5), AutoConfig(pixels_per_point=10))[0].points) == 1


def test_points_of_your_own_go_to_every_crop_that_holds_them():
    config = AutoConfig(points=[(10, 10), (190, 90)], crop_layers=1)
    found = windows((100, 200), config)
    assert found[0].points.tolist() == [[10, 10], [190, 90]]
    assert len(found) == 3


@pytest.mark.parametrize("roi", [(50, 20, 100, 60), np.pad(np.ones((40, 50), bool), ((20, 40), (50, 100)))])
def test_only_points_in_the_region_are_asked(roi):
    [part] = windows((100, 200), AutoConfig(points_per_side=20, roi=roi))
    assert 0 < len(part.points) < 400
    assert (part.points >= (50, 20)).all()
    assert (part.points < (100, 60)).all()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"points": [(5, 101)]}, r"points must lie in the image, 0 to 200 by 0 to 100, got \(5, 101\)"),
        ({"roi": (300, 0, 400, 50)}, r"roi must overlap the image, 0 to 200 by 0 to 100, got"),
        ({"roi": np.ones((3, 4), bool)}, r"roi must have the image's size 100 x 200 .* got 3 x 4"),
        ({"roi": np.zeros((100, 200), bool)}, r"roi must hold a pixel, got an empty mask"),
        (
            {"roi": (0, 0, 1, 1), "points_per_side": 2},
            r"roi must contain at least one prompt point, got none",
        ),
    ],
)
def test_what_lies_outside_is_refused(config, message):
    with pytest.raises(InputError, match=message):
        windows((100, 200), AutoConfig(**config))
