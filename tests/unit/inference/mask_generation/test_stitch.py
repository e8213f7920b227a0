"""Tiles, and masks joined across their edges: what comes out does not depend on where the edges run."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymask.errors import InputError
from anymask.geometry import regions, rle
from anymask.geometry.tiles import tiles
from anymask.inference.mask_generation.stitch import merge
from anymask.types import Masks

TILINGS = [(100, 30), (128, 40), (170, 64)]


def thing(image: np.ndarray, value: int) -> Masks:
    """A model that finds the connected areas of a grey value, and knows nothing beyond its tile."""
    labels, count = regions.components(image == value)
    found = np.stack([labels == n for n in range(1, count + 1)]) if count else np.zeros((0, *image.shape))
    return Masks.from_dense(found.astype(bool), stability=np.full(count, 0.9))


def all_things(image: np.ndarray) -> Masks:
    """The same for all values but 0, and each pair of neighbouring values as their whole."""
    values = [value for value in np.unique(image) if value]
    return Masks.concat([Masks(image.shape, (), stability=()), *(thing(image, v) for v in values)])


def through(image: np.ndarray, side: int, overlap: int, model=all_things) -> Masks:
    parts = ((t, model(image[t[1] : t[3], t[0] : t[2]])) for t in tiles(image.shape, side, overlap))
    return merge(image.shape, parts)


def best_iou(masks: Masks, expected: np.ndarray) -> float:
    return float(rle.iou(masks.rles, [rle.encode(expected)]).max(initial=0))


def scene() -> np.ndarray:
    """300 x 400: a disc smaller than a tile; a bar, a ring and a U through several; a dot at the edge."""
    image = np.zeros((300, 400), np.uint8)
    cv2.circle(image, (95, 105), 22, 1, -1)
    cv2.line(image, (5, 20), (395, 60), 2, 9)
    cv2.ellipse(image, (270, 190), (110, 90), 0, 0, 360, 3, 14)
    cv2.polylines(image, [np.array([(30, 150), (30, 280), (130, 280), (130, 150)])], False, 4, 11)
    image[290:300, 200:212] = 5
    return image


@given(st.integers(1, 500), st.integers(1, 500), st.integers(2, 200), st.data())
def test_tiles_cover_the_image_and_overlap(height, width, side, data) -> None:
    overlap = data.draw(st.integers(1, side // 2))
    found = tiles((height, width), side, overlap)
    seen = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in found:
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert max(x1 - x0, y1 - y0) <= side
        seen[y0:y1, x0:x1] = True
    assert seen.all()
    columns = sorted({(x0, x1) for x0, _, x1, _ in found})
    assert all(left[1] - right[0] >= overlap for left, right in pairwise(columns))


@pytest.mark.parametrize(("side", "overlap"), TILINGS)
def test_every_object_is_one_mask_through_every_tiling(side: int, overlap: int) -> None:
    image = scene()
    found = through(image, side, overlap)
    assert len(found) == 5
    for value in range(1, 6):
        assert best_iou(found, image == value) >= 0.95
    assert found.stability is not None
    np.testing.assert_allclose(found.stability, 0.9, atol=1e-6)


def test_a_part_and_its_whole_stay_apart() -> None:
    image = np.zeros((90, 300), np.uint8)
    image[20:70, 10:290], image[35:50, 40:260] = 1, 2

    def nested(tile: np.ndarray) -> Masks:
        parts = [thing((tile > 0).astype(np.uint8), 1), thing(tile, 2)]
        return Masks.concat(parts)

    found = through(image, 100, 30, nested)
    assert sorted(found.areas.tolist()) == [(image == 2).sum(), (image > 0).sum()]


def test_views_that_differ_a_little_are_joined(rng: np.random.Generator) -> None:
    image = scene()

    def shaky(tile: np.ndarray) -> Masks:
        grown = int(rng.integers(0, 2)) * 2 + 1
        return all_things(cv2.dilate(tile, np.ones((grown, grown), np.uint8)))

    found = through(image, 128, 40, shaky)
    assert best_iou(found, image == 1) >= 0.85
    assert best_iou(found, image == 3) >= 0.8
    assert len(found) == 5


def test_a_piece_that_no_neighbour_confirms_is_dropped() -> None:
    left = np.zeros((50, 60), bool)
    left[10:20, 30:60] = True
    parts = [((0, 0, 60, 50), Masks.from_dense(left[None])), ((40, 0, 100, 50), Masks((50, 60), ()))]
    assert len(merge((50, 100), parts)) == 0


def test_scores_are_means_by_area_and_order_by_score() -> None:
    whole = np.zeros((50, 100), bool)
    whole[10:20, 10:90] = True
    other = np.zeros((50, 100), bool)
    other[40:45, 5:15] = True
    parts = [
        ((0, 0, 60, 50), Masks.from_dense(np.stack([whole, other])[:, :, :60], [0.5, 0.6])),
        ((40, 0, 100, 50), Masks.from_dense(whole[None, :, 40:], [1.0])),
    ]
    found = merge((50, 100), parts)
    assert found.areas.tolist() == [800, 50]
    np.testing.assert_allclose(found.scores, [0.75, 0.6])
    assert found.stability is None


def test_one_tile_changes_nothing_but_the_order() -> None:
    image = scene()
    whole = all_things(image)
    found = merge(image.shape, [((0, 0, 400, 300), whole)])
    assert {runs.tobytes() for runs in found.rles} == {runs.tobytes() for runs in whole.rles}


def test_memory_grows_with_masks_and_not_with_the_image() -> None:
    side, full = 1000, (20_000, 20_000)
    square = np.zeros((1, side, side), bool)
    square[0, 400:600, 400:600] = True
    one = Masks.from_dense(square)
    some = tiles(full, side, 100)[:60]
    tracemalloc.start()
    found = merge(full, ((tile, one) for tile in some))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 60
    assert peak < 20e6, "a single mask of the image has 400 MB"


@pytest.mark.parametrize("overlap", [0, -1, 51])
def test_overlap_must_be_sensible(overlap: int) -> None:
    with pytest.raises(InputError, match="overlap must be above 0 and at most half of the tile's 100 pixels"):
        tiles((300, 300), 100, overlap)


def test_too_large_images_are_refused() -> None:
    with pytest.raises(InputError, match=r"size must be below 2\*\*32 pixels, got 70000 x 70000"):
        merge((70_000, 70_000), [])
