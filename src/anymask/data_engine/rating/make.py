"""Make a rating: draw masks, predict them by several methods, shuffle everything, write one page for raters.

The truth is one of the methods. Every method gets the same prompt, and images are shrunk before prediction,
so that people see what the methods saw (SAM, appendix E).
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.data.dataset import Collection
from anymask.data_engine.shrink import shrunk
from anymask.errors import FormatError, InputError
from anymask.files import make_folder, write_atomic
from anymask.geometry import rle
from anymask.geometry.regions import inner_point
from anymask.images.overlay import overlay
from anymask.images.write import encode_jpeg
from anymask.inference.promptable.predict import embed, predict
from anymask.models import Progress, Promptable
from anymask.types import Prompt

__all__ = ["KEY", "PAGE", "RATINGS", "TRUTH", "PromptKind", "make_rating"]

TRUTH = "truth"
"""The name of the annotated masks among the methods."""
KEY, PAGE, RATINGS = "key.json", "rate.html", "ratings"
"""The file that says what each job is, the page for raters, the folder for what they send back."""
SIDE = 2000
"""Longest side of the images that the methods see."""
SHOWN, ZOOMED = 640, 400
"""Longest sides of the views."""
LEAST_AREA = 24**2
"""Smaller masks are left out."""
MARGIN = 0.4
"""Around an object in the zoomed views, of its longest side."""
BLUE = (40, 110, 255)
PromptKind: TypeAlias = Literal["click", "box"]
Pixels: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Item:
    """An object to rate: what all methods share."""

    mask: str
    pixels: Pixels
    truth: Mask
    prompt: Prompt


def make_rating(
    dataset: Collection,
    methods: Mapping[str, Promptable],
    folder: str | Path,
    *,
    images: int = 50,
    masks: int = 1,
    prompt: PromptKind = "click",
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> int:
    """Draw masks, predict each by all methods, and write the page and its key; returns the number of jobs.

    dataset: images with true masks, of which each is a method too.
    methods: models by name.
    folder: a new folder.
    images: how many images are drawn; all if there are fewer.
    masks: how many masks of each image.
    prompt: a click in the middle of the object, or its box.
    seed: of all draws and of the order.
    progress: called with the number of images done and their total.

    Raises InputError for values out of range, a method of the name TRUTH, and a data set without a mask that
    is large enough; OutputError for a folder that is not new.
    """
    if images < 1 or masks < 1 or not methods or TRUTH in methods:
        raise InputError(
            f"rating must have images, masks and methods not named {TRUTH}, got {images}, {masks} and "
            f"{sorted(methods)}. Correct them."
        )
    place = Path(folder)
    if place.exists():
        raise InputError(f"output must be a new folder, got {place}. Choose another name.")
    make_folder(place)
    try:
        draw = np.random.default_rng(seed)
        jobs, shared = _jobs(dataset, methods, (images, masks), prompt, draw, progress)
        if not jobs:
            raise InputError(
                f"data set must hold masks of {LEAST_AREA} pixels or more, got none in {dataset.name}. "
                "Choose another."
            )
        order = draw.permutation(len(jobs)).tolist()
        _write(place, dataset.name, [jobs[row] for row in order], shared)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return len(jobs)


Job: TypeAlias = "dict[str, Any]"


def _jobs(
    dataset: Collection,
    methods: Mapping[str, Promptable],
    counts: tuple[int, int],
    prompt: PromptKind,
    draw: np.random.Generator,
    progress: Progress,
) -> tuple[list[Job], list[list[str]]]:
    """All jobs, each with its mask, method and views, and the views that the jobs of a mask share."""
    jobs: list[Job] = []
    shared: list[list[str]] = []
    rows = np.sort(draw.permutation(len(dataset))[: counts[0]]).tolist()
    for done, row in enumerate(rows):
        progress(done, len(rows))
        items = list(_items(dataset, row, counts[1], prompt, draw))
        predicted = {TRUTH: [item.truth for item in items]}
        for name, model in methods.items():
            predicted[name] = _predicted(model, items)
        for number, item in enumerate(items):
            window = _window(item.truth)
            shared.append(_shared_views(item, window))
            for method, found in predicted.items():
                own = _own_views(item, found[number], window)
                jobs.append({"mask": item.mask, "method": method, "shared": len(shared) - 1, "own": own})
    return jobs, shared


def _items(
    dataset: Collection, row: int, most: int, kind: PromptKind, draw: np.random.Generator
) -> Iterator[_Item]:
    """The drawn objects of an image; none of a damaged one."""
    try:
        record = dataset[row]
        pixels, runs = shrunk(record.read(), record.masks.rles, SIDE)
    except FormatError:
        return
    large = [number for number, one in enumerate(runs) if rle.area(one) >= LEAST_AREA]
    for number in sorted(draw.permutation(large)[:most].tolist()):
        truth = rle.decode(runs[number], pixels.shape[:2])
        x0, y0, x1, y1 = rle.box(runs[number], pixels.shape[:2])
        prompt = Prompt(box=[x0, y0, x1, y1]) if kind == "box" else Prompt([inner_point(truth)], [1])
        yield _Item(f"{record.id}/{number}", pixels, truth, prompt)


def _predicted(model: Promptable, items: Sequence[_Item]) -> list[Mask]:
    if not items:
        return []
    found = predict(model, embed(model, items[0].pixels), [item.prompt for item in items], multimask=False)
    return list(found.dense())


# ---- views


def _window(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns around an object."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    around = round(MARGIN * max(np.ptp(rows), np.ptp(columns))) + 8
    return slice(max(0, rows[0] - around), rows[-1] + around), slice(
        max(0, columns[0] - around), columns[-1] + around
    )


def _shared_views(item: _Item, window: tuple[slice, slice]) -> list[str]:
    """The image with its prompt, and the object enlarged, as data addresses."""
    return [_view(_prompted(item), SHOWN), _view(item.pixels[window], ZOOMED)]


def _own_views(item: _Item, mask: Mask, window: tuple[slice, slice]) -> list[str]:
    """The mask on the image, the mask alone, and the mask on the enlarged object."""
    drawn = overlay(item.pixels, [mask], colours=np.array([[255, 60, 40]], np.uint8))
    alone = np.repeat((mask * np.uint8(255))[..., None], 3, 2)
    return [_view(drawn, SHOWN), _view(alone, SHOWN), _view(drawn[window], ZOOMED)]


def _prompted(item: _Item) -> Pixels:
    """The image with its prompt in blue."""
    out = np.ascontiguousarray(item.pixels.copy())
    thick = max(2, round(max(out.shape[:2]) / 250))
    if item.prompt.box is not None:
        x0, y0, x1, y1 = (round(float(side)) for side in np.ravel(item.prompt.box))
        cv2.rectangle(out, (x0, y0), (x1 - 1, y1 - 1), BLUE, thick)
    else:
        x, y = (round(float(side)) for side in np.ravel(np.asarray(item.prompt.points)))
        cv2.circle(out, (x, y), 3 * thick, (255, 255, 255), -1)
        cv2.circle(out, (x, y), 2 * thick, BLUE, -1)
    return out


def _view(pixels: Pixels, side: int) -> str:
    """An image, enlarged or shrunk to this longest side, as a data address."""
    h, w = pixels.shape[:2]
    scale = side / max(h, w)
    size = max(1, round(w * scale)), max(1, round(h * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)
    return f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(small)).decode()}"


# ---- files


def _write(place: Path, dataset: str, jobs: Sequence[Job], shared: Sequence[Sequence[str]]) -> None:
    """Write the page, which does not say what a job is, the key, which does, and a folder for ratings."""
    names = [f"{number:05d}" for number in range(1, len(jobs) + 1)]
    key = {
        name: {"mask": job["mask"], "method": job["method"]} for name, job in zip(names, jobs, strict=True)
    }
    shown = [
        {"job": name, "shared": job["shared"], "own": job["own"]}
        for name, job in zip(names, jobs, strict=True)
    ]
    data = json.dumps({"set": f"{dataset}-{len(jobs)}", "jobs": shown, "shared": shared})
    page = Path(__file__).with_name("page.html").read_text("utf-8")
    (place / RATINGS).mkdir()
    write_atomic(place / PAGE, page.replace("__DATA__", data.replace("<", "\\u003c")).encode())
    write_atomic(place / KEY, json.dumps({"dataset": dataset, "jobs": key}, indent=1).encode())
