"""Named training runs, and `run`, which carries one out.

A recipe is a function that gives a `TrainConfig`; its docstring is a lab note: the command, what it needs and
what it gives. `--set key=value` changes any setting of it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import anymask
from anymask.data.augment import Augment, plain
from anymask.data.dataset import Collection, OnError
from anymask.errors import InputError, OutputError, unknown_name
from anymask.evaluate import clicks
from anymask.evaluate.report import commit, machine
from anymask.files import write_atomic
from anymask.models.sam import Sam
from anymask.models.weights import MODEL_FILE
from anymask.train.checkpoint import STATE
from anymask.train.config import TrainConfig, change, first_change
from anymask.train.log import BOARD, METRICS, Report
from anymask.train.loop import Loop, fit
from anymask.train.losses import LossWeights
from anymask.train.optim import Optim
from anymask.train.sam import Rounds
from anymask.train.start import EMBEDDINGS, Source, make_task, open_model, open_sources

__all__ = ["RECIPES", "TrainConfig", "change", "recipe", "resume", "run"]

RUN = "run.json"
DAMAGED = "damaged.jsonl"
EVERYDAY = {
    "voc": 5.0,
    "coco": 5.0,
    "ccp": 1.5,
    "cats": 1.5,
    "carparts": 1.5,
    "kitchen_objects": 2.0,
    "endangered_animals": 1.5,
    "dogs_wild": 1.0,
    "pets600": 1.0,
    "human": 1.0,
    "bathroom_products": 0.8,
    "dsb": 0.7,
    "leaves_dense": 0.7,
    "pallets": 0.7,
    "facades": 0.6,
    "food": 0.6,
    "bottles": 0.5,
    "coffee_leaf": 0.5,
    "magnetic": 0.5,
    "mugs": 0.4,
    "dogcat": 0.4,
    "fruits_kmo": 0.4,
    "mandarins": 0.4,
    "ppe": 0.5,
    "steel_defects900": 0.5,
    "work_tools": 0.5,
    "desk_items5": 0.3,
    "minitrack_road": 0.3,
    "rock": 0.3,
    "whole_sky": 0.3,
    "wood_debris": 0.3,
    "lightsheet_nuclei": 0.2,
}
"""Shares of the draws in the compact model's runs: everyday scenes with many kinds of things come first."""


def paper_vit_h() -> TrainConfig:
    """SAM with ViT-H as published (SAM paper, appendix A): SA-1B, 90,000 steps of 256 images at 1024 px.

    torchrun --nproc-per-node 8 -m anymask train paper_vit_h --data SA-1B/ -o runs/vit_h

    Needs SA-1B (or a set in its form) and accelerators of 80 GB; the paper used 256 of them. Start from an
    encoder of your own with --set init=PATH. Expected with SA-1B: what the released weights score.
    """
    return TrainConfig(
        model="sam_vit_h",
        drop_path=0.4,
        size=1024,
        rounds=Rounds(clicks=8, idle=2, box=0.5),
        loss=LossWeights(focal=20.0, dice=1.0, iou=1.0),
        augment=_paper_pictures(),
        loop=Loop(steps=90_000, batch=256, micro=1, workers=8, every_save=1000, every_validation=5000),
        optim=Optim(lr=8e-4, weight_decay=0.1, layer_decay=0.8, warmup=250),
    )


def paper_vit_l() -> TrainConfig:
    """SAM with ViT-L by the same recipe as ViT-H (SAM paper, appendix A).

    torchrun --nproc-per-node 8 -m anymask train paper_vit_l --data SA-1B/ -o runs/vit_l
    """
    return replace(paper_vit_h(), model="sam_vit_l")


def paper_vit_b() -> TrainConfig:
    """SAM with ViT-B (SAM paper, appendix A): learning rate 4e-4, layer decay 0.6, else as ViT-H.

    torchrun --nproc-per-node 8 -m anymask train paper_vit_b --data SA-1B/ -o runs/vit_b

    On a data set of another kind than SA-1B add large-scale jitter, as the paper did in its data engine:
    --set augment.scale=[0.1,2.0] augment.flip=0.5
    """
    base = paper_vit_h()
    return replace(
        base,
        model="sam_vit_b",
        loop=replace(base.loop, micro=4),
        optim=replace(base.optim, lr=4e-4, layer_decay=0.6),
    )


