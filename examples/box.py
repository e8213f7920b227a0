"""Segment by a box, then correct the mask by clicks; the photo is encoded once.

python examples/box.py [-o FOLDER]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import anymask
from anymask import Prompt

PHOTOS = Path(anymask.__file__).parent / "images" / "photos"
BOX = (75, 15, 480, 390)  # the saucer with everything on it, x0, y0, x1, y1
CLICKS = [((285, 140), 0), ((130, 230), 1)]  # background: the coffee; foreground: the saucer's rim


def main(folder: Path) -> None:
    """Segment the saucer of the bundled coffee photo and write one overlay per step to `folder`."""
    model = anymask.load("compact")
    image = anymask.read_image(PHOTOS / "coffee.jpg")
    embedding = anymask.embed(model, image)
    folder.mkdir(parents=True, exist_ok=True)

    masks = anymask.predict(model, embedding, [Prompt(box=BOX)], multimask=False)
    for step in range(len(CLICKS) + 1):
        if step:
            points, labels = zip(*CLICKS[:step], strict=True)
            prompt = Prompt(points=points, labels=labels, box=BOX, mask=masks.dense()[0])
            start = time.perf_counter()
            masks = anymask.predict(model, embedding, [prompt], multimask=False)
            print(f"click {step}: {1000 * (time.perf_counter() - start):.0f} ms")
        path = folder / f"step-{step}.png"
        anymask.write_png(anymask.overlay(image, masks.dense()), path, force=True)
        print(f"wrote {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="folder", type=Path, default=Path("out"))
    main(parser.parse_args().folder)
