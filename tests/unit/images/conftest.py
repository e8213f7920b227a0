"""What the tests of images share."""

from __future__ import annotations

import numpy as np
import pytest

SIZE = (24, 36)


SIZE = (24, 36)


@pytest.fixture
def image():
    """A smooth image (24, 36, 3) with a red left top, so that turns show."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    out = np.stack([200 - 3 * x, 40 + 6 * y, 100 + x + y], axis=-1).astype(np.uint8)
    out[:8, :8] = (250, 10, 10)
    return out