def _paper_pictures() -> Augment:
    """No augmentation, up to 64 masks, none of over 90 % of the picture."""
    return plain(Augment(most=64, max_cover=0.9))


def compact_192() -> TrainConfig:
    """The compact model, phase 1: from ImageNet weights with a frozen backbone, crops of 192 px, one click.

    anymask train compact_192 --data SETS... --set cutouts=CUTOUTS -o runs/compact_192

    Not the paper's loss: 5 x BCE + 5 x dice instead of 20 x focal + dice, and the output that a prompt does
    not ask for learns with half the weight, as a random decoder starts slowly otherwise. Needs the extra
    `train`; 7 images a second on two cores. Expected at the end, on training crops: IoU 0.37 after a click,
    0.64 from a box.
    """
    return TrainConfig(
        model="compact",
        init="imagenet",
        tune="head",
        size=192,
        weights=EVERYDAY,
        rounds=Rounds(clicks=1, idle=0, box=0.5),
        loss=LossWeights(focal=0.0, dice=5.0, bce=5.0, iou=1.0, other=0.5),
        augment=Augment(scale=(0.85, 2.2), most=6, focus=0.6, paste=0.25),
        loop=Loop(steps=600, batch=12, seed=1, average=0.998, every_save=100),
        optim=Optim(lr=1e-3, weight_decay=0.05, layer_decay=0.85, warmup=100, schedule="constant"),
    )


def compact_256() -> TrainConfig:
    """The compact model, phase 2: crops of 256 px, two prompts per object, predicted IoU learned in earnest.

    anymask train compact_256 --data SETS... --set init=runs/compact_192 cutouts=CUTOUTS -o runs/compact_256

    At the end of phase 1 the scores of the three masks of a click say nothing about which is best
    (correlation 0.1 within a click); five times the weight and 150 steps bring that to 0.5. 3.5 images a
    second.
    """
    base = compact_192()
    return replace(
        base,
        init="runs/compact_192",
        size=256,
        rounds=replace(base.rounds, repeat=2),
        loss=replace(base.loss, iou=5.0, other=0.3),
        loop=replace(base.loop, steps=150, seed=2, average=0.99, every_save=50),
        optim=replace(base.optim, lr=7e-4, warmup=20),
    )


def compact_all() -> TrainConfig:
    """The compact model, phase 3: the backbone learns too, two error clicks, the rate falling to zero.

    anymask train compact_all --data SETS... --set init=runs/compact_256 cutouts=CUTOUTS -o runs/compact_all
    """
    base = compact_256()
    return replace(
        base,
        init="runs/compact_256",
        tune="all",
        rounds=Rounds(clicks=2, idle=0, box=0.5),
        loss=replace(base.loss, other=0.2),
        loop=replace(base.loop, steps=260, seed=7, every_save=40),
        optim=replace(base.optim, lr=5e-4, schedule="cosine"),
    )


def compact_scores() -> TrainConfig:
    """The compact model, phase 4: the head of the predicted IoU alone, on pictures at the shipped size.

    anymask train compact_scores --data SETS... --set init=runs/compact_all cutouts=CUTOUTS -o runs/compact

    Phase 3 moves the features under the head, and its crops show things larger than whole pictures do.
    Choosing among the three masks of a click gains: see docs/log.md. Three minutes on two cores.
    """
    base = compact_all()
    return replace(
        base,
        init="runs/compact_all",
        tune="scores",
        size=384,
        rounds=Rounds(clicks=0, idle=0, box=0.15),
        loss=LossWeights(focal=0.0, dice=1.0, bce=0.0, iou=5.0, other=0.3),
        augment=Augment(scale=(0.9, 1.3), most=6, focus=0.3, paste=0.1),
        loop=replace(base.loop, steps=130, batch=8, seed=11, average=0.95, every_save=65),
        optim=replace(base.optim, lr=1e-3, warmup=10),
    )


