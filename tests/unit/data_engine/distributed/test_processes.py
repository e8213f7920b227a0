"""Workers as processes, killed for real."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from anymask.data_engine.distributed import driver
from anymask.data_engine.distributed.processes import Processes
from anymask.errors import AnymaskError

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc, kills them")

DRIVER = """
import sys
sys.path[:0] = [sys.argv[1]]
import stub_of_workers as stub
from anymask.data_engine.distributed.listing import open_source
from anymask.data_engine.distributed.processes import Processes
from anymask.data_engine.distributed.run import generate
from anymask.data_engine.distributed.shard import settings_of
from anymask.data_engine.distributed.tasks import Job
from anymask.data_engine.image_masks import Plan

if __name__ == "__main__":
    source, target = sys.argv[2:]
    plan = Plan(edges=True)
    job = Job("stub", "cpu", False, True, plan, source, target, settings_of(stub.Model(), plan, source, 3))
    done = generate(job, open_source(source).images, lambda: (Processes(job, 2, stub.start), 2))
    print(done.made, done.kept)
"""


def two(stub, job):
    return Processes(job, 2, stub.start)


def test_two_processes_make_the_same_bytes(runs, images: Path, tmp_path: Path) -> None:
    (images / "6.jpg").write_bytes(b"FAIL")
    runs.run(tmp_path / "whole")
    assert runs.run(tmp_path / "set", partial(two, runs.stub)).made == 9
    assert runs.tree(tmp_path / "set") == runs.tree(tmp_path / "whole")


@LINUX
def test_an_image_that_kills_its_worker_is_found_and_left_out(
    runs, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "TRIES", 1)  # each death takes a second
    (images / "6.jpg").write_bytes(b"KILL")
    done = runs.run(tmp_path / "set", partial(two, runs.stub))
    assert (done.made, list(done.damaged)) == (9, ["6.jpg"])
    assert "a worker that ended without a word (out of memory, or a fault" in done.damaged["6.jpg"]


@pytest.mark.parametrize(
    ("body", "message"),
    [("os._exit(7)", "must start, got exit code 7 3 times"), ("raise ImageError('no model')", "no model")],
)
def test_workers_that_cannot_start(runs, tmp_path: Path, stub, body: str, message: str) -> None:
    source = Path(stub.__file__)
    source.write_text(source.read_text().partition("def start")[0] + f"def start(job):\n    {body}\n")
    with pytest.raises(AnymaskError, match=message):
        runs.run(tmp_path / "set", lambda job: Processes(job, 1, stub.start))


def children_of(pid: int) -> list[int]:
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(word) for word in words if b"spawn_main" in Path(f"/proc/{word}/cmdline").read_bytes()]
    except OSError:
        return []


@LINUX
def test_killed_at_random_moments_it_ends_in_the_same_bytes(runs, images: Path, tmp_path: Path, stub) -> None:
    for number in range(30):
        (images / f"slow{number}.jpg").write_bytes(b"SLOW %d" % number)
    words = [sys.executable, "-c", DRIVER, str(Path(stub.__file__).parent), str(images)]
    subprocess.run([*words, str(tmp_path / "whole")], check=True, capture_output=True)
    draw, killed = random.Random(0), {"worker": 0, "driver": 0}
    for _ in range(3):
        process = subprocess.Popen([*words, str(tmp_path / "set")], stdout=subprocess.DEVNULL)
        while process.poll() is None and len(list((tmp_path).glob("set/masks-*.json"))) == 0:
            time.sleep(0.01)
        workers = children_of(process.pid)
        if workers:
            os.kill(draw.choice(workers), signal.SIGKILL)
            killed["worker"] += 1
        time.sleep(draw.uniform(0, 0.3))
        if process.poll() is None:
            process.kill()
            killed["driver"] += 1
        process.wait()
        while any(map(is_alive, workers)):  # they end with their driver
            time.sleep(0.01)
    assert killed["driver"] > 0
    assert killed["worker"] > 0
    subprocess.run([*words, str(tmp_path / "set")], check=True, capture_output=True)
    assert runs.tree(tmp_path / "set") == runs.tree(tmp_path / "whole")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
