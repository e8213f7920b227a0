"""A photo with its click, the mask, and the mask on the photo, side by side in one image.

python examples/side_by_side.py [PHOTO] [--point X,Y] [-o FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import anymask

PHOTOS = Path(anymask.__file__).parent / "images" / "photos"


def main(photo: Path, point: tuple[float, float], folder: Path) -> None:
    """Segment `photo` at `point` (x, y) and write the three images to `folder` as one."""
    model = anymask.load("compact")
    image = anymask.read_image(photo)
    mask = anymask.predict(model, image, [anymask.Prompt.point(*point)], multimask=False).dense()
    black_and_white = np.repeat(np.where(mask[0], 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    panels = [clicked(image, point), black_and_white, clicked(anymask.overlay(image, mask), point)]

    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "side-by-side.jpg"
    Image.fromarray(np.concatenate(panels, axis=1)).save(target, quality=92)
    print(f"wrote {target}")


def clicked(image: np.ndarray, point: tuple[float, float]) -> np.ndarray:
    """A copy of the image with a white dot in a black ring at the click."""
    copy = Image.fromarray(image)
    (x, y), radius = point, max(image.shape) / 80
    for colour, r in (("black", 1.4 * radius), ("white", radius)):
        ImageDraw.Draw(copy).ellipse((x - r, y - r, x + r, y + r), fill=colour)
    return np.asarray(copy)


def read_point(text: str) -> tuple[float, float]:
    """Read "X,Y"."""
    x, y = (float(part) for part in text.split(","))
    return x, y


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path, nargs="?", default=PHOTOS / "flower.jpg")
    parser.add_argument("--point", type=read_point, default=(330, 240), help="x,y in pixels of the photo")
    parser.add_argument("-o", dest="folder", type=Path, default=Path("out"))
    options = parser.parse_args()
    main(options.photo, options.point, options.folder)
