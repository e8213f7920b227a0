"""From words to a command with its options, and the help texts. Standard library only."""

from __future__ import annotations

import argparse
import re
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from anymask.cli.options.commands import COMMANDS, Command
from anymask.errors import InputError, nearest, unknown_name

__all__ = ["WIDTH", "Parser", "find", "overview", "parse"]

WIDTH = 100
"""Help texts are at most this wide, in characters."""
_HELP = ("-h", "--help")
_COMMON = (
    ("-h, --help", "Show this text."),
    ("--debug", "Show the traceback of an error (or set ANYMASK_DEBUG=1)."),
)
_WORDING = (
    (r"^argument ([^:]+): ", r"\1 "),
    (r"^the following arguments are required: (.*)", r"\1 must be given, got nothing"),
    (r"expected (one|at least one) argument$", "must have a value, got none"),
    (r"^-o/--output", "--output"),
)
_NUMBERS = re.compile(r"-[\d.]")  # the start of -5,10: an option's value, no option


class Parser(argparse.ArgumentParser):
    """argparse with errors as exceptions and one layout of help in every version of Python."""

    def __init__(self, command: Command) -> None:
        """Declare the options of a command."""
        super().__init__(prog=f"anymask {command.name}", add_help=False, allow_abbrev=False)
        self.command = command
        self.actions: list[argparse.Action] = []
        command.declare(self)

    def add_argument(self, *names: str, **settings: Any) -> argparse.Action:
        """As argparse does, and remember the option for the help."""
        action = super().add_argument(*names, **settings)
        self.actions.append(action)
        return action

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of leaving the process, worded as all our errors are."""
        for pattern, ours in _WORDING:
            message = re.sub(pattern, ours, message)
        raise InputError(f"{message}. See: {self.prog} --help")

    def format_help(self) -> str:
        """The help text, as wide as the terminal, at most WIDTH."""
        return self.layout(min(WIDTH, shutil.get_terminal_size().columns))

    def layout(self, width: int) -> str:
        """The help text, `width` characters wide."""
        rows = [(_invocation(action), str(action.help)) for action in self.actions]
        details = [_wrapped(part, width) for part in self.command.details.split("\n\n")]
        parts = [f"Usage: {self.prog} {self.command.usage}".rstrip(), *details]
        return "\n\n".join([*parts, "Options:\n" + _table([*rows, *_COMMON], width)])


def _invocation(action: argparse.Action) -> str:
    names, value = ", ".join(action.option_strings), str(action.metavar or "")
    if action.nargs == "+":
        value += "..."
    return f"{names} {value}".strip()


def _wrapped(part: str, width: int) -> str:
    """A paragraph wrapped; indented lines (examples) as they are."""
    return part if part.startswith(" ") else textwrap.fill(" ".join(part.split()), width)


def _table(rows: Sequence[tuple[str, str]], width: int) -> str:
    left = min(max(len(name) for name, _ in rows), 30) + 4
    lines = []
    for name, text in rows:
        wrapped = textwrap.wrap(text, max(30, width - left)) or [""]
        head = f"  {name}".ljust(left)
        if len(head) > left:
            lines.append(head)
            head = " " * left
        lines.append(head + wrapped[0])
        lines += [" " * left + line for line in wrapped[1:]]
    return "\n".join(lines)


def find(words: Sequence[str]) -> tuple[Command | None, list[str]]:
    """The command that the words begin with and the words after it; None and its group for a help overview.

    Raises `UnknownNameError` for an unknown command.
    """
    if not words or words[0] in _HELP:
        return None, []
    if words[0] in ("--version", "-V"):
        return COMMANDS["version"], []
    if words[0] in COMMANDS:
        return COMMANDS[words[0]], list(words[1:])
    group = [name for name in COMMANDS if name.startswith(f"{words[0]} ")]
    if not group:
        raise unknown_name("command", words[0], {name.split()[0] for name in COMMANDS})
    if len(words) == 1 or words[1] in _HELP:
        return None, [words[0]]
    name = f"{words[0]} {words[1]}"
    if name not in COMMANDS:
        raise unknown_name("command", name, group)
    return COMMANDS[name], list(words[2:])


def parse(command: Command, words: Sequence[str]) -> argparse.Namespace | None:
    """The options of a command line, None where it asks for help. Raises `InputError` for a wrong one."""
    parser = Parser(command)
    if any(word in _HELP for word in words):
        return None
    options, unknown = parser.parse_known_args(_joined(words))
    if unknown:
        names = [name for action in parser.actions for name in action.option_strings]
        word = unknown[0].split("=")[0]
        advice = nearest(word, names) if word.startswith("-") else f"See: {parser.prog} --help"
        kind = "option" if word.startswith("-") else "argument"
        raise InputError(f"{parser.prog} must be given known {kind}s only, got '{word}'. {advice}")
    return options


def _joined(words: Sequence[str]) -> list[str]:
    """Write `--box -5,0,90,90` as `--box=-5,0,90,90`: argparse would take the numbers for an option."""
    out: list[str] = []
    for word in words:
        if out and out[-1] in ("--point", "--box", "--roi", "--limits") and _NUMBERS.match(word):
            out[-1] += f"={word}"
        else:
            out.append(word)
    return out


def overview(group: Sequence[str] = ()) -> str:
    """The list of commands, or of those in a group such as ["data"]."""
    prefix = "".join(f"{word} " for word in group)
    shown = [command for command in COMMANDS.values() if command.name.startswith(prefix)]
    width = min(WIDTH, shutil.get_terminal_size().columns)
    usage = f"Usage: anymask {prefix}COMMAND [OPTION]..."
    title = [] if group else ["Promptable segmentation: a click on a photo gives a mask."]
    rows = [(command.name, command.summary) for command in shown]
    commands = "Commands:\n" + _table(rows, width)
    more = f"anymask {prefix}COMMAND --help tells more. For example:\n\n  {shown[0].example}"
    return "\n\n".join([usage, *title, commands, more])
