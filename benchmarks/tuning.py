"""In-context tuning compared with the best single example and with ensembles: IoU on val images.

    python benchmarks/tuning.py --questions sets/endangered_animals=elephant sets/work_tools=spanner

Examples come from the first 64 train images of a class. "best single" is the one that `tune` starts from; the
ensembles are the first 4 and 8 of the images that `tune` trains on. IoU is the sum of the intersections
divided by the sum of the unions over the val images of the class.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

import anymask
from anymask.data import of_category
from anymask.geometry import rle
from anymask.models import InContext, load_painter
from anymask.train.tune import TuneConfig, as_query, best_start, colours_of, parted, tune
from anymask.types import Context, Record

IMAGES = 64
COLUMNS = ("best single", "4 examples", "8 examples", "learned")


def iou(model: InContext, examples: Sequence[Context], records: Sequence[Record]) -> float:
    """The IoU of a class, with the same examples for all records."""
    both = either = 0
    for record in records:
        truth = rle.decode(rle.union(record.masks.rles, record.masks.size), record.masks.size)
        answer = anymask.segment_like(model, record.read(), examples)
        found = rle.decode(answer.rles[0], record.masks.size) if len(answer) else np.zeros_like(truth)
        counted = True if record.ignore is None else ~rle.decode(record.ignore, record.masks.size)
        both += (found & truth & counted).sum()
        either += ((found | truth) & counted).sum()
    return float(both / either)


def measure(model: InContext, folder: str, category: str, config: TuneConfig) -> tuple[float, ...]:
    """Print the table row of a class and return its IoUs."""
    known, asked = (
        of_category(anymask.open_dataset(folder, split=split), category, most)
        for split, most in (("train", IMAGES), ("val", None))
    )
    start = time.perf_counter()
    learned = tune(model, known, config)
    spent = time.perf_counter() - start
    examples = [anymask.context(record, size=model.config.size) for record in known]
    queries = [as_query(model, *pair, config) for pair in zip(known, examples, strict=True)]
    held, learning = parted(queries, config)
    image, target = best_start(model, learning, held, colours_of(model, examples[0]), config)
    some = [Context(one.image.numpy(), one.target.numpy()) for one in learning[:8]]
    best = Context(image.numpy(), target.numpy())
    figures = tuple(iou(model, shown, asked) for shown in ([best], some[:4], some, [learned]))
    row = " | ".join(f"{one:.3f}" for one in figures)
    print(f"| {category} | {len(known)} | {len(asked)} | {row} | {spent:.0f} |", flush=True)
    return figures


def main() -> None:
    """Print one row per class and the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--questions", nargs="+", required=True, metavar="FOLDER=CATEGORY")
    parser.add_argument("--model", default="context")
    parser.add_argument("--steps", type=int, default=TuneConfig.steps)
    options = parser.parse_args()
    model = load_painter(options.model, device="cpu", dtype="float32")
    print(f"| class | train images | val images | {' | '.join(COLUMNS)} | s |")
    print(f"|---|{'---:|' * 7}")
    rows = []
    for question in options.questions:
        folder, category = question.split("=")
        rows.append(measure(model, folder, category, TuneConfig(steps=options.steps)))
    print(f"| mean | | | {' | '.join(f'{one:.3f}' for one in np.mean(rows, axis=0))} | |")


if __name__ == "__main__":
    main()
