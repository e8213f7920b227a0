"""`anymask restore`: a project of the app from a backup."""

from __future__ import annotations

from anymask.cli.console import out
from anymask.cli.options.restore import Options
from anymask.errors import MissingExtraError

__all__ = ["run"]


def run(options: Options) -> int:
    """Make the project."""
    try:
        from anymask.data_engine.project.backup import restore
    except ModuleNotFoundError as error:
        raise MissingExtraError("anymask restore", "app") from error
    counts = restore(options.file, options.folder, options.database)
    out(f"restored {options.folder}: {counts.revisions:,} revisions, {counts.uploads:,} uploaded images")
    return 0
