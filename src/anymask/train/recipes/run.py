"""Run a training configuration in a folder, from the data to a model that `anymask.load` opens."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import anymask
from anymask.data.dataset import Collection, OnError
from anymask.errors import InputError, OutputError
from anymask.evaluate import clicks, detections, fewshot
from anymask.evaluate.report import machine
from anymask.files import write_atomic
from anymask.files.reports.provenance import commit
from anymask.models.checkpoints.load import MODEL_FILE, RUN, AnyModel
from anymask.models.detector import Detector
from anymask.models.sam import Sam
from anymask.train.build import EMBEDDINGS, RunDataset, make_task, open_encoder, open_model, open_sources
from anymask.train.checkpoint import STATE
from anymask.train.config import TrainConfig, change, first_change
from anymask.train.loop import fit
from anymask.train.metrics import BOARD, METRICS, Report

DAMAGED = "damaged.jsonl"


def run(
    config: TrainConfig,
    data: Sequence[str | Path],
    out: str | Path,
    report: Report | None = None,
    *,
    force: bool = False,
) -> Path:
    """Train on data sets, each `path` or `path=weight`; returns the run's folder, which `anymask.load` opens.

    A path may be `name:path`, see `train.build.open_sources`. Data sets with splits are trained on "train"
    and evaluated on "val". `out` gets `model.safetensors`, `metrics.jsonl` (each line is also passed to
    `report`), `run.json`, `state.pt`, TensorBoard events and, if items are damaged, `damaged.jsonl`. A run
    that was stopped is resumed exactly; with `force` it restarts from scratch. Raises `InputError` for data
    that cannot be used and for a resume with another configuration or other data, `OutputError` for a folder
    that holds something else.
    """
    folder = Path(out)
    sources = open_sources(data, config, partial(_note_fault, folder))
    first = int(os.environ.get("RANK", "0")) == 0
    new = not folder.exists()
    if first:
        _prepare(folder, config, sources, force=force)
    try:
        _fit(folder, config, sources, report)
    except Exception:
        if first and new and not (folder / STATE).exists():  # nothing was trained
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if first:
        shutil.rmtree(folder / EMBEDDINGS, ignore_errors=True)
    return folder


def _fit(folder: Path, config: TrainConfig, sources: Sequence[RunDataset], report: Report | None) -> None:
    """Train in a prepared folder."""
    started = folder if (folder / STATE).exists() else None
    validation = {source.train.name: source.val for source in sources if source.val is not None}
    validate = partial(_validate, validation, config) if validation else None
    task = make_task(config, open_model(config, started), sources, folder, validate)
    fit(task, config.loop, config.optim, folder, report)


def resume(out: str | Path, settings: Sequence[str] = (), report: Report | None = None) -> Path:
    """Resume a stopped run from its folder alone; `settings` may change the settings in `config.FREE`.

    Raises the errors of `run`, and `InputError` if the folder holds no run.
    """
    past = _past(Path(out))
    if past is None:
        raise InputError(f"out must be the folder of a run, got {out} without {RUN}. Start a run first.")
    data = [f"{one['path']}={one['weight']}" for one in past["data"]]
    return run(change(TrainConfig.from_dict(past["config"]), settings), data, out, report)


def _validate(datasets: dict[str, Collection], config: TrainConfig, model: AnyModel) -> dict[str, float]:
    """Metrics on the validation sets, always on the same masks: by prompts, few-shot, or of found boxes."""
    if isinstance(model, Sam):
        return _validate_clicks(datasets, config, model)
    if isinstance(model, Detector):
        found = detections.run(open_encoder(config), model, datasets, config.val_images)["mean"]
        return {f"val_{name}": value for name, value in found.items()}
    options = fewshot.FewshotConfig(
        shots=(1, 4), most_queries=config.val_images, baselines=False, resamples=1
    )
    report = fewshot.run(model, datasets, options)
    return {f"val_{name}": number.value for name, number in report.mean.numbers.items()}


def _validate_clicks(datasets: dict[str, Collection], config: TrainConfig, model: Sam) -> dict[str, float]:
    """Mean IoU over the validation sets after one and five clicks and from a box."""
    options = clicks.ClicksConfig(
        clicks=(1, 5),
        noc=(),
        random_click=False,
        grabcut_masks=0,
        most_images=config.val_images,
        most_masks=config.val_masks,
        resamples=1,
    )
    found = clicks.run(model, datasets, options)
    return {f"val_{name}": number.value for name, number in found.mean.numbers.items()}


def _note_fault(folder: Path, dataset: str) -> OnError:
    """A callback that appends damaged items to a file in the run's folder; usable in any process."""

    def note(item: str, error: Exception) -> None:
        if folder.is_dir():
            line = json.dumps({"dataset": dataset, "item": item, "error": str(error)}) + "\n"
            path = folder / DAMAGED
            if not path.exists() or line not in path.read_text("utf-8").splitlines(keepends=True):
                with path.open("a", encoding="utf-8") as file:
                    file.write(line)

    return note


