"""In-context tuning: from the best single example on, losses on a train split and IoU on the val split.

    python benchmarks/tuning.py --questions sets/endangered_animals=elephant sets/work_tools=spanner

Half of the first 16 train pictures are learned from, the other half is held back. IoU is the sum of the
intersections over the sum of the unions of the pictures of the class.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

import anymask
from anymask import rle
from anymask.canvas import Context
from anymask.data import of_category
from anymask.models import InContext, load_painter
from anymask.train.tune import Example, TuneConfig, as_query, best_start, mean_loss, steps
from anymask.types import Record

PICTURES = 16


def iou(model: InContext, example: Example, records: Sequence[Record]) -> float:
    """The IoU of a class, one example for all records."""
    shown = Context(example[0].numpy().copy(), example[1].numpy().copy())
    both = either = 0
    for record in records:
        truth = rle.decode(rle.union(record.masks.rles, record.masks.size), record.masks.size)
        answer = anymask.segment_like(model, record.read(), [shown])
        found = rle.decode(answer.rles[0], record.masks.size) if len(answer) else np.zeros_like(truth)
        both, either = both + (found & truth).sum(), either + (found | truth).sum()
    return float(both / either)


def measure(model: InContext, folder: str, category: str, config: TuneConfig, every: int) -> None:
    """Print a row for the start and every so many steps."""
    known, asked = (
        of_category(anymask.open_dataset(folder, split=split), category, PICTURES)
        for split in ("train", "val")
    )
    examples = [anymask.context(record, size=model.config.size) for record in known]
    queries = [as_query(model, *pair, config) for pair in zip(known, examples, strict=True)]
    order = np.random.default_rng(config.seed).permutation(len(queries))
    half = len(queries) // 2
    held, learned = ([queries[index] for index in part] for part in (order[:half], order[half:]))
    start = best_start(model, learned, held, config)

    def row(done: int, example: Example) -> None:
        losses = [mean_loss(model, example, part, config) for part in (learned, held)]
        figures = " | ".join(f"{one:.3f}" for one in [*losses, iou(model, example, asked)])
        print(f"| {category} | {len(asked)} | {done} | {figures} |", flush=True)

    row(0, start)
    for done, example, _ in steps(model, start, learned, np.random.default_rng(config.seed + 1), config):
        if done % every == 0:
            row(done, example)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--questions", nargs="+", required=True, metavar="FOLDER=CATEGORY")
    parser.add_argument("--model", default="context")
    parser.add_argument("--every", type=int, default=20)
    options = parser.parse_args()
    model = load_painter(options.model, device="cpu", dtype="float32")
    print("| class | val pictures | steps | loss, learned | loss, held back | val IoU |")
    print("|---|---:|---:|---:|---:|---:|")
    for question in options.questions:
        folder, category = question.split("=")
        measure(model, folder, category, TuneConfig(), options.every)


if __name__ == "__main__":
    main()
