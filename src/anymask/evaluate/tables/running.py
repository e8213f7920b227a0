"""Measuring a table: every data set that is there, item by item, with resumption and intervals."""

from __future__ import annotations

import json
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import anymask
from anymask.errors import AnymaskError, InputError, MissingExtraError
from anymask.evaluate.metrics import Floats, Interval, interval
from anymask.evaluate.report import machine, plain
from anymask.evaluate.tables.stated_areas import ODD_AREAS, note
from anymask.evaluate.tables.table import Items, Row, Table, TableSet, Weights
from anymask.files import staged
from anymask.files.reports.provenance import commit
from anymask.formats.coco_file import CROWD, KEYPOINTS
from anymask.formats.safe_paths import inner_path, plain_stem
from anymask.types import Record

__all__ = ["RunOptions", "SetFigures", "TableResult", "run_table"]

LEFT_OUT = "left_out"
"""In a row: the annotations that are no masks, by kind."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class RunOptions:
    """How a table is run."""

    limit: int | None = None
    """Maximum number of items of each data set, drawn by `seed`: for a quick look."""
    seed: int = 0
    """Seed of the draws of items and of the bootstrap; random clicks depend on the image alone."""
    partial: Path | None = None
    """A folder for the rows of items already measured, from which an interrupted run resumes."""
    answers: Path | None = None
    """A folder for the ZIP files of data sets whose truth only a server has; without it they are left out."""


@dataclass(frozen=True)
class SetFigures:
    """The figures of one data set."""

    name: str
    rows: Sequence[Row]
    """One for each item, with its "id", and what is left out of it."""
    numbers: Mapping[str, Interval]
    seconds: float
    notes: Sequence[str] = ()
    """How the figures differ from published ones, and what is left out."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Items that could not be measured, and why."""


