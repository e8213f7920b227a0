"""Save masks as SA-1B JSON, COCO JSON and a PNG of object numbers, and read the JSON back without loss.

python examples/save_masks.py [-o FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import anymask
from anymask import Prompt, Record, formats

PHOTOS = Path(anymask.__file__).parent / "images" / "photos"


def main(folder: Path) -> None:
    """Segment two flowers of a bundled photo and write the masks in three formats to `folder`."""
    photo = PHOTOS / "flower.jpg"
    model = anymask.load("compact")
    prompts = [Prompt.point(310, 220), Prompt.point(370, 410)]
    masks = anymask.predict(model, anymask.read_image(photo), prompts, multimask=False)
    record = Record(id="flower", image=photo, masks=masks, source="auto", meta={})

    folder.mkdir(parents=True, exist_ok=True)
    for name, form in [("sa1b.json", "sa1b"), ("coco.json", "coco"), ("objects.png", "instances")]:
        path = folder / name
        formats.write(record, path, form, force=True)
        print(f"wrote {path}")

    (again,) = formats.read(folder / "sa1b.json")
    assert (again.masks.dense() == masks.dense()).all()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="folder", type=Path, default=Path("out"))
    main(parser.parse_args().folder)