def finetune_all() -> TrainConfig:
    """Fine-tune a whole model on a folder: the most change, for a hundred pictures or more.

    anymask train finetune_all --data my-photos/ -o runs/mine

    For a SAM from the zoo: --set init=sam_vit_b size=1024, and an accelerator.
    """
    return TrainConfig(
        init="compact",
        size=384,
        rounds=Rounds(clicks=1, idle=0, box=0.5),
        loss=LossWeights(focal=0.0, dice=5.0, bce=5.0, iou=1.0, other=0.5),
        augment=Augment(scale=(0.7, 1.5), most=6, paste=0.0),
        loop=Loop(steps=300, batch=2, average=0.98, every_log=10, every_save=50),
        optim=Optim(lr=1e-4, weight_decay=0.05, layer_decay=0.8, warmup=20, schedule="cosine"),
    )


def finetune_decoder() -> TrainConfig:
    """Fine-tune the decoder alone on ten pictures or so: minutes on two cores, see docs/fine-tuning.md.

    anymask train finetune_decoder --data my-photos/ -o runs/mine

    The encoder is frozen and sees each picture twice, as it is and mirrored; what it makes of them is kept.
    """
    base = finetune_all()
    return replace(
        base,
        tune="decoder",
        loop=replace(base.loop, steps=150),
        optim=replace(base.optim, lr=2e-4),
    )


def finetune_lora() -> TrainConfig:
    """Fine-tune the decoder and rank-4 updates of the encoder, for pictures that look unlike photos.

    anymask train finetune_lora --data my-photos/ -o runs/mine

    The updates are merged when the model is saved, so the result is a model like any other.
    """
    base = finetune_all()
    return replace(base, tune="lora", lora_rank=4, optim=replace(base.optim, lr=2e-4))


RECIPES: dict[str, Callable[[], TrainConfig]] = {
    function.__name__: function
    for function in (
        compact_192,
        compact_256,
        compact_all,
        compact_scores,
        finetune_all,
        finetune_decoder,
        finetune_lora,
        paper_vit_b,
        paper_vit_h,
        paper_vit_l,
    )
}
"""The recipes by name; the first line of a docstring says what it is for."""


def recipe(name: str, settings: Sequence[str] = ()) -> TrainConfig:
    """The configuration of a recipe with some settings changed, such as "loop.steps=100".

    Raises `UnknownNameError` for an unknown recipe or setting, `InputError` for a value of another type.
    """
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return change(RECIPES[name](), settings)


def run(
    config: TrainConfig,
    data: Sequence[str | Path],
    out: str | Path,
    report: Report | None = None,
    *,
    force: bool = False,
) -> Path:
    """Train on data sets, each `path` or `path=weight`; returns the run's folder, which `anymask.load` opens.

    Sets with splits are learned from in "train" and looked at in "val". `out` gets `model.safetensors`,
    `metrics.jsonl` (each line goes to `report` too), `run.json`, `state.pt`, TensorBoard events and, if items
    are damaged, `damaged.jsonl`. A run that was stopped goes on exactly where it was; with `force` it starts
    over instead. Raises `InputError` for data that cannot be used and for a resume with another configuration
    or other data, `OutputError` for a folder that holds something else.
    """
    folder = Path(out)
    sources = open_sources(data, config, partial(_note_fault, folder))
    first = int(os.environ.get("RANK", "0")) == 0
    if first:
        _prepare(folder, config, sources, force=force)
    started = folder if (folder / STATE).exists() else None
    validation = {source.train.name: source.val for source in sources if source.val is not None}
    validate = partial(_validate, validation, config) if validation else None
    task = make_task(config, open_model(config, started), sources, folder, validate)
    fit(task, config.loop, config.optim, folder, report)
    if first:
        shutil.rmtree(folder / EMBEDDINGS, ignore_errors=True)
    return folder


def resume(out: str | Path, settings: Sequence[str] = (), report: Report | None = None) -> Path:
    """Go on with a stopped run from its folder alone; `settings` may change its length and its log.

    Raises as `run` does, and `InputError` if the folder holds no run.
    """
    past = _past(Path(out))
    if past is None:
        raise InputError(f"out must be the folder of a run, got {out} without {RUN}. Start one first.")
    data = [f"{one['path']}={one['weight']}" for one in past["data"]]
    return run(change(TrainConfig.from_dict(past["config"]), settings), data, out, report)


