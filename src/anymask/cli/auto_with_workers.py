"""`anymask auto` with workers: processes or actors of Ray, and what a run would take."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import TYPE_CHECKING

from anymask.cli.console import note, out, out_json, progress
from anymask.errors import InputError
from anymask.files.places import open_place
from anymask.files.reports.wording import counted

if TYPE_CHECKING:
    from anymask.cli.options.auto import Options
    from anymask.data_engine.distributed.tasks import Job, Workers
    from anymask.data_engine.image_masks import Plan
    from anymask.data_engine.run import Summary
    from anymask.models import Promptable

__all__ = ["print_plan", "run_with_workers"]

THREADS = "ANYMASK_THREADS"


def run_with_workers(options: Options, output: str, plan: Plan, load: Callable[[], Promptable]) -> Summary:
    """Generate masks by workers. Raises the errors of `distributed.run.generate`."""
    from anymask.data_engine.distributed.listing import open_source
    from anymask.data_engine.distributed.run import generate
    from anymask.data_engine.distributed.shard import settings_of
    from anymask.data_engine.distributed.tasks import Job

    count = _count(options.workers)
    source, target = open_source(options.source, note), open_place(output)
    threads = _threads()
    job = Job(
        model=os.path.abspath(options.model) if os.path.exists(options.model) else options.model,
        device=options.device,
        compile=options.compile,
        offline=options.offline,
        plan=plan,
        source=source.address,
        target=target.address,
        settings=settings_of(
            load(), plan, options.source if source.list_file else source.address, options.images_per_shard
        ),
        threads=threads,
    )
    try:
        # Ray prints notes of its own to stdout
        with redirect_stdout(sys.stderr), progress("images") as advance:
            return generate(
                job,
                source.images,
                lambda: _start(job, options, count),
                force=options.force,
                verify=options.verify,
                advance=advance,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command resumes here") from None


def _threads() -> int:
    """Threads of each worker: one, unless --threads or the environment says more."""
    from anymask.models.onnx_session import threads

    return threads() if os.environ.get(THREADS) else 1


def _count(workers: str | None) -> int | None:
    """The number of processes, None for Ray. Raises InputError."""
    from anymask.data_engine.distributed.ray_actors import is_ray

    text = workers or "1"
    if is_ray(text):
        return None
    if not text.isdecimal() or not 0 < int(text) <= 1000:
        raise InputError(
            f"--workers must be 1 to 1000 processes, ray, auto or ray://HOST:PORT, got '{text}'. "
            "Write --workers 2, for example."
        )
    return int(text)


def _start(job: Job, options: Options, count: int | None) -> tuple[Workers, int]:
    """Start the workers; they and their number."""
    if count is None:
        from anymask.data_engine.distributed.ray_actors import RayActors, connect

        gpus = options.device.startswith("cuda")
        ray, room = connect(str(options.workers), job.threads, gpus=gpus)
        note(f"{room} actors of Ray, {counted(job.threads, 'thread')} each")
        return RayActors(ray, job, room, gpus=gpus), room
    from anymask.data_engine.distributed.processes import Processes

    note(f"{count} processes, {counted(job.threads, 'thread')} each")
    return Processes(job, count), count


def print_plan(options: Options, plan: Plan, load: Callable[[], Promptable]) -> int:
    """Measure a few images and print what a run would take."""
    from anymask.data_engine.distributed.estimate import estimate
    from anymask.data_engine.distributed.listing import open_source

    count = _count(options.workers)
    threads = _threads()
    if count is None:
        from anymask.data_engine.distributed.ray_actors import connect

        ray, count = connect(str(options.workers), threads)
        ray.shutdown()
    os.environ[THREADS] = str(threads)
    source = open_source(options.source, note)
    with progress("images") as advance:
        found = estimate(
            load(),
            source,
            plan,
            workers=count,
            threads=threads,
            per_shard=options.images_per_shard,
            advance=advance,
        )
    if options.as_json:
        out_json(asdict(found))
        return 0
    lines = [
        f"{found.images:,} images in {found.shards:,} shards, workers: {found.workers}, threads: {threads}",
        f"{found.seconds_per_image:.2f} ± {found.spread:.2f} seconds an image (measured on {found.sample}), "
        f"{found.masks_per_image:.1f} masks an image",
        f"{_time(found.hours)}, {_time(found.core_hours)} of one core, {found.bytes / 1e6:,.1f} MB",
    ]
    if found.unreadable:
        lines.append(f"{found.unreadable} images of the sample could not be processed")
    out("\n".join(lines))
    return 0


def _time(hours: float) -> str:
    """Hours, of less than two the minutes, of less than two minutes the seconds."""
    for unit, length in (("hours", 1), ("minutes", 60)):
        if hours * length >= 2:
            return f"{hours * length:,.1f} {unit}"
    return f"{hours * 3600:,.0f} seconds"
