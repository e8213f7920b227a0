"""The options of `anymask engine status`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    project: str
    database: str | None
    as_json: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    shared.declare_project(parser)
    shared.declare_json(parser)


COMMAND = Command(
    name="engine status",
    usage="PROJECT [--database URL] [--json]",
    summary="Show by stage and model how many masks a project has, and what they cost.",
    details="Show by stage of the data engine and by model: images, masks, masks per image, seconds and "
    "clicks per mask, and which share of masks was kept. Stages: assisted (from a user's clicks), suggested "
    "(by a search, accepted by a user), automatic, and drawn (by hand, or imported). A mask belongs to the "
    "stage and model of its first revision, and to the version of the project's model that was in use then "
    "(see `anymask engine retrain`).\n\n"
    "  anymask engine status photos/",
    declare=declare,
    options=Options,
)
