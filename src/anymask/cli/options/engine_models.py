"""The options of `anymask engine models`. Standard library only."""

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
    use: str | None
    as_json: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    shared.declare_project(parser)
    parser.add_argument(
        "--use", metavar="VERSION", help="Use this version from now on: v1 for example, or compact for none."
    )
    shared.declare_json(parser)


COMMAND = Command(
    name="engine models",
    usage="PROJECT [--use VERSION] [--json]",
    summary="List the versions of a project's model, or bring one back.",
    details="List the versions of a project's model that `anymask engine retrain` made, with what each was "
    "trained on and how good it was on the held-back images before and after. The version in use is marked; "
    "--use brings another one back. No version is ever removed.\n\n"
    "  anymask engine models photos/\n"
    "  anymask engine models photos/ --use v1",
    declare=declare,
    options=Options,
)
