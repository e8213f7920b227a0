"""`anymask auto`: automatic masks of one image or of many."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anymask.cli.console import Clock, note, out, out_json, progress, spent
from anymask.cli.model_names import check_model
from anymask.cli.options.auto import Options
from anymask.cli.outputs import DAMAGED, OVERLAY, beside, check_distinct, write_all
from anymask.cli.prompts import read_mask
from anymask.cli.text import read_names
from anymask.cli.viewer import open_file
from anymask.errors import ImageError, InputError, OutputError
from anymask.files import check_target, read_regular
from anymask.files.places import is_address
from anymask.files.reports.wording import counted
from anymask.formats import sa1b
from anymask.images.bands import numbers, read_bands
from anymask.images.planes import kind_of, path_of
from anymask.images.read import refuse_video

if TYPE_CHECKING:
    from anymask.data_engine.image_masks import Plan
    from anymask.data_engine.run import Summary
    from anymask.models import Promptable
    from anymask.types import Record

__all__ = ["run"]

FORMS = (".json", ".png", ".geojson", ".gpkg")
"""Suffixes of the files that the masks of one image are written to."""
_AUTO = (
    "detector",
    "points_per_side",
    "pixels_per_point",
    "min_iou",
    "min_stability",
    "nms",
    "min_area",
    "min_component",
    "min_hole",
    "max_cover",
    "max_memory",
)
"""Options that AutoConfig has by the same name."""
_PLAN = ("candidates", "granularity", "edges", "cover")
"""Options that Plan has by the same name."""


def run(options: Options) -> int:
    """Check all input and output before the model is loaded, then process one image or many."""
    if is_address(options.source):
        return _with_workers(options)
    source, file = Path(options.source), Path(path_of(options.source))
    if not file.exists():
        raise ImageError(
            f"IMAGE must be an image, a folder or a list that exists, got {source}. Check the name."
        )
    many = (file.is_dir() and kind_of(file) is None) or source.suffix.lower() == ".txt"
    if not many:
        return _one(source, options)
    far = options.output is not None and is_address(options.output)
    return _with_workers(options) if options.workers or options.estimate or far else _many(source, options)


def _opener(options: Options) -> Callable[[], Promptable]:
    """What loads the model, later: files are checked first."""

    def load() -> Promptable:
        from anymask.cli.loading import load_model

        return load_model(
            options.model, device=options.device, compile=options.compile, offline=options.offline
        )

    return load


# ---- the plan


def _plan(options: Options, *, labelmap: bool, overlay: bool) -> Plan:
    """The plan that the options ask for."""
    from anymask.data_engine.image_masks import Plan, default_auto

    given = {name: getattr(options, name) for name in _AUTO}
    given |= {
        "crop_layers": options.crops,
        "refine": False if options.one_pass else None,
        "points": None if options.points_file is None else _read_points(options.points_file),
        "roi": None if options.roi is None else _read_roi(options.roi),
    }
    settings = {name: value for name, value in given.items() if value is not None}
    chosen: dict[str, Any] = {name: getattr(options, name) for name in _PLAN}
    if options.tile is not None:
        chosen["overlap"] = options.tile // 4 if options.tile_overlap is None else options.tile_overlap
    return Plan(
        auto=default_auto(options.candidates, settings),
        tile=options.tile,
        bands=read_bands(options.bands, options.stretch, options.limits),
        parents=options.tree,
        labelmap=labelmap,
        overlay=overlay,
        names=() if options.names is None else tuple(read_names([options.names])),
        **chosen,
    )


def _read_points(path: str) -> np.ndarray[Any, Any]:
    """Points (N, 2) from a file with x,y on each line."""
    from anymask.inference.mask_generation.config import MOST_POINTS

    try:
        data = read_regular(path, f"file {path}")
        if data.count(b"\n") > MOST_POINTS:
            raise InputError(
                f"--points-file must hold at most {MOST_POINTS} points, got more lines. Use fewer."
            )
        rows = [
            line.split("#")[0].replace(",", " ").split() for line in data.decode("utf-8-sig").splitlines()
        ]
        points = np.array([[float(word) for word in row] for row in rows if row], np.float32)
    except OSError as error:
        raise InputError(
            f"--points-file must be a file that exists, got {path} ({error.strerror}). Check the name."
        ) from None
    except InputError:
        raise
    except ValueError:
        points = np.zeros((0, 0), np.float32)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"--points-file must hold x,y on each line, got others in {path}. Write 210,180.")
    return points


def _read_roi(text: str) -> np.ndarray[Any, Any]:
    """A box X0,Y0,X1,Y1, or a mask from an image."""
    found = numbers(text, 4)
    return read_mask(text, "--roi") if found is None else np.array(found, np.float32)


# ---- one image


@dataclass(frozen=True)
class _Targets:
    """The files of one image: the masks in a `form`, if asked for, and others by their kind."""

    form: str
    masks: Path | None
    others: Mapping[str, Path]

    @property
    def by_kind(self) -> dict[str, Path]:
        """Every file by its kind, as `process` names it."""
        masks = {} if self.masks is None else {f"masks{self.form}": self.masks}
        return {**masks, **self.others}

    @property
    def all(self) -> list[Path]:
        """Every file."""
        return list(self.by_kind.values())


def _one(image: Path, options: Options) -> int:
    from anymask.data_engine.image_masks import open_image, process

    given = {
        "--shards": options.shards,
        "--workers": options.workers,
        "--images-per-shard": options.images_per_shard,
        "--verify": options.verify,
        "--plan": options.estimate,
    }
    for name, value in given.items():
        if value:
            raise InputError(f"{name} must go with a folder or a list, got one image. Leave it out.")
    refuse_video(image)
    targets = _targets(image, options)
    clock = Clock()
    plan = _plan(options, labelmap="labels.png" in targets.others, overlay=OVERLAY in targets.others)
    check_model(options.model)
    for target in targets.all:
        check_target(target, force=options.force)
    with clock.part("read"):
        opened = open_image(image, plan, as_raster=targets.form in (".geojson", ".gpkg"))
    with clock.part("load"):
        model = _opener(options)()
    with clock.part("masks"), progress("tiles" if plan.tile else "points") as advance:
        record, made = process(
            model,
            opened,
            plan,
            file=image,
            id=image.stem,
            form=targets.form,
            progress=lambda done, total: advance(done, total, image.name),
        )
    with clock.part("write"):
        write_all({path: made[kind] for kind, path in targets.by_kind.items()}, force=options.force)
    if options.as_json:
        out_json(_as_dict(options, record, targets, clock.seconds))
    else:
        out(_as_text(options, record, targets, clock.seconds))
    if options.view:
        open_file(targets.others[OVERLAY])
    return 0


def _targets(image: Path, options: Options) -> _Targets:
    """The files to write. Raises `OutputError` for unknown suffixes and the image itself."""
    named = Path(f"{image.stem}-masks.json") if options.output is None else Path(options.output)
    form = named.suffix.lower()
    if form not in FORMS:
        raise OutputError(
            f"output must end in {', '.join(FORMS)}, got {named}. Name it masks.json, for example."
        )
    kinds = {
        "edges.png": options.edges,
        "labels.png": (options.labelmap or options.cover) and form != ".png",  # which is one itself
        OVERLAY: options.overlay or options.view,
    }
    masks = None if options.output is None and options.as_json else named
    targets = _Targets(form, masks, {kind: beside(named, kind) for kind, wanted in kinds.items() if wanted})
    check_distinct(targets.all, image)
    return targets


def _as_dict(
    options: Options, record: Record, targets: _Targets, seconds: Mapping[str, float]
) -> dict[str, Any]:
    return {
        "image": options.source,
        "size": list(record.masks.size),
        "model": options.model,
        "masks": sa1b.to_document(record)["annotations"],
        "files": [str(path) for path in targets.all],
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
    }


def _as_text(options: Options, record: Record, targets: _Targets, seconds: Mapping[str, float]) -> str:
    masks, (height, width) = record.masks, record.masks.size
    areas = masks.areas
    sizes = f", of {areas.min():,} to {areas.max():,} px" if len(masks) else ""
    head = f"{options.source}, {width} x {height}, by {options.model} ({spent(seconds)})"
    named = [] if options.names is None else [_named(record.meta["categories"])]
    return "\n".join(
        [head, f"  {counted(len(masks), 'mask')}{sizes}", *named, *(f"wrote {path}" for path in targets.all)]
    )


def _named(categories: Sequence[str | None]) -> str:
    """How many masks have a name, and each name how often."""
    counts = Counter(name for name in categories if name is not None)
    each = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    return f"  {counts.total()} of {len(categories)} masks have a name" + (f": {each}" if each else "")


# ---- many images


def _many(source: Path, options: Options) -> int:
    from anymask.data_engine.contact_sheet import write_sheet
    from anymask.data_engine.sources import find_items

    if options.images_per_shard is not None or options.verify:
        raise InputError("--images-per-shard and --verify must go with --workers. Add --workers 1.")
    shards = _shard_size(options.shards)
    items = find_items(source, lambda error: note(f"left out {error.filename}: {error.strerror}"), note)
    if options.output is None:
        raise OutputError(
            "-o must name the folder of the data set, got nothing. Write -o dataset, for example."
        )
    folder = Path(options.output)
    plan = _plan(options, labelmap=options.labelmap or options.cover, overlay=options.overlay)
    from anymask.data_engine.run import harvest

    model = _opener(options)()
    try:
        with progress("images") as advance:
            summary = harvest(
                model,
                items,
                folder,
                plan,
                source=str(source.resolve()),
                shards=shards,
                force=options.force,
                advance=advance,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command resumes here") from None
    sheet = write_sheet(folder) if summary.made + summary.kept else None
    _report(summary, folder, sheet, as_json=options.as_json)
    if options.view and sheet is not None:
        open_file(sheet)
    return DAMAGED if summary.damaged else 0


def _with_workers(options: Options) -> int:
    """Many images by workers."""
    from anymask.cli.auto_with_workers import print_plan, run_with_workers

    if options.shards is not None:
        raise InputError("--shards must go without --workers, got both. Set --images-per-shard instead.")
    check_model(options.model)
    plan = _plan(options, labelmap=options.labelmap or options.cover, overlay=options.overlay)
    if options.estimate:
        return print_plan(options, plan, _opener(options))
    if options.output is None:
        raise OutputError(
            "-o must name the place of the data set, got nothing. Write -o dataset, for example."
        )
    summary = run_with_workers(options, options.output, plan, _opener(options))
    sheet = None
    if summary.made + summary.kept and not is_address(options.output):
        from anymask.data_engine.contact_sheet import write_sheet

        sheet = write_sheet(options.output)
    _report(summary, options.output, sheet, as_json=options.as_json)
    if options.view and sheet is not None:
        open_file(sheet)
    return DAMAGED if summary.damaged else 0


def _shard_size(megabytes: float | None) -> int | None:
    """Bytes in a shard. Raises InputError for a size without room."""
    if megabytes is None:
        return None
    if not 0 < megabytes < math.inf:
        raise InputError(f"--shards must be a number of megabytes above 0, got {megabytes}. Write 1000.")
    return math.ceil(megabytes * 1e6)


def _report(summary: Summary, folder: Path | str, sheet: Path | None, *, as_json: bool) -> None:
    for file, problem in summary.damaged.items():
        note(f"left out {file}: {problem}")
    if as_json:
        out_json({"dataset": str(folder), "sheet": None if sheet is None else str(sheet), **vars(summary)})
        return
    kept = f", {summary.kept:,} were there already" if summary.kept else ""
    lines = [f"{counted(summary.made, 'image')} with {counted(summary.masks, 'mask')}{kept}"]
    if summary.damaged:
        damaged = counted(len(summary.damaged), "image")
        lines.append(f"{damaged} could not be read, see {folder}/damaged.jsonl")
    lines += [f"wrote {folder}"] if sheet is None else [f"wrote {folder}", f"look at {sheet}"]
    out("\n".join(lines))
