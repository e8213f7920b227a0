"""`anymask engine status`: masks of a project by stage and model."""

from __future__ import annotations

from typing import Any

from anymask.cli.console import out, out_json, table
from anymask.cli.options.engine_status import Options
from anymask.cli.projects import existing_project

__all__ = ["run"]


def run(options: Options) -> int:
    """Print the status."""
    with existing_project(options.project, options.database, "engine status") as project:
        from anymask.data_engine.project import versions
        from anymask.data_engine.project.stages import by_stage

        found = [one.to_dict() for one in by_stage(project.db, versions.uses(project))]
    if options.as_json:
        out_json(found)
    else:
        out(_as_text(found) if found else f"{options.project} has no masks yet")
    return 0


def _as_text(found: list[dict[str, Any]]) -> str:
    heads = [
        "stage",
        "model",
        "version",
        "images",
        "masks",
        "per image",
        "seconds",
        "clicks",
        "kept",
        "waiting",
    ]
    return table([_cells(one) for one in found], heads)


def _cells(one: dict[str, Any]) -> list[object]:
    kept = one["accept_rate"]
    means = ["-" if one[name] is None else f"{one[name]:.1f}" for name in MEANS]
    return [
        one["stage"],
        (one["model"] or "-")[:12],
        one["version"],
        one["images"],
        one["masks"],
        *means,
        "-" if kept is None else f"{100 * kept:.0f} %",
        one["waiting"],
    ]


MEANS = ("masks_per_image", "seconds_per_mask", "clicks_per_mask")
"""The columns of means."""
