"""What the command line knows of a command before it runs. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["Command", "module_of"]


def module_of(name: str) -> str:
    """The name of a command's modules in `anymask.cli.options` and `anymask.cli.commands`."""
    return name.replace(" ", "_")


@dataclass(frozen=True)
class Command:
    """A command; `run` of the module of its name in `anymask.cli.commands` carries it out."""

    name: str
    """Such as "segment" or "data check"."""
    usage: str
    """What follows the name in the usage line."""
    summary: str
    """One sentence for the list of commands."""
    details: str
    """The text of the help; paragraphs that begin with spaces are examples."""
    declare: Callable[[Parser], None]
    """Declares the options."""
    options: Callable[..., Any]
    """The frozen dataclass of the parsed options, made from them by name."""

    @property
    def example(self) -> str:
        """The first call that the details show."""
        return next(line.strip() for line in self.details.splitlines() if line.startswith("  anymask "))
