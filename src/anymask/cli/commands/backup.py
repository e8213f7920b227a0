"""`anymask backup`: a project of the app in one file."""

from __future__ import annotations

from anymask.cli.console import out
from anymask.cli.options.backup import Options
from anymask.cli.projects import existing_project

__all__ = ["run"]


def run(options: Options) -> int:
    """Write the file."""
    with existing_project(options.folder, options.database, "backup") as project:
        from anymask.data_engine.project.backup import backup

        counts = backup(project, options.output, force=options.force)
    out(f"wrote {options.output}: {counts.revisions:,} revisions, {counts.uploads:,} uploaded images")
    return 0