@dataclass(frozen=True)
class TableResult:
    """The measured table."""

    table: Table
    model: str
    options: RunOptions
    sets: tuple[SetFigures, ...]
    mean: Mapping[str, Interval]
    """Unweighted means over the data sets that are there."""
    missing: Mapping[str, str]
    """Why data sets are left out: where they can be had, or which extra they need."""

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON; NaN as null."""
        table = self.table
        out: dict[str, Any] = plain(
            {
                "table": table.name,
                "source": table.source,
                "protocol": table.protocol,
                "settings": dict(table.options),
                "version": anymask.__version__,
                "commit": commit(),
                "machine": machine(),
                "model": self.model,
                "seed": self.options.seed,
                "limit": self.options.limit,
                "sets": [asdict(one) for one in self.sets],
                "mean": {name: asdict(one) for name, one in self.mean.items()},
                "missing": dict(self.missing),
                "published": [asdict(one) for one in table.published],
            }
        )
        return out


def run_table(
    table: Table,
    model: Any,
    root: Path,
    options: RunOptions | None = None,
    progress: Progress | None = None,
    *,
    name: str = "",
) -> TableResult:
    """Measure a model on all data sets of a table that are below `root`.

    table: one of the catalogue.
    model: what its protocol takes, see `anymask.evaluate.tables.models`.
    root: the folder of all data sets.
    options: how it is run.
    progress: called with the data set, the items done and in all.
    name: of the model, for the report and for resumption.

    Raises InputError if no data set is there.
    """
    options = options or RunOptions()
    results, draws, missing = [], [], {}
    failed: AnymaskError | None = None
    for one in table.sets:
        place = one.find(root)
        if place is None:
            missing[one.name] = one.missing()
            continue
        if one.answer is not None and options.answers is None:
            missing[one.name] = f"{one.name} is left out: it needs -o, beside which its ZIP file is written."
            continue
        try:
            result, drawn = _run_set(table, one, place, model, options, progress, name)
        except (InputError, MissingExtraError) as error:
            missing[one.name] = f"{one.name} is left out: {error}"
            failed = failed or error
            continue
        results.append(result)
        draws.append(drawn)
    if not results:
        where = "this folder" if root == Path() else str(root)
        raise failed or InputError(
            f"data must hold a data set of {table.name}, got none in {where}. "
            + (next(iter(missing.values())) if len(missing) == 1 else _choice(table))
        )
    mean = _mean(results, draws) if table.mean else {}
    return TableResult(table, name, options, tuple(results), mean, missing)


def _choice(table: Table) -> str:
    return f"Any of its {len(table.sets)} will do; what each needs: anymask eval table {table.name} --needs"


def _run_set(
    table: Table,
    one: TableSet,
    place: Path,
    model: Any,
    options: RunOptions,
    progress: Progress | None,
    name: str,
) -> tuple[SetFigures, Mapping[str, Floats]]:
    start, items = time.perf_counter(), one.open(place)
    if not len(items.ids):
        told = "; ".join(["Check the folder", *items.notes])
        raise InputError(f"{one.name} must hold an item to measure, got none in {place}. {told}.")
    head = {"table": table.name, "set": one.name, "model": name, "seed": options.seed, "place": str(place),
            "version": anymask.__version__, "items": len(items.ids)}  # fmt: skip
    rows: list[Row] = []
    skipped: dict[str, str] = {}
    total = len(items.ids)
    with _Spool(options.partial, one.name, head) as spool:
        for index in _chosen(one, items, options, rows):
            id = items.ids[index]
            row = spool.known.get(id)
            if row is None:
                row = {"id": id, **_measured(one, items, index, model, options.answers)}
                spool.add(row)
            if "error" in row:
                skipped[id] = str(row["error"])
            else:
                rows.append(row)
            if progress is not None:
                progress(one.name, len(rows) + len(skipped), min(options.limit or total, total))
    if not rows:
        id, error = next(iter(skipped.items()))
        raise InputError(f"{one.name} must hold an item that can be read, got {id}: {error}")
    if one.answer is not None and options.answers is not None:
        _pack(_answers(one, options.answers))
    numbers, draws = _figures(one, rows, options.seed)
    if not any(map(_defined, numbers.values())):
        why = [*(f"{id}: {error}" for id, error in list(skipped.items())[:1]), *_told(rows), *items.notes]
        told = " ".join(["Check the annotations.", *why])
        raise InputError(f"{one.name} must hold something to measure, got none in {place}. {told}")
    notes = (*([one.note] if one.note else []), *items.notes, *_told(rows))
    return SetFigures(one.name, rows, numbers, time.perf_counter() - start, notes, skipped), draws


def _told(rows: Sequence[Row]) -> list[str]:
    """What was left out of the images, by kind, and areas that differ from their masks'."""
    kinds: dict[str, list[str]] = {}
    for row in rows:
        for kind, count in row.get(LEFT_OUT, {}).items():
            kinds.setdefault(kind, []).extend([row["id"]] * count)
    odd = [name for row in rows for name in row.get(ODD_AREAS, ())]
    return [
        *(f"{len(ids)} x {kind}, left out, first in {ids[0]}" for kind, ids in kinds.items()),
        *([note(odd)] if odd else []),
    ]


def _chosen(one: TableSet, items: Items, options: RunOptions, rows: Sequence[Row]) -> Iterator[int]:
    """Indices of the items to measure: all in order, or drawn at random while more are wanted."""
    count = len(items.ids)
    order = range(count)
    if options.limit is not None or one.most_masks is not None:
        order = np.random.default_rng(options.seed).permutation(count).tolist()
    for index in order[: options.limit]:
        if one.most_masks is not None and sum(_masks(row) for row in rows) >= one.most_masks:
            return
        yield index


def _masks(row: Row) -> int:
    return max((len(value) for value in row.values() if isinstance(value, list)), default=0)


def _answers(one: TableSet, folder: Path) -> Path:
    """The folder for the files of a data set that a server evaluates."""
    return folder / plain_stem(one.name)


def _pack(folder: Path) -> None:
    """Pack a folder of answers into a ZIP file beside it, and remove the folder."""
    if not folder.is_dir():
        return  # packed by a run that was interrupted later
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with (
        staged(folder.with_suffix(".zip"), force=True) as place,
        zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as archive,  # of PNG files
    ):
        for file in files:
            archive.write(file, file.relative_to(folder).as_posix())
    shutil.rmtree(folder)


