"""Whom a model serves: clicks by group, for groups that a table gives (SAM, section 6).

The first point is a random pixel of the mask, two more lie deepest in the error, as in the published tables
(`anymask.evaluate.tables.fairness`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from anymask.data.analysis.image_table import names_of, read_table
from anymask.data.dataset import Collection
from anymask.errors import AnymaskError, FormatError, InputError
from anymask.evaluate.metrics import bootstrap_ci
from anymask.evaluate.simulated_clicks import OpenSession
from anymask.evaluate.tables.catalog import TABLES
from anymask.evaluate.tables.fairness import CLICKS, Grouped, group_ious
from anymask.files.reports.wording import counted
from anymask.types import Record

__all__ = ["GroupTable", "clicks_by_group", "read_group_table"]

GroupTable: TypeAlias = Mapping[str, Mapping[str, Sequence[str]]]
"""The groups of each mask of each image, as the table names them."""
WHOLE = ""
"""In place of a mask: all masks of the image."""
BESIDE = ("MIAP, persons", "skin tones")
"""The published groups that are shown beside."""


def read_group_table(path: str | Path) -> GroupTable:
    """Read a CSV table with the columns `image` (an id or file name), `group`, and `mask` where it has one.

    A mask is named by its id in the annotation file, or by its number from 1 where it has none; rows without
    a mask are of all masks of the image. Raises FormatError.
    """
    columns, rows = read_table(path, "table of groups")
    if not {"image", "group"} <= set(columns):
        raise FormatError(
            f"table of groups must have the columns image and group, got {', '.join(columns) or 'none'} in "
            f"{path}. Add a first line with their names."
        )
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if row["group"]:
            found.setdefault(row["image"], {}).setdefault(row.get("mask", WHOLE), []).append(row["group"])
    if not found:
        raise FormatError(f"table of groups must have a row with a group, got none in {path}. Add some.")
    return found


def clicks_by_group(
    open_session: OpenSession,
    dataset: Collection,
    table: GroupTable,
    advance: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Mean IoU at one and three points by group, with 95 % bootstrap intervals over images, as JSON.

    open_session: opens an image for prompts.
    dataset: images without rows in the table are left out, and rows without an image or mask are listed.
    advance: called with the number of images done, their total and the data set.

    Raises InputError where no row of the table fits the data set.
    """
    measured: list[Mapping[str, Sequence[float]]] = []
    unused = {(image, mask) for image, masks in table.items() for mask in masks}
    for index in range(len(dataset)):
        if advance is not None:
            advance(index, len(dataset), dataset.name)
        try:
            known = dataset.annotation(index)
            image = _name_in(table, known)
            if image is None:
                continue
            grouped, used = _grouped(dataset[index], table[image])
            unused -= {(image, mask) for mask in used}
            measured.append(group_ious(open_session, grouped))
        except AnymaskError:
            continue  # `dataset.faults` has it
    if not any(measured):
        raise InputError(
            f"table of groups must name images and masks of {dataset.name}, got none of them among "
            f"{counted(len(unused), 'row')}, such as {min(unused)[0]}. Use ids or file names."
        )
    return {
        "groups": [_figures(name, measured) for name in _groups(table) if _count(name, measured)],
        "unused_rows": [" ".join(one).strip() for one in sorted(unused)],
        "published": _published(),
    }


def _name_in(table: GroupTable, record: Record) -> str | None:
    names = names_of(record.id, str(record.meta.get("file_name", "")))
    return next((one for one in names if one in table), None)


def _grouped(record: Record, masks: Mapping[str, Sequence[str]]) -> tuple[Grouped, set[str]]:
    """The masks that have a group, and which rows of the image were used."""
    ids = record.meta.get("ids") or range(1, len(record.masks) + 1)
    groups = [(*masks.get(WHOLE, ()), *masks.get(str(one), ())) for one in ids]
    rows = [row for row, some in enumerate(groups) if some]
    used = {one for one in masks if one == WHOLE or one in {str(id) for id in ids}}
    return Grouped(record.take(rows), tuple(groups[row] for row in rows)), used


def _groups(table: GroupTable) -> list[str]:
    return sorted({group for masks in table.values() for groups in masks.values() for group in groups})


def _count(group: str, measured: Sequence[Mapping[str, Sequence[float]]]) -> int:
    return sum(len(one.get(_key(group, 1), ())) for one in measured)


def _key(group: str, points: int) -> str:
    return f"{group}, {points} points"


def _figures(group: str, measured: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    """A group: images, masks, and the mean IoU with its interval for each number of points."""
    found: dict[str, Any] = {"group": group, "masks": _count(group, measured)}
    found["images"] = sum(_key(group, 1) in one for one in measured)
    for points in CLICKS.clicks:
        values = [one[_key(group, points)] for one in measured if _key(group, points) in one]
        sums, counts = np.array([(sum(one), len(one)) for one in values], np.float64).T
        mean = bootstrap_ci(sums, counts, np.random.default_rng(0))
        known = np.isfinite(mean.low)
        found[f"points_{points}"] = {
            "iou": mean.value,
            "low": mean.low if known else None,
            "high": mean.high if known else None,
        }
    return found


def _published() -> list[dict[str, Any]]:
    """SAM's means for persons and skin tones by group: tables 2 and 7 of the paper."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in TABLES["sam-fairness"].published:
        for name, value in one.numbers.items() if one.set in BESIDE else ():
            group, _, points = name.rpartition(", ")
            row = found.setdefault((one.set, group), {"set": one.set, "group": group})
            row[f"points_{points.split()[0]}"] = value
    return list(found.values())
