"""From the words of a command line to a command and its options, and the help texts.

Standard library only.
"""

from __future__ import annotations

import argparse
import re
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import chain, pairwise, takewhile
from types import MappingProxyType
from typing import Any, NoReturn

from anymask.cli.options import registry
from anymask.cli.options.command import Command
from anymask.errors import InputError, unknown_name

__all__ = ["WIDTH", "Parser", "find", "overview", "parse"]

WIDTH = 100
"""Help texts are at most this wide, in characters."""
_HELP = ("-h", "--help")
_COMMON = (
    ("-h, --help", "Show this text."),
    ("--threads N", "Threads that compute a model (or set ANYMASK_THREADS=N); by default one per core."),
    ("--debug", "Show the traceback of an error (or set ANYMASK_DEBUG=1)."),
)
_SHOWN = 3
"""Commands that an error names at most."""
_NUMBERS = re.compile(r"-[\d.]")  # the start of -5,10: an option's value, no option
_NUMBER = re.compile(r"-?\d+(\.\d*)?,?")
_NO_VALUE = re.compile(r"argument (?:\S+/)?(\S+): expected (?:one|at least one) argument$")
_A_VALUE = re.compile(r"argument (?:\S+/)?(\S+): ignored explicit argument '(.*)'$", re.DOTALL)
_MISSING = re.compile(r"the following arguments are required: (?:\S+/)?(.*)")
_BAD_VALUE = re.compile(r"argument (?:\S+/)?(\S+): (.*)", re.DOTALL)


ALSO_CALLED: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "--click": ["--point"],
        "--points": ["--point", "--points-per-side"],
        "--bbox": ["--box"],
        "--prompt": ["--text", "--point"],
        "--phrase": ["--text"],
        "--text": ["--names"],
        "--labels": ["--names", "--labelmap"],
        "--format": ["--to"],
        "--overwrite": ["--force"],
        "--threshold": ["--min-iou", "--min-score"],
        "--jobs": ["--workers"],
    }
)
"""What other tools call options of ours, and which ones may be meant."""
SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "--batch": "loop.batch",
        "--batch-size": "loop.batch",
        "--device": "loop.device",
        "--epochs": "loop.steps",
        "--lr": "optim.lr",
        "--precision": "loop.precision",
        "--seed": "loop.seed",
        "--size": "size",
        "--steps": "loop.steps",
        "--workers": "loop.workers",
    }
)
"""Settings that are given by --set where a command has it, by the name of an option elsewhere."""


