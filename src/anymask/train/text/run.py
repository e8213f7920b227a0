"""Run a training of the text model in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anymask
from anymask.errors import InputError, OutputError
from anymask.evaluate.report import machine
from anymask.files import write_atomic
from anymask.files.reports.provenance import commit
from anymask.models.loading import load_sam
from anymask.models.text.imagenet_head import ImageNetHead
from anymask.models.text.namer import TEXT_FILE, MaskFeatures
from anymask.models.text.words import shipped_words
from anymask.train.build import RunDataset, open_sources
from anymask.train.checkpoint import STATE
from anymask.train.config import TrainConfig, first_change
from anymask.train.metrics import METRICS
from anymask.train.text.config import TextConfig
from anymask.train.text.features import Rows, set_rows
from anymask.train.text.fit import fit, gather, write

__all__ = ["TEXT_RECIPES", "is_text_run", "resume_text", "run_text", "text_compact"]

RUN, FEATURES = "run.json", "features"
FREE = frozenset({"steps", "every_log", "every_save"})

EVERYDAY = (
    "voc", "coco", "kitchen_objects", "voc_animals", "pantry", "endangered_animals", "ccp", "dogs_wild",
    "pets600", "cats", "work_tools", "bathroom_products", "dogcat", "fruits_kmo", "mugs", "food", "bottles",
    "ppe", "human", "traffic", "streets_mixed", "coco_people", "cutouts", "carparts",
)  # fmt: skip
"""Data sets of which 450 images are used, not 100."""

Report = Callable[[dict[str, Any]], None]


def text_compact() -> TextConfig:
    """The text model: names for masks, on features of the frozen backbone of `context`.

    anymask train text_compact --data SETS... -o runs/text

    Needs the extra `train`. The features of each data set are computed once and kept in RUN/features: 15
    images per second on one core, 2 where proposals are used; then 2,500 steps take two minutes. Expected on
    val, names of true masks, top-1: see docs/log.md.
    """
    return TextConfig(
        most=dict.fromkeys(EVERYDAY, 450.0),
        proposed={"voc": 330.0, "coco": 277.0, "kitchen_objects": 120.0, "voc_animals": 150.0},
    )


TEXT_RECIPES: Mapping[str, Callable[[], TextConfig]] = MappingProxyType({"text_compact": text_compact})
"""The recipes of the text model by name."""


def run_text(
    config: TextConfig,
    data: Sequence[str | Path],
    out: str | Path,
    report: Report | None = None,
    *,
    force: bool = False,
) -> Path:
    """Train on data sets; returns the run's folder with `text.safetensors`, `metrics.jsonl` and `run.json`.

    Features are kept in it, and a run that was stopped is resumed from its last saved step; `force` keeps the
    features and trains anew. Raises `InputError` for data that cannot be used and for a resume with other
    settings, `OutputError` for a folder that holds something else, `MissingExtraError` without ImageNet's
    weights.
    """
    folder = Path(out)
    head = ImageNetHead.load()
    shown = TrainConfig(bands=config.bands, stretch=config.stretch, limits=config.limits)
    sources = open_sources(data, shown, lambda name: lambda item, error: None)
    _prepare(folder, config, sources, force=force)
    tell = partial(_tell, folder / METRICS, report)
    words = shipped_words()
    examples = gather(_rows(folder, sources, head, config, tell), words, config)
    network = fit(examples, words, head, config, folder, tell)
    write(network, examples, head, words, folder / TEXT_FILE)
    return folder


def resume_text(out: str | Path, report: Report | None = None) -> Path:
    """Resume a stopped run from its folder alone. Raises the errors of `run_text`."""
    past = json.loads((Path(out) / RUN).read_text("utf-8"))
    return run_text(TextConfig.from_dict(past["config"]), past["data"], out, report)


def is_text_run(folder: str | Path) -> bool:
    """Whether a folder holds a run of the text model."""
    try:
        past = json.loads((Path(folder) / RUN).read_text("utf-8"))
        return bool(past["config"]["model"] == "text")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _prepare(folder: Path, config: TextConfig, sources: Sequence[RunDataset], *, force: bool) -> None:
    """Make the folder and its run.json, or check that it holds the same run."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"out must be a folder, got the file {folder}. Choose another.")
    if force:
        for name in (STATE, METRICS, TEXT_FILE, RUN):
            (folder / name).unlink(missing_ok=True)
    elif is_text_run(folder):
        past = json.loads((folder / RUN).read_text("utf-8"))
        changed = first_change(past["config"], {k: v for k, v in config.to_dict().items() if k not in FREE})
        if changed or past["data"] != [source.address for source in sources]:
            raise InputError(
                f"settings and data must be those of the run in {folder}, got another "
                f"{changed[0] if changed else 'list of data sets'}. Choose another folder, or add --force "
                "to restart from scratch."
            )
    elif (folder / RUN).exists():
        raise OutputError(f"out must be a new folder or that of the same run, got {folder}. Choose another.")
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "anymask": anymask.__version__,
        "commit": commit(),
        "machine": machine(),
        "config": config.to_dict(),
        "data": [source.address for source in sources],
    }
    write_atomic(folder / RUN, (json.dumps(told, indent=2) + "\n").encode(), force=True)


def _rows(
    folder: Path,
    sources: Sequence[RunDataset],
    head: ImageNetHead,
    config: TextConfig,
    tell: Report,
) -> dict[str, Rows]:
    """The rows of each data set, from the folder's files where they are there."""
    features = MaskFeatures(head.weight.numpy(), head.bias.numpy())
    model = load_sam("compact") if config.proposed else None
    out: dict[str, Rows] = {}
    for source in sources:
        name = source.train.name
        out[name] = set_rows(
            source.train,
            features,
            folder / FEATURES / f"{name}.safetensors",
            model=model,
            proposed=int(config.proposed.get(name, 0)),
            most=int(config.most.get(name, config.images)),
        )
        tell({"step": 0, "data": name, "masks": len(out[name].names)})
    return out


def _tell(path: Path, report: Report | None, line: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    if report is not None:
        report(line)
