"""`anymask engine models`: the versions of a project's model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from anymask.cli.console import out, out_json, table
from anymask.cli.options.engine_models import Options
from anymask.cli.projects import existing_project

__all__ = ["run", "score_cells"]

HEADS = ("version", "made", "from", "model", "detector", "images", "masks", "clicks", "detector's AR@100")
_DECIDES = (("clicks", "mean"), ("detector", "ar_100"))


def run(options: Options) -> int:
    """List the versions; before that use another one if that is asked."""
    with existing_project(options.project, options.database, "engine models") as project:
        from anymask.data_engine.project import versions

        if options.use is not None:
            versions.use(project, options.use)
        used = versions.in_use(project)
        found = [asdict(one) for one in versions.listed(project)]
        model, detector = versions.places_in_use(project)
    name = versions.SHIPPED if used is None else used.name
    if options.as_json:
        out_json({"in_use": name, "model": model, "detector": detector, "versions": found})
        return 0
    if found:
        out(table([_cells(one) for one in found], HEADS))
    out(f"in use: {name}")
    out(f"elsewhere: --model {model}{f' --detector {detector}' if detector else ''}")
    return 0


def _cells(one: Mapping[str, Any]) -> list[object]:
    made = f"{datetime.fromtimestamp(one['made']):%Y-%m-%d %H:%M}"
    parts = [one["base"], one["model"], one["detector"] or "-"]
    return [one["name"], made, *parts, one["images"], one["masks"], *score_cells(one["scores"])]


def score_cells(scores: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Before and after, of clicks and of the detector: such as "0.712 -> 0.731", "0.712 -> 0.718 at 0.5"."""
    return [
        _change(scores[f"{part} before"][name], scores[f"{part} after"], name)
        if f"{part} after" in scores
        else "-"
        for part, name in _DECIDES
    ]


def _change(before: float, after: Mapping[str, float], name: str) -> str:
    """A figure before and after, and the share of the way to the new weights where it is not all of it."""
    share = after.get("share", 1.0)
    return f"{before:.3f} -> {after[name]:.3f}{'' if share == 1 else f' at {share:g}'}"
