"""A project: a folder of images, its database, and the images uploaded to it."""

from __future__ import annotations

import hashlib
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from anymask.data_engine.project import images
from anymask.data_engine.project.database import Database, open_database
from anymask.data_engine.project.values import Image
from anymask.errors import ImageError, ImageWarning, InputError, MissingExtraError, StoreError
from anymask.files import sha256_of, write_atomic
from anymask.files.folders import INNER
from anymask.images.bands import Bands
from anymask.images.display import read_display
from anymask.images.folder import list_files
from anymask.images.read import image_size

__all__ = ["INNER", "Project", "current", "open_project", "scan", "upload"]

STEP = 200
"""Number of new images that are read before they are written to the database."""


@dataclass(frozen=True)
class Project:
    """A folder with its database."""

    folder: Path
    db: Database
    bands: Bands | None = None
    """How images other than 8-bit RGB are shown, see `images.display`."""

    @property
    def name(self) -> str:
        """The displayed name: that of the folder."""
        return _printable(self.folder.name) or "project"

    @property
    def uploads(self) -> Path:
        """The folder of uploaded images, named by the hash of their content."""
        return self.folder / INNER / "images"

    def file(self, image: Image) -> Path:
        """The file of an image. Raises UnknownNameError if it is missing, StoreError if the folder is."""
        if not self.folder.is_dir():
            raise StoreError(f"The project's folder {self.folder} is missing. Put it back.")
        source = image if image.copy_of is None else images.find(self.db, image.copy_of)
        return images.file_of(source, self.folder)

    def pixels(self, image: Image) -> NDArray[np.uint8]:
        """The pixels (H, W, 3) uint8 RGB, by `bands`. Raises the errors of `file`, and ImageError."""
        return read_display(self.file(image), self.bands)

    @property
    def view(self) -> str:
        """The part of the cache keys of embeddings and thumbnails that depends on `bands`; empty without."""
        return "" if self.bands is None else hashlib.sha256(repr(self.bands).encode()).hexdigest()[:12]

    def sha256(self, image: Image) -> str:
        """The hash of an image's file, computed once and then stored. Raises the errors of `file`."""
        if image.sha256 is not None:
            return image.sha256
        found = sha256_of(self.file(image))
        images.set_hash(self.db, image.id, found)
        return found

    def close(self) -> None:
        """Close the database."""
        self.db.close()


def open_project(
    folder: str | os.PathLike[str], database: str | None = None, *, bands: Bands | None = None
) -> Project:
    """Open a folder as a project.

    database: address of the database; by default a SQLite file in the folder. bands: how images other than
    8-bit RGB are shown. Images are not searched, see `scan`. Raises InputError for a folder that does not
    exist or is not writable, and the errors of `open_database`.
    """
    place = Path(folder).resolve()
    if place.is_file():
        raise InputError(f"project must be a folder, got the file {folder}. Name the folder that it is in.")
    if not place.is_dir():
        raise InputError(f"project must be a folder that exists, got {folder}. Check the name.")
    new = not (place / INNER).exists()
    try:
        (place / INNER / "images").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"project must be a folder that can be written to, got {folder} ({error.strerror}). "
            "Copy the images to another place."
        ) from error
    try:
        return Project(place, open_database(database or place / INNER / "project.db"), bands)
    except BaseException:
        if new:
            shutil.rmtree(place / INNER, ignore_errors=True)
        raise


def current(project: Project, image: Image) -> Image:
    """An image as its file is now: replaced under its name, it has another size and content hash.

    Raises the errors of `Project.file`, ImageError for a file that is no image any more.
    """
    file = project.file(image)
    state = file.stat()
    if (state.st_size, state.st_mtime_ns) == (image.bytes, image.modified):
        return image
    height, width = image_size(file)
    facts: dict[str, Any] = {"width": width, "height": height, "sha256": None, "missing": False}
    facts |= {"bytes": state.st_size, "modified": state.st_mtime_ns}
    with project.db.writing() as connection:
        images.change(connection, image.id, **facts)
    return replace(image, **facts)


def scan(project: Project, on_unreadable: Callable[[str], object] = str) -> Iterator[int]:
    """Update the database from the files in the folder; yields the number of new images after every step.

    A file that was moved keeps its masks if its content hash was known. Unreadable images are left out, with
    an `ImageWarning` if only an extra is missing; `on_unreadable` gets the name of every other.
    """
    with project.db.reading() as connection:
        known = images.by_path(connection)
    there = {images.relative(file, project.folder): file for file in _files(project)}
    moved = _moved(known, there)
    with project.db.writing() as connection:
        for path, image in known.items():
            _refresh(connection, project, image, there.get(moved.get(path, path)), moved.get(path))
    new = [path for path in there if path not in known and path not in moved.values()]
    for start in range(0, len(new), STEP):
        facts = [_facts(path, there[path], project.folder) for path in new[start : start + STEP]]
        for path, fact in zip(new[start : start + STEP], facts, strict=True):
            if fact is None:
                on_unreadable(_printable(str(there[path].relative_to(project.folder))))
        with project.db.writing() as connection:
            taken = images.by_path(connection).keys() if start else known.keys()
            images.add(connection, [fact for fact in facts if fact is not None and fact["path"] not in taken])
        yield min(start + STEP, len(new))


