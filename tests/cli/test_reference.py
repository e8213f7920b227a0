"""docs/cli.md is what --help prints. To write it again: python tests/cli/test_reference.py"""

from __future__ import annotations

import sys
from pathlib import Path

from anymask.cli.options.registry import commands
from anymask.cli.parser import WIDTH, Parser

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
HEAD = """# The command line

This page is generated from `anymask COMMAND --help`; a test checks that it is up to date.

Exit codes: 0 success; 2 input that cannot be used, reported in one sentence on stderr; 3 done, except for
images that could not be read (`auto`); 1 a fault of anymask (`--debug` shows where); 130 stopped by Ctrl-C.
Results go to stdout, progress and notes to stderr. Positional arguments are read, `-o` is written. Nothing
is replaced without `--force`, and no file is left half-written. An option means the same in every command
that has it. Of a folder all visible images count, those of its subfolders too; files and folders whose name
begins with a dot do not.
"""


def reference() -> str:
    """The text of the page."""
    parts = [HEAD]
    for command in commands():
        parts.append(f"## {command.name}\n\n```text\n{Parser(command).layout(WIDTH)}\n```\n")
    return "\n".join(parts)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == reference(), "run: python tests/cli/test_reference.py"


if __name__ == "__main__":
    sys.exit(0 if PAGE.write_text(reference(), "utf-8") else 1)
