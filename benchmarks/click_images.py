"""Render clicks: docs/images/demo.jpg (README), crop.jpg (tutorial), hard-clicks.jpg, clicks.jpg (card).

    python benchmarks/click_images.py [--model compact]

The clicks were chosen before any result was seen; failures are included.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from gallery import BUNDLED, GALLERY, ROOT
from PIL import Image, ImageOps

import anymask

IMAGES = ROOT / "docs" / "images"
DEMO = (
    (BUNDLED / "flower.jpg", (330, 240)),
    (BUNDLED / "cat.jpg", (210, 180)),
    (BUNDLED / "coffee.jpg", (250, 200)),
    (BUNDLED / "raccoon.jpg", (430, 250)),
)
HARD = (
    (GALLERY / "astronaut.jpg", (136, 364)),  # the suit, without the person
    (GALLERY / "brushes.jpg", (336, 276)),  # one brush among others
    (GALLERY / "dandelion.jpg", (212, 128)),  # soft edges
    (GALLERY / "dogs.jpg", (280, 372)),  # small in the image
    (GALLERY / "rocket.jpg", (39, 206)),  # a lattice
    (GALLERY / "room.jpg", (236, 166)),  # a dark bottle on a dark background
    (BUNDLED / "coffee.jpg", (367, 280)),  # a reflecting spoon
    (BUNDLED / "raccoon.jpg", (138, 451)),  # leaves among leaves
)

EVERY = (
    *DEMO,
    (GALLERY / "astronaut.jpg", (240, 110)),
    (GALLERY / "brick.jpg", (238, 320)),
    (GALLERY / "brushes.jpg", (336, 276)),
    (GALLERY / "cameraman.jpg", (150, 280)),
    (GALLERY / "cell.jpg", (425, 375)),
    (GALLERY / "clock.jpg", (207, 155)),
    (GALLERY / "coins.jpg", (350, 40)),
    (GALLERY / "dandelion.jpg", (212, 128)),
    (GALLERY / "dogs.jpg", (280, 372)),
    (GALLERY / "fig.jpg", (430, 270)),
    (GALLERY / "galaxies.jpg", (523, 340)),
    (GALLERY / "meadow.jpg", (300, 380)),
    (GALLERY / "mountains.jpg", (170, 420)),
    (GALLERY / "pagoda.jpg", (200, 220)),
    (GALLERY / "retina.jpg", (121, 344)),
    (GALLERY / "rocket.jpg", (39, 206)),
    (GALLERY / "room.jpg", (236, 166)),
    (GALLERY / "stream.jpg", (340, 320)),
    (GALLERY / "sunset.jpg", (545, 325)),
    (GALLERY / "tissue.jpg", (320, 400)),
)


def answer(model: anymask.Sam, photo: np.ndarray, xy: tuple[int, int]) -> np.ndarray:
    """The photo with the single mask of a click, and the click."""
    masks = anymask.predict(model, photo, [anymask.Prompt.point(*xy)], multimask=False)
    drawn = np.ascontiguousarray(anymask.overlay(photo, masks.dense(), alpha=0.5))
    radius = max(photo.shape[:2]) // 60
    cv2.circle(drawn, xy, radius + 3, (255, 255, 255), -1)
    cv2.circle(drawn, xy, radius, (220, 0, 60), -1)
    return drawn


def sheet(
    model: anymask.Sam, clicks: tuple, columns: int, cell_hw: tuple[int, int], *, cropped: bool = False
) -> Image.Image:
    """All results, each centred in a white cell, or `cropped` to fill it."""
    height, width = cell_hw
    out = Image.new("RGB", (columns * width, -(-len(clicks) // columns) * height), "white")
    for number, (path, xy) in enumerate(clicks):
        thumbnail = Image.fromarray(answer(model, anymask.read_image(path), xy))
        if cropped:
            thumbnail = ImageOps.fit(thumbnail, (width - 8, height - 8), Image.Resampling.LANCZOS)
        thumbnail.thumbnail((width - 8, height - 8), Image.Resampling.LANCZOS)
        left, top = (number % columns) * width, (number // columns) * height
        out.paste(thumbnail, (left + (width - thumbnail.width) // 2, top + (height - thumbnail.height) // 2))
    return out


def with_and_without_crop(model: anymask.Sam, photo: np.ndarray, xy: tuple[int, int]) -> np.ndarray:
    """The surroundings of a small mask: with crop refinement on the left, without it on the right."""
    found = [
        anymask.predict(model, photo, [anymask.Prompt.point(*xy)], multimask=False, zoom=zoom)
        for zoom in (True, False)
    ]
    x0, y0, x1, y1 = (int(side) for side in found[0].boxes[0])
    margin = (x1 - x0) // 4
    part = np.s_[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin) : x1 + margin]
    drawn = [
        cv2.resize(anymask.overlay(photo, masks.dense(), alpha=0.5)[part], None, fx=5, fy=5)
        for masks in found
    ]
    return np.hstack([drawn[0], np.full((len(drawn[0]), 12, 3), 255, np.uint8), drawn[1]])


def main() -> None:
    """Render the sheets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="compact")
    model = anymask.load(parser.parse_args().model)
    sheet(model, DEMO, 2, (324, 480), cropped=True).save(IMAGES / "demo.jpg", quality=88)
    sheet(model, HARD, 4, (240, 330)).save(IMAGES / "hard-clicks.jpg", quality=85)
    photo = anymask.read_image(BUNDLED / "cat.jpg")
    Image.fromarray(with_and_without_crop(model, photo, (172, 112))).save(IMAGES / "crop.jpg", quality=88)
    sheet(model, EVERY, 6, (200, 250)).save(IMAGES / "clicks.jpg", quality=82)


if __name__ == "__main__":
    main()
