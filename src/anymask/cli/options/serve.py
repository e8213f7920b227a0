"""The options of `anymask serve`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    folder: str | None
    projects: str | None
    host: str
    port: int | None
    token: str | None
    model: Sequence[str]
    example_model: Sequence[str]
    database: str | None
    bands: str | None
    stretch: str | None
    limits: str | None
    device: str
    offline: bool
    static: str | None
    view: bool
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "folder",
        nargs="?",
        metavar="FOLDER",
        help="The project: a folder of images, subfolders included; or a video, whose frames are put into "
        "the folder NAME-frames beside it.",
        hint="A project is one folder.",
    )
    parser.add_argument(
        "--projects", metavar="DIR", help="Serve every subfolder of a folder as a project, instead of FOLDER."
    )
    shared.declare_open(parser, "Open the address in the browser.")
    parser.section("Address and access")
    _declare_access(parser)
    parser.section("Models")
    _declare_models(parser)
    parser.section("Storage and reading")
    parser.add_argument(
        "--database",
        metavar="URL",
        help="postgresql://USER@HOST/NAME instead of the SQLite file FOLDER/.anymask/project.db.",
    )
    shared.declare_bands(parser)
    shared.declare_max_memory(parser)
    parser.section("The app as files")
    parser.add_argument(
        "--static", metavar="DIR", help="Write the app as files instead of serving a project; a new folder."
    )
    shared.declare_force(parser)


def _declare_access(parser: Parser) -> None:
    parser.add_argument(
        "--port",
        type=whole(0),
        metavar="PORT",
        help="0 takes any free port. Default: 8321, or a free one if that is taken.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="NAME", help="The address to listen on. Default: 127.0.0.1."
    )
    parser.add_argument(
        "--token", metavar="SECRET", help="The token that an admin must give. Default: ANYMASK_TOKEN."
    )


def _declare_models(parser: Parser) -> None:
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="MODEL",
        help="A model for prompts: a name, weights, or the folder of 'anymask export'. Repeat it for "
        "several, the default one first. Default: the version in use of `anymask engine retrain`, and "
        "compact.",
    )
    parser.add_argument(
        "--example-model",
        action="append",
        default=[],
        metavar="MODEL",
        help="A model that finds similar objects. Default: context.",
    )
    shared.declare_device(parser)
    shared.declare_offline(parser)


COMMAND = Command(
    name="serve",
    usage="[FOLDER|--projects DIR] [--port PORT] [--open] [--static DIR] [OPTION]...",
    summary="Annotate images in the browser.",
    details="Open a folder of images in the browser: click, draw, save. Masks are kept in FOLDER/.anymask "
    "with every revision. Without FOLDER three bundled photos are shown. The address goes to stdout.\n\n"
    "  anymask serve photos/ --open\n"
    "  anymask serve photos/ --host 0.0.0.0 --token SECRET\n"
    "  anymask serve --projects work/ --token SECRET\n"
    "  anymask serve --static site/\n\n"
    "Only this machine can reach it unless --host says otherwise, which needs a --token: whoever has it is "
    "an admin and gives the other users theirs. Stop it with Ctrl-C.\n\n"
    "--static writes the app with the compact model as files for any web host; images and masks then stay in "
    "the visitor's browser.",
    declare=declare,
    options=Options,
)
