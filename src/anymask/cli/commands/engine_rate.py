"""`anymask engine rate`: a page for raters, and the report of what they said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from anymask.cli.console import out, out_json, progress, table
from anymask.cli.model_names import check_model
from anymask.cli.options.engine_rate import Options
from anymask.errors import InputError, OutputError

if TYPE_CHECKING:
    from anymask.models import Promptable

__all__ = ["run"]


def run(options: Options) -> int:
    """Make a rating of a data set, or report one."""
    from anymask.data_engine.rating import report

    if report.is_rating(options.path):
        return _report(options)
    if options.output is None:
        raise OutputError(
            f"-o must name the folder of the rating, got nothing, and {options.path} is none. "
            "Write -o rating."
        )
    return _make(options, options.output)


def _make(options: Options, output: str) -> int:
    from anymask.data import open_dataset
    from anymask.data_engine.rating.make import PAGE, RATINGS, make_rating

    dataset = open_dataset(options.path, split=options.split)
    models = _models(options)
    with progress("images") as advance:
        count = make_rating(
            dataset,
            models,
            output,
            images=options.max_images,
            masks=options.max_masks,
            prompt=cast(Literal["click", "box"], options.prompt),
            seed=options.seed,
            progress=lambda done, total: advance(done, total, "predicting"),
        )
    if options.as_json:
        out_json({"rating": output, "jobs": count})
    else:
        out(f"{count:,} jobs\nwrote {output}/{PAGE}: send it to the raters")
        out(f"put their files into {output}/{RATINGS}, then run: anymask engine rate {output}")
    return 0


def _models(options: Options) -> dict[str, Promptable]:
    """The models by the names that the report shows."""
    from anymask.cli.loading import load_model

    places = options.model or ["compact"]
    for place in places:
        check_model(place)
    names = [Path(place).stem or place for place in places]
    if len(set(names)) < len(names):
        raise InputError(f"--model must have different names, got {', '.join(names)}. Rename a file.")
    return {
        name: load_model(place, device=options.device, offline=options.offline)
        for name, place in zip(names, places, strict=True)
    }


def _report(options: Options) -> int:
    from anymask.data_engine.rating.make import RATINGS
    from anymask.data_engine.rating.report import read_ratings, report_ratings, table_csv

    found = read_ratings(options.path)
    if not found:
        raise InputError(
            f"RATING must hold ratings, got none in {options.path}/{RATINGS}. "
            "Put the raters' CSV files there."
        )
    if options.output is not None:
        table_csv(found, options.output, force=options.force)
    report = report_ratings(found)
    if options.as_json:
        out_json(report)
    else:
        out(_as_text(report))
    return 0


def _as_text(report: Mapping[str, Any]) -> str:
    rows = [[name, _with_interval(one)] for name, one in report["methods"].items()]
    lines = [table(rows, ["method", "mean rating (95 %)"]), ""]
    pairs = [
        [" - ".join(one["methods"]), one["masks"], _with_interval(one), _number(one["p"], 4)]
        for one in report["pairs"]
    ]
    if pairs:
        lines += [table(pairs, ["pair", "masks", "difference (99 %)", "p"]), ""]
    lines.append(f"{report['ratings']:,} ratings of {report['masks']:,} masks by {report['raters']:,} raters")
    agreed = report["agreement"]
    if agreed["jobs"]:
        alpha, deviation = _number(agreed["alpha"], 2), _number(agreed["deviation"], 2)
        lines.append(
            f"agreement on {agreed['jobs']:,} jobs: Krippendorff's alpha {alpha}, deviation {deviation} "
            "(paper: 0.83)"
        )
    return "\n".join(lines)


def _with_interval(one: Mapping[str, Any]) -> str:
    return f"{_number(one['value'], 2)} ({_number(one['low'], 2)} to {_number(one['high'], 2)})"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None or value != value else f"{value:.{digits}f}"
