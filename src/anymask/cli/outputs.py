"""The files that `anymask segment` and `auto` write: their names, what is in them, all or none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anymask.errors import OutputError
from anymask.files import write_atomic
from anymask.formats import sa1b
from anymask.formats.png import instance_map
from anymask.images.write import encode_jpeg, encode_png
from anymask.types import Masks, Record

__all__ = [
    "DAMAGED",
    "OVERLAY",
    "Targets",
    "beside",
    "check_distinct",
    "choose_targets",
    "encode_overlay",
    "owners",
    "ranks",
    "write_all",
]

DAMAGED = 3
"""Exit code: done, except for images that could not be read."""
CANDIDATES = 3
"""Masks for each object with --all."""
OVERLAY = "overlay.jpg"
"""What the name of an overlay ends in."""


@dataclass(frozen=True)
class Targets:
    """What to write: `masks` is one .json, or a .png for each candidate; both may be missing."""

    masks: tuple[Path, ...]
    overlay: Path | None

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file."""
        return self.masks if self.overlay is None else (*self.masks, self.overlay)

    def encode(self, record: Record) -> dict[Path, bytes]:
        """The bytes of every file; the masks of each object must be sorted, the best first."""
        files = {path: _encode_masks(record, path, rank) for rank, path in enumerate(self.masks)}
        if self.overlay is not None:
            files[self.overlay] = encode_overlay(record.read(), _ranked(record.masks, 0))
        return files


def choose_targets(
    image: str, output: str | None, *, overlay: bool, candidates: bool, as_json: bool
) -> Targets:
    """Which files to write. Raises `OutputError` for unknown suffixes and for the image itself."""
    named = Path(f"{Path(image).stem}-mask.png") if output is None else Path(output)
    masks = () if output is None and as_json else _mask_files(named, candidates)
    targets = Targets(masks, beside(named, OVERLAY) if overlay else None)
    check_distinct(targets.all, Path(image))
    return targets


def beside(output: Path, kind: str) -> Path:
    """The name of a further file of an output: mask.png and "overlay.jpg" give mask-overlay.jpg."""
    return output.with_name(f"{output.stem}-{kind}")


def check_distinct(targets: Sequence[Path], image: Path) -> None:
    """Raise `OutputError` where a file would be written over the image that it is made of."""
    for target in targets:
        if target.resolve() == image.resolve():
            raise OutputError(
                f"output must be a file of its own, got the image {target}. Choose another name."
            )


def _mask_files(named: Path, candidates: bool) -> tuple[Path, ...]:
    if named.suffix.lower() == ".json" or (named.suffix.lower() == ".png" and not candidates):
        return (named,)
    if named.suffix.lower() == ".png":
        return tuple(named.with_name(f"{named.stem}-{n}{named.suffix}") for n in range(1, CANDIDATES + 1))
    raise OutputError(f"output must end in .png or .json, got {named}. Name it mask.png, for example.")


def owners(masks: Masks) -> NDArray[np.int64]:
    """(N,) number of the object that each mask belongs to."""
    return np.zeros(len(masks), np.int64) if masks.prompt is None else masks.prompt


def ranks(masks: Masks) -> NDArray[np.int64]:
    """(N,) how many masks of the same object come before each."""
    owner = owners(masks)
    return np.array([(owner[:row] == owner[row]).sum() for row in range(len(owner))], np.int64)


def _ranked(masks: Masks, rank: int) -> Masks:
    return masks[ranks(masks) == rank]


def _encode_masks(record: Record, path: Path, rank: int) -> bytes:
    """All masks as SA-1B's JSON; or those of one rank as a PNG, one object in white, several as a map."""
    if path.suffix.lower() == ".json":
        return json.dumps(sa1b.to_document(record), indent=1).encode()
    masks = _ranked(record.masks, rank)
    return encode_png(masks.dense()[0] if len(masks) == 1 else instance_map(masks))


def encode_overlay(image: NDArray[np.uint8], masks: Masks, numbers: Sequence[int] | None = None) -> bytes:
    """The image (H, W, 3) uint8 with masks and their numbers drawn on it, as a JPEG file."""
    from anymask.images.overlay import overlay  # most commands draw nothing

    return encode_jpeg(overlay(image, (mask.dense()[0] for mask in masks), numbers=numbers))


def write_all(files: Mapping[Path, bytes], *, force: bool) -> None:
    """Write all files or none: new ones are removed again when a later one fails."""
    written: list[Path] = []
    try:
        for path, data in files.items():
            new = not path.exists()
            write_atomic(path, data, force=force)
            written += [path] if new else []
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
