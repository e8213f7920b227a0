"""Masks as `fiftyone.Detections` and back, each detection with its mask inside its box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.geometry import rle
from anymask.integrations import needed
from anymask.types import Masks

__all__ = ["from_detections", "to_detections"]


def to_detections(masks: Masks, names: Sequence[str] = ()) -> Any:
    """The masks as `fiftyone.Detections`, for a field of a sample; masks without pixels are left out.

    names: the name of each label, from 0; without one the label is "object". Boxes are relative, as FiftyOne
    has them. Raises InputError if FiftyOne is not installed.
    """
    fo = needed("fiftyone", "fiftyone")
    height, width = masks.size
    found = []
    for i, runs in enumerate(masks.rles):
        x0, y0, x1, y1 = (int(value) for value in rle.box(runs, masks.size))
        if x0 >= x1:
            continue
        label = -1 if masks.labels is None else int(masks.labels[i])
        found.append(
            fo.Detection(
                label=names[label] if 0 <= label < len(names) else "object",
                bounding_box=[x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height],
                mask=rle.decode(runs, masks.size)[y0:y1, x0:x1],
                confidence=float(masks.scores[i]),
            )
        )
    return fo.Detections(detections=found)


def from_detections(detections: Any, size: tuple[int, int], names: Sequence[str] = ()) -> Masks:
    """Masks from `fiftyone.Detections` whose detections have masks.

    size: (H, W) of the image. names: label names, from 0; masks get the place of theirs, or -1 for another
    name. Raises InputError for a detection without a mask.
    """
    runs, scores, labels = [], [], []
    for one in detections.detections:
        if one.mask is None:
            raise InputError(
                f"detections must have masks, got a box for '{one.label}'. Give the boxes to `predict`."
            )
        runs.append(rle.encode(_placed(np.asarray(one.mask, bool), one.bounding_box, size)))
        scores.append(1.0 if one.confidence is None else float(one.confidence))
        labels.append(names.index(one.label) if one.label in names else -1)
    return Masks(size, runs, scores, labels=labels)


def _placed(mask: NDArray[np.bool_], box: Sequence[float], size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask of a box in an image: at the pixel nearest to its corner, cut at the borders."""
    out = np.zeros(size, bool)
    x, y = max(0, round(box[0] * size[1])), max(0, round(box[1] * size[0]))
    part = out[y : y + mask.shape[0], x : x + mask.shape[1]]
    part[:] = mask[: part.shape[0], : part.shape[1]]
    return out
