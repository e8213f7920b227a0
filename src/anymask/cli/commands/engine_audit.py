"""`anymask engine audit`: a sample of automatic masks for people to correct, and the report of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anymask.cli.console import out, out_json, table
from anymask.cli.options.engine_audit import Options
from anymask.cli.projects import with_app
from anymask.errors import InputError, OutputError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["run"]


def run(options: Options) -> int:
    """Make an audit of a data set, or report one."""
    audit = _module()
    if audit.is_audit(options.path):
        return _report(audit, options)
    if options.output is None:
        raise OutputError(
            f"-o must name the folder of the audit, got nothing, and {options.path} is none. Write -o audit."
        )
    from anymask.data import open_dataset

    given = {
        "count": options.max_images,
        "most": options.max_masks,
        "scratch": options.scratch,
        "seed": options.seed,
    }
    dataset = open_dataset(options.path, split=options.split)
    count = audit.make_audit(
        dataset, options.output, **{name: value for name, value in given.items() if value is not None}
    )
    if options.as_json:
        out_json({"audit": options.output, "masks": count})
    else:
        out(f"{count:,} masks to judge\nwrote {options.output}\nnow run: anymask serve {options.output}")
    return 0


def _module() -> ModuleType:
    with with_app("engine audit"):
        from anymask.data_engine import audit
    return audit


def _report(audit: ModuleType, options: Options) -> int:
    from anymask.data_engine.project import open_project

    if options.output is not None:
        raise InputError("-o must go with a data set, got an audit. Leave it out.")
    project = open_project(options.path)
    try:
        found, waiting = audit.measure_audit(project)
    finally:
        project.close()
    report = audit.report_audit(found, waiting)
    if options.as_json:
        out_json(report)
    else:
        out(_as_text(report))
    return 0


def _as_text(report: Mapping[str, Any]) -> str:
    rows = [row for key in ("corrected", "from_scratch") for row in _rows(key.replace("_", " "), report[key])]
    paper = [100 * report["paper"][name] for name in ("over_90", "over_75")]
    rows.append(["corrected (paper)", "", "", *(f"{share:.0f} %" for share in paper), ""])
    waiting = report["images_waiting"]
    head = ["masks", "images", "masks", "IoU > 90 %", "IoU > 75 %", "mean IoU"]
    lines = [table(rows, head)]
    return "\n".join([*lines, f"{waiting:,} images are not marked as done yet"] if waiting else lines)


def _rows(name: str, part: Mapping[str, Any]) -> list[list[str]]:
    groups = {name: part["all"]}
    for kind in ("size", "score"):
        groups |= {f"  {kind} {key}": value for key, value in part[f"by_{kind}"].items()}
    return [[key, *_cells(value)] for key, value in groups.items() if value is not None]


def _cells(shares: Mapping[str, Any]) -> list[str]:
    percent = []
    for name in ("over_90", "over_75"):
        value, low, high = (100 * shares[name][end] for end in ("value", "low", "high"))
        percent.append(f"{value:.1f} % ({low:.1f} to {high:.1f})")
    return [f"{shares['images']:,}", f"{shares['masks']:,}", *percent, f"{shares['mean_iou']['value']:.3f}"]
