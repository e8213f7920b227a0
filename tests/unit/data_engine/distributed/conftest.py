"""Workers with a stub in the model's place: what they do with an image is in its first letters."""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from anymask.data_engine.distributed import run as module
from anymask.data_engine.distributed.listing import open_source
from anymask.data_engine.distributed.processes import ENDED, Make, answer
from anymask.data_engine.distributed.shard import settings_of
from anymask.data_engine.distributed.tasks import Job, Outcome, Report, Task
from anymask.data_engine.image_masks import Plan
from anymask.data_engine.run import Summary

STUB = """
import json, os, signal, time
from anymask.data_engine.distributed import shard
from anymask.errors import ImageError

class Model:
    fingerprint = "stub"

def make_item(model, path, plan, id):
    data = path.read_bytes()
    if data.startswith(b"KILL"):
        os.kill(os.getpid(), signal.SIGKILL)
    if data.startswith(b"FAIL"):
        raise RuntimeError("a fault")
    if data.startswith(b"SLOW"):
        time.sleep(0.01)
    if data.startswith(b"BAD"):
        raise ImageError(f"image must be good, got {path}. Draw it again.")
    files = {"image": data, "masks.json": json.dumps({"id": id, "of": len(data)}).encode()}
    if plan.edges:
        files["edges.png"] = data[::-1]
    return len(data) % 5, files

def start(job):
    shard.make_item = make_item
    return shard.Maker(job, Model())
"""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module with `start`, which processes that are spawned find too."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "stub_of_workers.py").write_text(STUB)
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.delitem(__import__("sys").modules, "stub_of_workers", raising=False)
    module = importlib.import_module("stub_of_workers")
    monkeypatch.setattr("anymask.data_engine.distributed.shard.make_item", module.make_item)
    monkeypatch.setattr("anymask.files.places._flush", lambda path: None)  # a second for every run
    return module


@dataclass
class Inline:
    """Workers in this process, one task at a time; `script` says what befalls the tasks first."""

    make: Make
    script: Sequence[str] = ()
    size: int = 2
    queue: deque[Task] = field(default_factory=deque)
    made: list[Task] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._coming = list(self.script)

    def free(self) -> int:
        return self.size - len(self.queue)

    def submit(self, task: Task) -> None:
        self.queue.append(task)

    def wait(self) -> list[Outcome]:
        if not self.queue:
            return []
        task = self.queue.popleft()
        what = self._coming.pop(0) if self._coming else "done"
        if what == "late":  # committed, but the driver hears that it died
            answer(self.make, task)
        if what in ("died", "late", "failed", "returned"):
            return [Outcome(task, "died" if what == "late" else what, problem=ENDED)]  # type: ignore[arg-type]
        self.made.append(task)
        _, content = answer(self.make, task)
        if isinstance(content, Report):
            return [Outcome(task, "done", content)]
        if isinstance(content, Exception):
            raise content
        return [Outcome(task, "failed", problem=content)]

    def close(self) -> None:
        self.queue.clear()


@dataclass
class Runs:
    """Runs over one folder of images."""

    stub: ModuleType
    source: str

    def inline(self, *script: str) -> Callable[[Job], Inline]:
        """Starts workers in this process whose first tasks end as the script says."""
        return lambda job: Inline(self.stub.start(job), script)

    @staticmethod
    def tree(folder: Path) -> dict[str, bytes]:
        """All files of a folder."""
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    def job(self, target: object, *, per_shard: int | None = 3, plan: Plan | None = None) -> Job:
        plan = plan or Plan()
        source = open_source(self.source).address
        settings = settings_of(self.stub.Model(), plan, source, per_shard)
        return Job("stub", "cpu", False, True, plan, source, str(target), settings)

    def run(
        self,
        target: object,
        workers: Callable[[Job], object] | None = None,
        *,
        per_shard: int | None = 3,
        plan: Plan | None = None,
        **more: object,
    ) -> Summary:
        job = self.job(target, per_shard=per_shard, plan=plan)
        start = workers or self.inline()
        return module.generate(job, open_source(self.source).images, lambda: (start(job), 2), **more)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Ten files that pass for images, two of them in a subfolder."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for number in range(8):
        (folder / f"{number}.jpg").write_bytes(b"image %d" % number * (number + 1))
    (folder / "sub" / "a.v1.jpg").write_bytes(b"another")
    (folder / "sub" / "b.png").write_bytes(b"and one more")
    (folder / "notes.txt").write_text("not an image")
    return folder


@pytest.fixture
def runs(stub: ModuleType, images: Path) -> Runs:
    return Runs(stub, str(images))