def _measured(one: TableSet, items: Items, index: int, model: Any, answers: Path | None) -> Row:
    """The row of an item, or its error; files for a server are written below `answers`."""
    try:
        if one.answer is not None and answers is not None:
            files = one.answer(model, items.read(index))
            for name, data in files.items():
                path = _answers(one, answers) / inner_path(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            return {"frames": len(files)}
        item = items.read(index)
        lost = _lost(item)
        known = {LEFT_OUT: lost, ODD_AREAS: _odd(item)}
        return {**one.measure(model, item), **{name: value for name, value in known.items() if value}}
    except (AnymaskError, OSError) as error:
        return {"error": str(error)}


def _lost(item: Any) -> dict[str, int]:
    """Annotations of an item that are no masks, by kind; crowds are ignored pixels and not lost."""
    record = _record(item)
    found = {} if record is None else record.left_out
    return {kind: count for kind, count in found.items() if kind not in (CROWD, KEYPOINTS)}


def _odd(item: Any) -> list[str]:
    """The stated areas of an item that its masks cannot have."""
    record = _record(item)
    return [] if record is None else list(record.meta.get(ODD_AREAS, ()))


def _record(item: Any) -> Record | None:
    record = item if isinstance(item, Record) else getattr(item, "record", None)
    return record if isinstance(record, Record) else None


class _Spool:
    """The rows of a data set as lines of JSON, in a file that an interrupted run leaves behind."""

    def __init__(self, folder: Path | None, name: str, head: Mapping[str, Any]) -> None:
        self.known: dict[str, Row] = {}
        self._path = None if folder is None else folder / f"{name.replace('/', '-')}.jsonl"
        self._head = json.dumps(head)

    def __enter__(self) -> _Spool:
        self._file = None
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._read(self._path)
            self._file = self._path.open("w", encoding="utf-8")
            self._write(self._head)
            for row in self.known.values():
                self._write(json.dumps(row))
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def _read(self, path: Path) -> None:
        """Take the rows of an earlier run of the same kind; a line that was cut off is dropped."""
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        if lines[:1] != [self._head]:
            return
        for line in lines[1:]:
            try:
                row = json.loads(line)
            except ValueError:
                break
            self.known[row["id"]] = row

    def _write(self, line: str) -> None:
        assert self._file is not None
        self._file.write(line + "\n")
        self._file.flush()

    def add(self, row: Row) -> None:
        """Keep a row."""
        if self._file is not None:
            self._write(json.dumps(row))


def _figures(one: TableSet, rows: Sequence[Row], seed: int) -> tuple[dict[str, Interval], dict[str, Floats]]:
    """Figures with 95 % intervals over items, and the bootstrap samples."""
    known = ("id", LEFT_OUT, ODD_AREAS)
    figures, count = (
        one.figures([{k: v for k, v in row.items() if k not in known} for row in rows]),
        len(rows),
    )
    values = figures(np.ones(count))
    generator = np.random.default_rng(seed)
    samples: list[Mapping[str, float]] = []
    for _ in range(one.resamples if count > 1 else 0):
        weights: Weights = generator.multinomial(count, np.full(count, 1 / count)).astype(np.float64)
        samples.append(figures(weights))
    draws = {name: np.array([sample[name] for sample in samples]) for name in values}
    numbers = {
        name: interval(value, drawn[np.isfinite(drawn)])
        for (name, value), drawn in zip(values.items(), draws.values(), strict=True)
    }
    return numbers, draws


def _mean(results: Sequence[SetFigures], draws: Sequence[Mapping[str, Floats]]) -> dict[str, Interval]:
    """Unweighted means over data sets; the sets are resampled independently of each other."""
    out = {}
    for name in dict.fromkeys(name for one in results for name in one.numbers):
        having = [i for i, one in enumerate(results) if name in one.numbers and _defined(one.numbers[name])]
        if having:
            least = min(len(draws[i][name]) for i in having)
            sampled = np.mean([draws[i][name][:least] for i in having], axis=0) if least else np.zeros(0)
            value = float(np.mean([results[i].numbers[name].value for i in having]))
            out[name] = interval(value, sampled[np.isfinite(sampled)])
    return out


def _defined(number: Interval) -> bool:
    return bool(np.isfinite(number.value))
