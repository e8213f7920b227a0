"""`anymask like`: do to pictures and videos what examples show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anymask.cli.commands import like_video
from anymask.cli.console import out, out_json, progress, table
from anymask.cli.like_outputs import Job, describe, encode_overlay, number_map
from anymask.errors import InputError, OutputError
from anymask.files import write_atomic
from anymask.formats.example_masks import Examples, read_examples
from anymask.images.folder import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_video, list_files
from anymask.images.read import image_size, read_image
from anymask.images.write import encode_png
from anymask.types import Context, Masks

if TYPE_CHECKING:
    from anymask.models import InContext

__all__ = ["read_pair", "run"]

CONTEXT = ".safetensors"
MASK, OVERLAY = "{}.png", "{}-overlay.jpg"


def run(
    *,
    paths: Sequence[str],
    example: Sequence[str],
    correct: Sequence[str],
    kind: str,
    ensemble: str,
    tile: int | None,
    sharpen: str | None,
    rank_examples: bool,
    memory: int,
    codec: str,
    model: str,
    device: str,
    offline: bool,
    output: str | None,
    resume: bool,
    as_json: bool,
    force: bool,
) -> int:
    """Look at all that was given before the model is opened; one picture after the other is written whole."""
    fixes = dict(_correction(text) for text in correct)
    examples, learned = _read_all(example, list(fixes.values()), alone=not rank_examples)
    videos, pictures = _inputs(paths)
    if fixes and (pictures or len(videos) != 1):
        raise InputError(
            f"--correct must go with a single video, got {len(videos)} videos and {len(pictures)} pictures. "
            "Run it alone."
        )
    if not rank_examples:
        folder = _check_output(output, videos, pictures, resume=resume, force=force)
    from anymask.cli.loading import load_example_model, load_model
    from anymask.inference.in_context.examples import context

    opened = load_example_model(model, device=device, offline=offline)
    if rank_examples:
        return _rank(opened, examples, example, kind, as_json=as_json)
    size = opened.config.size
    contexts = [context(record, examples.palette, size=size) for record in examples.records] + learned
    job = Job(
        opened,
        examples,
        contexts,
        {"kind": kind, "ensemble": ensemble, "tile": tile},
        None if sharpen is None else load_model(sharpen, device=device, offline=offline),
        memory,
        dict(zip(fixes, examples.corrections, strict=True)),
        resume,
        codec,
    )
    folder.mkdir(exist_ok=True)
    facts = _pictures(job, pictures, folder)
    for path in videos:
        facts.append(like_video.run(job, path, folder))
    if as_json:
        out_json(facts)
    else:
        out(table([_row(fact) for fact in facts]))
        out(f"wrote {len(facts)} to {folder}")
    return 0


def _read_all(
    given: Sequence[str], corrections: Sequence[str], *, alone: bool
) -> tuple[Examples, list[Context]]:
    """Pairs of files, and contexts from files; `alone`: contexts may be given without pairs."""
    files = [text for text in given if text.endswith(CONTEXT) and Path(text).is_file()]
    learned = [Context.load(path) for path in files]
    pairs = [read_pair(text) for text in given if text not in files]
    if learned and (corrections or not alone):
        raise InputError(
            f"--correct and --rank-examples must go with examples PHOTO=TARGET alone, got {files[0]}. "
            "Leave it out."
        )
    if pairs:
        return read_examples(pairs, corrections), learned
    colours = learned[0].palette
    return Examples((), colours, np.arange(1, 2 if colours is None else len(colours) + 1)), learned


def read_pair(text: str) -> tuple[str, str]:
    """Read PHOTO=TARGET; a name may hold an equals sign where only one reading names two files."""
    cuts = [index for index, letter in enumerate(text) if letter == "="]
    readings = [(text[:cut], text[cut + 1 :]) for cut in cuts]
    there = [one for one in readings if all(Path(path).is_file() for path in one)]
    if not cuts or not all(readings[0]):
        raise InputError(f"--example must be PHOTO=TARGET, got '{text}'. For example: --example a.jpg=a.png")
    return there[0] if there else readings[0]


def _correction(text: str) -> tuple[int, str]:
    """Read FRAME=TARGET."""
    number, equals, path = text.partition("=")
    if not (equals and path and number.isdecimal()):
        raise InputError(f"--correct must be FRAME=TARGET, got '{text}'. For example: --correct 120=fix.png")
    return int(number), path


def _inputs(paths: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Videos and pictures, those of folders in the order of their names."""
    files: list[Path] = []
    for path in map(Path, paths):
        inside = list_files(path, IMAGE_SUFFIXES + VIDEO_SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"PATH must hold pictures or videos, got the folder {path} without any.")
        files += inside
    videos = [file for file in files if is_video(file)]
    pictures = [file for file in files if file not in videos]
    for picture in pictures:
        image_size(picture)  # what is no picture is told before the work begins
    return videos, pictures


