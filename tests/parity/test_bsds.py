"""The edge measure compared with the golden figures that the benchmark of BSDS500 comes with.

Its images stay outside the repository: ANYMASK_BSDS names a folder with the benchmark's `bench/data` (images,
groundTruth, png, test_2), as its authors distribute it.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask.evaluate.edges import EdgesConfig, counts, figures, read_annotated

pytestmark = pytest.mark.parity

FOLDER = os.environ.get("ANYMASK_BSDS")
RECALL = [0.60236, 0.443249, 0.383339, 0.380404, 0.274124]
PRECISION = [0.848723, 0.926853, 0.967137, 0.986264, 0.996101]


@pytest.mark.slow
@pytest.mark.skipif(FOLDER is None, reason="ANYMASK_BSDS names no folder")
def test_golden_figures():
    """The benchmark's matching is random; the differences of its own runs are about as large."""
    root = Path(str(FOLDER))
    images = sorted((root / "png").glob("*.png"))
    assert [path.stem for path in images] == ["2018", "3063", "5096", "6046", "8068"]
    found = np.stack(
        [
            counts(
                np.asarray(Image.open(path), np.float64) / 255,
                read_annotated(root / "groundTruth" / f"{path.stem}.mat"),
                EdgesConfig(thresholds=5),
            )
            for path in images
        ]
    )
    recalled, annotated, matched, predicted = found.sum(axis=0).T
    assert recalled / annotated == pytest.approx(RECALL, abs=0.0005)
    assert matched / predicted == pytest.approx(PRECISION, abs=0.0006)
    got = figures(found)
    assert (got["ods"], got["ois"], got["ap"]) == pytest.approx((0.704628, 0.708698, 0.307627), abs=0.0005)
