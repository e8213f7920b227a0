"""Measure the shipped models by `anymask eval table`, on validation images in the layouts of its data sets.

    python benchmarks/stand_ins.py SHARDS OUT [--tables sam-points seggpt-fss]
    python benchmarks/stand_ins.py SHARDS OUT --tables sam-volume --runs 10=runs/tenth 100=runs/whole

SHARDS is a folder with data sets as for training (dsb, trashcan, coco, voc, ...), of which only validation
images are read. Their copies are written to OUT/data once. Each table is run by the command; its report stays
in OUT, and what docs/tables.md shows of it is written to docs/tables-measured/.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from film import clips
from numpy.typing import NDArray

from anymask import open_dataset
from anymask.cli import main as anymask
from anymask.formats import coco
from anymask.geometry import rle
from anymask.images.write import write_png
from anymask.types import Record

MEASURED = Path(__file__).resolve().parents[1] / "docs" / "tables-measured"
COCO = "COCO shard, 15 images"
POINTS = {
    "BBBC038v1": "DSB 2018 shard, 12 images",
    "LVIS": COCO,
    "TrashCan": "TrashCan shard, 12 images",
}
STAND_INS = {
    "sam-points": POINTS,
    "sam-proposals": {"LVIS v1 val": COCO},
    "sam-instances": {"COCO val2017": f"{COCO}, boxes of the annotations, score 1"},
    "sam-text": {"COCO val2017": COCO},
    "seggpt-fss": {},
    "seggpt-ensembles": {},
    "seggpt-vos": {},
}
COMPARED = dict.fromkeys(("sam-volume", "sam-stages", "sam-encoders"), POINTS)
"""Likewise, of tables that compare runs; see runs/ablate_tables.sh."""
"""What stands in for the data sets of a table; of tables by example, see `CLASSES` and `FILMS`."""
CLASSES = (
    ("pets600", None), ("dogs_wild", None), ("cats", None), ("dogcat", None), ("mugs", None),
    ("mandarins", None), ("human", None), ("pallets", None), ("cables", None), ("coffee_leaf", "leaf"),
    ("food", "plate"), ("food", "fried tofu"), ("whole_sky", "cloud"), ("whole_sky", "clear sky"),
)  # fmt: skip
"""Data sets, and a category of them, whose first ten images become a class of FSS-1000."""
FILMS = ("endangered_animals", "work_tools", "fruits_kmo", "ppe")
"""Data sets whose images become videos: a view that moves, turns and zooms."""
FRAMES = 24


def images(shards: Path, name: str, most: int) -> list[Record]:
    """The first validation images of a data set that have masks."""
    return list(islice((one for one in open_dataset(shards / name, split="val") if len(one.masks)), most))


def put(path: Path, pixels: NDArray[Any]) -> None:
    """Write an image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(pixels, path, force=True)


def write_nuclei(shards: Path, root: Path) -> None:
    """BBBC038v1: a file for each nucleus."""
    for record in images(shards, "dsb", 12):
        place = root / "stage1_train" / record.id
        put(place / "images" / f"{record.id}.png", record.read())
        for number, mask in enumerate(record.masks.dense()):
            put(place / "masks" / f"{number}.png", mask.astype(np.uint8) * 255)


def write_coco(records: Sequence[Record], path: Path, folder: Path) -> dict[str, Any]:
    """A COCO file with its images; returns what it holds."""
    for record in records:
        put(folder / f"{Path(record.id).name}.png", record.read())
    path.parent.mkdir(parents=True, exist_ok=True)
    named = [
        Record(record.id, folder / f"{Path(record.id).name}.png", record.masks,
               meta={**record.meta, "file_name": f"{Path(record.id).name}.png"})
        for record in records
    ]  # fmt: skip
    coco.write(named, path, force=True)
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def write_photos(shards: Path, root: Path) -> None:
    """COCO, and the same as LVIS, whose classes all count as frequent; TrashCan."""
    records = images(shards, "coco", 15)
    base = root / "coco"
    document = write_coco(records, base / "annotations/instances_val2017.json", base / "val2017")
    (base / "detections").mkdir(exist_ok=True)
    boxes = [
        {"image_id": one["image_id"], "category_id": one["category_id"], "bbox": one["bbox"], "score": 1.0}
        for one in document["annotations"]
    ]
    (base / "detections/coco_val2017.json").write_text(json.dumps(boxes), "utf-8")
    for name in ("lvis_v0.5_val", "lvis_v1_val"):
        document = write_coco(records, root / f"LVIS/{name}.json", root / "LVIS/val2017")
        for one in document["categories"]:
            one["frequency"] = "f"
        (root / f"LVIS/{name}.json").write_text(json.dumps(document), "utf-8")
    place = root / "dataset/instance_version"
    write_coco(images(shards, "trashcan", 12), place / "instances_train_trashcan.json", place / "train")


