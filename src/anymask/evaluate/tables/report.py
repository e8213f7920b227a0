"""A measured table as text, as JSON, and as one HTML page with figures."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from anymask.evaluate.metrics import Interval
from anymask.evaluate.report import figure, with_interval
from anymask.evaluate.tables.curve import curve
from anymask.evaluate.tables.running import TableResult
from anymask.files import write_atomic
from anymask.files.reports import page
from anymask.files.reports.axes import FRACTION, Axis
from anymask.files.reports.charts import Mark, Row, dots, legend
from anymask.files.reports.provenance import facts
from anymask.files.reports.wording import counted

__all__ = ["as_html", "as_text", "save"]

MOST_SKIPPED = 5
"""Items that could not be measured and are named in the text."""
MEASURED = "measured, with its 95 % interval (a single item has none)"
QUANTITIES = {
    "click": "mean IoU", "oracle": "mean IoU", "random": "mean IoU", "iou": "mean IoU", "miou": "mean IoU",
    "ap": "average precision", "ar": "average recall", "ods": "F of edges", "ois": "F of edges",
    "pq": "panoptic quality", "rmse": "RMSE in m", "psnr": "PSNR in dB",
}  # fmt: skip
"""What the axis of a column shows, by the first part of the column's name."""


def save(result: TableResult, path: Path, *, force: bool = False, command: str = "") -> tuple[Path, Path]:
    """Write the JSON at `path`, and the page beside it. command: what made them. Raises OutputError."""
    html = path.with_suffix(".html")
    write_atomic(path, (json.dumps(result.to_dict(), indent=1) + "\n").encode(), force=force)
    write_atomic(html, as_html(result, command).encode(), force=force)
    return path, html


def as_text(result: TableResult) -> str:
    """A Markdown table with the published rows, and notes."""
    rows = _rows(result)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    source, *notes = _notes(result)
    quick = [] if result.options.limit is None else [_quick_look(result.options.limit)]
    return "\n".join([*lines, "", source, *quick, *notes, *_missing(result)])


def _columns(result: TableResult) -> list[str]:
    named = [name for one in result.sets for name in one.numbers]
    published = [name for one in result.table.published for name in one.numbers]
    own = result.table.columns or named  # where the data name the figures: methods, groups, runs
    known = dict.fromkeys([*own, *published])
    return [name for name in known if name in {*named, *published}]


def _rows(result: TableResult) -> list[list[str]]:
    columns = _columns(result)
    rows = [["set", "method", "items", *columns]]
    for one in result.sets:
        rows.append([one.name, "measured", str(len(one.rows)), *_cells(one.numbers, columns)])
        rows += _published(result, one.name, columns)
    if result.mean:
        rows.append([result.table.mean, "measured", str(len(result.sets)), *_cells(result.mean, columns)])
    return rows + _published(result, "", columns)


def _published(result: TableResult, name: str, columns: Sequence[str]) -> list[list[str]]:
    return [
        [
            name or result.table.mean,
            f"{one.method} (published)",
            "",
            *(figure(one.numbers.get(column)) for column in columns),
        ]
        for one in result.table.published
        if one.set == name
    ]


def _cells(numbers: Mapping[str, Interval], columns: Sequence[str]) -> list[str]:
    return [with_interval(numbers[name]) if name in numbers else "-" for name in columns]


def _notes(result: TableResult) -> list[str]:
    """Sentences below the table."""
    notes = [
        f"{result.table.source}. Model {result.model}. ± is half of a 95 % interval (bootstrap over items)."
    ]
    for one in result.sets:
        notes += [f"{one.name}: {note}" for note in one.notes]
        skipped = list(one.skipped.items())
        notes += [f"{one.name}: {counted(len(skipped), 'item')} could not be measured."] if skipped else []
        notes += [f"  {id}: {error}" for id, error in skipped[:MOST_SKIPPED]]
    return notes


