"""`anymask eval table`: measure a model as a published table does."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anymask.cli.console import command_line, note, out, out_json
from anymask.cli.console import table as table_of
from anymask.cli.options.eval_table import Options
from anymask.cli.reports import by_set, check_report
from anymask.errors import InputError, unknown_name
from anymask.files import check_target

if TYPE_CHECKING:
    from anymask.evaluate.tables.running import TableResult
    from anymask.evaluate.tables.table import Table

__all__ = ["run"]


def run(options: Options) -> int:
    """Measure a table, print it and write its report; or list all tables."""
    from anymask.evaluate.tables.catalog import TABLES

    if options.name not in {None, *TABLES}:
        raise unknown_name("name", str(options.name), TABLES)
    if options.name is None or options.needs:
        chosen = list(TABLES.values()) if options.name is None else [TABLES[options.name]]
        _print_list(chosen, options)
        return 0
    table = TABLES[options.name]
    check_report(options.output, options.force)
    if options.output is not None:
        check_target(Path(options.output).with_suffix(".html"), force=options.force)
    result = _self_tested(table) if options.self_test else _measured(table, options)
    _print(result, options)
    return 0


def _measured(table: Table, options: Options) -> TableResult:
    from anymask.evaluate.tables.running import RunOptions, run_table

    model, name = _model(table, options)
    partial = None if options.output is None else Path(options.output).with_suffix(".partial")
    answers = None if options.output is None else Path(options.output).with_suffix(".answers")
    asked = RunOptions(options.limit, options.seed, partial, answers)
    with by_set("items") as advance:
        return run_table(table, model, Path(options.data), asked, advance, name=name)


def _self_tested(table: Table) -> TableResult:
    from anymask.evaluate.tables.self_tests import check

    with tempfile.TemporaryDirectory() as folder:
        return check(table, Path(folder))


def _model(table: Table, options: Options) -> tuple[Any, str]:
    """What the table measures, and its name with the hash of its weights."""
    from anymask.cli.loading import load_example_network, load_network
    from anymask.evaluate.report import model_hash
    from anymask.evaluate.tables.models import prompt_model

    if bool(options.runs) != (table.model == "runs"):
        wanted = "LABEL=MODEL for each model" if table.model == "runs" else f"left out for {table.name}"
        raise InputError(f"--runs must be {wanted}, got {' '.join(options.runs) or 'nothing'}. See --help.")
    if table.model == "files":
        return None, "none"
    if table.model == "runs":
        return _runs(options)
    if table.model == "examples":
        name = options.model or "context"
        example = load_example_network(name, device=options.device, offline=options.offline)
        return example, f"{name} ({model_hash(example)})"
    name = options.model or "compact"
    promptable = load_network(name, device=options.device, offline=options.offline)
    return prompt_model(promptable), f"{name} ({model_hash(promptable)})"


def _runs(options: Options) -> tuple[dict[str, Any], str]:
    """The models to compare by their labels, and all their names."""
    from anymask.cli.loading import load_network
    from anymask.evaluate.report import model_hash
    from anymask.evaluate.tables.models import prompt_model

    models, names = {}, []
    for text in options.runs:
        label, equals, name = text.partition("=")
        if not (label.strip() and equals and name) or label in models:
            raise InputError(
                f"--runs must be LABEL=MODEL with labels of their own, got {text}. Try 0.1=runs/a."
            )
        network = load_network(name, device=options.device, offline=options.offline)
        models[label] = prompt_model(network)
        names.append(f"{label}: {name} ({model_hash(network)})")
    return models, ", ".join(names)


def _print(result: TableResult, options: Options) -> None:
    from anymask.evaluate.tables.report import as_text, save

    if options.as_json:
        out_json(result.to_dict())
    else:
        out(as_text(result))
        if options.self_test:
            out("\nSelf-test passed: the figures are the known ones.")
    if options.output is not None:
        written = save(result, Path(options.output), force=options.force, command=command_line())
        for path in written:
            (note if options.as_json else out)(f"wrote {path}")
        shutil.rmtree(Path(options.output).with_suffix(".partial"), ignore_errors=True)


def _print_list(tables: list[Table], options: Options) -> None:
    """Name the tables and how many of their data sets are there; with --needs the data sets."""
    found = {one.name: one.find(Path(options.data)) for table in tables for one in table.sets}
    places = {name: None if place is None else str(place) for name, place in found.items()}
    if options.as_json:
        out_json({table.name: {one.name: places[one.name] for one in table.sets} for table in tables})
    elif options.needs:
        for table in tables:
            out(f"{table.name}: {table.summary} ({table.source})")
            for one in table.sets:
                where = places[one.name]
                out(f"  {one.name}: in {where}" if where else f"  {one.missing()}")
    else:
        rows = [[table.name, _count(table, places), table.summary] for table in tables]
        out(table_of(rows))
        out("What a table needs, and where it comes from: anymask eval table NAME --needs")


def _count(table: Table, places: Mapping[str, str | None]) -> str:
    there = sum(places[one.name] is not None for one in table.sets)
    return f"{there} of {len(table.sets)} data sets here"
