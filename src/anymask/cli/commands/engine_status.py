"""`anymask engine status`: masks of a project by stage and model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anymask.cli.console import out, out_json, table
from anymask.cli.options.engine_status import Options
from anymask.errors import InputError, MissingExtraError

__all__ = ["run"]


def run(options: Options) -> int:
    """Print the status."""
    try:
        from anymask.data_engine.project.project import INNER, open_project
        from anymask.data_engine.project.stages import by_stage
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sqlalchemy", "alembic"):
            raise
        raise MissingExtraError("anymask engine status", "app") from error
    if not Path(options.project, INNER).is_dir():  # else a project would be made of any folder
        raise InputError(
            f"PROJECT must be the folder of a project, got {options.project}. Make one with: anymask serve "
            f"{options.project}"
        )
    project = open_project(options.project, options.database)
    try:
        found = [one.to_dict() for one in by_stage(project.db)]
    finally:
        project.close()
    if options.as_json:
        out_json(found)
    else:
        out(_as_text(found) if found else f"{options.project} has no masks yet")
    return 0


def _as_text(found: list[dict[str, Any]]) -> str:
    heads = ["stage", "model", "images", "masks", "per image", "seconds", "clicks", "kept", "waiting"]
    return table([_cells(one) for one in found], heads)


def _cells(one: dict[str, Any]) -> list[object]:
    kept = one["accept_rate"]
    means = ["-" if one[name] is None else f"{one[name]:.1f}" for name in MEANS]
    return [
        one["stage"],
        (one["model"] or "-")[:12],
        one["images"],
        one["masks"],
        *means,
        "-" if kept is None else f"{100 * kept:.0f} %",
        one["waiting"],
    ]


MEANS = ("masks_per_image", "seconds_per_mask", "clicks_per_mask")
"""The columns of means."""
