"""One item of a data set: from the bytes of a picture and of its annotation to a Record.

The annotation is SA-1B's JSON, `{"image": {image_id, width, height, file_name}, "annotations": [{id,
segmentation, bbox, area, ...}]}`. `category` and `kind` on an annotation and `ignore` beside the annotations
(a run-length code of pixels that nobody labelled) are read where they are given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from anymask import images, rle
from anymask.errors import FormatError
from anymask.types import Masks, Record

ByteArray = npt.NDArray[np.uint8]

KIND = "instance"
"""Kind of a mask whose annotation names none."""


def parse_record(name: str, picture: bytes, annotation: bytes, dataset: str) -> Record:
    """Build the Record of one picture with SA-1B's JSON.

    name: the item's id; picture: an encoded image; annotation: the JSON. meta holds "dataset" (that of the
    JSON, or else the one given), "categories" and "kinds" (one str per mask). Raises FormatError or
    ImageError.
    """
    document = _parse_json(annotation)
    annotations = document.get("annotations")
    if not isinstance(annotations, list):
        raise FormatError("annotations must be a list, got none. Write the JSON in SA-1B's form.")
    image = decode_picture(picture)
    header = document.get("image")
    meta = {"dataset": header.get("dataset", dataset) if isinstance(header, dict) else dataset}
    ignore = document.get("ignore")
    return build_record(name, image, annotations, meta, ignore)


def build_record(
    name: str,
    image: ByteArray,
    annotations: Sequence[Mapping[str, Any]],
    meta: Mapping[str, Any],
    ignore: Mapping[str, Any] | None = None,
) -> Record:
    """Build a Record from COCO run-length annotations.

    image: (H, W, 3) uint8. Every annotation holds `segmentation` of the image's size and may hold `category`,
    `kind` and `predicted_iou`. Raises FormatError where a mask does not fit the image.
    """
    size = (image.shape[0], image.shape[1])
    try:
        runs = tuple(_runs(annotation["segmentation"], size) for annotation in annotations)
        scores = np.array([float(a.get("predicted_iou", 1.0)) for a in annotations], dtype=np.float32)
        hidden = None if ignore is None else _runs(ignore, size)
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"annotation must hold a run-length segmentation, got {error!r}.") from None
    labels = {
        "categories": [str(a.get("category", "")) for a in annotations],
        "kinds": [str(a.get("kind", KIND)) for a in annotations],
    }
    masks = Masks(size=size, rles=runs, scores=scores)
    return Record(id=name, image=image, masks=masks, source="import", meta={**meta, **labels}, ignore=hidden)


def _runs(segmentation: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    runs, found = rle.from_coco(segmentation)
    if found != size:
        raise FormatError(
            f"segmentation must have the image's size {size}, got {found}. Check height and width."
        )
    return runs


def _parse_json(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise FormatError(f"annotation must be JSON, got {error}. Write the file again.") from None
    if not isinstance(document, dict):
        raise FormatError(f"annotation must be a JSON object, got {type(document).__name__}.")
    return document


def decode_picture(data: bytes) -> ByteArray:
    """Decode a picture to (H, W, 3) uint8 RGB, upright.

    A whole JPEG goes the quick way through OpenCV; anything else, and a JPEG without its end mark (OpenCV
    would fill the missing part with grey), goes through `images.read_image`, which raises ImageError.
    """
    if data[:3] == b"\xff\xd8\xff" and data[-2:] == b"\xff\xd9":
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
        if image is not None:
            return np.asarray(image, dtype=np.uint8)
    return images.read_image(data)


def decode_rgba(data: bytes) -> ByteArray | None:
    """Decode a picture with an alpha channel to (H, W, 4) uint8 RGBA; None if it has none or is damaged."""
    raw = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.ndim != 3 or raw.shape[2] != 4 or raw.dtype != np.uint8:
        return None
    return np.asarray(cv2.cvtColor(raw, cv2.COLOR_BGRA2RGBA), dtype=np.uint8)
