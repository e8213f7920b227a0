"""Segment a photo by one click: three masks with scores, the best one written as a PNG and as an overlay.

python examples/one_click.py [PHOTO] [--point X,Y] [-o FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import anymask

PHOTOS = Path(anymask.__file__).parent / "images" / "photos"


def main(photo: Path, point: tuple[float, float], folder: Path) -> None:
    """Segment `photo` at `point` (x, y) and write the best of the three masks to `folder`."""
    model = anymask.load("compact")
    image = anymask.read_image(photo)
    masks = anymask.predict(model, image, [anymask.Prompt.point(*point)])
    for score, area in zip(masks.scores, masks.areas, strict=True):
        print(f"predicted IoU {score:.2f}, {area / image[..., 0].size:.1%} of the photo")

    best = masks[int(masks.scores.argmax())].dense()
    folder.mkdir(parents=True, exist_ok=True)
    anymask.write_png(best[0], folder / "mask.png", force=True)
    anymask.write_png(anymask.overlay(image, best), folder / "overlay.png", force=True)
    print(f"wrote {folder / 'mask.png'}")
    print(f"wrote {folder / 'overlay.png'}")


def read_point(text: str) -> tuple[float, float]:
    """Read "X,Y"."""
    x, y = (float(part) for part in text.split(","))
    return x, y


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path, nargs="?", default=PHOTOS / "cat.jpg")
    parser.add_argument("--point", type=read_point, default=(210, 180), help="x,y in pixels of the photo")
    parser.add_argument("-o", dest="folder", type=Path, default=Path("out"))
    options = parser.parse_args()
    main(options.photo, options.point, options.folder)