class Parser(argparse.ArgumentParser):
    """argparse with errors as exceptions and one layout of help in every version of Python."""

    def __init__(self, command: Command) -> None:
        """Declare the options of a command."""
        super().__init__(prog=f"anymask {command.name}", add_help=False, allow_abbrev=False)
        self.command = command
        self.sections: dict[str, list[argparse.Action]] = {"Options": []}
        self.hints: dict[str, str] = {}
        self.needed: list[argparse.Action] = []
        command.declare(self)

    def section(self, title: str) -> None:
        """List the options that are declared from here on under a title of their own in the help."""
        self.sections[title] = []

    def add_argument(self, *names: str, hint: str = "", **settings: Any) -> argparse.Action:
        """As argparse does, and remember the option for the help.

        hint: what to do instead for a user who gives a value to a flag, or a positional argument too many.
        """
        action = super().add_argument(*names, **settings)
        next(reversed(self.sections.values())).append(action)
        self.hints[action.dest] = hint
        if action.option_strings and action.required:
            self.needed.append(action)
            action.required = False  # argparse would miss it before it finds what is wrong with the others
        return action

    @property
    def actions(self) -> list[argparse.Action]:
        """The options of all sections, in the order in which they were declared."""
        return [*chain(*self.sections.values())]

    @property
    def by_name(self) -> dict[str, argparse.Action]:
        """The options by each of their names."""
        return {name: action for action in self.actions for name in action.option_strings}

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of leaving the process, worded as all our errors are."""
        if found := _NO_VALUE.match(message):
            value = _invocation(self.by_name[found[1]]).rpartition(" ")[2]
            raise self.mistake(f"{found[1]} must be followed by {value}, got nothing.")
        if found := _A_VALUE.match(message):
            raise self.surplus_value(found[1], found[2])
        if found := _MISSING.match(message):
            raise self.mistake(f"{found[1]} must be given, got nothing.")
        found = _BAD_VALUE.match(message)
        raise self.mistake(f"{found[1]} {found[2]}." if found else f"{message}.")

    def mistake(self, message: str, hint: str = "") -> InputError:
        """The error for a message, with where to read more."""
        return InputError(" ".join(filter(None, [message, hint, f"See: {self.prog} --help"])))

    def surplus_value(self, name: str, value: str) -> InputError:
        """The error for a flag that was given a value."""
        hint = self.hints[self.by_name[name].dest]
        return self.mistake(f"{name} must be given without a value, got '{value}'.", hint)

    def surplus(self, word: str, words: Sequence[str]) -> InputError:
        """The error for a word that belongs to nothing: a flag's value, or a positional argument too many."""
        options = self.by_name
        for index, (name, value) in enumerate(pairwise(words)):
            if name in options and options[name].nargs == 0 and value not in options:
                return self.surplus_value(name, value)
            numbers = list(takewhile(_NUMBER.fullmatch, words[index + 1 :]))
            if name in options and "," in str(options[name].metavar) and len(numbers) > 1:
                return self.mistake(
                    f"{name} must be {options[name].metavar} without spaces, got '{' '.join(numbers)}'. "
                    f"Use: {name} {','.join(number.strip(',') for number in numbers)}"
                )
        places = [action for action in self.actions if not action.option_strings]
        if not places:
            return self.mistake(f"{self.prog} must be given options only, got '{word}'.")
        place = places[-1]
        return self.mistake(
            f"{self.prog} must be given one {place.metavar}, got '{word}' as well.", self.hints[place.dest]
        )

    def check_names(self, words: Sequence[str]) -> None:
        """Raise `InputError` for the first word that looks like an option and is none of this command."""
        known = self.by_name
        for word in words[: words.index("--")] if "--" in words else words:
            name = word.partition("=")[0]
            short = name[:2] in known and not name.startswith("--")  # -oFILE
            looks = len(word) > 1 and word.startswith("-") and " " not in word and not _NUMBERS.match(word)
            if looks and not short and name not in known:
                raise self.unknown(name)

    def unknown(self, name: str) -> InputError:
        """The error for an option that this command has not: which one is meant, or who has it."""
        others = [f"'anymask {one.name}'" for one in registry.commands() if name in Parser(one).by_name]
        meant = [one for one in ALSO_CALLED.get(name, ()) if one in self.by_name]
        if name in SETTINGS and "--set" in self.by_name:
            return self.mistake(f"unknown option {name}.", f"Use: --set {SETTINGS[name]}=VALUE")
        if others and not meant:
            shown = [*others[:_SHOWN], "others"] if len(others) > _SHOWN else others
            listed = " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
            return self.mistake(f"unknown option {name}: it belongs to {listed}.")
        close = meant or get_close_matches(name, self.by_name, n=1, cutoff=0.6)
        return self.mistake(f"unknown option {name}.", f"Did you mean {close[0]}?" if close else "")

    def joined(self, words: Sequence[str]) -> list[str]:
        """The words as argparse understands them.

        `--box -5,0,90,90` becomes `--box=-5,0,90,90`, as the numbers look like an option, and `-- -a.jpg`
        becomes `./-a.jpg`.
        """
        options = self.by_name
        end = words.index("--") if "--" in words else len(words)
        out: list[str] = []
        for word in words[:end]:
            if out and out[-1] in options and options[out[-1]].nargs is None and _NUMBERS.match(word):
                out[-1] += f"={word}"
            else:
                out.append(word)
        return out + [f"./{word}" if word.startswith("-") else word for word in words[end + 1 :]]

    def format_help(self) -> str:
        """The help text, as wide as the terminal, at most WIDTH."""
        return self.layout(min(WIDTH, shutil.get_terminal_size().columns))

    def layout(self, width: int) -> str:
        """The help text, `width` characters wide."""
        usage = f"Usage: {self.prog} {self.command.usage}".rstrip()
        details = [_wrapped(part, width) for part in self.command.details.split("\n\n")]
        rows = {
            title: [(_invocation(action), str(action.help)) for action in actions]
            for title, actions in self.sections.items()
        }
        rows.setdefault("Options" if len(rows) == 1 else "Other", []).extend(_COMMON)
        left = min(max(len(name) for name, _ in chain(*rows.values())), 30) + 4
        tables = [f"{title}:\n{_table(listed, left, width)}" for title, listed in rows.items()]
        return "\n\n".join([usage, *details, *tables])