def upload(project: Project, name: str, data: bytes, max_pixels: int) -> tuple[Image, bool]:
    """Store an uploaded image. Returns the image and whether it is new: the same content is stored once.
    An image that was removed is back then, with its masks.

    Raises ImageError for a file that is not a complete image or has too many pixels, OutputError for a full
    disk.
    """
    digest = hashlib.sha256(data).hexdigest()
    known = images.by_hash(project.db, digest)
    if known is not None:
        return images.mark(project.db, known.id, removed=False) if known.removed else known, False
    read_display(data, project.bands, max_pixels=max_pixels)  # decoded completely: damage is refused now
    height, width = image_size(data)
    file = project.uploads / f"{digest}.{_suffix(data)}"
    project.db.check_file()
    write_atomic(file, data, force=True)
    fact = {
        "path": images.relative(file, project.folder),
        "name": _printable(name.replace("\\", "/").rpartition("/")[2]) or f"{digest[:8]}",
        "sha256": digest,
        "width": width,
        "height": height,
        "bytes": len(data),
        "modified": file.stat().st_mtime_ns,
    }
    with project.db.writing() as connection:
        if fact["path"] not in images.by_path(connection):
            images.add(connection, [fact])
    kept = images.by_hash(project.db, digest)
    assert kept is not None, "it was added just now"
    return kept, True


_SUFFIXES = {b"\xff\xd8": "jpg", b"\x89P": "png", b"RI": "webp", b"GI": "gif", b"BM": "bmp"}


def _suffix(data: bytes) -> str:
    """The suffix that fits the content; the uploaded name may be wrong."""
    return _SUFFIXES.get(data[:2], "tiff")


def _printable(name: str) -> str:
    """A name without line breaks and other control characters, at most 200 characters."""
    clean = os.fsencode(name).decode("utf-8", "replace")
    return "".join(one for one in clean if one.isprintable()).strip()[:200]


def _files(project: Project) -> Iterator[Path]:
    """Images of the folder and its subfolders, and the uploaded ones."""
    for folder in (project.folder, project.uploads):
        for file in list_files(folder):
            if images.is_inside(file, project.folder):
                yield file


def _facts(path: str, file: Path, folder: Path) -> dict[str, Any] | None:
    """The columns of a new file, or None if it is not an image."""
    try:
        height, width = image_size(file)
        state = file.stat()
    except MissingExtraError as error:
        warnings.warn(f"images are left out: {error}", ImageWarning, stacklevel=2)
        return None
    except (ImageError, OSError):
        return None
    return {
        "path": path,
        "name": _printable(str(file.relative_to(folder))),
        "width": width,
        "height": height,
        "bytes": state.st_size,
        "modified": state.st_mtime_ns,
    }


def _moved(known: dict[str, Image], there: dict[str, Path]) -> dict[str, str]:
    """New paths, by old path, of images whose file is missing: files with the same content."""
    gone = {(one.bytes, one.sha256): path for path, one in known.items() if path not in there and one.sha256}
    sizes = {size for size, _ in gone}
    out: dict[str, str] = {}
    for path, file in there.items() if gone else ():
        if path not in known and (size := file.stat().st_size) in sizes:
            old = gone.pop((size, sha256_of(file)), None)
            if old is not None:
                out[old] = path
    return out


def _refresh(
    connection: Connection, project: Project, image: Image, file: Path | None, moved_to: str | None
) -> None:
    """Update a known image from its file.

    connection: an open transaction.
    project: the project.
    image: the image as stored.
    file: its file, None if it is missing.
    moved_to: the new path if the file was moved.
    """
    if file is None:
        if not image.missing:
            images.change(connection, image.id, missing=True)
        return
    state = file.stat()
    same = (state.st_size, state.st_mtime_ns) == (image.bytes, image.modified)
    if same and not image.missing and moved_to is None:
        return
    facts = _facts(moved_to or image.path, file, project.folder)
    if facts is None:
        images.change(connection, image.id, missing=True)
        return
    name = {} if moved_to else {"name": image.name}  # an upload keeps its name, unlike that of its file
    content = {} if same or moved_to else {"sha256": None}
    images.change(connection, image.id, **(facts | name | content), missing=False)
