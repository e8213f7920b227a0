"""Runs of `anymask auto` with workers: throughput in turns, kills, and the driver with stub workers.

python benchmarks/workers.py throughput IMAGES [--turns 2]   Ray and two processes against serial runs
python benchmarks/workers.py overhead IMAGES [--turns 2]     CPU seconds of one worker against the serial run
python benchmarks/workers.py kills IMAGES [--kills 20]       SIGKILL of workers, driver and Ray; same bytes?
python benchmarks/workers.py driver [--rows 1000000]         1,000 stub workers
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

import numpy as np

WORDS = ["--points-per-side", "6"]
CPU: list[float] = [0.0]
"""CPU seconds of all commands so far, after each."""
ENVIRONMENT = {**os.environ, "ANYMASK_THREADS": "1", "OMP_NUM_THREADS": "1"}


def auto(*words: object) -> list[str]:
    return [sys.executable, "-m", "anymask", "auto", *map(str, words), *WORDS]


def timed(*commands: list[str]) -> float:
    """Wall seconds of commands that run at the same time."""
    start = time.perf_counter()
    running = [
        subprocess.Popen(one, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for one in commands
    ]
    codes = [one.wait() for one in running]
    assert set(codes) <= {0, 3}, codes
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    CPU.append(used.ru_utime + used.ru_stime)
    return time.perf_counter() - start


def digest(folder: Path) -> str:
    """One hash of all files of a data set, without its contact sheet."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "sheet" not in path.parts:
            found.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return found.hexdigest()


def throughput(images: Path, turns: int) -> None:
    files = sorted(path for path in images.rglob("*") if path.suffix in (".jpg", ".png"))
    with tempfile.TemporaryDirectory() as place:
        halves = []
        for number in range(2):
            halves.append(Path(place, f"half{number}.txt"))
            halves[-1].write_text("".join(f"{path}\n" for path in files[number::2]))
        for turn in range(turns):
            out = Path(place, str(turn))
            out.mkdir()
            serial = timed(auto(images, "-o", out / "serial"))
            one = timed(auto(images, "-o", out / "one", "--workers", "1"))
            apart = timed(*(auto(half, "-o", out / half.stem) for half in halves))
            two = timed(auto(images, "-o", out / "two", "--workers", "2"))
            ray = timed(auto(images, "-o", out / "ray", "--workers", "ray"))
            hours = {"serial": serial, "one worker": one, "two serial": apart, "two workers": two, "Ray": ray}
            rates = ", ".join(f"{name} {len(files) / value * 3600:.0f}" for name, value in hours.items())
            print(f"turn {turn}, {len(files)} images, images an hour: {rates}")
            print(
                f"  one worker / serial {serial / one:.3f}, two workers / two serial {apart / two:.3f}, ",
                end="",
            )
            print(f"Ray / two serial {apart / ray:.3f}", flush=True)
            assert digest(out / "one") == digest(out / "two") == digest(out / "ray")


def overhead(images: Path, turns: int) -> None:
    """CPU seconds, the order reversed in every second turn, of one image (what starting costs) and of all."""
    files = sorted(path for path in images.rglob("*") if path.suffix in (".jpg", ".png"))
    for count in (1, len(files)):
        ratios = []
        with tempfile.TemporaryDirectory() as place:
            some = Path(place, "some.txt")
            some.write_text("".join(f"{path.resolve()}\n" for path in files[:count]))
            for turn in range(turns):
                used = {}
                for words in ([], ["--workers", "1"])[:: -1 if turn % 2 else 1]:
                    before = CPU[-1]
                    timed(auto(some, "-o", Path(place, f"{turn}-{len(words)}"), *words))
                    used[len(words)] = CPU[-1] - before
                ratios.append(used[2] / used[0])
                print(f"{count} images: serial {used[0]:.1f} s, one worker {used[2]:.1f} s", flush=True)
        print(f"{count} images: one worker takes {np.mean(ratios):.3f} times as long", end="")
        print(f" ({', '.join(f'{ratio:.3f}' for ratio in ratios)})", flush=True)


