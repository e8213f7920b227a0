"""What the commands `anymask eval` share: opening data sets, progress, printing and writing a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from anymask.cli.console import note, out, out_json, progress
from anymask.data import Collection, open_dataset
from anymask.errors import InputError, OutputError
from anymask.files import check_target

if TYPE_CHECKING:
    from anymask.evaluate.report import Report

__all__ = ["Printed", "by_set", "check_report", "open_all", "print_report"]


class Printed(Protocol):
    """The options that say how a report is printed and written."""

    @property
    def model(self) -> str:
        """The model as the user named it."""

    @property
    def output(self) -> str | None:
        """The file of the report, if it is written."""

    @property
    def as_json(self) -> bool:
        """Whether JSON is printed."""

    @property
    def force(self) -> bool:
        """Whether an existing file is replaced."""


def open_all(paths: Sequence[str], split: str | None = None) -> Mapping[str, Collection]:
    """Data sets by name. Raises `InputError` for none and for two with the same name."""
    if not paths:
        raise InputError("--data must name a data set, got none. For example: --data photos/")
    datasets: dict[str, Collection] = {}
    for path in paths:
        collection = open_dataset(path, split=split)
        if collection.name in datasets:
            raise InputError(
                f"--data must be data sets with different names, got '{collection.name}' twice. "
                "Rename a folder."
            )
        datasets[collection.name] = collection
    return datasets


def check_report(output: str | None, force: bool) -> None:
    """Refuse a place for the report before any work is done. Raises `OutputError`."""
    if output is None:
        return
    if Path(output).suffix.lower() != ".json":
        raise OutputError(f"output must end in .json, got {output}. Name it report.json, for example.")
    check_target(output, force=force)


@contextmanager
def by_set(unit: str) -> Iterator[Callable[[str, int, int], None]]:
    """Progress as evaluations report it: the name of the data set, how much is done, how much in all."""
    with progress(unit) as advance:
        yield lambda name, done, total: advance(done, total, name)


def print_report(
    report: Report,
    options: Printed,
    datasets: Mapping[str, Collection],
    *,
    columns: Sequence[str] | None = None,
    what: str = "Mean IoU",
) -> None:
    """Print a report as a table or as JSON, and write it where the options name a file.

    report: the figures.
    options: those of the command.
    datasets: what was measured on; their damaged items are counted in a note.
    columns: the figures in the table, None for all.
    what: what the figures are.
    """
    for name, collection in datasets.items():
        if len(collection.faults):
            note(f"{name}: {len(collection.faults)} damaged items left out, see 'anymask data check'")
    if options.as_json:
        out_json(report.to_dict())
    else:
        out(report.table(list(report.mean.numbers) if columns is None else columns))
        model = f"Model {options.model} ({report.model}), {report.seconds:.0f} s."
        out(f"\n{model} {what}; ± is half of a 95 % interval.")
    if options.output is not None:
        report.save(options.output, force=options.force)
        (note if options.as_json else out)(f"wrote {options.output}")
