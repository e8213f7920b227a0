"""A data set of masks in SA-1B's format, made image by image; the same call resumes a run that was stopped.

```text
DATASET/auto.settings        the settings as JSON: a run with others is refused
DATASET/<id>.jpg, <id>.json  an image, copied as it is, and its masks
DATASET/edges/<id>.png       if the plan has edges; likewise labels/<id>.png and overlays/<id>.jpg
DATASET/damaged.jsonl        images that could not be read, if there are any
```

Files are written whole or not at all, the JSON of an image last: an image that has one is done. With shards
the pairs are in `masks-000000.tar`, `masks-000001.tar`, ..., and until a shard is full in the folder
`waiting`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anymask
from anymask.data_engine.folder import run_folder
from anymask.data_engine.image_masks import FOLDERS, Plan, make_item, stored_name
from anymask.data_engine.shards import Shards
from anymask.data_engine.sources import Item, without_dots
from anymask.errors import (
    AnymaskError,
    ImageError,
    InputError,
    OutputError,
    WeightsError,
)
from anymask.files import write_atomic
from anymask.models import Promptable

__all__ = ["Summary", "harvest"]

DAMAGED = "damaged.jsonl"
FATAL = (OutputError, WeightsError)
"""Errors that every further image would meet too."""

Advance = Callable[[int, int, str], None]
"""Called with the number of images done, their number in all, and the name of the next."""


@dataclass
class Summary:
    """What a run did."""

    made: int = 0
    """Images that it processed."""
    kept: int = 0
    """Images that an earlier run had processed."""
    masks: int = 0
    """Masks of the images that it processed."""
    damaged: dict[str, str] = field(default_factory=dict)
    """What is wrong with the images that could not be read, by file name."""


def harvest(
    model: Promptable,
    items: Sequence[Item],
    folder: str | os.PathLike[str],
    plan: Plan | None = None,
    *,
    source: str = "",
    shards: int | None = None,
    force: bool = False,
    advance: Advance | None = None,
) -> Summary:
    """Generate the masks of every image and write them into `folder`, see the module.

    A folder in which the same run was stopped is resumed; the result is the same as without the stop. Images
    that cannot be read are left out and listed.

    model: a promptable model.
    items: the images.
    folder: where to write; made if it is missing.
    plan: what to make of each image.
    source: where the images come from; like model and plan it tells whether a run is the same.
    shards: write tar shards and close each once it holds this many bytes.
    force: restart from scratch in a folder that holds another run.
    advance: called before each image.

    Raises OutputError for a folder that holds anything but the same run (with `force`, any run), or that
    another run is writing to, and InputError for shards below 1 byte.
    """
    if shards is not None and shards < 1:
        raise InputError(f"shards must be 1 byte or more, got {shards}. Take 1 GB, for example.")
    wanted, place = plan or Plan(), Path(folder)
    with run_folder(place, _settings(model, wanted, source, shards), force=force):
        run = _Run(model, place, wanted, None if shards is None else Shards(place, shards))
        return run.through(items if shards is None else without_dots(items), advance)


def _settings(model: Promptable, plan: Plan, source: str, shards: int | None) -> dict[str, Any]:
    own = {"version": anymask.__version__, "model": model.fingerprint, "source": source, "shards": shards}
    return own | plan.to_dict()


@dataclass
class _Run:
    """A run in progress."""

    model: Promptable
    place: Path
    plan: Plan
    shards: Shards | None
    summary: Summary = field(default_factory=Summary)

    def through(self, items: Sequence[Item], advance: Advance | None) -> Summary:
        """Process all images."""
        for number, item in enumerate(items):
            if advance is not None:
                advance(number, len(items), item.path.name)
            try:
                self.add(item)
            except FATAL:
                raise
            except (AnymaskError, OSError) as error:
                self.summary.damaged[str(item.path)] = " ".join(str(error).split())
                _list_damaged(self.place, self.summary.damaged)
        _list_damaged(self.place, self.summary.damaged)
        if self.shards is not None:
            self.shards.close()
        return self.summary

    def add(self, item: Item) -> None:
        """Make the files of an image unless they are there."""
        if self.shards is not None and item.id in self.shards:
            self.summary.kept += 1
            return
        home = self.place if self.shards is None else self.shards.waiting
        file, text = home / stored_name(item.id, item.path, self.plan), home / f"{item.id}.json"
        if text.exists() and file.exists():
            self.summary.kept += 1
        else:
            self.make(item, file, text)
        if self.shards is not None:
            self.shards.add(file, text)

    def make(self, item: Item, file: Path, text: Path) -> None:
        """Process an image and write what the plan asks for, the image, and last its JSON."""
        if not item.path.is_file():
            raise ImageError(f"image must be a file that exists, got {item.path}. Check the name.")
        masks, files = make_item(self.model, item.path, self.plan, item.id)
        image, document = files.pop("image"), files.pop("masks.json")
        for kind, data in files.items():
            _write(self.place / FOLDERS[kind] / f"{item.id}{Path(kind).suffix}", data)
        _write(file, image)
        _write(text, document)
        self.summary.made += 1
        self.summary.masks += masks


def _write(path: Path, data: bytes) -> None:
    """Write a file of the run, over what a stopped run has left."""
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"output must be writable, got {path} ({error.strerror}). Choose another place."
        ) from error
    write_atomic(path, data, force=True)


def _list_damaged(place: Path, damaged: dict[str, str]) -> None:
    """Write the list again; without damaged images there is none."""
    lines = [json.dumps({"file": file, "problem": problem}) for file, problem in damaged.items()]
    if lines:
        write_atomic(place / DAMAGED, "".join(f"{line}\n" for line in lines).encode(), force=True)
    else:
        (place / DAMAGED).unlink(missing_ok=True)