def kills(images: Path, count: int, workers: str) -> None:
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as place:
        whole, part = Path(place, "whole"), Path(place, "set")
        seconds = timed(auto(images, "-o", whole, "--workers", workers))
        done = {"worker": 0, "driver": 0, "all": 0} | ({"raylet": 0} if workers == "ray" else {})
        while sum(done.values()) < count:
            driver = subprocess.Popen(
                auto(images, "-o", part, "--workers", workers),
                env=ENVIRONMENT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(draw.uniform(0.3, 1.0) * seconds)
            if driver.poll() is not None:
                shutil.rmtree(part)
                continue
            kind = draw.choice(list(done))
            victims = workers_of(driver.pid)
            if kind == "driver" or not victims:
                kind = "driver"
                driver.kill()
            elif kind == "worker":
                kill(draw.choice(victims))
            elif kind == "raylet":
                kill(next(one for one in family(driver.pid) if b"raylet/raylet" in command_of(one)))
                ended(driver)
            else:
                for pid in family(driver.pid):
                    kill(pid)
            done[kind] += 1
            print(f"{sum(done.values())} kills: {kind}", flush=True)
            if kind != "worker":
                driver.wait()
                for pid in victims:
                    kill(pid)
                time.sleep(0.5)
            else:
                time.sleep(draw.uniform(0, 0.3) * seconds)
                driver.kill()
                driver.wait()
                done["driver"] += 1
        timed(auto(images, "-o", part, "--workers", workers))
        print(f"{workers}: kills {done}, the same bytes: {digest(part) == digest(whole)}", flush=True)


def family(pid: int) -> list[int]:
    """A process and all below it."""
    below: list[str] = []
    for thread in Path(f"/proc/{pid}/task").glob(
        "*/children"
    ):  # a thread that starts a process is its parent
        with suppress(OSError):
            below += thread.read_text().split()
    return [pid, *(one for child in below for one in family(int(child)))]


def workers_of(pid: int) -> list[int]:
    """The processes of a run that make shards."""
    found = []
    for one in family(pid)[1:]:
        text = command_of(one)
        if b"spawn_main" in text or text.startswith(b"ray::_Actor"):
            found.append(one)
    return found


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def ended(driver: subprocess.Popen[bytes]) -> None:
    """Wait for a driver whose Ray is gone; end it as a person would."""
    try:
        driver.wait(30)
    except subprocess.TimeoutExpired:
        print("the driver still waits 30 s after its raylet was killed", flush=True)
        driver.kill()


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def driver(rows: int, count: int, per_shard: int) -> None:
    from anymask.data_engine.distributed import run
    from anymask.data_engine.distributed.manifest import Row
    from anymask.data_engine.distributed.tasks import Job, Outcome, Report, Task, hash_of
    from anymask.data_engine.image_masks import Plan
    from anymask.files.places import open_place

    class Stubs:
        """Workers that write an empty shard and its report as fast as they can, in this process."""

        def __init__(self, job: Job) -> None:
            self._queue: deque[Task] = deque()
            self._place, self._settings = open_place(job.target), hash_of(job.settings)

        def free(self) -> int:
            return 2 * count - len(self._queue)

        def submit(self, task: Task) -> None:
            self._queue.append(task)

        def wait(self) -> list[Outcome]:
            found = []
            for _ in range(min(count, len(self._queue))):
                task = self._queue.popleft()
                report = Report("", 0, len(task.rows), len(task.rows), self._settings)
                Path(self._place.address, f"{task.name}.tar").touch()
                Path(self._place.address, f"{task.name}.json").write_bytes(report.to_json())
                found.append(Outcome(task, "done", report))
            return found

        def close(self) -> None:
            self._queue.clear()

    with tempfile.TemporaryDirectory() as place:
        settings = {"images_per_shard": per_shard}
        job = Job("stub", "cpu", False, True, Plan(), place, f"{place}/set", settings)
        Path(place, "a").mkdir()
        start = time.perf_counter()
        made: list[float] = []
        names = (f"folder{number // 1000}/image{number}" for number in range(rows))
        named = ((name.replace("/", "_"), f"{name}.jpg", 1_000_000) for name in names)
        run.hashed = lambda named, _: (Row(id, path, f"{size:064x}", size) for id, path, size in named)

        def stubs() -> tuple[Stubs, int]:
            made.append(time.perf_counter())
            return Stubs(job), count

        run.generate(job, lambda: named, stubs)
        end = time.perf_counter()
        shards = -(-rows // per_shard)
        size = Path(place, "set", "manifest.jsonl").stat().st_size
        print(f"{rows:,} rows, {shards:,} shards, {count} workers", end=": ")
        print(f"manifest {made[0] - start:.1f} s, {size / 1e6:.0f} MB")
        print(f"driver {shards / (end - made[0]):.0f} shards a second", end=", ")
        print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")
        start = time.perf_counter()
        again = run.generate(job, lambda: iter(()), stubs)
        print(
            f"resuming reads {shards:,} reports in {time.perf_counter() - start:.1f} s, kept {again.kept:,}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["throughput", "overhead", "kills", "driver"])
    parser.add_argument("images", type=Path, nargs="?")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", default="2")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--per-shard", type=int, default=100)
    words = parser.parse_args()
    if words.what == "driver":
        driver(words.rows, words.count, words.per_shard)
    elif words.what == "overhead":
        overhead(words.images, words.turns)
    elif words.what == "throughput":
        throughput(words.images, words.turns)
    else:
        kills(words.images, words.kills, words.workers)


if __name__ == "__main__":
    main()
