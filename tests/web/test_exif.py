"""Photos that a camera turned are shown upright, and masks lie where they were drawn (complaint 12)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from .conftest import profile
from .driving import Person, Served, bits, eventually

UPRIGHT = (90, 140)
"""(H, W) of the scene."""
SPOT = (20, 30, 60, 50)
"""x0, y0, x1, y1 of a red block in it."""
BACK = {  # from upright to as stored, by orientation
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.fixture
def turned(exported: Path, tmp_path: Path) -> Iterator[Served]:
    """A server with the same scene, stored in all eight orientations."""
    scene = np.full((*UPRIGHT, 3), 40, np.uint8)
    x0, y0, x1, y1 = SPOT
    scene[y0:y1, x0:x1] = (220, 40, 40)
    for orientation, store in BACK.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = Image.fromarray(np.ascontiguousarray(store(scene)))
        stored.save(tmp_path / f"{orientation}.jpg", quality=98, subsampling=0, exif=exif)
    served = Served(tmp_path)
    yield served
    served.kill()


def test_masks_lie_on_what_is_seen_in_all_orientations(browser: Browser, turned: Served) -> None:
    x0, y0, x1, y1 = SPOT
    expected = np.zeros(UPRIGHT, bool)
    expected[y0:y1, x0:x1] = True
    with profile(browser) as page:
        for name, image in turned.images().items():
            person = Person(page).open(turned.address, image)

            def colour(x: float, y: float, person: Person = person) -> list[int]:
                shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                left, top = person.place(x, y)
                return np.asarray(shot, int)[round(top), round(left)].tolist()

            assert eventually(lambda: colour(40, 40)[0] > 180), name
            assert colour(80, 60)[0] < 80, name
            person.tool("Polygon")
            for corner in ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)):
                person.click(*corner)
            person.count(1)
            person.saved()
            (mask,) = turned.masks(image)
            assert np.array_equal(bits(mask), expected), name
