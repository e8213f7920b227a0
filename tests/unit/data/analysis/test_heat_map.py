"""Maps of centres: cells grow where there are few masks."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from anymask.data.analysis.heat_map import cells, heat_map
from anymask.data.analysis.tally import GRID


@pytest.mark.parametrize(("masks", "side"), [(0, 8), (1023, 8), (1024, 16), (4096, 32), (100_000, 64)])
def test_few_masks_have_large_cells(masks: int, side: int) -> None:
    places = np.random.default_rng(0).integers(0, GRID, (masks, 2))
    counts = np.zeros((GRID, GRID), np.int64)
    np.add.at(counts, (places[:, 0], places[:, 1]), 1)
    found = cells(counts.tolist())
    assert found.shape == (side, side)
    assert found.sum() == masks
    half = counts[: GRID // 2, : GRID // 2].sum()
    assert found[: side // 2, : side // 2].sum() == half, "cells lie where their counts do"


def test_the_fullest_cell_is_the_brightest() -> None:
    counts = np.zeros((8, 8), np.int64)
    counts[2, 5] = 7
    image = np.asarray(Image.open(io.BytesIO(heat_map(counts))), np.int64)
    assert image.shape == (256, 256, 3)
    assert np.unravel_index(image.sum(axis=2).argmax(), image.shape[:2]) == (64, 160)
