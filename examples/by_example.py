"""Make an example by one click on a cat, and segment similar objects in another photo.

python examples/by_example.py --photo raccoon.jpg -o found.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import anymask
from anymask import load_painter

PHOTOS = Path(anymask.__file__).parent / "images" / "photos"


def main() -> None:
    """Make the example, segment the photo, write an overlay."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="context", help="context, seggpt_vit_l, painter_vit_l or a path")
    parser.add_argument("--photo", default=PHOTOS / "raccoon.jpg")
    parser.add_argument("-o", "--output", default="found.png")
    options = parser.parse_args()
    model = load_painter(options.model)

    cat = anymask.read_image(PHOTOS / "cat.jpg")
    click = anymask.Prompt.point(210, 180)
    mask = anymask.predict(anymask.load("compact"), cat, [click], multimask=False)
    example = anymask.context(anymask.Record("cat", cat, mask), size=model.config.size)

    photo = anymask.read_image(options.photo)
    found = anymask.segment_like(model, photo, [example])
    target = Path(options.output).with_suffix(".png")
    layers = found.dense() if len(found) else np.zeros((0, *photo.shape[:2]), bool)
    anymask.write_png(anymask.overlay(photo, layers), target, force=True)
    print(f"{len(found)} masks, best score {found.scores.max(initial=0):.2f}")
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
