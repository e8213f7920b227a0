"""Choose the thresholds of automatic masks on annotated images, and print the scores of each pair.

    python benchmarks/thresholds.py --data DATA/voc DATA/coco DATA/kitchen_objects --split val

Prints the pairs with the highest f1 (recall and precision at IoU 0.5, mean over data sets), then the scores
of the best pair per data set. Put the best pair into `DEFAULT_THRESHOLDS` of anymask/automatic/config.py.
"""

from __future__ import annotations

import argparse
import sys

import torch
from timing import print_header

from anymask.cli.reports import open_all
from anymask.evaluate.thresholds import Figures, candidate_ious, sweep
from anymask.inference.mask_generation.config import AutoConfig
from anymask.models import load


def row(*cells: str, figures: Figures) -> str:
    """One line of a table."""
    numbers = (figures.f1, figures.best_iou, figures.recall_50, figures.ar, figures.precision_50)
    return "| " + " | ".join([*cells, *[f"{it:.3f}" for it in numbers], f"{figures.masks:.1f}"]) + " |"


def main() -> None:
    """Run the model once per image, then score every pair of thresholds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--points-per-side", type=int, default=16)
    parser.add_argument("--most-images", type=int, default=None)
    parser.add_argument("--rows", type=int, default=12)
    options = parser.parse_args()
    print_header(f"thresholds of automatic masks, {options.model}, {' '.join(options.data)}")
    model = load(options.model, dtype="float32")
    with torch.inference_mode():
        images = candidate_ious(
            model,
            open_all(options.data, options.split),
            AutoConfig(points_per_side=options.points_per_side),
            most_images=options.most_images,
            progress=lambda name, done, count: print(f"{name} {done}/{count}", end="\r", file=sys.stderr),
        )
    steps = [round(0.05 * i, 2) for i in range(4, 20)]
    trials = sweep(images, steps, steps)
    print("| min_iou | min_stability | f1 | best IoU | recall@0.5 | AR | precision@0.5 | masks |")
    print("| ---: " * 8 + "|")
    for trial in trials[: options.rows]:
        print(row(f"{trial.config.min_iou}", f"{trial.config.min_stability}", figures=trial.mean))
    print("\n| set | images | f1 | best IoU | recall@0.5 | AR | precision@0.5 | masks |")
    print("| --- " + "| ---: " * 7 + "|")
    for name, figures in trials[0].sets.items():
        print(row(name, str(sum(it.data == name for it in images)), figures=figures))


if __name__ == "__main__":
    main()
