"""SAM, figure 11 and section 5: statistics of ratings and of corrected masks, from their CSV files."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anymask.errors import FormatError
from anymask.evaluate.edge_matching import require_scipy
from anymask.evaluate.metrics import Floats
from anymask.evaluate.tables.named_file import named_file
from anymask.evaluate.tables.table import Figures, Items, Row, TableSet, Weights, means, ratio

__all__ = ["AUDIT_SETS", "RATING_SETS", "read_numbers"]

RATED = ("LVIS v0.5", "VISOR", "DRAM", "IBD", "NDD20", "OVIS", "iShape", "LVIS v1, boxes")
LEVELS = (0.90, 0.75)


def read_numbers(path: Path, key: str, name: str, low: float, high: float) -> dict[str, list[dict[str, Any]]]:
    """The rows of a CSV file by the column `key`, with the column `name` as a number from `low` to `high`.

    Raises FormatError that names the line.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    with named_file(path), path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        for line, row in enumerate(reader, 2):
            try:
                value = float(row[name])
                owner = row[key]
            except (KeyError, TypeError, ValueError):
                value, owner = float("nan"), ""
            if not low <= value <= high or not owner:
                raise FormatError(
                    f"line {line} of {path} must have {key}, and {name} from {low:g} to {high:g}, got {row}. "
                    "Correct it."
                )
            found.setdefault(owner, []).append({**row, name: value})
    return found


def _open_ratings(root: Path, *, name: str) -> Items:
    path = root / f"{name}.csv"
    found = read_numbers(path, "mask", "rating", 1, 10)
    ids = sorted(found)

    def read(index: int) -> Row:
        rows = found[ids[index]]
        if any(not row.get("method") for row in rows):
            raise FormatError(
                f"mask {ids[index]} of {path} must have a method in each row, got none. Correct it."
            )
        of_method: dict[str, list[float]] = {}
        for row in rows:
            of_method.setdefault(row["method"], []).append(row["rating"])
        return {method: float(np.mean(ratings)) for method, ratings in of_method.items()}

    return Items(ids, read)


def rating_figures(rows: Sequence[Row]) -> Figures:
    """Mean rating of each method, and for each pair the mean difference and the p of a paired t-test."""
    require_scipy("special", "a t-test")
    methods = sorted({method for row in rows for method in row})
    values = {m: np.array([row.get(m, np.nan) for row in rows], np.float64) for m in methods}
    pairs = [(a, b) for i, a in enumerate(methods) for b in methods[i + 1 :]]

    def figures(weights: Weights) -> Mapping[str, float]:
        out = {method: _weighted(values[method], weights)[0] for method in methods}
        for a, b in pairs:
            mean, deviation, count = _weighted(values[a] - values[b], weights)
            out[f"{a} - {b}"], out[f"p: {a} = {b}"] = mean, p_value(mean, deviation, count)
        return out

    return figures


def _weighted(values: Floats, weights: Weights) -> tuple[float, float, float]:
    """Mean, standard deviation and number of the values that are known."""
    known = np.isfinite(values)
    count = float(weights[known].sum())
    mean = ratio(float(weights[known] @ values[known]), count)
    square = float(weights[known] @ (values[known] - mean) ** 2)
    return mean, ratio(square, count - 1) ** 0.5, count


def p_value(mean: float, deviation: float, count: float) -> float:
    """Two-sided p of a t-test of paired differences; NaN for fewer than two and without any spread."""
    if not (count > 1 and deviation > 0):
        return float("nan")
    statistic = abs(mean) / (deviation / count**0.5)
    return float(2 * require_scipy("special", "a t-test").stdtr(count - 1, -statistic))


def _open_audit(root: Path) -> Items:
    found = read_numbers(root / "audit.csv", "image", "iou", 0, 1)
    ids = sorted(found)

    def read(index: int) -> Row:
        ious = np.array([row["iou"] for row in found[ids[index]]])
        above = {f"above_{round(100 * level)}": (ious > level).astype(float).tolist() for level in LEVELS}
        return above | {"iou": ious.tolist()}

    return Items(ids, read)


RATING_SETS = tuple(
    TableSet(
        name=name,
        home="your own ratings, by `anymask engine rate`; those of the paper are not public",
        size="small",
        licence="yours",
        folders=("ratings",),
        needs=(f"{name}.csv",),
        open=partial(_open_ratings, name=name),
        measure=lambda _, row: row,
        figures=rating_figures,
        note="Columns of the CSV: mask, method, rating (1 to 10).",
    )
    for name in RATED
)
AUDIT_SETS = (
    TableSet(
        name="audit",
        home="your own corrections of automatic masks; those of the paper are not public",
        size="small",
        licence="yours",
        folders=("audit", "."),
        needs=("audit.csv",),
        open=_open_audit,
        measure=lambda _, row: row,
        figures=means,
        note="Columns of the CSV: image, iou (of each mask with its correction). Corrections that start from "
        "the mask flatter it: people agree with each other at 85 to 91 % IoU.",
    ),
)