def _validate(datasets: dict[str, Collection], config: TrainConfig, model: Sam) -> dict[str, float]:
    """Mean IoU over the validation sets after one and five clicks and from a box, on the same masks."""
    options = clicks.ClicksConfig(
        clicks=(1, 5),
        noc=(),
        random_click=False,
        grabcut_masks=0,
        most_images=config.val_images,
        most_masks=config.val_masks,
        resamples=1,
    )
    found = clicks.run(model, datasets, options)
    return {f"val_{name}": number.value for name, number in found.mean.numbers.items()}


def _note_fault(folder: Path, dataset: str) -> OnError:
    """Append damaged items to the run's folder, from whatever process meets them."""

    def note(item: str, error: Exception) -> None:
        if folder.is_dir():
            line = json.dumps({"dataset": dataset, "item": item, "error": str(error)}) + "\n"
            path = folder / DAMAGED
            if not path.exists() or line not in path.read_text("utf-8").splitlines(keepends=True):
                with path.open("a", encoding="utf-8") as file:
                    file.write(line)

    return note


def _prepare(folder: Path, config: TrainConfig, sources: Sequence[Source], *, force: bool) -> None:
    """Make the folder and its run.json, or check that what is there is the same run."""
    if force:
        _clear(folder)
    past = _past(folder)
    if past is None:
        _check_free(folder)
    else:
        _check_same(folder, past, config, sources)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"out must be a folder that can be made, got {folder} ({error.strerror}). Choose another."
        ) from error
    description = {
        "anymask": anymask.__version__,
        "commit": commit(),
        "started": past["started"] if past else datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
        "config": config.to_dict(),
        "data": [_describe(source) for source in sources],
    }
    write_atomic(folder / RUN, (json.dumps(description, indent=2) + "\n").encode(), force=True)


def _describe(source: Source) -> dict[str, Any]:
    return {
        "name": source.train.name,
        "path": str(source.path.absolute()),
        "weight": source.weight,
        "pictures": len(source.train),
        "ids": source.fingerprint,
        "validation": 0 if source.val is None else len(source.val),
    }


def _past(folder: Path) -> dict[str, Any] | None:
    path = folder / RUN
    if not path.exists():
        return None
    try:
        past: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return {name: past[name] for name in ("config", "data", "started")}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"out must be a new folder or that of a run, got {folder}, whose {RUN} is damaged ({error!r}). "
            "Choose another folder."
        ) from error


def _check_free(folder: Path) -> None:
    taken = [name for name in (STATE, MODEL_FILE, METRICS) if (folder / name).exists()]
    if taken:
        raise OutputError(
            f"out must be a new folder or that of the same run, got {folder}, which holds {taken[0]} "
            f"without {RUN}. Choose another folder, or start over with force."
        )


def _check_same(folder: Path, past: dict[str, Any], config: TrainConfig, sources: Sequence[Source]) -> None:
    """Refuse to go on with other settings or other pictures than the run was started with."""
    advice = "Choose another folder for a new run, or start over with force."
    changed = first_change(past["config"], config.to_dict())
    if changed:
        key, old, new = changed
        raise InputError(f"{key} must be {old!r} as in the run in {folder}, got {new!r}. {advice}")
    old_sets = {one["name"]: (one["ids"], one["weight"]) for one in past["data"]}
    new_sets = {source.train.name: (source.fingerprint, source.weight) for source in sources}
    for name in sorted(old_sets.keys() | new_sets.keys()):
        if old_sets.get(name) != new_sets.get(name):
            raise InputError(
                f"data must be that of the run in {folder}, got another set, weight or other pictures in "
                f"'{name}'. {advice}"
            )


def _clear(folder: Path) -> None:
    """Remove what an earlier run left, and nothing else."""
    for name in (STATE, MODEL_FILE, METRICS, RUN, DAMAGED):
        (folder / name).unlink(missing_ok=True)
    for name in (BOARD, EMBEDDINGS):
        shutil.rmtree(folder / name, ignore_errors=True)