def _missing(result: TableResult) -> list[str]:
    """What was not measured; many data sets that are not there are named in one sentence."""
    absent = {one.name for one in result.table.sets if result.missing.get(one.name) == one.missing()}
    if len(absent) <= MOST_SKIPPED:
        return list(result.missing.values())
    names = ", ".join(name for name in result.missing if name in absent)
    told = f"{len(absent)} of {len(result.table.sets)} data sets are not there: {names}. "
    told += f"What each needs: anymask eval table {result.table.name} --needs"
    return [*(text for name, text in result.missing.items() if name not in absent), told]


def as_html(result: TableResult, command: str = "") -> str:
    """One page that needs no other file. command: what made it, for the head of the page."""
    rows, columns = _rows(result), _columns(result)
    kinds = ["published" if "(published)" in row[1] else "" for row in rows[1:]]
    methods = _methods(result)
    parts = [page.paragraph(result.table.summary)]
    if result.options.limit is not None:
        parts.append(page.paragraph(_quick_look(result.options.limit), "warning"))
    parts.append(page.table(rows[0], rows[1:], 2, kinds))
    parts += [page.heading("Figures"), legend([MEASURED, *(f"{name} (published)" for name in methods)])]
    shown = [curve(result.mean)] if result.table.model == "runs" else []
    shown += [_plot(result, column, methods) for column in columns]
    parts += [page.figures(one for one in shown if one), page.heading("Notes"), page.notes(_notes(result))]
    left_out = f"{counted(len(result.missing), 'data set')} left out"
    parts.append(page.folded(left_out, result.missing.values()))
    parts += [page.heading("Protocol"), page.paragraph(result.table.protocol)]
    return page.page(f"{result.table.name}: {result.table.source}", _head(result, command), parts)


def _head(result: TableResult, command: str) -> dict[str, str]:
    """Where the page comes from."""
    limit = result.options.limit
    return {
        **facts(command),
        "model": result.model,
        "seed": str(result.options.seed),
        "items": "all" if limit is None else f"at most {limit} of each data set",
    }


def _quick_look(limit: int) -> str:
    items = counted(limit, "item")
    return f"A quick look: at most {items} of each data set, not the table's figures."


def _methods(result: TableResult) -> list[str]:
    """The published methods that have a figure beside a measured one."""
    measured = {(one.name, column) for one in result.sets for column in one.numbers}
    measured |= {(result.table.mean, column) for column in result.mean}
    return list(
        dict.fromkeys(
            one.method
            for one in result.table.published
            if any((one.set or result.table.mean, column) in measured for column in one.numbers)
        )
    )


def _plot(result: TableResult, column: str, methods: Sequence[str]) -> str:
    """The values of a column, a line for each data set; "" without any."""
    named = [(one.name, one.numbers[column]) for one in result.sets if column in one.numbers]
    named += [(result.table.mean, result.mean[column])] if column in result.mean else []
    if not named:
        return ""
    rows = [
        Row(name, [_measured_mark(number), *_published_marks(result, name, column, methods)])
        for name, number in named
    ]
    ends = [end for row in rows for mark in row.marks for end in (mark.value, mark.low, mark.high)]
    known = [end for end in ends if math.isfinite(end)]
    axis = FRACTION if all(0 <= end <= 1 for end in known) else Axis.over([0.0, *known])
    title = f"Model {column}" if result.table.model == "runs" else column
    names = [*(one.name for one in result.sets), result.table.mean]
    return dots(title, _quantity(result, column), rows, axis, names)


def _measured_mark(number: Interval) -> Mark:
    return Mark(number.value, number.low, number.high, told=with_interval(number))


def _published_marks(result: TableResult, name: str, column: str, methods: Sequence[str]) -> list[Mark]:
    return [
        Mark(value, kind=1 + methods.index(one.method), told=f"{one.method} (published): {figure(value)}")
        for one in result.table.published
        if (one.set or result.table.mean) == name and (value := one.numbers.get(column)) is not None
    ]


def _quantity(result: TableResult, column: str) -> str:
    """What the axis of a column shows, with its unit; "" where the title says it."""
    if result.table.model == "runs" or column.endswith(" points"):
        return "mean IoU"
    return QUANTITIES.get(column.partition("_")[0], "")
