"""The command line: parse, call, print.

Exit codes: 0 success; 2 input that cannot be used, reported in one sentence on stderr; 3 done, except for
images that could not be read (`auto`); 1 a fault of the program, or one that `doctor` found; 130 stopped by
Ctrl-C. Results go to stdout, progress and notes to stderr. `--help` imports the standard library alone; the
module of a command is imported when it runs.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from typing import TextIO

from anymask.cli import parser
from anymask.cli.options.command import module_of
from anymask.errors import AnymaskError, ImageWarning, InputError, needs_torch
from anymask.files import budget

__all__ = ["main"]

FINE, FAULT, MISTAKE, STOPPED, NO_READER = 0, 1, 2, 130, 141
DEBUG = "ANYMASK_DEBUG"
THREADS, THREADS_VARIABLE = "--threads", "ANYMASK_THREADS"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, by default the process's own; returns the exit code and raises nothing."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # anymask reports damaged files itself
    words = list(sys.argv[1:] if argv is None else argv)
    threads = _take(words, THREADS)
    if threads is not None and not (threads.isdecimal() and int(threads)):
        return _fail(MISTAKE, f"error: {THREADS} must be a number from 1 on, got {threads}.", False)
    if threads is not None:
        os.environ[THREADS_VARIABLE] = threads
    debug = "--debug" in words or os.environ.get(DEBUG, "0") not in ("", "0")
    try:
        code = _run([word for word in words if word != "--debug"], debug)
        sys.stdout.flush()
        return code
    except AnymaskError as error:
        return _fail(MISTAKE, f"error: {_sentence(error)}", debug)
    except (MemoryError, OSError) as error:
        if not isinstance(error, BrokenPipeError):
            return _fail(MISTAKE, f"error: {_of_system(error)}", debug)
        # The reader of our output is gone (`anymask models | head -1`); Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return NO_READER
    except KeyboardInterrupt as error:
        return _fail(STOPPED, "; ".join(["stopped", *map(str, error.args)]), debug)
    except Exception as error:
        if "allocate memory" in str(error):  # as PyTorch and OpenCV say it
            return _fail(MISTAKE, f"error: {_of_system(MemoryError())}", debug)
        if str(error).startswith("Symlink loop from "):  # as pathlib says it before Python 3.13
            return _fail(MISTAKE, f"error: {_of_system(OSError(errno.ELOOP, _sentence(error)))}", debug)
        return _fail(FAULT, f"error: {_report(error)}", debug)


def _take(words: list[str], option: str) -> str | None:
    """Remove an option of all commands and its value from the words; returns the value."""
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == option:
            given = [value] if equals else words[place + 1 : place + 2]
            del words[place : place + (1 if equals else 2)]
            return "".join(given) or "nothing"
    return None


def _run(words: list[str], debug: bool) -> int:
    if any("\0" in word for word in words):
        raise InputError(
            "a word of the command line must be a text without NUL characters, got one with some."
        )
    command, rest = parser.find(words)
    if command is None:
        print(parser.overview(rest))
        return FINE
    options = parser.parse(command, rest)
    if options is None:
        print(parser.Parser(command).format_help())
        return FINE
    with warnings.catch_warnings():
        if not debug:
            warnings.simplefilter("ignore")  # from libraries; our own are notes and errors
        warnings.simplefilter("default", ImageWarning)
        warnings.showwarning = _note
        memory = getattr(options, "max_memory", None)
        allowed = nullcontext() if memory is None else budget.limited(budget.parse_memory(memory))
        with allowed, needs_torch(f"anymask {command.name}"):
            code: int = import_module(f"anymask.cli.commands.{module_of(command.name)}").run(options)
    return code


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning as a note, those of libraries (with --debug) with their place."""
    where = "" if issubclass(category, ImageWarning) else f"{filename}:{lineno}: {category.__name__}: "
    print(f"note: {where}{message}", file=sys.stderr, flush=True)


def _fail(code: int, message: str, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    sys.stdout.flush()
    print(message, file=sys.stderr)
    return code


def _sentence(error: BaseException) -> str:
    """The message on one line, whatever file names and libraries put into it."""
    return " ".join(str(error).split())


def _of_system(error: MemoryError | OSError) -> str:
    """What the operating system refused."""
    if isinstance(error, MemoryError):
        return "the machine has not enough memory for this. Use a smaller image, model or batch size."
    name = "a file" if error.filename is None else os.fsdecode(error.filename)[:200]
    return (
        f"{name} must be usable, got '{error.strerror or _sentence(error)}' from the system. Check the path, "
        "the permissions and the room on the disk."
    )


def _report(error: Exception) -> str:
    return (
        f"unexpected {type(error).__name__}: {_sentence(error)[:300]}. This is a fault of anymask: run the "
        "same command with --debug and report what it prints."
    )
