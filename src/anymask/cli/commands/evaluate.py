"""`anymask eval`: measure a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anymask.cli.console import note, out, out_json, progress
from anymask.data import Collection, open_dataset
from anymask.errors import InputError, OutputError
from anymask.files import check_target, write_atomic

if TYPE_CHECKING:
    from anymask.evaluate.calibration import Reliability
    from anymask.evaluate.report import Report

__all__ = ["by_set", "calibration", "check_report", "clicks", "fewshot", "open_all", "tell"]

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
    check_report(output, force)
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
    with by_set("pictures") as advance:
        report = run(opened, datasets, config, advance)
    columns = [name for name in report.mean.numbers if name not in HIDDEN]
    tell(report, datasets, columns, model, output, as_json=as_json, force=force)
    return 0


def calibration(
    *,
    data: Sequence[str],
    split: str | None,
    model: str,
    device: str,
    offline: bool,
    max_images: int | None,
    max_masks: int,
    zoom: bool | None,
    seed: int,
    output: str | None,
    plot: str | None,
    corrected: str | None,
    as_json: bool,
    force: bool,
) -> int:
    """Run the protocol of `anymask.evaluate.calibration`, print its table, write what is asked for."""
    check_report(output, force)
    for target in (plot, corrected):
        if target is not None:
            check_target(target, force=force)
    datasets = open_all(data, split)

    from anymask.cli.loading import load_model
    from anymask.evaluate.calibration import collect, correct, draw, reliability
    from anymask.evaluate.clicks import ClicksConfig
    from anymask.images.write import write_png
    from anymask.models import load_sam, save

    config = ClicksConfig(most_images=max_images, most_masks=max_masks, zoom=zoom, seed=seed)
    opened = load_model(model, device=device, offline=offline)
    with by_set("pictures") as advance:
        pairs = collect(opened, datasets, config, advance)
    found = {kind: reliability(*pair) for kind, pair in pairs.items()}
    figures = {kind: _reliability_figures(one) for kind, one in found.items()}
    if as_json:
        out_json(figures)
    else:
        out(_reliability_table(figures))
    if output is not None:
        write_atomic(output, (json.dumps(figures, indent=1) + "\n").encode(), force=force)
    if plot is not None:
        write_png(draw(found), plot, force=force)
    if corrected is not None:
        save(correct(load_sam(model, device="cpu", dtype="float32", offline=True), pairs), corrected)
    for written in (output, plot, corrected):
        if written is not None:
            (note if as_json else out)(f"wrote {written}")
    return 0


def _reliability_figures(found: Reliability) -> dict[str, Any]:
    return {
        "answers": int(found.counts.sum()),
        "error": found.error,
        "counts": found.counts.tolist(),
        "score": np.nan_to_num(found.scores).tolist(),
        "iou": np.nan_to_num(found.ious).tolist(),
    }


def _reliability_table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Rows of kinds; columns of bins with the real IoU, and how many answers it is the mean of."""
    bins = len(next(iter(figures.values()))["counts"])
    heads = [f"{place / bins:.1f}-{(place + 1) / bins:.1f}" for place in range(bins)]
    rows = [["real IoU by predicted", "answers", "error", *heads], ["---"] + ["---:"] * (2 + bins)]
    for kind, one in figures.items():
        cells = [
            f"{iou:.2f} ({count})" if count else "-"
            for iou, count in zip(one["iou"], one["counts"], strict=True)
        ]
        rows.append([kind, str(one["answers"]), f"{one['error']:.3f}", *cells])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def fewshot(
    *,
    data: Sequence[str],
    split: str | None,
    model: str,
    device: str,
    offline: bool,
    shots: Sequence[int],
    ensemble: Any,
    max_queries: int,
    seed: int,
    output: str | None,
    as_json: bool,
    force: bool,
) -> int:
    """Run the protocol of `anymask.evaluate.fewshot`, print its table, write its report."""
    check_report(output, force)
    datasets = open_all(data, split)

    from anymask.cli.loading import load_example_model
    from anymask.evaluate.fewshot import FewshotConfig, run

    config = FewshotConfig(tuple(shots), ensemble, max_queries, seed=seed)
    opened = load_example_model(model, device=device, offline=offline)
    with by_set("questions") as advance:
        report = run(opened, datasets, config, advance)
    tell(report, datasets, list(report.mean.numbers), model, output, as_json=as_json, force=force)
    return 0


def tell(
    report: Report,
    datasets: Mapping[str, Collection],
    columns: Sequence[str],
    model: str,
    output: str | None,
    *,
    what: str = "Mean IoU",
    as_json: bool,
    force: bool,
) -> None:
    """Print a report, as a table with `what` its figures are or as JSON, and write it where asked."""
    for name, collection in datasets.items():
        if len(collection.faults):
            note(f"{name}: {len(collection.faults)} damaged items left out, see 'anymask data check'")
    if as_json:
        out_json(report.to_dict())
    else:
        out(report.table(columns))
        out(f"\nModel {model} ({report.model}), {report.seconds:.0f} s. {what}; ± is half a 95 % interval.")
    if output is not None:
        report.save(output, force=force)
        (note if as_json else out)(f"wrote {output}")


@contextmanager
def by_set(unit: str) -> Iterator[Callable[[str, int, int], None]]:
    """Progress as evaluations tell it: with the name of the data set, what is done, and all there is."""
    with progress(unit) as advance:
        yield lambda name, done, total: advance(done, total, name)


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


def check_report(output: str | None, force: bool) -> None:
    """Refuse a place for the report before any work is done. Raises `OutputError`."""
    if output is None:
        return
    if Path(output).suffix.lower() != ".json":
        raise OutputError(f"output must end in .json, got {output}. Name it report.json, for example.")
    check_target(output, force=force)
