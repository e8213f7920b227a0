"""`anymask data stats`: counts of what data sets hold."""

from __future__ import annotations

from dataclasses import asdict

from anymask import data
from anymask.cli.console import out, out_json
from anymask.cli.datasets import first, inspect_all
from anymask.cli.options.data_stats import Options
from anymask.data import Stats
from anymask.files.reports.wording import counted

__all__ = ["run"]


def run(options: Options) -> int:
    """Print the counts of every data set."""
    results = inspect_all(options.paths, options.split, options.ignore, data.stats)
    if options.as_json:
        out_json([asdict(result) for result in results])
    else:
        out("\n\n".join(_as_text(result) for result in results))
    return 0


def _as_text(result: Stats) -> str:
    least, most = result.longest_side
    lines = [
        f"{result.name}: {counted(result.images, 'image')}, {counted(result.masks, 'mask')}",
        f"  masks per image: {result.masks_per_image:.1f}; none in {counted(result.without_masks, 'image')}",
        f"  longest side: {least} to {most} pixels",
    ]
    if result.corrupt:
        lines.append(f"  damaged items: {result.corrupt}")
    for key in ("sizes", "kinds", "categories"):
        named = [f"{name} {count:,}" for name, count in getattr(result, key).items()]
        if named:
            lines.append(f"  {key}: {', '.join(first(named, '{} more'))}")
    return "\n".join(lines)
