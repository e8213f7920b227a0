"""Runs with workers: the manifest, what is finished, the driver, and the end.

```text
DATASET/auto.settings           the settings as JSON: a run with others is refused
DATASET/manifest.jsonl          the images, one a line, with their content hashes
DATASET/masks-000000.tar, ...   shards of <id>.jpg and <id>.json, each of a fixed range of rows
DATASET/masks-000000.json, ...  what a shard holds: written last, so a shard that has one is finished
DATASET/edges, labels, overlays if the plan has them
DATASET/damaged.jsonl           images that could not be processed, if there are any
```
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from anymask.data_engine.distributed.driver import Driver
from anymask.data_engine.distributed.manifest import MANIFEST, Manifest, hashed, write_rows
from anymask.data_engine.distributed.shard import image_chunks
from anymask.data_engine.distributed.tasks import PIECES, Job, Report, Task, Workers, hash_of
from anymask.data_engine.folder import SETTINGS, check_settings, run_folder
from anymask.data_engine.image_masks import FOLDERS
from anymask.data_engine.run import DAMAGED, Advance, Summary
from anymask.errors import OutputError
from anymask.files import sha256_of
from anymask.files.places import Place, is_address, open_place

__all__ = ["generate"]

READERS = 16
"""Reports that are read at once."""
Named = tuple[str, str, int]


def generate(
    job: Job,
    named: Callable[[], Iterator[Named]],
    workers: Callable[[], tuple[Workers, int]],
    *,
    force: bool = False,
    verify: bool = False,
    advance: Advance | None = None,
) -> Summary:
    """Generate the masks of every image of a manifest, see the module; the same call resumes a run.

    job: what the workers are told.
    named: gives (id, path, bytes) of every image, for a run without a manifest.
    workers: starts the workers; gives them and their number.
    force: restart from scratch in a place that holds another run.
    verify: on resuming read every finished shard and compare its hash, not its size alone.
    advance: called with the number of images done, their number in all, and the name of a shard.

    Raises OutputError for a place that holds anything but the same run, SourceLostError, WeightsError.
    """
    target = open_place(job.target)
    images = _listed(target, named, force)
    with _opened(target, dict(job.settings), force), _manifest(target, job, images) as manifest:
        run = _Run(target, manifest, hash_of(job.settings), advance)
        todo = run.unfinished(verify)
        if todo:
            made, count = workers()
            Driver(manifest, target, run.settings, made, count, run.add).run(todo)
        run.end()
        return run.summary


def _opened(target: Place, settings: dict[str, Any], force: bool) -> AbstractContextManager[None]:
    """The place with the run's settings in it. A folder is locked; an address can be shared by drivers."""
    if not is_address(target.address):
        return run_folder(Path(target.address), settings, force=force)
    found = target.sizes()
    if SETTINGS in found:
        check_settings(target.address, target.read(SETTINGS), settings, force)
    elif found:
        raise OutputError(
            f"output must be a new place, got {target.address}, which holds files. Choose another."
        )
    if force:
        for name in (*found, PIECES, *FOLDERS.values()):
            target.remove(name)
    target.put_new(SETTINGS, json.dumps(settings, indent=1).encode())
    return nullcontext()


def _listed(target: Place, named: Callable[[], Iterator[Named]], force: bool) -> Iterator[Named]:
    """The images of a run that has no manifest yet; without any nothing is written."""
    if MANIFEST in target.sizes() and not force:
        return iter(())
    images = named()
    return chain([next(images)], images)


@contextmanager
def _manifest(target: Place, job: Job, images: Iterator[Named]) -> Iterator[Manifest]:
    """The manifest of the run on this machine; made if there is none yet."""
    per_shard = job.settings["images_per_shard"]
    if MANIFEST not in target.sizes():
        source = open_place(job.source)
        with target.writing(MANIFEST) as part, part.open("wb") as file:
            write_rows(file, hashed(images, lambda path: image_chunks(source, path)))
    if not is_address(target.address):
        yield Manifest(Path(target.address, MANIFEST), per_shard)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, MANIFEST)
        with copy.open("wb") as file:
            file.writelines(target.chunks(MANIFEST))
        yield Manifest(copy, per_shard)


class _Run:
    """What is known of the shards of a run."""

    def __init__(self, target: Place, manifest: Manifest, settings: str, advance: Advance | None) -> None:
        self.settings, self.summary = settings, Summary()
        self._target, self._manifest, self._advance = target, manifest, advance
        self._images = 0

    def unfinished(self, verify: bool) -> list[int]:
        """The shards to make. Reports of shards that are not what they say are removed."""
        sizes = self._target.sizes()
        begun = [shard for shard in range(len(self._manifest)) if f"{_name(shard)}.json" in sizes]
        with ThreadPoolExecutor(READERS) as pool:
            reports = dict(
                zip(begun, pool.map(lambda one: self._sound(one, sizes, verify), begun), strict=True)
            )
        for shard, report in reports.items():
            if report is None:
                self._target.remove(f"{_name(shard)}.json")
            else:
                self._count(shard, report)
                self.summary.kept += report.images
        return [shard for shard in range(len(self._manifest)) if reports.get(shard) is None]

    def _sound(self, shard: int, sizes: dict[str, int], verify: bool) -> Report | None:
        """The report of a finished shard; None where the shard must be made again."""
        name = _name(shard)
        report = Report.from_json(self._target.read(f"{name}.json"))
        if report is None or report.settings != self.settings or sizes.get(f"{name}.tar") != report.size:
            return None
        return report if not verify or _hash(self._target, f"{name}.tar") == report.sha256 else None

    def add(self, task: Task, report: Report) -> None:
        """Take note of a shard that was made."""
        self._count(task.shard, report)
        self.summary.made += report.images
        self.summary.masks += report.masks

    def _count(self, shard: int, report: Report) -> None:
        first, last = self._manifest.span(shard)
        self._images += last - first
        self.summary.damaged |= report.damaged
        if self._advance is not None:
            self._advance(self._images, self._manifest.rows, _name(shard))

    def end(self) -> None:
        """Write the list of damaged images, by path, and remove what is left over."""
        self._target.remove(PIECES)
        damaged = sorted(self.summary.damaged.items())
        if not damaged:
            self._target.remove(DAMAGED)
            return
        lines = [json.dumps({"file": file, "problem": problem}) for file, problem in damaged]
        with self._target.writing(DAMAGED) as part:
            part.write_text("".join(f"{line}\n" for line in lines))


def _name(shard: int) -> str:
    return Task(shard, 0, ()).name


def _hash(target: Place, path: str) -> str:
    if not is_address(target.address):
        return sha256_of(Path(target.address, PurePosixPath(path)))
    import hashlib

    digest = hashlib.sha256()
    for part in target.chunks(path):
        digest.update(part)
    return digest.hexdigest()
