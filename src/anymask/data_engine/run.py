"""A data set of masks in SA-1B's form, made picture by picture; whatever stops it, the same call goes on.

```text
DATASET/auto.settings        what was asked for, as JSON: another run is refused
DATASET/<id>.jpg, <id>.json  a picture, copied as it is, and its masks
DATASET/edges/<id>.png       where asked for; so are labels/<id>.png and overlays/<id>.jpg
DATASET/damaged.jsonl        pictures that could not be read, if there are any
```

A file is whole or not there, and the JSON of a picture comes last: what has one is done. With shards the
pairs lie in `masks-000000.tar`, `masks-000001.tar`, ..., and until one is full in the folder `waiting`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anymask
from anymask.data_engine.folder import taken
from anymask.data_engine.one import Plan, find_masks, make_record, open_picture, pixels_of, products
from anymask.data_engine.shards import Shards
from anymask.data_engine.sources import Item, without_dots
from anymask.errors import (
    AnymaskError,
    ImageError,
    InputError,
    MissingExtraError,
    OutputError,
    WeightsError,
)
from anymask.files import write_atomic
from anymask.formats import sa1b
from anymask.images.write import encode_png
from anymask.models import Sam, weights_hash

__all__ = ["Summary", "harvest"]

DAMAGED = "damaged.jsonl"
FOLDERS = {"edges.png": "edges", "labels.png": "labels", "overlay.jpg": "overlays"}
"""Where the files beside the JSON lie."""
FATAL = (OutputError, WeightsError, MissingExtraError)
"""Errors that every further picture would meet too."""

Advance = Callable[[int, int, str], None]
"""Called with the pictures done, their number in all, and the name of the one that comes."""


@dataclass
class Summary:
    """What a run did."""

    made: int = 0
    """Pictures that were looked at."""
    kept: int = 0
    """Pictures that an earlier run had done."""
    masks: int = 0
    """Masks of the pictures that were looked at."""
    damaged: dict[str, str] = field(default_factory=dict)
    """What is wrong with pictures that could not be read, by file name."""


def harvest(
    model: Sam,
    items: Sequence[Item],
    folder: str | os.PathLike[str],
    plan: Plan | None = None,
    *,
    source: str = "",
    shards: int | None = None,
    force: bool = False,
    advance: Advance | None = None,
) -> Summary:
    """Find the masks of every picture and write them into `folder`, see the module.

    A folder that the same run began, with this model, plan and `source`, is gone on with: the end is the same
    as without a stop. Damaged pictures are left out and listed. shards: write tar shards, each closed once it
    holds so many bytes. Raises OutputError for a folder that holds anything else, unless it is another run's
    and `force` is true, which starts over, or where another run is at work; InputError for shards of nothing.
    """
    if shards is not None and shards < 1:
        raise InputError(f"shards must be 1 byte or more, got {shards}. Take 1 GB, for example.")
    wanted, place = plan or Plan(), Path(folder)
    with taken(place, _settings(model, wanted, source, shards), force=force):
        run = _Run(model, place, wanted, None if shards is None else Shards(place, shards))
        return run.through(items if shards is None else without_dots(items), advance)


def _settings(model: Sam, plan: Plan, source: str, shards: int | None) -> dict[str, Any]:
    own = {"version": anymask.__version__, "model": weights_hash(model), "source": source, "shards": shards}
    return own | plan.to_dict()


@dataclass
class _Run:
    """A run at work."""

    model: Sam
    place: Path
    plan: Plan
    shards: Shards | None
    summary: Summary = field(default_factory=Summary)

    def through(self, items: Sequence[Item], advance: Advance | None) -> Summary:
        """See to all pictures."""
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
        """Make the files of a picture unless they are there."""
        if self.shards is not None and item.id in self.shards:
            self.summary.kept += 1
            return
        home = self.place if self.shards is None else self.shards.waiting
        suffix = item.path.suffix.lower() if self.plan.bands is None else ".png"
        picture, text = home / f"{item.id}{suffix}", home / f"{item.id}.json"
        if text.exists() and picture.exists():
            self.summary.kept += 1
        else:
            self.make(item, picture, text)
        if self.shards is not None:
            self.shards.add(picture, text)

    def make(self, item: Item, file: Path, text: Path) -> None:
        """Find the masks of a picture and write it, what lies beside, and its JSON."""
        if not item.path.is_file():
            raise ImageError(f"image must be a file that exists, got {item.path}. Check the name.")
        picture = open_picture(item.path, self.plan)
        masks = find_masks(self.model, picture, self.plan)
        for name, data in products(self.model, picture, masks, self.plan).items():
            _write(self.place / FOLDERS[name] / f"{item.id}{Path(name).suffix}", data)
        as_it_is = self.plan.bands is None
        _write(file, item.path.read_bytes() if as_it_is else encode_png(pixels_of(picture)))
        _write(text, json.dumps(sa1b.to_document(make_record(item.id, file, masks, self.plan))).encode())
        self.summary.made += 1
        self.summary.masks += len(masks)


def _write(path: Path, data: bytes) -> None:
    """Write a file of the run, over what a stop has left."""
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"output must be writable, got {path} ({error.strerror}). Choose another place."
        ) from error
    write_atomic(path, data, force=True)


def _list_damaged(place: Path, damaged: dict[str, str]) -> None:
    """Write the list anew; without any there is none."""
    lines = [json.dumps({"file": file, "problem": problem}) for file, problem in damaged.items()]
    if lines:
        write_atomic(place / DAMAGED, "".join(f"{line}\n" for line in lines).encode(), force=True)
    else:
        (place / DAMAGED).unlink(missing_ok=True)
