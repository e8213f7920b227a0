"""`anymask train`: train by a recipe, or resume a run."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from anymask.cli.console import note, out, table
from anymask.cli.options.train import Options
from anymask.errors import InputError, unknown_name
from anymask.images.bands import read_bands
from anymask.train import recipes
from anymask.train.text.config import TextConfig
from anymask.train.text.run import TEXT_RECIPES, is_text_run, resume_text, run_text

__all__ = ["run"]

Report = Callable[[dict[str, Any]], None]
SHOWN = 3
"""Figures of a step on a terminal; metrics.jsonl has all."""


def run(options: Options) -> int:
    """List the recipes, show one, train by one, or without one resume the run in `output`."""
    if options.listed:
        known = {**recipes.RECIPES, **TEXT_RECIPES}
        out(table([[name, _first_line(known[name])] for name in sorted(known)]))
        return 0
    read_bands(options.bands, options.stretch, options.limits)  # a wrong one is reported before training
    if options.show and options.recipe is not None:
        out(_config(options.recipe, options).to_json())
        return 0
    output = options.output
    if output is None or (options.recipe is None) != (not options.data):
        raise InputError(
            "RECIPE, --data and -o must be given together, or -o alone to resume a run. "
            "List the recipes with: anymask train --list"
        )
    try:
        _train(options, output)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(*stop.args, f"to resume: anymask train -o {output}") from None
    if os.environ.get("RANK", "0") == "0":
        out(f"wrote {output}")
        out(_use(output))
    return 0


def _use(output: str) -> str:
    """What can be done with the result of a run."""
    if is_text_run(output):
        return f"To measure it: anymask eval text --data SETS... --weights {output}/text.safetensors"
    model = json.loads(Path(output, recipes.RUN).read_text("utf-8"))["config"]["model"]
    if model.startswith("detector"):
        return f"To use it: anymask auto IMAGE --detector {output}"
    return (
        f"To use it: anymask segment IMAGE --point X,Y --model {output}\n"
        f"To measure it: anymask eval clicks --data SETS... --model {output}"
    )


def _settings(options: Options) -> list[str]:
    """The settings of --set, and how images are shown."""
    shown = {"bands": options.bands, "stretch": options.stretch, "limits": options.limits}
    return [*options.settings, *(f"{name}={text}" for name, text in shown.items() if text is not None)]


def _first_line(make: Callable[[], object]) -> str:
    return (make.__doc__ or "").partition("\n")[0]


def _train(options: Options, output: str) -> None:
    with _reports(Path(output)) as report:
        if options.recipe is None:
            if is_text_run(output):
                resume_text(output, report)
            else:
                recipes.resume(output, _settings(options), report)
            return
        config = _config(options.recipe, options)
        if isinstance(config, TextConfig):
            run_text(config, options.data, output, report, force=options.force)
        else:
            recipes.run(config, options.data, output, report, force=options.force)


def _config(name: str, options: Options) -> recipes.TrainConfig | TextConfig:
    """The settings of a recipe, changed as the options say."""
    if name in TEXT_RECIPES:
        return recipes.change(TEXT_RECIPES[name](), _settings(options))
    if name not in recipes.RECIPES:
        raise unknown_name("recipe", name, {**recipes.RECIPES, **TEXT_RECIPES})
    return recipes.recipe(name, _settings(options))


@contextmanager
def _reports(folder: Path) -> Iterator[Report]:
    """Where the lines of metrics.jsonl go: a status line on a terminal, the same lines elsewhere."""
    if sys.stderr.isatty():
        with _live(folder) as report:
            yield report
    else:
        yield lambda line: note(json.dumps(line))


@contextmanager
def _live(folder: Path) -> Iterator[Report]:
    """The latest step, the time that is left and three figures beside a spinner; validations stay."""
    from rich.console import Console
    from rich.markup import escape

    console, pace = Console(stderr=True), Pace(folder)
    with console.status("preparing ...") as status:

        def report(line: dict[str, Any]) -> None:
            figures = {name: value for name, value in line.items() if name not in ("step", "lr", "images_s")}
            is_validation = any(name.startswith("val_") for name in figures)
            shown = list(figures.items())[: None if is_validation else SHOWN]
            text = escape(", ".join([pace(line), *(f"{name} {_figure(value)}" for name, value in shown)]))
            if is_validation:
                console.print(text, highlight=False)
            else:
                status.update(text)

        yield report


class Pace:
    """Says how far a run is: "step 60 of 150, 0:01:20 left"."""

    def __init__(self, folder: Path) -> None:
        """Nothing is done yet. folder: that of the run."""
        self.folder, self.first = folder, (0, 0.0)

    def __call__(self, line: Mapping[str, Any]) -> str:
        """The words for a line of metrics.jsonl; the time from the second line on."""
        step, now = int(line.get("step", 0)), time.monotonic()
        total = self._steps()
        if total is None:
            return f"step {step}"
        first, start = self.first
        if not first or step <= first:
            self.first = (step, now)
            return f"step {step} of {total}"
        left = timedelta(seconds=round((now - start) / (step - first) * (total - step)))
        return f"step {step} of {total}, {left} left"

    def _steps(self) -> int | None:
        try:
            config = json.loads((self.folder / recipes.RUN).read_text("utf-8"))["config"]
            return int(config["loop"]["steps"] if "loop" in config else config["steps"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
