"""Tiny copies of data sets in their layouts, and stub models whose figures on them are known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from anymask.errors import AnymaskError, MissingExtraError
from anymask.evaluate.tables.running import RunOptions, TableResult, run_table
from anymask.evaluate.tables.table import Table

__all__ = ["SelfTestError", "check", "options"]

TOLERANCE = 1e-6
RESAMPLES = 20
"""Bootstrap samples of a self-test."""
_NO_HDF5 = MissingExtraError("making its HDF5 files", "hdf5")
"""Why a copy of a data set is not made: all others need no extra."""


class SelfTestError(AnymaskError):
    """A figure of a self-test differs from its known value."""


def options(table: Table, root: Path) -> RunOptions:
    """How a self-test is run; what it has measured stays in `root`."""
    return RunOptions(table.self_test().limit, partial=root / "partial", answers=root / "answers")


def check(table: Table, root: Path) -> TableResult:
    """Run a table with its stub model on a copy of its data sets, made in `root`.

    Raises SelfTestError where a figure is not the known one or a data set with one is not measured.
    """
    test = table.self_test()
    test.copy(root)
    quick = replace(
        table, sets=tuple(replace(one, resamples=min(one.resamples, RESAMPLES)) for one in table.sets)
    )
    result = run_table(quick, test.model(), root, options(table, root), name="stub")
    measured = {one.name: one.numbers for one in result.sets}
    for name, figures in test.expected.items():
        for column, wanted in figures.items():
            number = measured.get(name, {}).get(column)
            if number is None or not math.isclose(number.value, wanted, abs_tol=TOLERANCE):
                found = "nothing" if number is None else f"{number.value:.6f}"
                raise SelfTestError(f"{table.name}: {column} of {name} must be {wanted:.6f}, got {found}.")
    unread = {name: f"{name} is not checked: {_NO_HDF5}" for name in result.missing}
    return replace(result, missing=unread)
