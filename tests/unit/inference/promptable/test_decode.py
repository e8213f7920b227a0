"""The same click gives the same mask in float32 and bfloat16, unless two masks are about equally likely."""

from __future__ import annotations

from pathlib import Path

import pytest

import anymask
from anymask.geometry import rle
from anymask.inference.promptable.decode import NEAR_TIE

ALIKE = 0.9
"""IoU from which two masks show the same object; the page's `nearTies` has the same."""
PLACES = [(x / 4, y / 4) for x in (1, 2, 3) for y in (1, 2, 3)]


@pytest.mark.parametrize("name", ["cat.jpg", "coffee.jpg"])
def test_precision_changes_only_near_ties(photos: Path, name: str) -> None:
    photo = anymask.read_image(photos / name)
    height, width = photo.shape[:2]
    prompts = [anymask.Prompt.point(x * width, y * height) for x, y in PLACES]
    exact, rounded = (
        anymask.predict(anymask.load("compact", device="cpu", dtype=dtype), photo, prompts, zoom=False)
        for dtype in ("float32", "bfloat16")
    )
    for click in range(len(prompts)):
        many = slice(3 * click, 3 * click + 3)
        quality = exact.quality[many]
        best, other = int(quality.argmax()), int(rounded.quality[many].argmax())
        runs = [exact.rles[3 * click + best], rounded.rles[3 * click + other]]
        if rle.iou(runs[:1], runs[1:])[0, 0] < ALIKE:
            assert quality[best] - quality[other] <= NEAR_TIE, PLACES[click]
