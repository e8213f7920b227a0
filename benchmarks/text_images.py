"""Render one phrase per photo: docs/images/text.jpg (docs/text.md).

    python benchmarks/text_images.py

The phrases were chosen before any result on the gallery was seen; failures are included.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from gallery import BUNDLED, GALLERY, ROOT
from PIL import Image

import anymask

TARGET = ROOT / "docs" / "images" / "text.jpg"
PHRASES = (
    (BUNDLED / "cat.jpg", "cat"),
    (BUNDLED / "coffee.jpg", "coffee cup"),
    (BUNDLED / "flower.jpg", "flower"),
    (BUNDLED / "raccoon.jpg", "raccoon"),
    (GALLERY / "astronaut.jpg", "person"),
    (GALLERY / "brushes.jpg", "brush"),
    (GALLERY / "cameraman.jpg", "camera"),
    (GALLERY / "clock.jpg", "clock"),
    (GALLERY / "coins.jpg", "coin"),
    (GALLERY / "dandelion.jpg", "flower"),
    (GALLERY / "dogs.jpg", "dog"),
    (GALLERY / "fig.jpg", "fruit"),
    (GALLERY / "meadow.jpg", "sky"),
    (GALLERY / "mountains.jpg", "mountain"),
    (GALLERY / "pagoda.jpg", "building"),
    (GALLERY / "rocket.jpg", "rocket"),
    (GALLERY / "room.jpg", "bottle"),
    (GALLERY / "sunset.jpg", "car"),  # there is none
)
COLUMNS, WIDTH, HEIGHT = 6, 300, 225


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    model, cells = anymask.load("compact"), []
    for photo, phrase in PHRASES:
        image = anymask.read_image(photo)
        found = anymask.find(model, image, [phrase])
        drawn = anymask.overlay(image, (one.dense()[0] for one in found))
        best = f" {found.scores[0]:.2f}" if len(found) else ""
        cells.append(cell(drawn, f"{phrase}: {len(found) or 'nothing'}{best}"))
    rows = [np.concatenate(cells[i : i + COLUMNS], axis=1) for i in range(0, len(cells), COLUMNS)]
    Image.fromarray(np.concatenate(rows)).save(TARGET, quality=80)
    print(f"wrote {TARGET.relative_to(ROOT)}")


def cell(image: np.ndarray, text: str) -> np.ndarray:
    """The image in the middle of a cell, the text below it."""
    scale = min(WIDTH / image.shape[1], HEIGHT / image.shape[0])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    out = np.full((HEIGHT + 24, WIDTH, 3), 255, np.uint8)
    top, left = (HEIGHT - small.shape[0]) // 2, (WIDTH - small.shape[1]) // 2
    out[top : top + small.shape[0], left : left + small.shape[1]] = small
    cv2.putText(out, text, (6, HEIGHT + 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return out


if __name__ == "__main__":
    main()
