"""Fine-tune the decoder on ten images of a new domain, and evaluate clicks and boxes before and after.

    python examples/finetune.py [DATA] [--steps N] [-o FOLDER]

DATA is a folder with images/ and masks/, see docs/fine-tuning.md; without it, images of shapes are generated.
The default runs a few steps, which takes seconds; a real run takes some hundred steps.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import anymask
from anymask.data.synthetic import shapes
from anymask.evaluate import clicks
from anymask.train import recipes

SIZE_HW = (160, 160)
QUICK = clicks.ClicksConfig(
    clicks=(1, 3), noc=(), random_click=False, grabcut_masks=0, most_images=4, most_masks=2, resamples=200
)


def main(data: Path | None, steps: int, folder: Path) -> None:
    """Fine-tune on `data` for `steps` and write the run to `folder`."""
    if data is None:
        data = write_shapes(folder / "shapes", 10)
    run = folder / "run"
    settings = [f"loop.steps={steps}", "loop.every_log=4", "loop.batch=2", "size=160"]
    config = recipes.recipe("finetune_decoder", settings)
    recipes.run(config, [data], run, lambda line: print(f"step {line['step']}: loss {line['loss_0']:.2f}"))

    images = {"test": anymask.open_dataset(write_shapes(folder / "test", 4))}
    for name in ("compact", str(run)):
        report = clicks.run(anymask.load_sam(name, runtime="torch"), images, QUICK)
        print(name, {what: round(number.value, 3) for what, number in report.mean.numbers.items()})
    print(f"wrote {run / 'model.safetensors'}")


def write_shapes(folder: Path, count: int) -> Path:
    """Write `count` synthetic images to images/ and their label maps to masks/."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(count)
    for number in range(count):
        record = shapes(rng, SIZE_HW, 4)
        numbers = np.zeros(SIZE_HW, np.uint8)
        for value, mask in enumerate(record.masks.dense(), start=1):
            numbers[mask] = value
        anymask.write_png(record.read(), folder / "images" / f"{number}.png", force=True)
        anymask.write_png(numbers, folder / "masks" / f"{number}.png", force=True)
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("-o", dest="folder", type=Path, default=Path("out"))
    options = parser.parse_args()
    main(options.data, options.steps, options.folder)
