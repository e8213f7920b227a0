"""`anymask engine suggest`: automatic masks as suggestions in a project."""

from __future__ import annotations

from dataclasses import asdict

from anymask.cli.console import note, out, out_json, progress
from anymask.cli.options.engine_suggest import Options
from anymask.cli.projects import existing_project
from anymask.errors import InputError

__all__ = ["run"]


def run(options: Options) -> int:
    """Suggest, and say how much."""
    if options.min_iou is not None and not 0 <= options.min_iou <= 1:
        raise InputError(f"--min-iou must be 0 to 1, got {options.min_iou}. The default is 0.6.")
    with existing_project(options.project, options.database, "engine suggest", scan=True) as project:
        from anymask.cli.loading import load_model
        from anymask.data_engine.project.versions import places_in_use
        from anymask.data_engine.suggest import suggest
        from anymask.inference.mask_generation.config import AutoConfig

        place, detector = places_in_use(project)
        if options.model is not None:
            place, detector = options.model, None
        model = load_model(place, device=options.device, offline=options.offline)
        config = AutoConfig(detector=options.detector or detector, points_per_side=options.points_per_side)
        with progress("images") as advance:
            found = suggest(
                project,
                model,
                config,
                least=options.min_iou,
                most_images=options.max_images,
                progress=lambda done, total: advance(done, total, "automatic masks"),
            )
    if options.as_json:
        out_json(asdict(found))
        return 0
    if found.unreadable:
        note(f"{found.unreadable:,} images were left out: they cannot be read")
    if found.kept:
        out(f"{found.kept:,} images have suggestions of this version already")
    out(f"{found.masks:,} suggestions in {found.images:,} images, of predicted IoU {found.least:.2g} or more")
    return 0
