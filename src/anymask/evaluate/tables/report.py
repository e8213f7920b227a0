"""A measured table as text, as JSON, and as one HTML page with plots."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from anymask.evaluate.metrics import Interval
from anymask.evaluate.report import figure, with_interval
from anymask.evaluate.tables.curve import curve
from anymask.evaluate.tables.running import TableResult
from anymask.files import write_atomic

__all__ = ["as_html", "as_text", "save"]

MOST_SKIPPED = 5
"""Items that could not be measured and are named in the text."""


def save(result: TableResult, path: Path, *, force: bool = False) -> tuple[Path, Path]:
    """Write the JSON at `path`, and the page beside it. Raises OutputError."""
    page = path.with_suffix(".html")
    write_atomic(path, (json.dumps(result.to_dict(), indent=1) + "\n").encode(), force=force)
    write_atomic(page, as_html(result).encode(), force=force)
    return path, page


def as_text(result: TableResult) -> str:
    """A Markdown table with the published rows, and notes."""
    rows = _rows(result)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join([*lines, "", *_notes(result)])


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
    if result.options.limit is not None:
        notes.append(
            f"A quick look: at most {result.options.limit} items of each data set, not the table's figures."
        )
    for one in result.sets:
        notes += [f"{one.name}: {note}" for note in one.notes]
        skipped = list(one.skipped.items())
        notes += [f"{one.name}: {len(skipped)} items could not be measured."] if skipped else []
        notes += [f"  {id}: {error}" for id, error in skipped[:MOST_SKIPPED]]
    return [*notes, *_missing(result)]


def _missing(result: TableResult) -> list[str]:
    """What was not measured; many data sets that are not there are named in one sentence."""
    absent = {one.name for one in result.table.sets if result.missing.get(one.name) == one.missing()}
    if len(absent) <= MOST_SKIPPED:
        return list(result.missing.values())
    names = ", ".join(name for name in result.missing if name in absent)
    told = f"{len(absent)} of {len(result.table.sets)} data sets are not there: {names}. "
    told += f"What each needs: anymask eval table {result.table.name} --needs"
    return [*(text for name, text in result.missing.items() if name not in absent), told]


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }}
table {{ border-collapse: collapse; display: block; overflow-x: auto }}
td, th {{ padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }}
td:nth-child(-n+2), th:nth-child(-n+2) {{ text-align: left }}
tr.published {{ color: #666 }} svg {{ margin: .5rem 1rem .5rem 0 }} text {{ font: 12px sans-serif }}
</style>
<h1>{title}</h1><p>{summary}</p>
<table>{table}</table>
{curve}<h2>Plots</h2><p>Dots: measured, with 95 % intervals. Rings: published.</p>{plots}
<h2>Notes</h2><ul>{notes}</ul>
<h2>Protocol</h2><p>{protocol}</p></html>
"""


def as_html(result: TableResult) -> str:
    """One page that needs no other file."""
    rows = _rows(result)
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = "".join(
        f'<tr class="{"published" if "(published)" in row[1] else "measured"}">'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row)
        + "</tr>"
        for row in rows[1:]
    )
    return _PAGE.format(
        title=escape(f"{result.table.name}: {result.table.source}"),
        summary=escape(result.table.summary),
        table=f"<tr>{head}</tr>{body}",
        curve=curve(result.mean) if result.table.model == "runs" else "",
        plots="".join(_plot(result, column) for column in _columns(result)),
        notes="".join(f"<li>{escape(note)}</li>" for note in _notes(result)),
        protocol=escape(result.table.protocol),
    )


WIDTH, LINE, LABEL = 460, 22, 170


def _plot(result: TableResult, column: str) -> str:
    """The values of a column as SVG, a line for each data set."""
    named: list[tuple[str, Interval]] = [
        (one.name, one.numbers[column]) for one in result.sets if column in one.numbers
    ]
    named += [(result.table.mean, result.mean[column])] if column in result.mean else []
    if not named:
        return ""
    rings = {
        (one.set or result.table.mean): one.numbers[column]
        for one in result.table.published
        if column in one.numbers
    }
    ends = [end for _, number in named for end in (number.value, number.low, number.high)]
    ends = [end for end in [*ends, *rings.values(), 0.0] if math.isfinite(end)]
    low, span = min(ends), max(max(ends) - min(ends), 1e-9)

    def x(value: float) -> float:
        return LABEL + (WIDTH - LABEL - 15) * (value - low) / span

    parts = [f'<text x="0" y="14" font-weight="bold">{escape(column)}</text>']
    for line, (name, number) in enumerate(named, 1):
        parts.append(_line(name, number, LINE * line + 14, x, rings.get(name)))
    return f'<svg width="{WIDTH}" height="{LINE * (len(named) + 1)}">{"".join(parts)}</svg>'


def _line(name: str, number: Interval, y: int, x: Callable[[float], float], ring: float | None) -> str:
    out = f'<text x="0" y="{y}">{escape(name[:26])}</text>'
    if math.isfinite(number.low):
        ends = f'x1="{x(number.low):.1f}" x2="{x(number.high):.1f}" y1="{y - 4}" y2="{y - 4}"'
        out += f'<line {ends} stroke="#2d69be"/>'
    if math.isfinite(number.value):
        title = f"<title>{with_interval(number)}</title>"
        out += f'<circle cx="{x(number.value):.1f}" cy="{y - 4}" r="4" fill="#2d69be">{title}</circle>'
    if ring is not None:
        title = f"<title>published: {figure(ring)}</title>"
        place = f'cx="{x(ring):.1f}" cy="{y - 4}" r="5"'
        out += f'<circle {place} fill="none" stroke="#c8502d">{title}</circle>'
    return out