def _prepare(folder: Path, config: TrainConfig, sources: Sequence[RunDataset], *, force: bool) -> None:
    """Make the folder and its run.json, or check that the folder holds the same run."""
    _check_apart(folder, sources)
    if force:
        _clear(folder)
    past = _past(folder)
    if past is None:
        _check_free(folder)
    else:
        _check_same(folder, past, config, sources)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"out must be a folder that can be made, got {folder} ({error.strerror}). Choose another."
        ) from error
    description = {
        "anymask": anymask.__version__,
        "commit": commit(),
        "started": past["started"] if past else datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
        "config": config.to_dict(),
        "data": [_describe(source) for source in sources],
    }
    write_atomic(folder / RUN, (json.dumps(description, indent=2) + "\n").encode(), force=True)


def _describe(source: RunDataset) -> dict[str, Any]:
    return {
        "name": source.train.name,
        "path": source.address,
        "weight": source.weight,
        "images": len(source.train),
        "ids": source.fingerprint,
        "validation": 0 if source.val is None else len(source.val),
    }


def _past(folder: Path) -> dict[str, Any] | None:
    path = folder / RUN
    if not path.exists():
        return None
    try:
        past: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return {name: past[name] for name in ("config", "data", "started")}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"out must be a new folder or that of a run, got {folder}, whose {RUN} is damaged ({error!r}). "
            "Choose another folder, or add --force to restart from scratch."
        ) from error


def _check_apart(folder: Path, sources: Sequence[RunDataset]) -> None:
    """Refuse to write a run among the files that it learns from."""
    for source in sources:
        if str(folder.resolve()) in (source.address, source.address.partition(":")[2]):
            raise OutputError(
                f"out must be another folder than the data, got {folder}. Choose another, such as runs/mine."
            )


def _check_free(folder: Path) -> None:
    taken = [name for name in (STATE, MODEL_FILE, METRICS) if (folder / name).exists()]
    if taken:
        raise OutputError(
            f"out must be a new folder or that of the same run, got {folder}, which holds {taken[0]} "
            f"without {RUN}. Choose another folder, or add --force to restart from scratch."
        )


def _check_same(
    folder: Path, past: dict[str, Any], config: TrainConfig, sources: Sequence[RunDataset]
) -> None:
    """Refuse to resume a run with other settings or other images than it was started with."""
    advice = "Choose another folder for a new run, or add --force to restart from scratch."
    changed = first_change(past["config"], config.to_dict())
    if changed:
        key, old, new = changed
        raise InputError(f"{key} must be {old!r} as in the run in {folder}, got {new!r}. {advice}")
    old_sets = {one["name"]: (one["ids"], one["weight"]) for one in past["data"]}
    new_sets = {source.train.name: (source.fingerprint, source.weight) for source in sources}
    for name in sorted(old_sets.keys() | new_sets.keys()):
        if old_sets.get(name) != new_sets.get(name):
            raise InputError(
                f"data must be that of the run in {folder}, got another data set, weight or other images in "
                f"'{name}'. {advice}"
            )


def _clear(folder: Path) -> None:
    """Remove the files of an earlier run, and nothing else."""
    for name in (STATE, MODEL_FILE, METRICS, RUN, DAMAGED):
        (folder / name).unlink(missing_ok=True)
    for name in (BOARD, EMBEDDINGS):
        shutil.rmtree(folder / name, ignore_errors=True)
