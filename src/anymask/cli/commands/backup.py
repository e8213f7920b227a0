"""`anymask backup`: a project of the app in one file."""

from __future__ import annotations

from anymask.cli.console import out
from anymask.cli.options.backup import Options
from anymask.errors import MissingExtraError

__all__ = ["run"]


def run(options: Options) -> int:
    """Write the file."""
    try:
        from anymask.data_engine.project import open_project
        from anymask.data_engine.project.backup import backup
    except ModuleNotFoundError as error:
        raise MissingExtraError("anymask backup", "app") from error
    project = open_project(options.folder, options.database)
    try:
        counts = backup(project, options.output, force=options.force)
    finally:
        project.close()
    out(f"wrote {options.output}: {counts.revisions:,} revisions, {counts.uploads:,} uploaded images")
    return 0
