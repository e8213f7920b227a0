"""`anymask data check`: what is wrong with data sets."""

from __future__ import annotations

from dataclasses import asdict

from anymask import data
from anymask.cli.console import out, out_json
from anymask.cli.datasets import first, inspect_all
from anymask.cli.options.data_check import Options
from anymask.data import Check
from anymask.errors import InputError
from anymask.files.reports.wording import counted

__all__ = ["run"]


def run(options: Options) -> int:
    """Read every item once. Raises `InputError` at the end if something is wrong."""
    results = inspect_all(options.paths, options.split, options.ignore, data.check)
    if options.as_json:
        out_json([asdict(result) | {"sound": result.sound} for result in results])
    else:
        out("\n".join(_as_text(result) for result in results))
    problems = sum(len(result.problems) for result in results)
    if problems:
        raise InputError(
            f"data must be sound, got {counted(problems, 'problem')} in {counted(len(results), 'data set')}. "
            "Training leaves out what it cannot read; repair or remove the rest."
        )
    return 0


def _as_text(result: Check) -> str:
    head = (
        f"{result.name}: {counted(result.images, 'image')} with {counted(result.masks, 'mask')} can be read"
    )
    if result.left_out:
        kinds = [f"{kind} ({count:,})" for kind, count in result.left_out.items()]
        head += f"\n  not read: {', '.join(first(kinds, '{} more'))}"
    lines = [f"  {item}: {' '.join(problem.split())}" for item, problem in result.problems]
    return "\n".join([head, *first(lines, "  and {} more (--json lists all)")])
