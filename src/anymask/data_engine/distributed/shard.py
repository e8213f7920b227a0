"""What a worker does: it makes a shard, or a piece of one, and commits it.

The tar file gets its name when it is complete and on the disk, and its report is written after it, by the
first that comes. A worker that dies leaves nothing that counts, and two workers with the same task leave the
same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import anymask
from anymask.data_engine.distributed.manifest import Row
from anymask.data_engine.distributed.tasks import Job, Report, Task, hash_of
from anymask.data_engine.folder import SETTINGS, differences
from anymask.data_engine.image_masks import FOLDERS, Plan, make_item, stored_name
from anymask.data_engine.shards import FORMAT, member
from anymask.errors import AnymaskError, ImageError, InputError, OutputError, WeightsError
from anymask.files import sha256_of
from anymask.files.places import Place, is_address, open_place
from anymask.models import Promptable

__all__ = ["FATAL", "Maker", "SourceLostError", "image_chunks", "settings_of"]


class SourceLostError(AnymaskError):
    """The folder of an image is gone: a disk or a server that cannot be reached, not a damaged image."""


FATAL = (OutputError, WeightsError, SourceLostError)
"""Errors that every further image would meet too."""


def settings_of(model: Promptable, plan: Plan, source: str, per_shard: int | None) -> dict[str, Any]:
    """What tells whether a run is the same, as JSON has it."""
    own = {"version": anymask.__version__, "model": model.fingerprint, "runtime": type(model).__name__}
    found = own | {"source": source, "images_per_shard": per_shard} | plan.to_dict()
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def image_chunks(source: Place, path: str) -> Iterator[bytes]:
    """The content of an image file, part by part.

    path: relative to the source, absolute or an address. Raises ImageError for a file that cannot be read,
    SourceLostError where the folder that should hold it is missing or empty.
    """
    place, name = source, path
    if is_address(path) or path.startswith("/"):
        folder, _, name = path.rpartition("/")
        place = open_place(folder or "/")
    try:
        yield from place.chunks(name)
    except OSError as error:
        folder = str(PurePosixPath(name).parent)
        if not place.is_there("" if folder == "." else folder):
            raise SourceLostError(
                f"source must hold the images of the manifest, got nothing in the folder of {path} at "
                f"{place.address}. Mount or restore it and run the same command again."
            ) from error
        reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
        raise ImageError(
            f"image must be a file that can be read, got {path} ({reason}). Restore it."
        ) from error


class Maker:
    """Makes the shards of a job, one after the other."""

    def __init__(self, job: Job, model: Promptable) -> None:
        """Raises WeightsError where this worker would make something else than the run."""
        self._job, self._model = job, model
        self._source, self._target = open_place(job.source), open_place(job.target)
        self._settings = hash_of(job.settings)
        mine = settings_of(model, job.plan, job.settings["source"], job.settings["images_per_shard"])
        if differ := differences(mine, dict(job.settings)):
            raise WeightsError(
                f"worker must have the same {' and '.join(differ)} as the run, got "
                f"{', '.join(str(mine.get(name)) for name in differ)}. Install the same anymask and weights."
            )

    def __call__(self, task: Task) -> Report:
        """Make and commit what the task names. Raises the errors in FATAL; others mean that it failed."""
        self._check_target()
        return self._merge(task) if task.pieces else self._make(task)

    def _check_target(self) -> None:
        """Raise OutputError where the data set is not there, as when a disk is gone."""
        try:
            found = json.loads(self._target.read(SETTINGS))
        except (OSError, InputError, ValueError) as error:
            raise OutputError(
                f"output must hold the run's {SETTINGS}, got {self._target.address} without it "
                f"({type(error).__name__}). Mount or restore it and run the same command again."
            ) from error
        if found != self._job.settings:
            raise OutputError(
                f"output must hold the same run, got {self._target.address} with the settings of another. "
                "Two runs must not share a folder."
            )

    def _make(self, task: Task) -> Report:
        damaged: dict[str, str] = {}
        images = masks = 0
        with self._committed(task) as (archive, commit):
            for row in task.rows:
                try:
                    count, files = self._item(row)
                except FATAL:
                    raise
                except (AnymaskError, OSError) as error:
                    damaged[row.path] = " ".join(str(error).split())
                    continue
                self._write(archive, row, files)
                images, masks = images + 1, masks + count
            commit.update(images=images, masks=masks, damaged=damaged)
        return self._report(task, commit)

    def _item(self, row: Row) -> tuple[int, dict[str, bytes]]:
        """The files of an image, made from a copy of exactly the bytes that the manifest names."""
        with _scratch() as folder:
            copy = folder / f"image{PurePosixPath(row.path).suffix}"
            found = _copied(image_chunks(self._source, row.path), copy)
            if row.sha256 and found != row.sha256:
                raise ImageError(
                    f"image must be the same as in the manifest, got {row.path}, which was changed since. "
                    "Start a new run for its new content."
                )
            try:
                return make_item(self._model, copy, self._job.plan, row.id)
            except FATAL:
                raise
            except InputError as error:  # named as in the source: the same text in every run
                raise ImageError(str(error).replace(str(copy), row.path)) from error

    def _write(self, archive: tarfile.TarFile, row: Row, files: dict[str, bytes]) -> None:
        image, text = files.pop("image"), files.pop("masks.json")
        for kind, data in files.items():
            with self._target.writing(f"{FOLDERS[kind]}/{row.id}{Path(kind).suffix}") as part:
                part.write_bytes(data)
        name = stored_name(row.id, PurePosixPath(row.path), self._job.plan)
        for inner, data in ((name, image), (f"{row.id}.json", text)):
            archive.addfile(member(inner, len(data)), io.BytesIO(data))

    def _merge(self, task: Task) -> Report:
        """A shard from its pieces: the same bytes as if it had been made as a whole."""
        reports = []
        with self._committed(task) as (archive, commit):
            for name in task.pieces:
                found = Report.from_json(self._target.read(f"{name}.json"))
                if found is None:
                    raise InputError(f"piece must have a report, got {name}. It is made again.")
                reports.append(found)
                if found.sha256:
                    _copy_members(self._target.chunks(f"{name}.tar"), found, archive, name)
            joined = Report.joined(reports, "", 0)
            commit.update(images=joined.images, masks=joined.masks, damaged=dict(joined.damaged))
        return self._report(task, commit)

    @contextmanager
    def _committed(self, task: Task) -> Iterator[tuple[tarfile.TarFile, dict[str, Any]]]:
        """An open tar file that becomes the task's, and the values of its report."""
        commit: dict[str, Any] = {"settings": self._settings}
        with self._target.writing(f"{task.name}.tar") as part:
            with tarfile.open(part, mode="w", format=FORMAT) as archive:
                yield archive, commit
            commit |= {"sha256": sha256_of(part), "size": part.stat().st_size}
        self._target.put_new(f"{task.name}.json", Report(**commit).to_json())

    def _report(self, task: Task, commit: Mapping[str, Any]) -> Report:
        """The report, which another worker may have written. Raises InputError where that one differs."""
        mine = Report(**commit)
        stored = Report.from_json(self._target.read(f"{task.name}.json"))
        if stored != mine:
            self._target.remove(f"{task.name}.json")
            raise InputError(
                f"shard must have the same bytes from every worker, got others for {task.name}. It is made "
                "again; if that repeats, use workers of the same kind."
            )
        return mine


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for temporary files. Raises OutputError where there can be none."""
    try:
        folder = tempfile.TemporaryDirectory()
    except OSError as error:
        raise _no_room(tempfile.gettempdir(), error) from error
    with folder:
        yield Path(folder.name)


def _no_room(place: str, error: OSError) -> OutputError:
    return OutputError(
        f"the folder of temporary files must have room, got {place} ({error.strerror}). Make room, or set "
        "TMPDIR to another."
    )


def _copied(chunks: Iterator[bytes], target: Path) -> str:
    """Copy to a new file of this machine; returns the content hash. Raises OutputError for a full disk."""
    digest = hashlib.sha256()
    _append(target, b"")
    for part in chunks:
        digest.update(part)
        _append(target, part)
    return digest.hexdigest()


def _append(target: Path, data: bytes) -> None:
    try:
        with target.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise _no_room(str(target.parent), error) from error


def _copy_members(chunks: Iterator[bytes], report: Report, archive: tarfile.TarFile, name: str) -> None:
    """Copy the files of a piece. Raises InputError where it is damaged."""
    with _scratch() as folder:
        copy = folder / "piece.tar"
        if _copied(chunks, copy) != report.sha256:
            raise InputError(
                f"piece must have the bytes of its report, got others in {name}. It is made again."
            )
        with tarfile.open(copy, mode="r:") as piece:
            for one in piece:
                content = piece.extractfile(one)
                assert content is not None, "a shard holds files alone"
                archive.addfile(member(one.name, one.size), content)
