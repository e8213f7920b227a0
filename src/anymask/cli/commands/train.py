"""`anymask train`: carry out a recipe, or go on with a run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from anymask.cli.console import note, out, table
from anymask.errors import InputError
from anymask.train import recipes

__all__ = ["run"]

Report = Callable[[dict[str, Any]], None]


def run(
    *,
    recipe: str | None,
    listed: bool,
    show: bool,
    data: Sequence[str],
    settings: Sequence[str],
    output: str | None,
    force: bool,
) -> int:
    """List the recipes, show one, train by one, or without one go on with the run in `output`."""
    if listed:
        out(table([[name, _first_line(make)] for name, make in recipes.RECIPES.items()]))
        return 0
    if show and recipe is not None:
        out(recipes.recipe(recipe, settings).to_json())
        return 0
    if output is None or (recipe is None) != (not data):
        raise InputError(
            "RECIPE, --data and -o must be given together, or -o alone to go on with a run. "
            "See the recipes by: anymask train --list"
        )
    try:
        _train(recipe, data, settings, output, force=force)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"go on from the last saved step by: anymask train -o {output}") from None
    if os.environ.get("RANK", "0") == "0":
        out(f"wrote {output}")
        out(f"Use it by: anymask segment IMAGE --point X,Y --model {output}")
    return 0


def _first_line(make: Callable[[], object]) -> str:
    return (make.__doc__ or "").partition("\n")[0]


def _train(
    recipe: str | None, data: Sequence[str], settings: Sequence[str], output: str, *, force: bool
) -> None:
    with _reports() as report:
        if recipe is None:
            recipes.resume(output, settings, report)
        else:
            recipes.run(recipes.recipe(recipe, settings), data, output, report, force=force)


@contextmanager
def _reports() -> Iterator[Report]:
    """Where the lines of metrics.jsonl go: a table that grows on a terminal, the same lines elsewhere."""
    if sys.stderr.isatty():
        with _live() as report:
            yield report
    else:
        yield lambda line: note(json.dumps(line))


@contextmanager
def _live() -> Iterator[Report]:
    """The latest line under a spinner; validations stay on the screen."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    with console.status("preparing ...") as status:

        def report(line: dict[str, Any]) -> None:
            ordered = {"step": line.get("step")} | line
            text = escape(", ".join(f"{name} {_figure(value)}" for name, value in ordered.items()))
            if any(name.startswith("val_") for name in line):
                console.print(text, highlight=False)
            else:
                status.update(text)

        yield report


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
