"""The options of `anymask engine retrain`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import share, whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options; None stands for a default of the library."""

    project: str
    database: str | None
    held: float | None
    steps: int | None
    detector: bool
    settings: Sequence[str]
    restart: bool
    model: str
    bands: str | None
    stretch: str | None
    limits: str | None
    as_json: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    shared.declare_project(parser)
    parser.add_argument(
        "--held", type=share, metavar="SHARE", help="The share of images that is held back. Default: 0.2."
    )
    parser.add_argument(
        "--steps",
        type=whole(1),
        metavar="N",
        help="Steps of each training. Default: those of the recipes, more for many images.",
    )
    parser.add_argument(
        "--no-detector",
        dest="detector",
        action="store_false",
        help="Leave the object detector as it is.",
    )
    shared.declare_settings(parser, "Change settings of both trainings, as for `anymask train`.")
    parser.add_argument(
        "--restart", action="store_true", help="Start anew instead of resuming a retraining that was stopped."
    )
    parser.add_argument(
        "--model",
        default="compact",
        metavar="MODEL",
        help="What the project's first version is trained from. Default: compact.",
    )
    shared.declare_bands(parser)
    shared.declare_json(parser)


COMMAND = Command(
    name="engine retrain",
    usage="PROJECT [--held SHARE] [--steps N] [OPTION]...",
    summary="Fine-tune the model of a project on what people accepted.",
    details="Fine-tune the model of a project, and its object detector, on the masks that people made or "
    "accepted. A fifth of the images is held back, chosen by their content, always the same ones. Of the new "
    'weights and those half-way to them ("at 0.5") the better ones there are used, if they are not worse '
    "than before: the model by its mean IoU (one click, five clicks, a box), the detector by its AR@100. "
    "Earlier versions stay, see `anymask engine models`. What people would have accepted of the automatic "
    "masks there can lower the limit of `anymask engine suggest`."
    "\n\n"
    "  anymask engine retrain photos/\n"
    "  anymask engine retrain photos/ --steps 500 --no-detector\n\n"
    "Versions are kept in PROJECT/.anymask/models. The same command resumes a retraining that was stopped. "
    "People may go on working in the meantime; what they do then counts next time.",
    declare=declare,
    options=Options,
)