def write_classes(shards: Path, root: Path) -> None:
    """FSS-1000: ten images of each class, with one mask each."""
    names = []
    for name, category in CLASSES:
        found = list(islice(_of_class(images(shards, name, 1000), category), 10))
        if len(found) < 10:
            raise SystemExit(f"{name} must have ten validation images with masks, got {len(found)}.")
        names.append("_".join([name, *(category or "").split()]))
        for number, (record, mask) in enumerate(found, 1):
            place = root / "fewshot/FSS-1000" / names[-1]
            put(place / f"{number}.jpg", record.read())
            put(place / f"{number}.png", mask)
    lists = root / "fewshot/splits/fss/test.txt"
    lists.parent.mkdir(parents=True, exist_ok=True)
    lists.write_text("\n".join(names) + "\n", "utf-8")


def _of_class(records: Sequence[Record], category: str | None) -> Iterator[tuple[Record, NDArray[np.uint8]]]:
    for record in records:
        names = record.meta.get("categories") or [None] * len(record.masks)
        rows = [row for row, name in enumerate(names) if category in (None, name)]
        if rows:
            whole = rle.decode(rle.union(record.masks[rows].rles, record.masks.size), record.masks.size)
            yield record, np.repeat(whole[..., None].astype(np.uint8) * 255, 3, axis=2)


def write_films(shards: Path, root: Path) -> None:
    """DAVIS 2017: one object in each video."""
    names = []
    for film, frames in enumerate(
        clips([str(shards / name) for name in FILMS], 2, FRAMES, np.random.default_rng(0))
    ):
        names.append(f"film{film:02d}")
        for number, (pixels, mask) in enumerate(frames):
            put(root / f"DAVIS/JPEGImages/480p/{names[-1]}/{number:05d}.jpg", pixels)
            put(root / f"DAVIS/Annotations/480p/{names[-1]}/{number:05d}.png", mask.astype(np.uint8))
    lists = root / "DAVIS/ImageSets/2017/val.txt"
    lists.parent.mkdir(parents=True, exist_ok=True)
    lists.write_text("\n".join(names) + "\n", "utf-8")


def stand_in(table: str, name: str) -> str | None:
    """What stands in for a data set; None for a copy of another, whose figures say nothing new."""
    known = (STAND_INS | COMPARED)[table]
    if name in known:
        return known[name]
    if name.startswith("FSS"):
        return f"{len(CLASSES)} classes of validation shards, 10 images each"
    if name.startswith("DAVIS"):
        return f"8 videos of {FRAMES} frames, made from validation images"
    return None


def measure(table: str, out: Path, limit: int | None, runs: Sequence[str]) -> None:
    """Run the command, and keep the figures for docs/tables.md."""
    report = out / f"{table}.json"
    words = ["eval", "table", table, "--data", str(out / "data"), "-o", str(report), "--force"]
    words += [] if limit is None else ["--limit", str(limit)]
    words += ["--runs", *runs] if runs else []
    print(f"anymask {' '.join(words)}", flush=True)
    if anymask(words):
        raise SystemExit(1)
    found = json.loads(report.read_text("utf-8"))
    kept = {key: found[key] for key in ("table", "model", "version", "commit", "machine", "seed", "limit")}
    if runs:  # without the places where they lie
        kept["model"] = ", ".join(run.partition("=")[0] for run in runs)
    kept["sets"] = [
        {"name": one["name"], "stand_in": stand_in(table, one["name"]), "items": len(one["rows"]),
         "seconds": round(one["seconds"], 1), "numbers": one["numbers"]}
        for one in found["sets"]
        if stand_in(table, one["name"]) is not None
    ]  # fmt: skip
    (MEASURED / f"{table}.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def main() -> None:
    """Write the copies and measure the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tables", nargs="*", default=list(STAND_INS))
    parser.add_argument("--limit", type=int, help="items of each data set")
    parser.add_argument("--runs", nargs="*", default=[], help="LABEL=RUN, for tables that compare runs")
    options = parser.parse_args()
    if not (options.out / "data").is_dir():
        for write in (write_nuclei, write_photos, write_classes, write_films):
            write(options.shards, options.out / "data")
    for table in options.tables:
        measure(table, options.out, options.limit, options.runs)


if __name__ == "__main__":
    main()
