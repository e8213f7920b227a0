"""`anymask auto`: masks of everything, of one picture or of many."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anymask.cli.console import Clock, note, out, out_json, progress, spent
from anymask.cli.outputs import write_all
from anymask.cli.prompts import read_mask
from anymask.cli.viewer import open_file
from anymask.errors import ImageError, InputError, OutputError
from anymask.files import check_target
from anymask.formats import sa1b

if TYPE_CHECKING:
    from anymask.data_engine.image_masks import Plan
    from anymask.models import Sam
    from anymask.types import Record

__all__ = ["run"]

DAMAGED = 3
"""Exit code: all is done but for pictures that could not be read."""
FORMS = (".json", ".png", ".geojson", ".gpkg")
_ASKED = (
    "points_per_side",
    "pixels_per_point",
    "min_iou",
    "min_stability",
    "nms",
    "min_area",
    "min_component",
)
_AUTO = (*_ASKED, "min_hole", "max_cover", "max_memory")  # options that AutoConfig knows by the same name


def run(
    *,
    source: str,
    output: str | None,
    show: bool,
    as_json: bool,
    force: bool,
    model: str,
    device: str,
    offline: bool,
    **options: Any,
) -> int:
    """Look at all that was given before the model is opened, then see to one picture or to many."""
    options["labelmap"] |= options["cover"]
    place = Path(source)
    if not place.suffix and not place.exists():  # a folder; what is said of its output would mislead
        raise ImageError(f"source must be a picture, a folder or a list, got {place}, which is not there.")
    many = place.is_dir() or place.suffix.lower() == ".txt"
    if many and output is None:
        raise OutputError(
            "-o must name the folder of the data set, got nothing. Write -o dataset, for example."
        )
    shards = _shard_size(options["shards"], many)
    if not many:
        options["overlay"] |= show
        targets = _targets(place, output, options)
        for target in targets.all:
            check_target(target, force=force)
    clock = Clock()
    with clock.part("load"):  # imports torch, so late
        plan = _plan(options)
        opener = _opener(model, device=device, compile=options["compile"], offline=offline)
    if many:
        folder = Path(str(output))
        return _many(place, folder, plan, opener, shards, as_json=as_json, force=force, show=show)
    return _one(place, targets, plan, opener, clock, as_json=as_json, force=force, show=show, name=model)


def _shard_size(megabytes: float | None, many: bool) -> int | None:
    """Bytes in a shard. Raises InputError for a single picture, or for a size without room."""
    if megabytes is None:
        return None
    if not many:
        raise InputError("--shards must go with a folder or a list, got one picture. Leave it out.")
    if not 0 < megabytes < math.inf:
        raise InputError(f"--shards must be a number of megabytes above 0, got {megabytes}. Write 1000.")
    return math.ceil(megabytes * 1e6)


def _opener(name: str, *, device: str, compile: bool, offline: bool) -> Callable[[], Sam]:
    def load() -> Sam:
        from anymask.cli.loading import load_model

        return load_model(name, device=device, compile=compile, offline=offline)

    return load


@dataclass(frozen=True)
class _Targets:
    """The files of one picture: that of the masks, and those beside it by their kind and suffix."""

    masks: Path
    beside: Mapping[str, Path]

    @property
    def all(self) -> list[Path]:
        return [self.masks, *self.beside.values()]


def _targets(image: Path, output: str | None, options: Mapping[str, Any]) -> _Targets:
    masks = Path(f"{image.stem}-masks.json") if output is None else Path(output)
    if masks.suffix.lower() not in FORMS:
        raise OutputError(
            f"output must end in {', '.join(FORMS)}, got {masks}. Name it masks.json, for example."
        )
    kinds = {"edges": "edges.png", "labelmap": "labels.png", "overlay": "overlay.jpg"}
    if masks.suffix.lower() == ".png":
        del kinds["labelmap"]  # it is the output itself
    beside = {kind: masks.with_name(f"{masks.stem}-{kind}") for name, kind in kinds.items() if options[name]}
    if masks.resolve() == image.resolve():
        raise OutputError(f"output must be a file of its own, got the picture {masks}. Choose another name.")
    return _Targets(masks, beside)


def _plan(options: Mapping[str, Any]) -> Plan:
    """The plan that the options ask for."""
    from anymask.data_engine.image_masks import Plan, default_auto

    settings = {name: options[name] for name in _AUTO if options[name] is not None}
    if options["crops"] is not None:
        settings["crop_layers"] = options["crops"]
    if options["points_file"] is not None:
        settings["points"] = _read_points(options["points_file"])
    if options["roi"] is not None:
        settings["roi"] = _read_roi(options["roi"])
    tile, overlap = options["tile"], options["tile_overlap"]
    chosen = {
        name: options[name] for name in ("candidates", "granularity", "edges", "labelmap", "cover", "overlay")
    }
    return Plan(
        auto=default_auto(options["candidates"], settings),
        tile=tile,
        **({} if tile is None else {"overlap": tile // 4 if overlap is None else overlap}),
        bands=_read_bands(options),
        parents=options["tree"],
        **chosen,
    )


def _read_points(path: str) -> np.ndarray[Any, Any]:
    """Points (N, 2) from a file with x,y on each line."""
    try:
        rows = [
            line.split("#")[0].replace(",", " ").split()
            for line in Path(path).read_text("utf-8").splitlines()
        ]
        points = np.array([[float(word) for word in row] for row in rows if row], np.float32)
    except OSError as error:
        raise InputError(
            f"--points-file must be a file that exists, got {path} ({error.strerror}). Check the name."
        ) from None
    except ValueError:
        points = np.zeros((0, 0), np.float32)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"--points-file must hold x,y on each line, got others in {path}. Write 210,180.")
    return points


def _read_roi(text: str) -> np.ndarray[Any, Any]:
    """A box X0,Y0,X1,Y1, or a mask from a picture."""
    numbers = _numbers(text, 4)
    return read_mask(text) if numbers is None else np.array(numbers, np.float32)


def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return found if len(found) == count else None


def _read_bands(options: Mapping[str, Any]) -> Any:
    """The normalisation that --bands, --stretch and --limits declare, None without them."""
    from anymask.images.bands import Bands

    given = {name: options[name] for name in ("bands", "stretch", "limits") if options[name] is not None}
    if not given:
        return None
    values: dict[str, Any] = {}
    if "bands" in given:
        order = _numbers(given["bands"], 3) or _numbers(given["bands"], 1)
        if order is None or any(number != int(number) for number in order):
            raise InputError(f"--bands must be R,G,B or one number, got '{given['bands']}'. Write 4,3,2.")
        values["order"] = tuple(int(number) for number in order)
    for name in ("stretch", "limits"):
        if name in given and (pair := _numbers(given[name], 2)) is not None:
            values[name] = pair
        elif name in given:
            raise InputError(f"--{name} must be LOW,HIGH, got '{given[name]}'. Write 2,98, for example.")
    return Bands(**values)


def _one(
    image: Path,
    targets: _Targets,
    plan: Plan,
    opener: Callable[[], Sam],
    clock: Clock,
    *,
    as_json: bool,
    force: bool,
    show: bool,
    name: str,
) -> int:
    from anymask.data_engine.image_masks import open_image, process

    form = targets.masks.suffix.lower()
    with clock.part("read"):
        opened = open_image(image, plan, as_raster=form in (".geojson", ".gpkg"))
    with clock.part("load"):
        model = opener()
    with clock.part("masks"), progress("tiles" if plan.tile else "points") as advance:
        record, made = process(
            model,
            opened,
            plan,
            file=image,
            id=image.stem,
            form=form,
            progress=lambda done, total: advance(done, total, image.name),
        )
    with clock.part("write"):
        files = {targets.masks: made[f"masks{form}"]}
        files |= {path: made[kind] for kind, path in targets.beside.items()}
        write_all(files, force=force)
    if as_json:
        out_json(_as_dict(image, name, record, targets, clock.seconds))
    else:
        out(_as_text(image, name, record, targets, clock.seconds))
    if show:
        open_file(targets.beside["overlay.jpg"])
    return 0


def _as_dict(
    image: Path, model: str, record: Record, targets: _Targets, seconds: Mapping[str, float]
) -> dict[str, Any]:
    return {
        "image": str(image),
        "size": list(record.masks.size),
        "model": model,
        "masks": sa1b.to_document(record)["annotations"],
        "files": [str(path) for path in targets.all],
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
    }


def _as_text(image: Path, model: str, record: Record, targets: _Targets, seconds: Mapping[str, float]) -> str:
    masks, (height, width) = record.masks, record.masks.size
    areas = masks.areas
    sizes = f", of {areas.min():,} to {areas.max():,} px" if len(masks) else ""
    head = f"{image}, {width} x {height}, by {model} ({spent(seconds)})"
    return "\n".join([head, f"  {len(masks)} masks{sizes}", *(f"wrote {path}" for path in targets.all)])


def _many(
    source: Path,
    folder: Path,
    plan: Plan,
    opener: Callable[[], Sam],
    shards: int | None,
    *,
    as_json: bool,
    force: bool,
    show: bool,
) -> int:
    from anymask.data_engine.contact_sheet import write_sheet
    from anymask.data_engine.run import harvest
    from anymask.data_engine.sources import find_items

    items = find_items(source)
    model = opener()
    try:
        with progress("pictures") as advance:
            summary = harvest(
                model,
                items,
                folder,
                plan,
                source=str(source.resolve()),
                shards=shards,
                force=force,
                advance=advance,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("go on from here by the same command") from None
    for file, problem in summary.damaged.items():
        note(f"left out {file}: {problem}")
    if as_json:
        out_json({"dataset": str(folder), **vars(summary)})
    else:
        out(_summary_text(folder, summary.made, summary.kept, summary.masks, list(summary.damaged)))
    if show and summary.made + summary.kept:
        open_file(write_sheet(folder))
    return DAMAGED if summary.damaged else 0


def _summary_text(folder: Path, made: int, kept: int, masks: int, damaged: Sequence[str]) -> str:
    lines = [f"{made:,} pictures with {masks:,} masks" + (f", {kept:,} were there already" if kept else "")]
    if damaged:
        lines.append(f"{len(damaged):,} pictures could not be read, see {folder / 'damaged.jsonl'}")
    return "\n".join([*lines, f"wrote {folder}"])
