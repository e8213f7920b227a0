"""`anymask version`: the version of the package."""

from __future__ import annotations

import anymask
from anymask.cli.console import out
from anymask.cli.options.version import Options

__all__ = ["run"]


def run(options: Options) -> int:
    """Print the version."""
    out(f"anymask {anymask.__version__}")
    return 0
