"""docs/cli.md is what --help says. To write it anew: python tests/cli/test_reference.py"""

from __future__ import annotations

import sys
from pathlib import Path

from anymask.cli.options.commands import COMMANDS
from anymask.cli.parser import WIDTH, Parser

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
HEAD = """# The command line

This page is written from `anymask COMMAND --help`; a test keeps it so.

Exit codes: 0 fine; 2 something given cannot be used, told in one sentence on stderr; 3 done, but for
pictures that could not be read (`auto`); 1 a fault of anymask (`--debug` shows where); 130 stopped by Ctrl-C.
Results go to stdout, progress and notes to stderr. No file is replaced without `--force`, and none is left
half-written.
"""


def reference() -> str:
    """The text of the page."""
    parts = [HEAD]
    for name, command in COMMANDS.items():
        parts.append(f"## {name}\n\n```text\n{Parser(command).layout(WIDTH)}\n```\n")
    return "\n".join(parts)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == reference(), "run: python tests/cli/test_reference.py"


if __name__ == "__main__":
    sys.exit(0 if PAGE.write_text(reference(), "utf-8") else 1)
