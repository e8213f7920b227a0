"""The scene of the copies: two rectangles on grey, and files to hold it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anymask.geometry import rle

__all__ = [
    "BOXES",
    "SIZE",
    "coco",
    "image",
    "masks",
    "numbers",
    "polygon",
    "put",
    "put_json",
    "results",
    "runs",
]

SIZE = (48, 64)
BOXES = ((4, 6, 20, 16), (34, 20, 24, 20))
"""x, y, width, height of the objects."""
COLOURS = ((200, 60, 40), (40, 120, 200))
STRIPE = 4
"""The last quarter of each object has another shade: x from 3/4 of the width on."""


def image(boxes: Sequence[tuple[int, int, int, int]] = BOXES) -> NDArray[np.uint8]:
    """(H, W, 3): each object has its colour, in its last quarter a lighter one."""
    pixels = np.full((*SIZE, 3), 90, np.uint8)
    for (x, y, w, h), colour in zip(boxes, COLOURS, strict=False):
        pixels[y : y + h, x : x + w] = colour
        pixels[y : y + h, x + w - w // STRIPE : x + w] = [min(255, part + 40) for part in colour]
    return pixels


def masks(boxes: Sequence[tuple[int, int, int, int]] = BOXES) -> NDArray[np.bool_]:
    """(N, H, W)."""
    out = np.zeros((len(boxes), *SIZE), np.bool_)
    for mask, (x, y, w, h) in zip(out, boxes, strict=True):
        mask[y : y + h, x : x + w] = True
    return out


def numbers(
    values: Sequence[int] = (1, 2), boxes: Sequence[tuple[int, int, int, int]] = BOXES
) -> NDArray[Any]:
    """(H, W): a number for each object, 0 elsewhere; uint8 where all fit."""
    out = np.zeros(SIZE, np.uint8 if max(values) < 256 else np.int64)
    for mask, value in zip(masks(boxes), values, strict=False):
        out[mask] = value
    return out


def polygon(box: tuple[int, int, int, int]) -> list[list[int]]:
    """The corners of a box."""
    x, y, w, h = box
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


def put(path: Path, pixels: NDArray[Any]) -> None:
    """Write an image; JPEG with nearly exact colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, quality=100, subsampling=0)


def put_json(path: Path, value: object) -> None:
    """Write JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")


def coco(
    path: Path, folder: Path, name: str = "000000000001.png", *, image_id: int = 1, **more: Mapping[str, Any]
) -> None:
    """A COCO file of one image in a folder; `more` adds fields to "images", "annotations", "categories"."""
    put(folder / name, image())
    extra = {key: more.get(key, {}) for key in ("images", "annotations", "categories")}
    entry = {"id": image_id, "height": SIZE[0], "width": SIZE[1], "file_name": name, **extra["images"]}
    annotations = [
        {
            "id": number,
            "image_id": image_id,
            "category_id": number,
            "bbox": list(box),
            "area": int(mask.sum()),
            "iscrowd": 0,
            "segmentation": [np.ravel(polygon(box)).tolist()],
            **extra["annotations"],
        }
        for number, (box, mask) in enumerate(zip(BOXES, masks(), strict=True), 1)
    ]  # fmt: skip
    categories = [{"id": i, "name": f"class {i}", **extra["categories"]} for i in (1, 2)]
    put_json(path, {"images": [entry], "annotations": annotations, "categories": categories})


def results(boxes: Sequence[tuple[int, int, int, int]], image_id: int = 1) -> list[dict[str, Any]]:
    """A detector's results: the boxes, with falling scores and the class of each object."""
    return [
        {"image_id": image_id, "category_id": number, "bbox": list(box), "score": 1 - number / 10}
        for number, box in enumerate(boxes, 1)
    ]


def runs(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Compressed run lengths."""
    return rle.to_coco(rle.encode(mask), SIZE)
