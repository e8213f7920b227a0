"""`anymask eval`: measure a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anymask.cli.console import note, out, out_json, progress
from anymask.data import Collection, open_dataset
from anymask.errors import InputError, OutputError
from anymask.files import check_target

if TYPE_CHECKING:
    from anymask.evaluate.report import Report

__all__ = ["clicks", "fewshot", "open_all"]

HIDDEN = ("random_1",)
"""Figures that the report holds and the table leaves out, for width."""


def clicks(
    *,
    data: Sequence[str],
    split: str | None,
    model: str,
    device: str,
    offline: bool,
    max_images: int | None,
    max_masks: int,
    baseline: str,
    zoom: bool | None,
    seed: int,
    output: str | None,
    as_json: bool,
    force: bool,
) -> int:
    """Run the protocol of `anymask.evaluate.clicks`, print its table, write its report."""
    if output is not None:
        _check_report(output, force)
    datasets = open_all(data, split)

    from anymask.cli.loading import load_model
    from anymask.evaluate.clicks import ClicksConfig, run

    config = ClicksConfig(
        grabcut_masks=None if baseline == "grabcut" else 0,
        most_images=max_images,
        most_masks=max_masks,
        zoom=zoom,
        seed=seed,
    )
    opened = load_model(model, device=device, offline=offline)
    with progress("pictures") as advance:
        report = run(opened, datasets, config, lambda name, done, total: advance(done, total, name))
    columns = [name for name in report.mean.numbers if name not in HIDDEN]
    _tell(report, datasets, columns, model, output, as_json=as_json, force=force)
    return 0


def fewshot(
    *,
    data: Sequence[str],
    split: str | None,
    model: str,
    device: str,
    offline: bool,
    shots: Sequence[int],
    max_queries: int,
    seed: int,
    output: str | None,
    as_json: bool,
    force: bool,
) -> int:
    """Run the protocol of `anymask.evaluate.fewshot`, print its table, write its report."""
    if output is not None:
        _check_report(output, force)
    datasets = open_all(data, split)

    from anymask.cli.loading import load_example_model
    from anymask.evaluate.fewshot import FewshotConfig, run

    config = FewshotConfig(shots=tuple(shots), most_queries=max_queries, seed=seed)
    opened = load_example_model(model, device=device, offline=offline)
    with progress("questions") as advance:
        report = run(opened, datasets, config, lambda name, done, total: advance(done, total, name))
    _tell(report, datasets, list(report.mean.numbers), model, output, as_json=as_json, force=force)
    return 0


def _tell(
    report: Report,
    datasets: Mapping[str, Collection],
    columns: Sequence[str],
    model: str,
    output: str | None,
    *,
    as_json: bool,
    force: bool,
) -> None:
    for name, collection in datasets.items():
        if len(collection.faults):
            note(f"{name}: {len(collection.faults)} damaged items left out, see 'anymask data check'")
    if as_json:
        out_json(report.to_dict())
    else:
        out(report.table(columns))
        out(f"\nModel {model} ({report.model}), {report.seconds:.0f} s. Mean IoU; ± is half a 95 % interval.")
    if output is not None:
        report.save(output, force=force)
        (note if as_json else out)(f"wrote {output}")


def open_all(paths: Sequence[str], split: str | None = None) -> Mapping[str, Collection]:
    """Data sets by name. Raises `InputError` for none and for two of one name."""
    if not paths:
        raise InputError("--data must name a data set, got none. For example: --data photos/")
    datasets: dict[str, Collection] = {}
    for path in paths:
        collection = open_dataset(path, split=split)
        if collection.name in datasets:
            raise InputError(
                f"--data must be sets of different names, got '{collection.name}' twice. Rename a folder."
            )
        datasets[collection.name] = collection
    return datasets


def _check_report(output: str, force: bool) -> None:
    if Path(output).suffix.lower() != ".json":
        raise OutputError(f"output must end in .json, got {output}. Name it report.json, for example.")
    check_target(output, force=force)
