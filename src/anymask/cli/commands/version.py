"""`anymask version`: the version of the package."""

from __future__ import annotations

import anymask
from anymask.cli.console import out


def run() -> int:
    """Print the version."""
    out(f"anymask {anymask.__version__}")
    return 0
