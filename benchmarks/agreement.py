"""Fit the scores of automatic masks to the real IoU, on annotated training images, and print the weights.

    python benchmarks/agreement.py --data DATA/pantry DATA/traffic DATA/human --split val --max-images 8

A logistic regression of the IoU with the best annotated mask: first of all masks of points and boxes, then of
the refined ones. Put the weights into `OBJECT_WEIGHTS` (with --detector none: `WEIGHTS`) of hypotheses.py and
close_ups.py in anymask/inference/mask_generation, and repeat, since the first choose what is refined. Use
images that the detector was not trained on, where its scores would be too good, and not those whose figures
are reported.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections import Counter

import numpy as np

from anymask.cli.reports import open_all
from anymask.evaluate.records import read_record
from anymask.evaluate.simulated_clicks import ClicksConfig, choose_targets
from anymask.geometry import rle
from anymask.inference.mask_generation import close_ups, hypotheses
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.generate import Grid, grid_hypotheses
from anymask.inference.mask_generation.grids import windows
from anymask.inference.mask_generation.objects import open_detector
from anymask.models import load


def fit(
    columns: list[list[np.ndarray]], ious: list[np.ndarray], sets: list[str], decay: float = 1e-3
) -> tuple[np.ndarray, float, float]:
    """Weights of columns of images and of 1, and the deviation of the IoU before and after.

    Data sets weigh the same, and so do the images of each; `sets` names the one of each image.
    """
    x = np.concatenate(
        [np.column_stack([*some, np.ones(len(y))]) for some, y in zip(columns, ious, strict=True)]
    )
    y = np.concatenate(ious)
    of_set = Counter(sets)
    share = np.concatenate(
        [np.full(len(some), 1 / len(some) / of_set[name]) for some, name in zip(ious, sets, strict=True)]
    )
    share /= share.sum()
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (share * (p - y)) + decay * weights
        weights -= np.linalg.solve(
            (x * (share * p * (1 - p))[:, None]).T @ x + decay * np.eye(len(weights)), gradient
        )
    p = 1 / (1 + np.exp(-x @ weights))
    return weights, float(np.sqrt(share @ (y - share @ y) ** 2)), float(np.sqrt(share @ (y - p) ** 2))


def main() -> None:
    """Collect columns and IoUs of all images, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--split", default="train")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--detector", help="a run of 'anymask train detector', or none")
    parser.add_argument("--max-images", type=int, default=8)
    options = parser.parse_args()
    model = load(options.model)
    detector = open_detector(model, options.detector)
    config = AutoConfig().for_model(model, detector=detector is not None)
    grid_columns: list[list[np.ndarray]] = []
    refined_columns: list[list[np.ndarray]] = []
    grid_ious, refined_ious, before = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    sets: list[str] = []
    for name, records in open_all(options.data, options.split).items():
        for index in range(min(len(records), options.max_images)):
            found = read_record(records, index)
            if found is None:
                continue
            record, image = found
            size = record.masks.size
            generator = np.random.default_rng(zlib.crc32(record.id.encode()))
            targets = choose_targets(record, ClicksConfig(most_masks=None), generator)
            truths = [rle.encode(truth) for truth in targets.truths]
            if not truths:
                continue
            grid = Grid(model, image, windows(size, config), config, None)
            whole, masks = grid_hypotheses(grid, size, detector)
            bits = hypotheses.coarse_bits(masks)
            ious = hypotheses.coarse_ious(bits)
            runs = [close_ups.runs_in_image(masks, row) for row in range(len(masks))]
            sets.append(name)
            grid_columns.append(hypotheses.agreement_columns(masks, bits, ious))
            grid_ious.append(rle.iou(runs, truths, size).max(axis=1))
            rows, _, alone = close_ups.best_hypotheses(masks)
            chosen = masks.take(rows)
            tasks = close_ups.close_up_tasks(chosen)
            refined = close_ups.refine_tasks(model, whole, chosen, tasks)
            refined_columns.append(close_ups.refinement_columns(chosen, alone, tasks, refined))
            refined_ious.append(rle.iou([one.runs[0] for one in refined], truths, size).max(axis=1))
            before.append(grid_ious[-1][rows])
            print(f"{name} {index + 1}", end="\r", file=sys.stderr)
    for what, columns, reached in (
        ("hypotheses", grid_columns, grid_ious),
        ("close_ups", refined_columns, refined_ious),
    ):
        weights, spread, error = fit(columns, reached, sets)
        words = ", ".join(f"{weight:.2f}" for weight in weights)
        print(
            f"{what}: WEIGHTS = ({words}); {sum(map(len, reached))} masks of {len(reached)} images, "
            f"deviation {spread:.3f}, after the fit {error:.3f}"
        )
    first, then = np.concatenate(before), np.concatenate(refined_ious)
    for low in (0.1, 0.3, 0.5, 0.7):
        some = (first >= low) & (first < low + 0.2)
        change = (then - first)[some].mean()
        print(f"IoU {low} to {low + 0.2:.1f} before: {some.sum()} masks, mean change {change:+.4f}")


if __name__ == "__main__":
    main()
