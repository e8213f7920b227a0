"""Speed and memory of `anymask data analyse` on made-up shards like those of SA-1B.

python benchmarks/analysis.py [--images 10000] [--masks 100]
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import tarfile
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from anymask.data import open_dataset
from anymask.data.analysis.report import analyse
from anymask.formats import sa1b
from anymask.geometry import rle
from anymask.geometry.mask_shapes import shapes_of
from anymask.types import Masks, Record

SIZE = (1500, 2250)
VARIANTS = 20


def blobs(rng: np.random.Generator, count: int) -> Masks:
    """Masks of uneven outlines, whose median relative size is about 0.06."""
    runs = []
    for _ in range(count):
        mask = np.zeros(SIZE, np.uint8)
        centre, radius = rng.integers((100, 100), (2150, 1400)), rng.lognormal(4.2, 0.8)
        angles = np.sort(rng.uniform(0, 2 * np.pi, 40))
        reach = radius * rng.uniform(0.6, 1.2, 40)
        outline = centre + np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1)
        cv2.fillPoly(mask, [outline.astype(np.int32)], 1)
        runs.append(rle.encode(mask))
    return Masks(SIZE, runs, rng.uniform(0.88, 1, count), stability=rng.uniform(0.95, 1, count))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--masks", type=int, default=100)
    words = parser.parse_args()
    rng = np.random.default_rng(0)
    masks = [blobs(rng, words.masks) for _ in range(VARIANTS)]
    start = time.process_time()
    for one in masks:
        shapes_of(one.rles, SIZE)
    rate = VARIANTS * words.masks / (time.process_time() - start)
    print(f"areas, boxes, centres and hulls from run lengths: {rate:,.0f} masks a second and core")
    texts = [json.dumps(sa1b.to_document(Record("a", Path("a.jpg"), one))).encode() for one in masks]
    del masks
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(Path(folder, "sa_000000.tar"), "w") as tar:
            for number in range(words.images):
                for suffix, data in ((".jpg", b"x"), (".json", texts[number % VARIANTS])):
                    info = tarfile.TarInfo(f"sa_{number}{suffix}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        size = Path(folder, "sa_000000.tar").stat().st_size
        start, wall = time.process_time(), time.perf_counter()
        found = analyse(open_dataset(folder))
        seconds, wall = time.process_time() - start, time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(f"{found['masks']:,} masks in a shard of {size / 1e9:.2f} GB: ", end="")
        print(f"{found['masks'] / seconds:,.0f} a CPU second, {wall:.0f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
