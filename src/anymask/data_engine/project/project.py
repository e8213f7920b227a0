"""A project: a folder of pictures, its database, and the pictures uploaded to it."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from anymask.data_engine.project import images as pictures
from anymask.data_engine.project.database import Database, open_database
from anymask.data_engine.project.values import Picture
from anymask.errors import ImageError, ImageWarning, InputError, MissingExtraError, StoreError
from anymask.files import sha256_of, write_atomic
from anymask.images.bands import Bands
from anymask.images.display import read_display
from anymask.images.folder import list_files
from anymask.images.read import image_size

__all__ = ["INNER", "Project", "open_project", "scan", "upload"]

INNER = ".anymask"
"""The folder in a project that is ours: project.db, and images/ with what was uploaded."""
STEP = 200
"""New pictures that are looked into before they are told to the database."""


@dataclass(frozen=True)
class Project:
    """A folder with its database."""

    folder: Path
    db: Database
    bands: Bands | None = None
    """How images other than 8-bit RGB are shown, see `images.display`."""

    @property
    def name(self) -> str:
        """What people call it: the folder's name."""
        return _printable(self.folder.name) or "project"

    @property
    def uploads(self) -> Path:
        """Where uploaded pictures are kept, under the hash of their content."""
        return self.folder / INNER / "images"

    def file(self, picture: Picture) -> Path:
        """The file of a picture. Raises UnknownNameError where it is gone, StoreError where the folder is."""
        if not self.folder.is_dir():
            raise StoreError(f"project must stay where it is, got {self.folder}, which is gone. Put it back.")
        return pictures.file_of(picture, self.folder)

    def pixels(self, picture: Picture) -> NDArray[np.uint8]:
        """The image (H, W, 3) uint8 RGB, as `bands` say. Raises as `file`, and ImageError."""
        return read_display(self.file(picture), self.bands)

    @property
    def view(self) -> str:
        """Part of the cache keys of embeddings and thumbnails that depends on `bands`; empty without them."""
        return "" if self.bands is None else hashlib.sha256(repr(self.bands).encode()).hexdigest()[:12]

    def sha256(self, picture: Picture) -> str:
        """The hash of a picture's file, from the database or computed once. Raises as `file`."""
        if picture.sha256 is not None:
            return picture.sha256
        found = sha256_of(self.file(picture))
        pictures.with_hash(self.db, picture.id, found)
        return found

    def close(self) -> None:
        """Close the database."""
        self.db.close()


def open_project(
    folder: str | os.PathLike[str], database: str | None = None, *, bands: Bands | None = None
) -> Project:
    """Open a folder as a project; a SQLite database is made in it unless the address of another is given.

    Pictures are not looked for, see `scan`; `bands` say how images other than 8-bit RGB are shown. Raises
    InputError for a folder that does not exist or cannot be written to, StoreError as `open_database`.
    """
    place = Path(folder).resolve()
    if not place.is_dir():
        raise InputError(f"project must be a folder that exists, got {folder}. Check the name.")
    try:
        (place / INNER / "images").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"project must be a folder that can be written to, got {folder} ({error.strerror}). "
            "Copy the pictures to another place."
        ) from error
    return Project(place, open_database(database or place / INNER / "project.db"), bands)


def scan(project: Project) -> Iterator[int]:
    """Bring the database up to date with the folder; gives the number of new pictures after every step.

    A file that moved keeps its masks where its content was known. Unreadable pictures are left out, with
    an `ImageWarning` where only an extra is missing.
    """
    with project.db.reading() as connection:
        known = pictures.by_path(connection)
    there = {pictures.relative(file, project.folder): file for file in _files(project)}
    moved = _moved(known, there)
    with project.db.writing() as connection:
        for path, picture in known.items():
            _refresh(connection, project, picture, there.get(moved.get(path, path)), moved.get(path))
    new = [path for path in there if path not in known and path not in moved.values()]
    for start in range(0, len(new), STEP):
        facts = [_facts(path, there[path], project.folder) for path in new[start : start + STEP]]
        with project.db.writing() as connection:
            taken = pictures.by_path(connection).keys() if start else known.keys()
            pictures.add(
                connection, [fact for fact in facts if fact is not None and fact["path"] not in taken]
            )
        yield min(start + STEP, len(new))


def upload(project: Project, name: str, data: bytes, max_pixels: int) -> tuple[Picture, bool]:
    """Keep an uploaded picture; the same content again gives the picture that is there. And: is it new?

    Raises ImageError for what is no whole picture or has too many pixels, OutputError for a full disk.
    """
    digest = hashlib.sha256(data).hexdigest()
    known = pictures.by_hash(project.db, digest)
    if known is not None:
        return known, False
    read_display(data, project.bands, max_pixels=max_pixels)  # all of it: damage is refused now
    height, width = image_size(data)
    file = project.uploads / f"{digest}.{_suffix(data)}"
    project.db.check_place()
    write_atomic(file, data, force=True)
    fact = {
        "path": pictures.relative(file, project.folder),
        "name": _printable(name.replace("\\", "/").rpartition("/")[2]) or f"{digest[:8]}",
        "sha256": digest,
        "width": width,
        "height": height,
        "bytes": len(data),
        "modified": file.stat().st_mtime_ns,
    }
    with project.db.writing() as connection:
        if fact["path"] not in pictures.by_path(connection):
            pictures.add(connection, [fact])
    kept = pictures.by_hash(project.db, digest)
    assert kept is not None, "it was added just now"
    return kept, True


_SUFFIXES = {b"\xff\xd8": "jpg", b"\x89P": "png", b"RI": "webp", b"GI": "gif", b"BM": "bmp"}


def _suffix(data: bytes) -> str:
    """By the content: a name may say anything."""
    return _SUFFIXES.get(data[:2], "tiff")


def _printable(name: str) -> str:
    """A name without line breaks and other control characters, at most 200 characters."""
    clean = os.fsencode(name).decode("utf-8", "replace")
    return "".join(one for one in clean if one.isprintable()).strip()[:200]


def _files(project: Project) -> Iterator[Path]:
    """Images of the folder and its subfolders, and the uploaded ones."""
    for folder in (project.folder, project.uploads):
        for file in list_files(folder):
            if pictures.is_inside(file, project.folder):
                yield file


def _facts(path: str, file: Path, folder: Path) -> dict[str, Any] | None:
    """What the database holds of a new file, None for one that is no picture."""
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


def _moved(known: dict[str, Picture], there: dict[str, Path]) -> dict[str, str]:
    """New paths of pictures whose file has gone, by the old: those with the same content."""
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
    connection: Connection, project: Project, picture: Picture, file: Path | None, moved_to: str | None
) -> None:
    """Note what became of a known picture's file."""
    if file is None:
        if not picture.missing:
            pictures.change(connection, picture.id, missing=True)
        return
    state = file.stat()
    same = (state.st_size, state.st_mtime_ns) == (picture.bytes, picture.modified)
    if same and not picture.missing and moved_to is None:
        return
    facts = _facts(moved_to or picture.path, file, project.folder)
    if facts is None:
        pictures.change(connection, picture.id, missing=True)
        return
    name = {} if moved_to else {"name": picture.name}  # that of an upload is not its file's
    content = {} if same or moved_to else {"sha256": None}
    pictures.change(connection, picture.id, **(facts | name | content), missing=False)
