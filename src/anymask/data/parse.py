"""One item of a data set: from the bytes of an image and of its annotation to a Record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from anymask.errors import FormatError
from anymask.formats import sa1b
from anymask.formats.json_fields import parse_object
from anymask.formats.reading import DAMAGED
from anymask.images.bands import Bands
from anymask.images.display import read_display
from anymask.types import Record

ByteArray = npt.NDArray[np.uint8]


def parse_record(
    name: str, image: bytes, annotation: bytes, dataset: str, bands: Bands | None = None
) -> Record:
    """Decode an image and build its Record from SA-1B's JSON.

    name: the item's id; image: the encoded image; annotation: the JSON, with the fields that `formats.sa1b`
    adds to it; dataset: "dataset" in meta, unless the JSON names one; bands: how the image is shown. Raises
    FormatError or ImageError.
    """
    pixels = decode_image(image, bands, name)
    document = parse_object(annotation, f"{name}.json")
    return labelled(sa1b.from_document(document, pixels, id=name), pixels, dataset)


def parse_annotation(name: str, annotation: bytes, image: Path) -> Record:
    """As `parse_record`, with the path of the image, which is not read: its size is that of the JSON."""
    return sa1b.from_document(parse_object(annotation, f"{name}.json"), image, id=name)


def labelled(record: Record, image: ByteArray, dataset: str) -> Record:
    """The record with its decoded image and "dataset" in meta.

    Raises FormatError if the sizes differ, and if none of the annotations can be read.
    """
    if record.masks.size != image.shape[:2]:
        raise FormatError(
            f"annotation must have the image size {image.shape[0]} x {image.shape[1]}, "
            f"got {record.masks.size[0]} x {record.masks.size[1]}. Check height and width."
        )
    damage = [kind for kind in record.left_out if kind.startswith(DAMAGED)]
    if damage and not len(record.masks):  # else training would take it for an image that shows nothing
        raise FormatError(f"annotation must have a mask that can be read, got {damage[0]}. Write it again.")
    return replace(record, image=image, meta={"dataset": dataset, **record.meta})


def decode_image(data: bytes, bands: Bands | None = None, name: str = "") -> ByteArray:
    """Decode an image to (H, W, 3) uint8 RGB, EXIF orientation applied. Raises ImageError.

    A complete JPEG is decoded by OpenCV, which is faster. Everything else goes through
    `images.display.read_display`, with `bands`; also a JPEG without its end marker, as OpenCV would fill the
    missing part with grey. `name` stands in warnings.
    """
    if bands is None and data[:3] == b"\xff\xd8\xff" and data[-2:] == b"\xff\xd9":
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
        if image is not None:
            return np.asarray(image, dtype=np.uint8)
    return read_display(data, bands, name=name)


def decode_rgba(data: bytes) -> ByteArray | None:
    """Decode an image with an alpha channel to (H, W, 4) uint8 RGBA; None without alpha or if unreadable."""
    raw = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if raw is None or raw.ndim != 3 or raw.shape[2] != 4 or raw.dtype != np.uint8:
        return None
    return np.asarray(cv2.cvtColor(raw, cv2.COLOR_BGRA2RGBA), dtype=np.uint8)
