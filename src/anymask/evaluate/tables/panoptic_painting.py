"""SegGPT, table 6: panoptic quality on COCO of what a model paints in Painter's palettes.

Shown are Painter's example, or two tuned prompts. The model paints an image twice: its classes, and its
instances in the colours of their places. Both are decoded and merged as in Painter's released evaluation, see
`anymask.evaluate.painted_segments`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.evaluate.painted_segments import merge, painted_instances, vote
from anymask.evaluate.panoptic import Segment, Segments
from anymask.evaluate.tables.painter import example, nearest_pixels, painted
from anymask.evaluate.tables.panoptic import PREDICTED, TRUTH, by_image, categories_of, matches, segments_of
from anymask.evaluate.tables.semantic import class_palette, nearest_class
from anymask.evaluate.tables.table import Items, Row
from anymask.formats import json_fields
from anymask.images.read import read_image
from anymask.models import InContext
from anymask.models.config import PainterConfig
from anymask.types import Context

__all__ = [
    "CLASSES_EXAMPLE",
    "INSTANCES_EXAMPLE",
    "PAINTED",
    "PAINTED_TUNED",
    "THINGS",
    "TUNED",
    "painted_panoptic",
]

Pixels = NDArray[np.uint8]
Pair = tuple[Path, Path]
THINGS, STUFF = 80, 53
CLASSES = class_palette(THINGS + STUFF, 7, 36)
PROMPT = "000000391460"
"""The example of Painter's evaluation."""
CLASSES_EXAMPLE = (
    f"train2017/{PROMPT}.jpg",
    f"pano_sem_seg/panoptic_segm_train2017_with_color/{PROMPT}.png",
)
INSTANCES_EXAMPLE = (
    f"pano_ca_inst/train_org/{PROMPT}_image_train_org.png",
    f"pano_ca_inst/train_org/{PROMPT}_label_train_org.png",
)
TUNED = ("classes.safetensors", "instances.safetensors")


@dataclass(frozen=True)
class Query:
    """An image with its annotated segments, and what the model is shown: a tuned prompt, or an image and its
    painted target."""

    image: Path
    truth: Segments
    categories: tuple[int, ...]
    """The categories of the classes, things first."""
    classes: Path | Pair
    instances: Path | Pair


def measure_painted(model: InContext, one: Query) -> Row:
    """The matches of what the model paints."""
    found = painted_panoptic(model, one)
    return matches(one.truth, found, one.categories[:THINGS])


def painted_panoptic(model: InContext, one: Query) -> Segments:
    """The segments that the model paints.

    The classes are resized in colour space, the instances by the nearest pixel; both are truncated to 8 bits.
    An instance has the class that its pixels vote for.
    """
    image = read_image(one.image)
    size_hw = (image.shape[0], image.shape[1])
    colours, places = (
        _painted(model, image, shown, instance=instance)
        for shown, instance in ((one.classes, False), (one.instances, True))
    )
    resized = cv2.resize(colours, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    classes = np.asarray(resized, np.uint8)
    masks, _ = painted_instances(nearest_pixels(places, size_hw).astype(np.uint8))
    votes = [vote(classes[mask], CLASSES[:THINGS]) for mask in masks]
    numbers, of_number = merge(masks, votes, nearest_class(classes, CLASSES), THINGS)
    segments = {number: Segment(one.categories[category]) for number, category in of_number.items()}
    return Segments(numbers, segments, f"what is painted for {one.image}")


def _painted(model: InContext, image: Pixels, shown: Path | Pair, *, instance: bool) -> NDArray[np.float32]:
    """What the model paints, (S, S, 3), 0 to 255.

    From an example Painter and SegGPT paint at 5 / 4 of their size, 560 pixels.
    """
    if isinstance(shown, Path):
        return np.clip(painted(model, image, _tuned(model, shown), instance=instance), 0, 255)
    config = model.config
    size = config.size * 5 // 4 if isinstance(config, PainterConfig) else config.size
    context = example(model, *_read(shown), size=size)
    return np.clip(painted(model, image, context, instance=instance), 0, 255)


@lru_cache(2)
def _read(pair: Pair) -> tuple[Pixels, Pixels]:
    return read_image(pair[0]), read_image(pair[1])


def _tuned(model: InContext, path: Path) -> Context:
    found = Context.load(path)
    if found.model not in ("", model.fingerprint):
        raise FormatError(
            f"{path} must be tuned with this model ({model.fingerprint}), got one of {found.model}. "
            "Tune it again."
        )
    return found


def _open_example(root: Path) -> Items:
    return _open(
        root, *((root / image, root / target) for image, target in (CLASSES_EXAMPLE, INSTANCES_EXAMPLE))
    )


def _open_tuned(root: Path) -> Items:
    return _open(root, *(root / name for name in TUNED))


def _open(root: Path, classes: Path | Pair, instances: Path | Pair) -> Items:
    path = root / f"{TRUTH}.json"
    document = json_fields.load_json(path)
    known = categories_of(document, path)
    categories = _of_classes(known, path)
    entries = by_image(document, path)
    ids = sorted(entries)

    def read(index: int) -> Query:
        entry, owner = entries[ids[index]], f"image_id {ids[index]} of {path}"
        name = json_fields.inner_path(json_fields.field(entry, "file_name", str, owner))
        truth = segments_of(entry, root / TRUTH, known, owner)
        return Query(root / "val2017" / name.with_suffix(".jpg"), truth, categories, classes, instances)

    return Items([str(id) for id in ids], read)


def _of_classes(known: Mapping[int, bool], path: Path) -> tuple[int, ...]:
    """The categories of Painter's classes: things in the order of their numbers, then stuff."""
    things, stuff = ([one for one in sorted(known) if known[one] is kind] for kind in (True, False))
    if (len(things), len(stuff)) != (THINGS, STUFF):
        raise FormatError(
            f"{path} must have {THINGS} categories of things and {STUFF} of stuff, as Painter's palette, "
            f"got {len(things)} and {len(stuff)}. Get COCO's file."
        )
    return (*things, *stuff)


PAINTED = replace(
    PREDICTED,
    name="COCO panoptic val2017, painted",
    home="cocodataset.org (images and panoptic annotations of 2017); the example's two targets: made as "
    "Painter's docs/DATA.md says",
    size="830 MB, images 1 GB",
    licence="CC BY 4.0; images of Flickr's terms",
    needs=(f"{TRUTH}.json", TRUTH, "val2017", *CLASSES_EXAMPLE, *INSTANCES_EXAMPLE),
    open=_open_example,
    measure=measure_painted,
    note="",
)
PAINTED_TUNED = replace(
    PAINTED,
    name="COCO panoptic val2017, tuned prompts",
    home="cocodataset.org (images and panoptic annotations of 2017)",
    needs=(f"{TRUTH}.json", TRUTH, "val2017", *TUNED),
    open=_open_tuned,
    note="Both prompts are contexts whose targets have Painter's colours; SegGPT's were not released.",
)
