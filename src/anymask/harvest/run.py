"""A data set of masks in SA-1B's form, made picture by picture; whatever stops it, the same call goes on.

```text
DATASET/auto.settings        what was asked for, as JSON: another run is refused
DATASET/<id>.jpg, <id>.json  a picture, copied as it is, and its masks
DATASET/edges/<id>.png       where asked for; so are labels/<id>.png and overlays/<id>.jpg
DATASET/damaged.jsonl        pictures that could not be read, if there are any
```

A file is whole or not there, and the JSON of a picture comes last: what has one is done.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anymask
from anymask.errors import AnymaskError, ImageError, MissingExtraError, OutputError, WeightsError
from anymask.files import write_atomic
from anymask.formats import sa1b
from anymask.harvest.items import Item
from anymask.harvest.plan import Plan, find_masks, make_record, open_picture, pixels_of, products
from anymask.images import encode_png
from anymask.models import Sam, weights_hash

__all__ = ["Summary", "harvest"]

SETTINGS, DAMAGED = "auto.settings", "damaged.jsonl"
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
    force: bool = False,
    advance: Advance | None = None,
) -> Summary:
    """Find the masks of every picture and write them into `folder`, see the module.

    A folder that the same run began, with this model, plan and `source`, is gone on with: the end is the same
    as without a stop. Damaged pictures are left out and listed. Raises OutputError for a folder that holds
    anything else, unless it is another run's and `force` is true, which starts over.
    """
    wanted = plan or Plan()
    place = _start(Path(folder), _settings(model, wanted, source), force)
    summary = Summary()
    for number, item in enumerate(items):
        if advance is not None:
            advance(number, len(items), item.path.name)
        try:
            _add(model, item, place, wanted, summary)
        except FATAL:
            raise
        except (AnymaskError, OSError) as error:
            summary.damaged[str(item.path)] = " ".join(str(error).split())
            _list_damaged(place, summary.damaged)
    _list_damaged(place, summary.damaged)
    return summary


def _settings(model: Sam, plan: Plan, source: str) -> dict[str, Any]:
    own = {"version": anymask.__version__, "model": weights_hash(model), "source": source}
    return own | plan.to_dict()


def _start(place: Path, settings: dict[str, Any], force: bool) -> Path:
    """Make the folder, or take up the one that the same run left."""
    if place.exists() and not place.is_dir():
        raise OutputError(f"output must be a folder, got the file {place}. Choose another name.")
    if not place.parent.is_dir():
        raise OutputError(
            f"output must lie in a folder that exists, got {place}. Make the folder {place.parent} first."
        )
    found = place / SETTINGS
    if place.is_dir() and any(place.iterdir()):
        _check_same(place, found, settings, force)
    if force and found.is_file():
        shutil.rmtree(place)
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"output must be writable, got {place} ({error.strerror}). Choose another place."
        ) from error
    for left in place.rglob(".*.part"):  # of files that were being written when the run was stopped
        left.unlink()
    if not found.exists():
        write_atomic(found, json.dumps(settings, indent=1).encode())
    return place


def _check_same(place: Path, found: Path, settings: dict[str, Any], force: bool) -> None:
    """Raise OutputError for a folder that is no run's, or another run's where that is not to be replaced."""
    names = [path.name for path in place.iterdir()]
    if not found.is_file():
        if all(name.endswith(".part") for name in names):
            return
        raise OutputError(
            f"output must be a new folder, got {place}, which holds files. Choose another name."
        )
    try:
        there = json.loads(found.read_bytes())
    except ValueError:
        there = {}
    differ = _differences(there, settings) if isinstance(there, dict) else [SETTINGS]
    if differ and not force:
        raise OutputError(
            f"output must be a new folder or hold this very run, got {place}, made with another "
            f"{', '.join(differ)}. Choose another name, or add --force to start over."
        )


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Names of the settings that differ, those of `auto` by their own."""
    names = []
    for name in sorted({*one, *other}):
        a, b = one.get(name), other.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            names += _differences(a, b)
        elif a != b:
            names.append(name)
    return names


def _add(model: Sam, item: Item, place: Path, plan: Plan, summary: Summary) -> None:
    """Make the files of a picture unless they are there."""
    suffix = item.path.suffix.lower() if plan.bands is None else ".png"
    picture_file, text = place / f"{item.id}{suffix}", place / f"{item.id}.json"
    if text.exists() and picture_file.exists():
        summary.kept += 1
        return
    if not item.path.is_file():
        raise ImageError(f"image must be a file that exists, got {item.path}. Check the name.")
    picture = open_picture(item.path, plan)
    masks = find_masks(model, picture, plan)
    for name, data in products(model, picture, masks, plan).items():
        _write(place / FOLDERS[name] / f"{item.id}{Path(name).suffix}", data)
    _write(picture_file, item.path.read_bytes() if plan.bands is None else encode_png(pixels_of(picture)))
    record = make_record(item.id, picture_file, masks, plan)
    _write(text, json.dumps(sa1b.to_document(record)).encode())
    summary.made += 1
    summary.masks += len(masks)


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
