"""Masks through real packages and back. Not all of them go together, so each is tried where it is installed.

    python benchmarks/round_trips.py ours DIR      # in anymask's environment: writes the files
    python benchmarks/round_trips.py peers DIR     # in theirs: reads those, writes its own
    python benchmarks/round_trips.py back DIR      # in anymask's: reads what they wrote

Tried: pycocotools 2.0.11, hotcoco 1.3.0, supervision 0.31.2, label-studio-sdk 2.1.2, shapely 2.2.0, datumaro
1.13.12. `tests/golden/peers` holds what they write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SIZE = (60, 80)


def truth() -> np.ndarray[Any, Any]:
    """A rectangle with a hole, two rectangles, a disc."""
    masks = np.zeros((3, *SIZE), bool)
    masks[0, 5:30, 8:40] = True
    masks[0, 12:20, 15:25] = False
    masks[1, 35:50, 10:20] = masks[1, 40:55, 40:60] = True
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    masks[2] = np.hypot(x - 60, y - 20) < 12
    return masks


def told(name: str, found: Sequence[Any]) -> None:
    masks = np.array([np.asarray(one).astype(bool) for one in found])
    if masks.shape != truth().shape:
        print(f"{name}: {masks.shape} instead of {truth().shape}")
        return
    ious = [(a & b).sum() / (a | b).sum() for a, b in zip(masks, truth(), strict=True)]
    print(f"{name}: {'exact' if min(ious) == 1 else ' '.join(f'{iou:.3f}' for iou in ious)}")


def ours(folder: Path) -> None:
    from anymask import formats
    from anymask.images import write
    from anymask.types import Masks, Record

    (folder / "cvat" / "images").mkdir(parents=True)
    (folder / "images").mkdir()
    for place in (folder / "images", folder / "cvat" / "images"):
        write.write_png(np.zeros((*SIZE, 3), np.uint8), place / "a.png")
    names = {"categories": ["cat", "dog", "cat"], "file_name": "a.png"}
    record = Record("1", folder / "images" / "a.png", Masks.from_dense(truth()), meta=names)
    formats.write(record, folder / "coco.json", "coco")
    formats.write(record, folder / "polygons.json", "coco", outlines=formats.Outlines(polygons=True))
    formats.write(record, folder / "a.geojson")
    formats.write([record], folder / "tasks.json", "labelstudio")
    formats.write([record], folder / "cvat" / "annotations.xml", "cvat")
    formats.write([record], folder / "yolo", "yolo")


def with_pycocotools(folder: Path) -> None:
    from pycocotools.coco import COCO

    for name in ("coco.json", "polygons.json"):
        file = COCO(str(folder / name))
        told(f"pycocotools {name}", [file.annToMask(one) for one in file.loadAnns(file.getAnnIds())])


def with_hotcoco(folder: Path) -> None:
    import hotcoco

    file = hotcoco.COCO(str(folder / "coco.json"))
    told("hotcoco", [file.annToMask(one) for one in file.loadAnns(file.getAnnIds())])


def with_supervision(folder: Path) -> None:
    import supervision as sv

    images = str(folder / "images")
    coco = sv.DetectionDataset.from_coco(images, str(folder / "coco.json"), force_masks=True)
    told("supervision coco", next(iter(coco.annotations.values())).mask)
    place = folder / "yolo"
    yolo = sv.DetectionDataset.from_yolo(
        images, str(place / "labels"), str(place / "data.yaml"), force_masks=True
    )
    told("supervision yolo", next(iter(yolo.annotations.values())).mask)
    coco.as_coco(annotations_path=str(folder / "supervision.json"))


def with_label_studio(folder: Path) -> None:
    from label_studio_sdk.converter import brush

    results = json.loads((folder / "tasks.json").read_text())[0]["annotations"][0]["result"]
    masks = [brush.decode_rle(one["value"]["rle"]).reshape(*SIZE, 4)[..., 3] > 0 for one in results]
    told("label-studio-sdk", masks)
    for one, mask in zip(results, truth(), strict=True):
        one["value"]["rle"] = brush.mask2rle(mask.astype(np.uint8) * 255)
    tasks = [{"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": results}]}]
    (folder / "labelstudio.json").write_text(json.dumps(tasks))


def with_shapely(folder: Path) -> None:
    import shapely.geometry

    features = json.loads((folder / "a.geojson").read_text())["features"]
    shapes = [shapely.geometry.shape(one["geometry"]) for one in features]
    areas = [int(shape.area) for shape in shapes]
    fine = all(shape.is_valid for shape in shapes) and areas == truth().sum(axis=(1, 2)).tolist()
    print(f"shapely: {'valid, areas exact' if fine else f'areas {areas}'}")


def with_datumaro(folder: Path) -> None:
    import datumaro

    data = datumaro.Dataset.import_from(str(folder / "cvat"), "cvat")
    told("datumaro cvat", [one.image for item in data for one in item.annotations])
    data.export(str(folder / "datumaro_coco"), "coco_instances", save_media=True)
    data.export(str(folder / "datumaro_cvat"), "cvat", save_media=True)


PEERS = (
    with_pycocotools, with_hotcoco, with_supervision, with_label_studio, with_shapely, with_datumaro,
)  # fmt: skip


def peers(folder: Path) -> None:
    for peer in PEERS:
        try:
            peer(folder)
        except ImportError as error:
            print(f"{peer.__name__[5:]}: not here ({error.name})")


def back(folder: Path) -> None:
    from anymask import formats

    for name in ("supervision.json", "labelstudio.json", "datumaro_coco", "datumaro_cvat"):
        if (folder / name).exists():
            (record,) = formats.read(folder / name, images=folder / "images")
            told(f"back from {name}", record.masks.dense())


STEPS: dict[str, Callable[[Path], None]] = {"ours": ours, "peers": peers, "back": back}

if __name__ == "__main__":
    STEPS[sys.argv[1]](Path(sys.argv[2]))
