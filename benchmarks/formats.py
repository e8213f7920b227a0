"""Reading a COCO file to masks: ours against pycocotools and supervision, in turns, each in its own process.

    python benchmarks/formats.py [--images 5000] [--polygons 100000] [--repeats 3]

The file is made by the script. "runs": run lengths of every annotation; "dense": every mask as an array of
its image besides. Each line: wall and CPU seconds (medians) and the peak memory of the process, reading the
file included. Supervision keeps all arrays: on machines with less than 40 GB try it with --images 500
--polygons 10000.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIZE = (480, 640)
CORNERS = 20


def make(path: Path, images: int, polygons: int) -> None:
    """Write a COCO file of star-shaped polygons, 20 corners each, as people draw them."""
    rng = np.random.default_rng(0)
    angle = np.sort(rng.uniform(0, 2 * np.pi, (polygons, CORNERS)), axis=1)
    radius = rng.uniform(0.6, 1, (polygons, CORNERS)) * rng.uniform(10, 90, (polygons, 1))
    centre = rng.uniform(60, 420, (polygons, 2, 1))
    x, y = centre[:, 0] + radius * np.cos(angle), centre[:, 1] + radius * np.sin(angle)
    places = np.stack([x, y], axis=2).reshape(polygons, -1).round(2)
    box = np.stack([x.min(1), y.min(1), np.ptp(x, axis=1), np.ptp(y, axis=1)], axis=1).round(2)
    with path.open("w") as file:
        file.write('{"images": [')
        names = (
            {"id": i, "width": SIZE[1], "height": SIZE[0], "file_name": f"{i:012}.jpg"} for i in range(images)
        )
        file.write(",\n".join(map(json.dumps, names)))
        file.write('],\n"annotations": [')
        entries = (
            {
                "id": i + 1, "image_id": i % images, "category_id": i % 80 + 1, "iscrowd": 0, "area": 1.0,
                "segmentation": [places[i].tolist()], "bbox": box[i].tolist(),
            }
            for i in range(polygons)
        )  # fmt: skip
        file.write(",\n".join(map(json.dumps, entries)))
        file.write(
            '],\n"categories": ' + json.dumps([{"id": i, "name": f"c{i}"} for i in range(1, 81)]) + "}"
        )


def count(mask: np.ndarray) -> int:
    """The pixels of an array of one byte each, in the order of its memory, so that counting takes no time."""
    return int(np.count_nonzero((mask.T if mask.flags.f_contiguous else mask).view(np.bool_)))


def ours(path: Path, dense: bool) -> int:
    from anymask import formats

    pixels = 0
    for record in formats.stream(path, "coco"):
        if dense:
            pixels += sum(count(mask.dense()[0]) for mask in record.masks)
        else:
            pixels += int(record.masks.areas.sum())
    return pixels


def pycocotools(path: Path, dense: bool) -> int:
    from pycocotools import mask as api
    from pycocotools.coco import COCO

    coco = COCO(str(path))
    pixels = 0
    for image in coco.getImgIds():
        for entry in coco.loadAnns(coco.getAnnIds(imgIds=[image])):
            pixels += count(coco.annToMask(entry)) if dense else int(api.area(coco.annToRLE(entry)))
    return pixels


def supervision(path: Path, dense: bool) -> int:
    import supervision as sv

    data = sv.DetectionDataset.from_coco(str(path.parent), str(path), force_masks=True)
    every = (mask for found in data.annotations.values() if found.mask is not None for mask in found.mask)
    return sum(count(mask) for mask in every)


READERS = {"anymask": ours, "pycocotools": pycocotools, "supervision": supervision}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--polygons", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--run", nargs=3, metavar=("READER", "FILE", "HOW"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        run(*asked.run)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "instances.json")
        maker = multiprocessing.get_context("spawn").Process(
            target=make, args=(path, asked.images, asked.polygons)
        )
        maker.start()  # a process of its own: readers inherit the peak memory of this one
        maker.join()
        print(f"{asked.images:,} images, {asked.polygons:,} polygons, {path.stat().st_size / 1e6:.0f} MB")
        for how in ("runs", "dense"):
            names = [name for name in asked.only if (name, how) != ("supervision", "runs")]
            found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
            for _ in range(asked.repeats):
                for name in names:
                    command = [sys.executable, __file__, "--run", name, str(path), how]
                    answer = subprocess.run(command, capture_output=True, text=True, check=False)
                    if answer.returncode:
                        print(name, "failed:", answer.stderr.strip().splitlines()[-1:], "memory?", sep=" ")
                        continue
                    found[name].append(json.loads(answer.stdout.splitlines()[-1]))
            for name, runs in found.items():
                told = {key: statistics.median(run[key] for run in runs) for key in (runs[0] if runs else {})}
                print(f"  {how:5} {name:12}", "  ".join(f"{key} {value:,.2f}" for key, value in told.items()))


def run(name: str, path: str, how: str) -> None:
    """One reader in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    pixels = READERS[name](Path(path), how == "dense")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "MB": peak}
    print(json.dumps({**took, "megapixels": pixels / 1e6}))


if __name__ == "__main__":
    main()
