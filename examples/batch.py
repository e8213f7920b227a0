"""Segment several photos in one call, each with its own list of different prompts.

python examples/batch.py [-o FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import anymask
from anymask import Prompt

PHOTOS = Path(anymask.__file__).parent / "images" / "photos"
PROMPTS = {
    "cat.jpg": [Prompt.point(210, 180)],
    "coffee.jpg": [Prompt(box=(75, 15, 480, 390)), Prompt(points=[(285, 140), (215, 90)], labels=[1, 0])],
    "flower.jpg": [Prompt.point(310, 220), Prompt.point(370, 410), Prompt(box=(170, 80, 450, 365))],
}


def main(folder: Path) -> None:
    """Segment three bundled photos and write an overlay of each to `folder`."""
    model = anymask.load("compact")
    images = [anymask.read_image(PHOTOS / name) for name in PROMPTS]
    answers = anymask.predict_batch(model, images, list(PROMPTS.values()), multimask=False)
    folder.mkdir(parents=True, exist_ok=True)
    for name, image, masks in zip(PROMPTS, images, answers, strict=True):
        path = folder / Path(name).with_suffix(".png")
        anymask.write_png(anymask.overlay(image, masks.dense()), path, force=True)
        print(f"{name}: {len(masks)} masks, scores {masks.scores.round(2).tolist()}")
        print(f"wrote {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="folder", type=Path, default=Path("out"))
    main(parser.parse_args().folder)
