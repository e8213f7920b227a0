"""Label Studio's messages: its labelling configuration, the clicks of a person, regions of brush masks.

Source: the HTTP protocol of label-studio-ml-backend 2, as its documentation describes it. Coordinates are per
cent of the image.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from anymask.errors import FormatError
from anymask.formats.brush import to_brush
from anymask.types import Masks, Prompt

__all__ = ["Config", "prompt_of", "read_config", "regions"]

LONGEST = 1 << 20
"""Letters of a labelling configuration."""


@dataclass(frozen=True)
class Config:
    """What a labelling configuration says about brush masks."""

    brush: str
    """The name of its BrushLabels."""
    image: str
    """The name of the image that they are drawn on."""
    key: str
    """The field of a task's data that holds the address of the image."""
    labels: tuple[str, ...]
    """The labels of the brush."""


def read_config(xml: str) -> Config:
    """Read a labelling configuration.

    Raises FormatError for XML that cannot be read, and without an Image and BrushLabels on it.
    """
    if len(xml) > LONGEST or "<!" in xml.replace("<!--", ""):
        raise FormatError("label config must be XML of tags alone, at most 1 MiB, got other. Simplify it.")
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise FormatError(f"label config must be XML, got {error}. Copy it from the project.") from error
    images = {one.get("name"): one.get("value", "") for one in root.iter("Image")}
    for brush in root.iter("BrushLabels"):
        name, target = brush.get("name"), brush.get("toName")
        if name and target in images and images[target].startswith("$"):
            labels = tuple(one.get("value", "") for one in brush.iter("Label"))
            return Config(name, target or "", images[target][1:], labels)
    raise FormatError(
        "label config must have <BrushLabels> on an <Image value='$...'>, got none. "
        "Add them, with smart='true' on the tags for clicks."
    )


def prompt_of(
    context: Sequence[Mapping[str, Any]], size: tuple[int, int]
) -> tuple[Prompt | None, str | None]:
    """The prompt and the label of what a person drew: key points and rectangles in per cent.

    A key point is out of the object where `is_positive` is false. size: (H, W). The prompt is None without a
    rectangle and without a point in the object. Raises FormatError for values that are no numbers.
    """
    height, width = size
    points, labels, box, label = [], [], None, None
    try:
        for one in context:
            value, kind = one["value"], str(one.get("type", ""))
            x, y = float(value["x"]) / 100 * width, float(value["y"]) / 100 * height
            if kind.startswith("keypoint"):
                points.append((x, y))
                labels.append(int(bool(one.get("is_positive", 1))))
            elif kind.startswith("rectangle"):
                box = (
                    x,
                    y,
                    x + float(value["width"]) / 100 * width,
                    y + float(value["height"]) / 100 * height,
                )
            else:
                continue
            label = next(iter(value.get(kind) or ()), label)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(
            f"context must be regions with numbers in per cent, got {error!r}. Click again."
        ) from error
    if box is None and 1 not in labels:
        return None, label
    return Prompt(points or None, labels or None, box), label


def regions(masks: Masks, config: Config, label: str | None, version: str) -> dict[str, Any]:
    """A prediction for a task: a brush region for each mask that has pixels.

    label: that of all masks; one that the configuration has not, or None, becomes its first. version: of the
    model, as Label Studio shows it.
    """
    named = label if label in config.labels else next(iter(config.labels), None)
    height, width = masks.size
    result = [
        {
            "id": uuid.uuid4().hex[:10],
            "from_name": config.brush,
            "to_name": config.image,
            "type": "brushlabels",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "readonly": False,
            "score": float(score),
            "value": {
                "format": "rle",
                "rle": to_brush(runs, masks.size),
                "brushlabels": [] if named is None else [named],
            },
        }
        for runs, score, area in zip(masks.rles, masks.scores, masks.areas, strict=True)
        if area
    ]
    score = float(masks.scores.mean()) if len(masks.scores) else 0.0
    return {"result": result, "score": score, "model_version": version}
