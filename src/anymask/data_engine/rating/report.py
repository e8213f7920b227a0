"""The report of a rating: mean ratings with intervals, paired tests, and how far raters agree."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.data_engine.rating.make import KEY, RATINGS
from anymask.errors import FormatError
from anymask.evaluate.metrics import bootstrap_ci, interval
from anymask.evaluate.tables.people import rating_figures, read_numbers
from anymask.files import write_atomic

__all__ = ["Rated", "agreement", "is_rating", "read_ratings", "report_ratings", "table_csv"]

DRAWS, LEVEL = 10_000, 0.99
"""Of the bootstrap of paired differences (SAM, appendix E)."""


@dataclass(frozen=True)
class Rated:
    """One rating of one mask of one method by one person."""

    job: str
    mask: str
    method: str
    rater: str
    rating: float
    seconds: float


def is_rating(folder: str | Path) -> bool:
    """Whether a folder holds a rating."""
    return Path(folder, KEY).is_file()


def read_ratings(folder: str | Path) -> list[Rated]:
    """All ratings in the folder's CSV files; of one person's several ratings of a job the last counts.

    Raises FormatError for a folder without a key, an unknown job, and a line that is no rating from 1 to 10.
    """
    place = Path(folder)
    try:
        jobs = json.loads((place / KEY).read_text("utf-8"))["jobs"]
        known = {name: (str(job["mask"]), str(job["method"])) for name, job in jobs.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            f"rating must be a folder that 'anymask engine rate' made, got {folder} ({error!r:.120}). Make "
            "it anew."
        ) from None
    found: dict[tuple[str, str], Rated] = {}
    for file in sorted((place / RATINGS).glob("*.csv")):
        for job, rows in read_numbers(file, "job", "rating", 1, 10).items():
            if job not in known:
                raise FormatError(f"job must be one of this rating, got {job} in {file}. Remove the file.")
            for row in rows:
                rater = str(row.get("rater") or file.stem)
                one = Rated(job, *known[job], rater, row["rating"], _seconds(row))
                found[job, rater] = one
    return list(found.values())


def _seconds(row: Mapping[str, Any]) -> float:
    try:
        return float(row.get("seconds") or 0)
    except ValueError:
        return 0.0


def report_ratings(found: Sequence[Rated]) -> dict[str, Any]:
    """Means by method with 95 % intervals, and pairs of methods on the same masks, as JSON.

    A mask counts once for each method, with the mean of its raters; intervals are by bootstrap over masks. A
    pair has the mean difference with its 99 % interval by 10,000 draws, and the p of a paired t-test.
    """
    rows = _by_mask(found)
    methods = sorted({method for row in rows.values() for method in row})
    figures = rating_figures(list(rows.values()))(np.ones(len(rows))) if rows else {}
    return {
        "masks": len(rows),
        "ratings": len(found),
        "raters": len({one.rater for one in found}),
        "seconds": float(np.mean([one.seconds for one in found])) if found else None,
        "methods": {
            method: _mean([row[method] for row in rows.values() if method in row]) for method in methods
        },
        "pairs": [
            {"methods": [a, b], **_difference(rows, a, b), "p": figures[f"p: {a} = {b}"]}
            for a, b in combinations(methods, 2)
        ],
        "agreement": agreement(found),
    }


def _by_mask(found: Sequence[Rated]) -> dict[str, dict[str, float]]:
    """The mean rating of each mask by method."""
    of: dict[str, dict[str, list[float]]] = {}
    for one in found:
        of.setdefault(one.mask, {}).setdefault(one.method, []).append(one.rating)
    return {
        mask: {method: float(np.mean(some)) for method, some in row.items()}
        for mask, row in sorted(of.items())
    }


def _mean(values: Sequence[float]) -> dict[str, float]:
    sums = np.array(values, np.float64)
    return asdict(bootstrap_ci(sums, np.ones(len(sums)), np.random.default_rng(0)))


def _difference(rows: Mapping[str, Mapping[str, float]], a: str, b: str) -> dict[str, Any]:
    """The mean difference of two methods on the masks that both have."""
    apart = np.array([row[a] - row[b] for row in rows.values() if a in row and b in row], np.float64)
    if not len(apart):
        return {"masks": 0, "value": None, "low": None, "high": None}
    random = np.random.default_rng(0)
    draws = np.array([apart[random.integers(0, len(apart), len(apart))].mean() for _ in range(DRAWS)])
    return {"masks": len(apart), **asdict(interval(float(apart.mean()), draws, LEVEL))}


def agreement(found: Sequence[Rated]) -> dict[str, Any]:
    """How far raters agree on jobs that several rated: Krippendorff's alpha for intervals, and the deviation.

    Alpha is 1 for full agreement and 0 for chance; "deviation" is the root of the mean variance within a job.
    (Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011; the paper's pilot has 0.83.)
    """
    of: dict[str, list[float]] = {}
    for one in found:
        of.setdefault(one.job, []).append(one.rating)
    units = [np.array(some) for some in of.values() if len(some) > 1]
    if not units:
        return {"jobs": 0, "alpha": None, "deviation": None}
    within = sum(2 * len(one) * float(((one - one.mean()) ** 2).sum()) / (len(one) - 1) for one in units)
    every: NDArray[np.float64] = np.concatenate(units)
    by_chance = 2 * len(every) * float(((every - every.mean()) ** 2).sum()) / (len(every) - 1)
    variance = float(np.mean([one.var(ddof=1) for one in units]))
    return {
        "jobs": len(units),
        "alpha": 1 - within / by_chance if by_chance else None,
        "deviation": variance**0.5,
    }


def table_csv(found: Sequence[Rated], path: str | Path, *, force: bool = False) -> None:
    """Write the ratings as `anymask eval table sam-rating` reads them: mask, method, rating, rater."""

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["mask", "method", "rating", "rater"])
    writer.writerows([one.mask, one.method, f"{one.rating:g}", one.rater] for one in found)
    write_atomic(path, text.getvalue().encode(), force=force)
