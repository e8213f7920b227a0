"""`anymask like`: segment images and videos by examples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.cli.commands import like_video
from anymask.cli.console import note, out, out_json, progress, table
from anymask.cli.like_inputs import Inputs, find_inputs, read_all, read_correction
from anymask.cli.like_outputs import WHITE, Job, describe, number_map, numbers_of
from anymask.cli.model_names import check_model
from anymask.cli.options.like import Options
from anymask.cli.outputs import DAMAGED, encode_overlay
from anymask.data_engine.sources import Item
from anymask.errors import ImageError, InputError, OutputError
from anymask.files import write_atomic
from anymask.images.bands import read_bands
from anymask.images.display import read_display
from anymask.images.write import encode_png
from anymask.types import Masks

__all__ = ["run"]

MASK, OVERLAY = "{}.png", "{}-overlay.jpg"


def run(options: Options) -> int:
    """Check all input and output before the model is loaded; each image is written before the next."""
    return _rank(options) if options.rank_examples else _segment(options)


def _segment(options: Options) -> int:
    fixes = dict(read_correction(text) for text in options.correct)
    shown = read_bands(options.bands, options.stretch, options.limits)
    examples, learned = read_all(
        options.example, list(fixes.values()), bands=shown, many=options.many, pairs_only=False
    )
    inputs = find_inputs(options.paths)
    if fixes and (inputs.images or len(inputs.videos) != 1):
        raise InputError(
            f"--correct must go with a single video, got {len(inputs.videos)} videos and "
            f"{len(inputs.images)} images. Run it alone."
        )
    check_model(options.model)
    folder = _check_output(options, inputs)
    from anymask.cli.loading import load_example_model, load_model
    from anymask.inference.in_context.examples import context

    model = load_example_model(options.model, device=options.device, offline=options.offline)
    refiner = None
    if options.sharpen is not None:
        refiner = load_model(options.sharpen, device=options.device, offline=options.offline)
    size = model.config.size
    contexts = [context(record, examples.palette, size=size) for record in examples.records] + learned
    edits = dict(zip(fixes, examples.corrections, strict=True))
    job = Job(options, model, refiner, examples, contexts, edits, folder, shown)
    with _made(folder):
        facts, damaged = _images(job, inputs)
        facts += [like_video.run(job, item) for item in inputs.videos]
    if options.as_json:
        out_json(facts)
    else:
        out(table([_row(fact) for fact in facts]))
        out(f"wrote {len(facts)} to {folder}")
    return DAMAGED if inputs.left_out or damaged else 0


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make the folder; if nothing comes to be written there, it is removed again."""
    new = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        yield
    except BaseException:
        if new and not any(folder.iterdir()):
            folder.rmdir()
        raise


def _check_output(options: Options, inputs: Inputs) -> Path:
    """The folder to write to. Raises `OutputError` for no folder, and for files that exist."""
    if not inputs.videos and not inputs.images:
        raise InputError("PATH must be given, got nothing. Name images, videos or folders.")
    if options.output is None:
        raise OutputError("--output must be given, got nothing. Name a folder: -o out")
    folder = Path(options.output)
    if folder.suffix or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"output must be a folder, got {folder}. Name it out, for example.")
    if not folder.parent.is_dir():
        raise OutputError(
            f"output must lie in a folder that exists, got {folder}. Make the folder {folder.parent} first."
        )
    there = [path for path in map(folder.joinpath, _written(inputs)) if path.exists()]
    if there and not options.resume and not options.force:
        raise OutputError(
            f"output must be new files, got {there[0]}, which exists. Add --resume to resume a run that was "
            "stopped, or --force to replace."
        )
    return folder


def _written(inputs: Inputs) -> list[str]:
    names = [form.format(item.id) for item in inputs.images for form in (MASK, OVERLAY)]
    forms = (like_video.MASKS, like_video.OVERLAY)
    return names + [form.format(item.id) for item in inputs.videos for form in forms]


def _images(job: Job, inputs: Inputs) -> tuple[list[dict[str, Any]], int]:
    """Segment images one by one; with --resume those that are done are left as they are.

    Also gives the number of damaged ones, which are left out.
    """
    resume, folder = job.options.resume, job.folder
    left = [item for item in inputs.images if not (resume and (folder / MASK.format(item.id)).exists())]
    facts = []
    with progress("images") as advance:
        for done, item in enumerate(left):
            advance(done, len(left), item.path.name)
            try:
                image = read_display(item.path, job.bands)
            except ImageError as error:
                note(f"left out {item.path}: {error}")
                continue
            facts.append(_image(job, item, image))
    return facts, len(left) - len(facts)


def _image(job: Job, item: Item, image: NDArray[np.uint8]) -> dict[str, Any]:
    masks = _predict(job, image)
    map_ = encode_png(number_map(masks, job.examples))
    drawn = encode_overlay(image, masks, numbers_of(masks, job.examples))
    write_atomic(job.folder / OVERLAY.format(item.id), drawn, force=True)
    write_atomic(job.folder / MASK.format(item.id), map_, force=True)  # last: then the image is done
    return {"path": str(item.path), **describe(masks, job.examples)}


def _predict(job: Job, image: NDArray[Any]) -> Masks:
    from anymask.inference.in_context.segment import segment_like, sharpen

    options = job.options
    masks = segment_like(
        job.model,
        image,
        job.contexts,
        kind=options.kind,
        ensemble=options.ensemble,
        tile=options.tile,
    )
    masks = masks[masks.scores >= options.min_score]
    return masks if job.refiner is None or not len(masks) else sharpen(job.refiner, image, masks)


def _row(fact: Mapping[str, Any]) -> list[str]:
    if "frames" in fact:
        return [f"  {fact['path']}", f"{fact['frames']} frames", f"drift up to {fact['drift']:.2f}"]
    found = [
        f"{'object' if mask['number'] == WHITE else mask['number']}: score {mask['score']:.2f}, "
        f"{mask['area']:,} px"
        for mask in fact["masks"]
    ]
    return [f"  {fact['path']}", "; ".join(found) or "nothing found", ""]


def _rank(options: Options) -> int:
    """Print which examples help."""
    corrections = [path for _, path in map(read_correction, options.correct)]
    shown = read_bands(options.bands, options.stretch, options.limits)
    examples, _ = read_all(options.example, corrections, bands=shown, many=options.many, pairs_only=True)
    if options.paths:
        raise InputError(
            f"--rank-examples must be given without PATH, got {options.paths[0]}. Segment in another run."
        )
    from anymask.cli.loading import load_example_model
    from anymask.evaluate.rank_examples import rank_examples

    model = load_example_model(options.model, device=options.device, offline=options.offline)
    with progress("predictions") as advance:
        standings = rank_examples(
            model,
            examples.records,
            examples.palette,
            kind=options.kind,
            progress=lambda done, total: advance(done, total, "comparing"),
        )
    facts = [
        {"example": options.example[one.index], "gain": one.gain, "found": one.found} for one in standings
    ]
    if options.as_json:
        out(json.dumps(facts, indent=1))
        return 0
    verdicts = ["helps" if one.gain > 0 else "hurts" for one in standings]
    rows = [
        [options.example[one.index], f"{one.gain:+.3f}", f"{one.found:.3f}", verdict]
        for one, verdict in zip(standings, verdicts, strict=True)
    ]
    out(table(rows, ["example", "gain in IoU", "IoU by the others", ""]))
    return 0