def _invocation(action: argparse.Action) -> str:
    choices = "|".join(map(str, action.choices or ()))
    names, value = ", ".join(action.option_strings), str(action.metavar or choices)
    if action.nargs == "+":
        value += "..."
    if action.nargs == "?" and action.option_strings:
        value = f"[{value}]"
    return f"{names} {value}".strip()


def _wrapped(part: str, width: int) -> str:
    """A paragraph wrapped; indented lines (examples) as they are."""
    return (
        part if part.startswith(" ") else textwrap.fill(" ".join(part.split()), width, break_on_hyphens=False)
    )


def _table(rows: Sequence[tuple[str, str]], left: int, width: int) -> str:
    """Names, and from column `left` on what they mean, wrapped."""
    lines = []
    for name, text in rows:
        wrapped = textwrap.wrap(text, max(30, width - left), break_on_hyphens=False) or [""]
        head = f"  {name}".ljust(left)
        if len(head) > left:
            lines.append(head)
            head = " " * left
        lines.append(head + wrapped[0])
        lines += [" " * left + line for line in wrapped[1:]]
    return "\n".join(lines)


def find(words: Sequence[str]) -> tuple[Command | None, list[str]]:
    """The command that the words begin with and the words after it; None and its group for a help overview.

    Raises `UnknownNameError` for an unknown command, `InputError` for an option in its place.
    """
    if not words or words[0] in (*_HELP, "help"):
        return None, []
    if words[0] in ("--version", "-V"):
        return registry.command("version"), []
    _check_place("anymask", words[0])
    if words[0] in registry.NAMES:
        return registry.command(words[0]), list(words[1:])
    group = [name for name in registry.NAMES if name.startswith(f"{words[0]} ")]
    if not group:
        raise unknown_name("command", words[0], {name.split()[0] for name in registry.NAMES})
    if len(words) == 1 or words[1] in _HELP:
        return None, [words[0]]
    _check_place(f"anymask {words[0]}", words[1])
    name = f"{words[0]} {words[1]}"
    if name not in registry.NAMES:
        raise unknown_name("command", name, group)
    return registry.command(name), list(words[2:])


def _check_place(start: str, word: str) -> None:
    if word.startswith("-"):
        raise InputError(
            f"command must come before its options, got '{word}' first. Write: {start} COMMAND [OPTION]..."
        )


def parse(command: Command, words: Sequence[str]) -> Any:
    """The options of a command line, of the command's own class, None where it asks for help.

    Raises `InputError` for words that the command does not take.
    """
    parser = Parser(command)
    if any(word in _HELP for word in words):
        return None
    parser.check_names(words)
    joined = parser.joined(words)
    options, surplus = parser.parse_known_intermixed_args(joined)
    if surplus:
        raise parser.surplus(surplus[0], joined)
    for action in parser.needed:
        if getattr(options, action.dest) is None:
            raise parser.mistake(f"{action.option_strings[-1]} must be given, got nothing.")
    return command.options(**vars(options))


def overview(group: Sequence[str] = ()) -> str:
    """The list of commands, or of those in a group such as ["data"]."""
    prefix = "".join(f"{word} " for word in group)
    shown = [command for command in registry.commands() if command.name.startswith(prefix)]
    width = min(WIDTH, shutil.get_terminal_size().columns)
    usage = f"Usage: anymask {prefix}COMMAND [OPTION]..."
    title = [] if group else ["Segment images by prompts and by examples."]
    rows = [(command.name, command.summary) for command in shown]
    commands = "Commands:\n" + _table(rows, max(len(name) for name, _ in rows) + 4, width)
    more = f"See anymask {prefix}COMMAND --help for details. For example:\n\n  {shown[0].example}"
    return "\n\n".join([usage, *title, commands, more])
