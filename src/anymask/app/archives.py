"""ZIP archives: packing an export, and unpacking an upload safely. Files that are sent once."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from anymask.app.settings import Limits
from anymask.errors import FormatError
from anymask.formats.image_files import is_hidden
from anymask.formats.safe_paths import inner_path, plain_stem

__all__ = ["Temporary", "pack", "unpack"]

CHUNK = 1 << 20
LONGEST, DEEPEST = 250, 12  # bytes of a name, levels of folders
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def pack(folder: Path, target: Path, report: object, images: Iterable[tuple[str, Path]] = ()) -> None:
    """Write all files of a folder, the report as report.json, and image files by name to an archive.

    Images are stored in the folder `images`, where readers of annotations look for them; of two with the same
    name only the first.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
        archive.writestr("report.json", json.dumps(report, indent=1, ensure_ascii=False))
        written: set[str] = set()
        for name, file in images:
            inner = f"images/{inner_path(name).as_posix()}"
            if inner not in written:
                archive.write(file, inner, zipfile.ZIP_STORED)
            written.add(inner)


def unpack(name: str, source: BinaryIO, folder: Path, limits: Limits) -> Path:
    """Write an uploaded file, or the content of an uploaded archive, to a folder; returns the path to read.

    Raises FormatError for an archive that is damaged or too large when unpacked.
    """
    path = inner_path(name)
    file = folder / f"{plain_stem(path.stem)}{path.suffix if path.suffix.isascii() else ''}"[:200]
    if not zipfile.is_zipfile(source) or file.suffix.lower() == ".npz":
        source.seek(0)
        with file.open("wb") as out:
            shutil.copyfileobj(source, out, CHUNK)
        return file
    source.seek(0)
    inside = folder / "archive"
    inside.mkdir()
    try:
        with zipfile.ZipFile(source) as archive:
            _extract(archive, inside, limits)
    except _DAMAGE as error:
        raise FormatError(f"archive must be a whole ZIP file, got {error}. Pack it again.") from error
    return _root(inside)


def _extract(archive: zipfile.ZipFile, inside: Path, limits: Limits) -> None:
    every = [entry for entry in archive.infolist() if not entry.is_dir()]
    entries = [entry for entry in every if not _is_aside(inner_path(entry.filename))]
    if len(every) > limits.entries:
        raise FormatError(
            f"archive must hold at most {limits.entries} files, got {len(every)}. Import in parts."
        )
    left = limits.unpacked_bytes
    for entry in entries:
        path = inner_path(entry.filename)
        target = inside / path
        if max(len(os.fsencode(part)) for part in path.parts) > LONGEST or len(path.parts) > DEEPEST:
            raise FormatError(
                "archive must hold files with names of at most 250 bytes, got longer. Rename them."
            )
        if not target.resolve().is_relative_to(inside.resolve()) or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as stream, target.open("wb") as out:
            while chunk := stream.read(CHUNK):  # sizes in headers may be wrong
                left -= len(chunk)
                if left < 0:
                    raise FormatError(
                        f"archive must unpack to at most {limits.unpacked_bytes >> 20} MiB, got more. "
                        "Import in parts."
                    )
                out.write(chunk)


def _is_aside(path: Path) -> bool:
    """Whether a file is none of the annotations: the system's, or the report of an export."""
    return is_hidden(path) or path.as_posix() == "report.json"


def _root(inside: Path) -> Path:
    """The innermost file or folder that holds the whole archive."""
    while True:
        entries = list(inside.iterdir())
        if len(entries) != 1 or entries[0].name in ("images", "labels"):
            return inside
        if entries[0].is_file():
            return entries[0]
        inside = entries[0]


class Temporary(FileResponse):
    """A file whose folder is removed after it was sent, also if the client went away."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            shutil.rmtree(Path(self.path).parent, ignore_errors=True)
