"""docs/tables.md is made from the catalogue of tables. To write it again: python tests/docs/test_tables.py"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from anymask.evaluate.metrics import Interval
from anymask.evaluate.report import with_interval
from anymask.evaluate.tables.catalog import TABLES
from anymask.evaluate.tables.table import Table

ROOT = Path(__file__).resolve().parents[2]
PAGE, MEASURED = ROOT / "docs" / "tables.md", ROOT / "docs" / "tables-measured"
HEAD = """# Published tables

This page is generated from the catalogue of `anymask eval table`; a test checks that it is up to date. Each
table is one command: it finds the data sets below `--data` in the layouts they come in, names those that are
not there, and prints the published rows beside the measured ones, with 95 % intervals. `-o report.json` also
writes the values of every image and a page with figures, and lets an interrupted run resume; `--limit N` is a
quick look. `--self-test` checks a table without data.

The page gives the command, date, version, commit, machine, model and seed. Figures from 0 to 1 all have
the same axis, each published method has its own mark, and the data sets that are not there are folded away.

Sizes and licences are a guide only: read the terms of each data set.
"""


def page() -> str:
    """The text of the page."""
    parts = [HEAD]
    for name, table in TABLES.items():
        parts.append(f"## {name}\n\n{table.summary} {table.source}.\n\n{table.protocol}\n\n{_command(table)}")
        parts.append(_needs(table))
        if table.published:
            parts.append(_published(table))
        measured = MEASURED / f"{name}.json"
        if measured.is_file():
            parts.append(_measured(table, json.loads(measured.read_text("utf-8"))))
    return "\n".join(parts)


def _command(table: Table) -> str:
    example = "painter_vit_l" if table.name in ("painter", "seggpt-panoptic") else "seggpt_vit_l"
    words = {
        "prompts": "--model sam_vit_h", "examples": f"--model {example}", "runs": "--runs A=runs/a B=runs/b"
    }  # fmt: skip
    model = f" {words[table.model]}" if table.model in words else ""
    return f"```\nanymask eval table {table.name} --data ROOT{model} -o report.json\n```\n"


def _needs(table: Table) -> str:
    rows = ["| data set | from | size | licence | below ROOT |", "| --- | --- | --- | --- | --- |"]
    for one in table.sets:
        needs = ", ".join(f"`{need}`" for need in one.needs)
        name = f"{one.name} ¹" if "from memory" in one.note else one.name
        rows.append(f"| {name} | {one.home} | {one.size} | {one.licence} | `{one.folders[0]}/`: {needs} |")
    if any("¹" in row for row in rows):
        rows += ["", "¹ The layout is from memory and may differ from the one that is distributed."]
    return "\n".join(rows) + "\n"


def _published(table: Table) -> str:
    columns = list(dict.fromkeys(name for one in table.published for name in one.numbers))
    rows = ["| published | " + " | ".join(["method", *columns]) + " |", "| --- " * (len(columns) + 2) + "|"]
    for one in table.published:
        cells = [f"{one.numbers[name]:g}" if name in one.numbers else "" for name in columns]
        rows.append(f"| {one.set or table.mean or 'mean'} | " + " | ".join([one.method, *cells]) + " |")
    return "\n".join(rows) + "\n"


def _measured(table: Table, report: dict[str, Any]) -> str:
    """Our figures on stand-ins, from what benchmarks/stand_ins.py keeps of the reports."""
    numbers = [{key: _interval(value) for key, value in one["numbers"].items()} for one in report["sets"]]
    known = [*table.columns, *(name for one in numbers for name in one)]
    columns = [name for name in dict.fromkeys(known) if any(name in one for one in numbers)]
    rows = ["| measured | in its place | items | " + " | ".join(columns) + " |"]
    rows.append("| --- " * (len(columns) + 3) + "|")
    for one, own in zip(report["sets"], numbers, strict=True):
        cells = [with_interval(own[name]) if name in own else "" for name in columns]
        rows.append(f"| {one['name']} | {one['stand_in']} | {one['items']} | " + " | ".join(cells) + " |")
    words = f"python benchmarks/stand_ins.py SHARDS OUT --tables {table.name}"
    words += f" --limit {report['limit']}" if report["limit"] else ""
    head = f"Ours, on stand-ins and not comparable: {report['model']}, by `{words}`."
    if table.model == "runs":
        head = (
            "Ours, of tiny runs on stand-ins and not comparable, by `sh runs/ablate_tables.sh DATA PHOTOS`."
        )
    return "\n".join([head, "", *rows]) + "\n"


def _interval(ends: dict[str, float | None]) -> Interval:
    return Interval(**{key: math.nan if end is None else end for key, end in ends.items()})


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python tests/docs/test_tables.py"


if __name__ == "__main__":
    sys.exit(0 if PAGE.write_text(page(), "utf-8") else 1)
