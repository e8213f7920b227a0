"""Writing of masks and records to files, and what each file loses of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from anymask.errors import InputError, OutputError, unknown_name
from anymask.files import staged
from anymask.formats.loss_report import Loss, Tally
from anymask.formats.registry import BY_SUFFIX, FORMATS
from anymask.formats.streaming import OnError
from anymask.formats.writers import Outlines, Target, Writer
from anymask.types import Masks, Record

__all__ = ["format_for", "write"]

_SUFFIXES = {**BY_SUFFIX, "": "masks"}


def write(
    what: Masks | Record | Iterable[Record],
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    outlines: Outlines | None = None,
    force: bool = False,
    on_error: OnError | None = None,
    sent: bool = False,
) -> Loss:
    """Write masks or records to `path`, atomically; return the loss report.

    format: one of FORMATS; None: chosen by the suffix of `path` (see the table of the module). Several
    records
    in a format with one image per file are written to a folder; `path` then has no suffix. An iterator of
    records is consumed one record at a time.
    outlines: how masks become polygons.
    force: replace an existing file or folder.
    on_error: called for a record that cannot be written, which is then left out; None: its error is raised.
    sent: write image paths for files that will be moved next to the images; otherwise the paths point to
    where the images are now.

    Raises UnknownNameError for an unknown format or suffix, InputError if the format cannot store the data,
    OutputError if the parent folder is missing, or `path` exists and `force` is false.
    """
    target = Path(path)
    records = [_as_record(what, target)] if isinstance(what, (Masks, Record)) else what
    name = format_for(what, target) if format is None else format
    if name not in FORMATS:
        raise unknown_name("format", name, FORMATS)
    chosen = FORMATS[name]
    many = not isinstance(what, (Masks, Record)) and chosen.folder is not None and target.suffix == ""
    tally = Tally(chosen.keeps)
    in_folder = many or chosen.always_folder
    with staged(target, force=force, may_replace=chosen.folder if in_folder else None) as place:
        assert chosen.open is not None, "one of FORMATS"
        writer = chosen.open(Target(place, None if sent else target, outlines or Outlines(), many))
        for record in records:
            _add(writer, record, tally, on_error)
        writer.close()
    return tally.result(target, name)


def _add(writer: Writer, record: Record, tally: Tally, on_error: OnError | None) -> None:
    """Write one record, or report its error."""
    try:
        page = writer.add(record)
    except OutputError:
        raise
    except InputError as error:
        if on_error is None:
            raise
        on_error(record.id, error)
        tally.skip(record.id, error)
    else:
        tally.add(record, page)


def format_for(what: Masks | Record | Iterable[Record], path: str | os.PathLike[str]) -> str:
    """The format selected by the suffix of a file name. Raises UnknownNameError for an unknown suffix."""
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        return "sa1b" if isinstance(what, (Masks, Record)) else "coco"
    if suffix == ".png":
        masks = what.masks if isinstance(what, Record) else what
        return "mask" if isinstance(masks, Masks) and len(masks) == 1 else "instances"
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    raise unknown_name("suffix of the output", suffix, (".json", ".png", *_SUFFIXES))


def _as_record(what: Masks | Record, path: Path) -> Record:
    """A record of bare masks, named after their file."""
    return what if isinstance(what, Record) else Record(path.stem, Path(f"{path.stem}.jpg"), what)
