"""All commands by name, in the order of the help. Standard library only.

The options of a command are imported when it is asked for; all of them would take 30 ms of processor time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module

from anymask.cli.options.command import Command, module_of

__all__ = ["NAMES", "command", "commands"]

NAMES: Sequence[str] = (
    "segment",
    "auto",
    "like",
    "name",
    "models",
    "train",
    "tune",
    "eval clicks",
    "eval calibration",
    "eval fewshot",
    "eval edges",
    "eval automatic",
    "eval proposals",
    "eval table",
    "eval text",
    "export",
    "data check",
    "data stats",
    "data analyse",
    "data convert",
    "data get",
    "engine status",
    "engine queue",
    "engine suggest",
    "engine retrain",
    "engine models",
    "engine audit",
    "engine rate",
    "serve",
    "backup",
    "restore",
    "doctor",
    "licences",
    "version",
)
"""The names of all commands, such as "segment" or "data check"."""


def command(name: str) -> Command:
    """The command of a name in `NAMES`."""
    found: Command = import_module(f"anymask.cli.options.{module_of(name)}").COMMAND
    return found


def commands() -> Iterator[Command]:
    """All commands."""
    return map(command, NAMES)
