"""What `anymask like` is given: examples, corrections, images and videos; all of it checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from anymask.cli.console import note
from anymask.cli.text import read_names
from anymask.data_engine.sources import Item, name_items
from anymask.errors import AnymaskError, InputError
from anymask.formats.example_masks import Examples, read_examples
from anymask.geometry import rle
from anymask.images.bands import Bands
from anymask.images.display import read_display
from anymask.images.folder import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_video, list_files
from anymask.images.read import image_size
from anymask.images.write import encode_png
from anymask.types import Context

__all__ = ["Inputs", "find_inputs", "read_all", "read_correction", "read_pair"]

CONTEXT = ".safetensors"
TEXT = "text:"
"""What a TARGET begins with that is words."""


@dataclass(frozen=True)
class Inputs:
    """The files to segment, each with the name of its outputs."""

    images: tuple[Item, ...]
    videos: tuple[Item, ...]
    left_out: tuple[Path, ...] = ()
    """Files in folders that cannot be read; each was reported."""


def find_inputs(paths: Sequence[str]) -> Inputs:
    """Images and videos, those of folders in the order of their names.

    A file of a folder that cannot be read is left out; for one that is named itself `_check` raises. Raises
    `InputError` also for an empty folder, and for a file that is named twice.
    """
    files: list[tuple[Path, PurePath]] = []
    for path in map(Path, paths):
        files += _in_folder(path) if path.is_dir() else [(path, PurePath(path.name))]
    known: set[Path] = set()
    left_out = []
    for path, inner in files:
        if path.resolve() in known:
            raise InputError(f"PATH must name each file once, got {path} twice. Leave one out.")
        known.add(path.resolve())
        try:
            _check(path)
        except AnymaskError as error:
            if str(path) in paths:
                raise
            note(f"left out {path}: {error}")
            left_out.append((path, inner))
    if files and len(left_out) == len(files):
        raise InputError(
            f"PATH must hold images or videos that can be read, got {len(files)} others. Check the files."
        )
    items = name_items(file for file in files if file not in left_out)
    images = tuple(item for item in items if not is_video(item.path))
    videos = tuple(item for item in items if is_video(item.path))
    return Inputs(images, videos, tuple(path for path, _ in left_out))


def _check(path: Path) -> None:
    """Raise InputError, ImageError or MissingExtraError for a file that cannot be read, by its header."""
    if not is_video(path):
        image_size(path)
    elif not path.is_file():
        raise InputError(f"PATH must be a file that exists, got {path}. Check the name.")


def _in_folder(folder: Path) -> list[tuple[Path, PurePath]]:
    found = list_files(
        folder,
        IMAGE_SUFFIXES + VIDEO_SUFFIXES,
        lambda error: note(f"left out {error.filename}: {error.strerror}"),
    )
    if not found:
        raise InputError(
            f"PATH must hold images or videos, got the folder {folder} without any. Choose another folder."
        )
    return [(path, path.relative_to(folder)) for path in found]


def read_all(
    given: Sequence[str], corrections: Sequence[str], *, bands: Bands | None, many: bool, pairs_only: bool
) -> tuple[Examples, list[Context]]:
    """Image/target pairs, and contexts from files, which may be given without pairs unless `pairs_only`.

    `bands` and `many` are those of `read_examples`.
    """
    files = [text for text in given if text.endswith(CONTEXT) and Path(text).is_file()]
    learned = [Context.load(path) for path in files]
    pairs = [_painted(*read_pair(text), bands) for text in given if text not in files]
    if learned and (corrections or pairs_only):
        raise InputError(
            f"--correct and --rank-examples must go with examples PHOTO=TARGET alone, got {files[0]}. "
            "Leave it out."
        )
    if pairs:
        return read_examples(pairs, corrections, bands=bands, many=many), learned
    colours = learned[0].palette
    return Examples((), colours, np.arange(1, 2 if colours is None else len(colours) + 1)), learned


def _painted(photo: str, target: str, bands: Bands | None) -> tuple[str, str | bytes]:
    """A pair whose target is an image: words are searched for in the photo. Raises InputError without any."""
    if Path(target).is_file() and Path(photo).is_file() and Path(target).samefile(photo):
        raise InputError(
            f"--example must be PHOTO=TARGET, got {photo} as its own target. Give an image in which what to "
            "find is white and the rest black, or =text:WORDS."
        )
    if not target.startswith(TEXT) or Path(target).is_file():
        return photo, target
    words = target.removeprefix(TEXT)
    names = read_names([words], "--example")
    pixels = read_display(photo, bands)
    from anymask.cli.loading import load_model
    from anymask.inference.text.find import find

    found = find(load_model("compact"), pixels, names)
    if not len(found):
        raise InputError(
            f"--example must show what to find, got nothing that looks like '{words}' in {photo}. Give a "
            "painted target, or another photo."
        )
    for box, score, area in zip(
        found.boxes.tolist(), found.scores.tolist(), found.areas.tolist(), strict=True
    ):
        place = ",".join(f"{side:g}" for side in box)
        note(f"example {photo}: '{words}' is the box {place}, {area:,} px, score {score:.2f}")
    return photo, encode_png(rle.decode(rle.union(found.rles, found.size), found.size))


def read_pair(text: str) -> tuple[str, str]:
    """Read PHOTO=TARGET; a name may hold an equals sign where only one reading names two files."""
    cuts = [index for index, letter in enumerate(text) if letter == "="]
    readings = [(text[:cut], text[cut + 1 :]) for cut in cuts]
    there = [one for one in readings if all(Path(path).is_file() for path in one)]
    if not cuts or not all(readings[0]):
        if text.endswith(CONTEXT):
            raise InputError(f"--example must be a file that exists, got {text}. Check the name.")
        raise InputError(f"--example must be PHOTO=TARGET, got '{text}'. For example: --example a.jpg=a.png")
    return there[0] if there else readings[0]


def read_correction(text: str) -> tuple[int, str]:
    """Read FRAME=TARGET."""
    number, equals, path = text.partition("=")
    if not (equals and path and number.isdecimal()):
        raise InputError(f"--correct must be FRAME=TARGET, got '{text}'. For example: --correct 120=fix.png")
    return int(number), path
