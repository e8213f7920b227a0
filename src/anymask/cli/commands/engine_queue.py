"""`anymask engine queue`: the images of a project by expected gain."""

from __future__ import annotations

from anymask.cli.console import out, out_json, progress, table
from anymask.cli.options.engine_queue import Options
from anymask.cli.projects import existing_project

__all__ = ["run"]

HEADS = ("place", "image", "predicted IoU", "disagreement", "novelty")


def run(options: Options) -> int:
    """Make the queue, and print its beginning."""
    with existing_project(options.project, options.database, "engine queue", scan=True) as project:
        from anymask.cli.loading import load_model
        from anymask.data_engine.priority import queue
        from anymask.data_engine.project.versions import places_in_use

        place = options.model or places_in_use(project)[0]
        model = load_model(place, device=options.device, offline=options.offline)
        with progress("images") as advance:
            found = queue(project, model, place, lambda done, total: advance(done, total, "looking"))
    first = found[: options.first]
    if options.as_json:
        keys = ("score", "disagreement", "novelty")
        out_json([{"image": one.image.name, **{key: getattr(one, key) for key in keys}} for one in first])
        return 0
    if first:
        numbers = [(one.score, one.disagreement, one.novelty) for one in first]
        rows = [
            [place, one.image.name, *(f"{number:.3f}" for number in some)]
            for place, (one, some) in enumerate(zip(first, numbers, strict=True), 1)
        ]
        out(table(rows, HEADS))
    out(f"{len(found):,} images in the queue")
    return 0