def _check_output(
    output: str | None, videos: Sequence[Path], pictures: Sequence[Path], *, resume: bool, force: bool
) -> Path:
    """The folder to write to. Raises `OutputError` for names that clash and for files that are there."""
    if not videos and not pictures:
        raise InputError("PATH must be given, got none. Name pictures, folders or videos.")
    if output is None:
        raise OutputError("--output must be given, got none. Name a folder: -o out")
    folder = Path(output)
    if folder.suffix or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"output must be a folder, got {folder}. Name it out, for example.")
    if not folder.parent.is_dir():
        raise OutputError(
            f"output must lie in a folder that exists, got {folder}. Make the folder {folder.parent} first."
        )
    stems = [path.stem for path in [*videos, *pictures]]
    twice = [stem for stem in stems if stems.count(stem) > 1]
    if twice:
        raise OutputError(f"PATH must be files of different names, got {twice[0]} twice. Run them apart.")
    there = [path for path in map(folder.joinpath, _written(videos, pictures)) if path.exists()]
    if there and not resume and not force:
        raise OutputError(
            f"output must be new files, got {there[0]}, which exists. Add --resume to go on where a run "
            "stopped, or --force to replace."
        )
    return folder


def _written(videos: Sequence[Path], pictures: Sequence[Path]) -> list[str]:
    names = [form.format(path.stem) for path in pictures for form in (MASK, OVERLAY)]
    return names + [
        form.format(path.stem) for path in videos for form in (like_video.MASKS, like_video.OVERLAY)
    ]


def _pictures(job: Job, pictures: Sequence[Path], folder: Path) -> list[dict[str, Any]]:
    """Segment pictures one by one; with --resume those that are done are left as they are."""
    left = [path for path in pictures if not (job.resume and (folder / MASK.format(path.stem)).exists())]
    facts = []
    with progress("pictures") as advance:
        for done, path in enumerate(left):
            advance(done, len(left), path.name)
            image = read_image(path)
            masks = _answer(job, image)
            drawn, map_ = encode_overlay(image, masks), encode_png(number_map(masks, job.examples))
            write_atomic(folder / OVERLAY.format(path.stem), drawn, force=True)
            write_atomic(folder / MASK.format(path.stem), map_, force=True)  # last: then the picture is done
            facts.append({"path": str(path), **describe(masks, job.examples)})
    return facts


def _answer(job: Job, image: NDArray[np.uint8]) -> Masks:
    from anymask.inference.in_context.segment import segment_like, sharpen

    masks = segment_like(job.model, image, job.contexts, **job.settings)
    return masks if job.sharpener is None or not len(masks) else sharpen(job.sharpener, image, masks)


def _row(fact: Mapping[str, Any]) -> list[str]:
    if "frames" in fact:
        return [f"  {fact['path']}", f"{fact['frames']} frames", f"drift up to {fact['drift']:.2f}"]
    found = [f"{mask['number']}: score {mask['score']:.2f}, {mask['area']:,} px" for mask in fact["masks"]]
    return [f"  {fact['path']}", "; ".join(found) or "nothing found", ""]


def _rank(model: InContext, examples: Examples, given: Sequence[str], kind: Any, *, as_json: bool) -> int:
    """Print which examples help."""
    from anymask.evaluate.examples import rank_examples

    with progress("answers") as advance:
        standings = rank_examples(
            model,
            examples.records,
            examples.palette,
            kind=kind,
            progress=lambda done, total: advance(done, total, "comparing"),
        )
    facts = [{"example": given[one.index], "gain": one.gain, "found": one.found} for one in standings]
    if as_json:
        out(json.dumps(facts, indent=1))
        return 0
    rows = [
        [given[one.index], f"{one.gain:+.3f}", f"{one.found:.3f}", "helps" if one.gain > 0 else "hurts"]
        for one in standings
    ]
    out(table(rows, ["example", "gain in IoU", "IoU by the others", ""]))
    return 0
