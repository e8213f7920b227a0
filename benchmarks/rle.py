"""Run lengths: encode, decode and IoU of 64 masks of 1024 x 1024, compared with pycocotools.

    python benchmarks/rle.py

pycocotools takes masks in column order; its times include the copy into that order and back.
"""

from __future__ import annotations

import numpy as np
from pycocotools import mask as coco
from timing import print_header, print_rows, spent

from anymask.geometry import rle

SIDE, COUNT, REPEATS = 1024, 64, 9


def blobs(rng: np.random.Generator) -> np.ndarray:
    """Masks (COUNT, SIDE, SIDE) similar to a model's: one wavy object each, small to large."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    out = np.zeros((COUNT, SIDE, SIDE), bool)
    for mask in out:
        cx, cy = rng.uniform(0.2 * SIDE, 0.8 * SIDE, 2)
        radius = SIDE * rng.uniform(0.03, 0.35)
        angle, distance = np.arctan2(y - cy, x - cx), np.hypot(x - cx, y - cy)
        waves = sum(rng.uniform(0, 0.1) * np.sin(k * angle + rng.uniform(0, 6)) for k in range(2, 12))
        mask[:] = distance < radius * (1 + waves)
    return out


def main() -> None:
    """Measure and print."""
    masks = blobs(np.random.default_rng(0))
    size = (SIDE, SIDE)
    ours = [rle.encode(mask) for mask in masks]
    theirs = coco.encode(np.asfortranarray(masks.transpose(1, 2, 0).view(np.uint8)))
    assert [rle.to_string(runs) for runs in ours] == [one["counts"].decode() for one in theirs]
    print_header(f"{COUNT} masks of {SIDE} x {SIDE}")
    crowd = [0] * COUNT
    rows = [
        (
            "encode, from row-major masks",
            spent(lambda: [rle.encode(mask) for mask in masks], REPEATS),
            spent(lambda: coco.encode(np.asfortranarray(masks.transpose(1, 2, 0).view(np.uint8))), REPEATS),
        ),
        (
            "decode, to row-major masks",
            spent(lambda: [rle.decode(runs, size) for runs in ours], REPEATS),
            spent(lambda: np.ascontiguousarray(coco.decode(theirs).transpose(2, 0, 1)), REPEATS),
        ),
        (
            f"IoU, {COUNT} x {COUNT} pairs",
            spent(lambda: rle.iou(ours, ours, size), REPEATS),
            spent(lambda: coco.iou(theirs, theirs, crowd), REPEATS),
        ),
        (
            "areas and boxes",
            spent(lambda: [(rle.area(runs), rle.box(runs, size)) for runs in ours], REPEATS),
            spent(lambda: (coco.area(theirs), coco.toBbox(theirs)), REPEATS),
        ),
    ]
    print_rows(rows, "pycocotools")


if __name__ == "__main__":
    main()
