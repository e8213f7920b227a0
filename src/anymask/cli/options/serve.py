"""The options of `anymask serve`. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anymask.cli.options.values import whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["SERVE", "declare_serve"]

SERVE = (
    "serve",
    "[FOLDER] [--port PORT] [--open] [--static DIR] [OPTION]...",
    "Draw masks in the browser.",
    "Open a folder of pictures in the browser: click, draw, save. Masks are kept in FOLDER/.anymask with "
    "every revision. Without FOLDER three photos to try are shown. The address goes to stdout.\n\n"
    "  anymask serve photos/ --open\n"
    "  anymask serve photos/ --host 0.0.0.0 --token SECRET\n"
    "  anymask serve --static site/\n\n"
    "Only this machine can reach it unless --host says otherwise, which needs a --token: its owner is an "
    "admin and gives the others theirs. Stop it with Ctrl-C.\n\n"
    "--static writes the app with the compact model as files for any web host: there pictures and masks stay "
    "in the visitor's browser.",
    "serve:run",
)


def declare_serve(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "folder",
        nargs="?",
        metavar="FOLDER",
        help="The project: a folder of pictures, folders in it included.",
    )
    parser.add_argument(
        "--port", type=whole(0), default=8321, metavar="PORT", help="0 takes any that is free. Default: 8321."
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="NAME", help="The address to listen on. Default: 127.0.0.1."
    )
    parser.add_argument("--token", metavar="SECRET", help="What an admin must give to come in.")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="MODEL",
        help="A model that answers clicks: a name, weights, or the folder of 'anymask export'. Repeat it for "
        "several, the default one first. Default: compact.",
    )
    parser.add_argument(
        "--example-model",
        action="append",
        default=[],
        metavar="MODEL",
        help="A model that finds more of the same. Default: context.",
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        help="postgresql://USER@HOST/NAME in the place of the SQLite file FOLDER/.anymask/project.db.",
    )
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="auto (the default), cpu, cuda, cuda:1, mps."
    )
    parser.add_argument("--offline", action="store_true", help="Never download weights.")
    parser.add_argument(
        "--static", metavar="DIR", help="Write the app as files instead of serving a project; a new folder."
    )
    parser.add_argument("--force", action="store_true", help="Replace the folder of --static.")
    parser.add_argument("--open", dest="show", action="store_true", help="Open the address in the browser.")
