"""`anymask engine retrain`: fine-tune the model of a project."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from anymask.cli.commands.engine_models import score_cells
from anymask.cli.console import note, out, out_json, progress
from anymask.cli.model_names import check_model
from anymask.cli.options.engine_retrain import Options
from anymask.cli.projects import existing_project
from anymask.images.bands import read_bands

if TYPE_CHECKING:
    from anymask.data_engine.retraining.run import RetrainConfig, Retrained

__all__ = ["run"]


def run(options: Options) -> int:
    """Retrain, and say what came of it."""
    check_model(options.model)
    bands = read_bands(options.bands, options.stretch, options.limits)
    with existing_project(options.project, options.database, "engine retrain", bands=bands) as project:
        from anymask.data_engine.retraining.run import retrain

        config = _config(options)
        try:
            with progress() as advance:
                result = retrain(
                    project,
                    config,
                    restart=options.restart,
                    tell=lambda what, done, total: advance(done, total, what),
                )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"to resume: anymask engine retrain {options.project}") from None
    if options.as_json:
        out_json(result.to_dict())
    else:
        _tell(result, options.project)
    return 0


def _config(options: Options) -> RetrainConfig:
    from anymask.data_engine.retraining.run import RetrainConfig
    from anymask.train import recipes

    plain = RetrainConfig(steps=options.steps, model=options.model)
    config = replace(plain, held=plain.held if options.held is None else options.held)
    detector = None
    if options.detector and config.detector is not None:
        detector = recipes.change(config.detector, options.settings)
    return replace(config, clicks=recipes.change(config.clicks, options.settings), detector=detector)


def _tell(result: Retrained, project: str) -> None:
    counts = result.counts
    out(
        f"trained on {counts.masks:,} masks of {counts.images:,} images, "
        f"measured on {counts.held_masks:,} of {counts.held_images:,}"
    )
    if counts.unreadable:
        note(f"{counts.unreadable:,} images were left out: they cannot be read")
    clicks, detector = score_cells(result.scores)
    out(f"mean IoU by clicks and boxes: {clicks}\nAR@100 of the detector: {detector}")
    out(f"masks are suggested from a predicted IoU of {result.least:.2g} on")
    version = result.version
    if version is None:
        out("kept the version in use: the new one is worse")
        return
    out(
        f"{version.name} is in use: model of {version.model}, detector of {version.detector or 'the package'}"
    )
    out(f"to go back: anymask engine models {project} --use {version.base}")
