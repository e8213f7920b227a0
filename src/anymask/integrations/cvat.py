"""Functions for CVAT, by the auto-annotation interface of its SDK: clicks and boxes, and automatic masks.

```sh
cvat-cli function create-native anymask --function-module anymask.integrations.cvat -p kind=str:clicks
cvat-cli function run-agent ID --function-module anymask.integrations.cvat -p kind=str:clicks
cvat-cli task auto-annotate TASK --function-module anymask.integrations.cvat -p kind=str:automatic
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import anymask
from anymask.errors import InputError
from anymask.formats.polygons.trace import polygons
from anymask.integrations import needed
from anymask.types import Masks, Prompt

__all__ = ["Automatic", "Clicks", "create"]

PACKAGE = "cvat-sdk[masks]"
LABEL = "object"
KINDS = ("clicks", "automatic")
MOST_LOSS = 0.01
"""IoU that polygons may lose for fewer corners."""


def create(kind: str = "automatic", model: str = "compact") -> Automatic | Clicks:
    """The function that CVAT's command line and agents load.

    kind: "clicks" for a tool that answers points and boxes, "automatic" to annotate whole tasks. model: a
    model's name or its file. Raises InputError for another kind, or if the SDK is not installed.
    """
    if kind not in KINDS:
        raise InputError(f"kind must be clicks or automatic, got '{kind}'. Write kind=str:clicks.")
    return Clicks(model) if kind == "clicks" else Automatic(model)


class Clicks:
    """An interaction function: points in and out, and a box, to the mask of one object."""

    def __init__(self, model: str = "compact") -> None:
        """model: a model's name or its file."""
        self._sdk = needed("cvat_sdk.auto_annotation", PACKAGE)
        self._encode = needed("cvat_sdk.masks", PACKAGE).encode_mask
        self._model: Any = anymask.load(model)
        self.spec = self._sdk.InteractionFunctionSpec(
            min_pos_points=0, min_neg_points=0, min_bounding_boxes=0
        )

    def preprocess_image(self, context: Any, image: Any) -> Any:
        """Encode an image (PIL) once for all clicks on it."""
        return anymask.embed(self._model, np.asarray(image.convert("RGB")))

    def detect(self, context: Any, pp_image: Any, prompts: Any) -> list[Any]:
        """The mask of the prompts; none for prompts that say nothing, or where no object is found."""
        points = [*prompts.pos_points, *prompts.neg_points]
        labels = [1] * len(prompts.pos_points) + [0] * len(prompts.neg_points)
        box = prompts.bounding_box
        if not prompts.pos_points and box is None:
            return []
        corners = None if box is None else [*box[0], *box[1]]
        prompt = Prompt(points or None, labels or None, corners)
        found = anymask.predict(self._model, pp_image, [prompt], multimask=False)
        bits = found.dense()[0]
        if not bits.any():
            return []
        return [self._sdk.InteractionResultShape(type="mask", points=self._encode(bits))]


class Automatic:
    """A detection function: every object of an image as a mask with the label "object"."""

    def __init__(self, model: str = "compact") -> None:
        """model: a model's name or its file."""
        self._sdk = needed("cvat_sdk.auto_annotation", PACKAGE)
        self._encode = needed("cvat_sdk.masks", PACKAGE).encode_mask
        self._model: Any = anymask.load(model)
        self.spec = self._sdk.DetectionFunctionSpec(labels=[self._sdk.label_spec(LABEL, 0, type="any")])

    def detect(self, context: Any, image: Any) -> list[Any]:
        """All masks of an image (PIL) with at least the confidence asked for, as masks or as polygons."""
        least = context.conf_threshold or 0.0
        found = anymask.automatic(self._model, np.asarray(image.convert("RGB")))
        kept = [i for i, score in enumerate(found.scores) if score >= least and found.areas[i] > 0]
        if context.conv_mask_to_poly:
            return [shape for i in kept for shape in self._polygons(found, i)]
        return [self._sdk.mask(0, self._encode(found.dense()[i])) for i in kept]

    def _polygons(self, found: Masks, i: int) -> Sequence[Any]:
        """The outer lines of a mask's parts; CVAT's polygons have no holes."""
        parts = polygons(found.rles[i], found.size, MOST_LOSS)
        return [self._sdk.polygon(0, [float(v) for v in part[0].ravel()]) for part in parts]
