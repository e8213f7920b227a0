"""Draw docs/images/hard-clicks.jpg: one click each on eight hard things, successes and failures alike.

    python benchmarks/hard_clicks.py [--model compact]

The clicks were chosen before any answer was looked at.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from gallery import BUNDLED, GALLERY, ROOT
from PIL import Image

import anymask

CLICKS = (
    (GALLERY / "astronaut.jpg", (136, 364)),  # the suit, without the person
    (GALLERY / "brushes.jpg", (336, 276)),  # one brush among others
    (GALLERY / "dandelion.jpg", (212, 128)),  # soft edges
    (GALLERY / "dogs.jpg", (280, 372)),  # small in the picture
    (GALLERY / "rocket.jpg", (39, 206)),  # a lattice
    (GALLERY / "room.jpg", (236, 166)),  # a dark bottle before the dark
    (BUNDLED / "coffee.jpg", (367, 280)),  # a spoon that mirrors
    (BUNDLED / "raccoon.jpg", (138, 451)),  # leaves among leaves
)
CELL_HW = (240, 330)


def main() -> None:
    """Ask for each thing and lay the answers out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="compact")
    model = anymask.load(parser.parse_args().model)
    sheet = Image.new("RGB", (4 * CELL_HW[1], 2 * CELL_HW[0]), "white")
    for number, (path, (x, y)) in enumerate(CLICKS):
        photo = anymask.read_image(path)
        masks = anymask.predict(model, photo, [anymask.Prompt.point(x, y)], multimask=False)
        drawn = np.ascontiguousarray(anymask.overlay(photo, masks.dense(), alpha=0.5))
        size = max(photo.shape[:2]) // 60
        cv2.circle(drawn, (x, y), size + 3, (255, 255, 255), -1)
        cv2.circle(drawn, (x, y), size, (220, 0, 60), -1)
        picture = Image.fromarray(drawn)
        picture.thumbnail((CELL_HW[1] - 8, CELL_HW[0] - 8), Image.Resampling.LANCZOS)
        left, top = (number % 4) * CELL_HW[1], (number // 4) * CELL_HW[0]
        inset = ((CELL_HW[1] - picture.width) // 2, (CELL_HW[0] - picture.height) // 2)
        sheet.paste(picture, (left + inset[0], top + inset[1]))
        print(f"{path.stem:10} score {masks.scores[0]:.2f}, {masks.areas[0] / photo[..., 0].size:.1%}")
    sheet.save(ROOT / "docs" / "images" / "hard-clicks.jpg", quality=85)


if __name__ == "__main__":
    main()
