"""From a configuration to what the loop needs: the model, the data, the task."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from anymask.data.cutouts import Cutouts
from anymask.data.dataset import Collection, OnError, open_dataset
from anymask.data.mixture import Mixture
from anymask.errors import FormatError, InputError, unknown_name
from anymask.models import build, load_sam
from anymask.models.compact import CompactEncoder
from anymask.models.config import COMPACT, DEBUG, DEBUG_VIT, SAM_VIT_B, SAM_VIT_H, SAM_VIT_L, SamConfig
from anymask.models.layers import DropPath
from anymask.models.pretrained import load_imagenet
from anymask.models.sam import Sam, start_local
from anymask.models.vit import Vit
from anymask.train.config import TrainConfig
from anymask.train.embeddings import Embeddings
from anymask.train.lora import add_lora
from anymask.train.sam import ClickTask

CONFIGS: dict[str, SamConfig] = {
    "compact": COMPACT,
    "sam_vit_b": SAM_VIT_B,
    "sam_vit_l": SAM_VIT_L,
    "sam_vit_h": SAM_VIT_H,
    "debug": DEBUG,
    "debug_vit": DEBUG_VIT,
}
EMBEDDINGS = "embeddings"
BACKBONE = ("patch_embed.", "pos_embed", "blocks.", "stem.", "stages.")
Validate = Callable[[Sam], dict[str, float]]
NameFault = Callable[[str], OnError]
"""From a data set's name to what is told of its damaged items."""


@dataclass(frozen=True)
class Source:
    """One data set of a run: where it lies, its share of the draws, what to learn from and to look at."""

    path: Path
    weight: float
    train: Collection
    val: Collection | None

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that name the training pictures and their order."""
        return hashlib.sha256("\n".join(self.train.source.ids).encode()).hexdigest()[:16]


def open_sources(data: Sequence[str | Path], config: TrainConfig, faults: NameFault) -> list[Source]:
    """Open data sets given as `path` or `path=weight`, the split "train" of those that have splits.

    Raises `InputError` for no data, an empty set, two of one name, or a weight that is not a positive number.
    """
    if not data:
        raise InputError("data must name a data set, got none. Give a folder of pictures with masks.")
    sources = [_open_source(str(one), config, faults) for one in data]
    names = [source.train.name for source in sources]
    double = [name for name in names if names.count(name) > 1]
    if double:
        raise InputError(f"data must be sets of different names, got {double[0]} twice. Rename a folder.")
    return sources


def _open_source(text: str, config: TrainConfig, faults: NameFault) -> Source:
    path, weight = split_weight(text)
    train = _open_train(path, faults)
    if not len(train):
        raise InputError(f"data must hold pictures with masks, got none in {path}. Try: anymask data check")
    share = config.weights.get(train.name, 1.0) if weight is None else weight
    val = _open_val(path)
    return Source(path, share, train, None if val is None or val.source.ids == train.source.ids else val)


def split_weight(text: str) -> tuple[Path, float | None]:
    """Read "path=weight"; without a weight None. Raises `InputError` for a weight that is not positive."""
    left, equals, right = text.rpartition("=")
    if not equals or Path(text).exists():
        return Path(text), None
    try:
        weight = float(right)
    except ValueError:
        return Path(text), None
    if not 0 < weight < float("inf"):
        raise InputError(f"the weight of {left} must be a positive number, got {right}. Leave the set out?")
    return Path(left), weight


def _open_train(path: Path, faults: NameFault) -> Collection:
    try:
        return open_dataset(path, split="train", on_error=faults(path.name))
    except FormatError:
        if _open_val(path) is not None:
            raise
    return open_dataset(path, on_error=faults(path.name))


def _open_val(path: Path) -> Collection | None:
    if not path.is_dir():
        return None
    try:
        found = open_dataset(path, split="val")
    except FormatError:
        return None
    return found if len(found) else None


def open_model(config: TrainConfig, started: Path | None = None) -> Sam:
    """The model at the start of a run, with what learns set; `started` is the folder of a run to resume.

    Raises `InputError` for settings that do not go together, and whatever `load` raises.
    """
    torch.manual_seed(config.loop.seed)
    model = _initial(config) if started is None else load_sam(started, device="cpu", dtype="float32")
    if config.drop_path:
        set_drop_path(model, config.drop_path)
    if isinstance(model.image_encoder, CompactEncoder):
        model.image_encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if config.tune == "decoder":
        model.image_encoder.requires_grad_(False)
    elif config.tune == "head":
        _freeze_backbone(model)
    elif config.tune == "scores":
        model.requires_grad_(False)
        model.mask_decoder.iou_prediction_head.requires_grad_(True)
    elif config.tune == "lora":
        add_lora(model, config.lora_rank)
    return model.train()


def _freeze_backbone(model: Sam) -> None:
    """Freeze what lies before the neck: patches, positions and blocks of a ViT, else stem and stages."""
    for name, parameter in model.image_encoder.named_parameters():
        if name.startswith(BACKBONE):
            parameter.requires_grad_(False)


def _initial(config: TrainConfig) -> Sam:
    if config.init not in ("scratch", "imagenet"):
        return load_sam(config.init, device="cpu", dtype="float32")
    if config.model not in CONFIGS:
        raise unknown_name("model", config.model, CONFIGS)
    model = build(CONFIGS[config.model])
    if config.init == "imagenet":
        if config.model != "compact":
            raise InputError(
                f"init=imagenet must go with model=compact, got {config.model}. Set init=scratch, or a path."
            )
        assert isinstance(model.image_encoder, CompactEncoder)
        start_local(model)
        load_imagenet(model.image_encoder)
    return model


def set_drop_path(model: Sam, rate: float) -> None:
    """Set a ViT's stochastic depth: from 0 in the first block up to `rate` in the last one.

    Raises `InputError` for another encoder and for a rate outside [0, 1).
    """
    encoder = model.image_encoder
    if not isinstance(encoder, Vit):
        raise InputError(f"drop_path must be 0 for an encoder that is no ViT, got {rate}. Set drop_path=0.")
    if not 0 <= rate < 1:
        raise InputError(f"drop_path must be at least 0 and under 1, got {rate}. The paper has 0.4.")
    drops = [layer for layer in encoder.modules() if isinstance(layer, DropPath)]
    for index, layer in enumerate(drops):
        layer.rate = rate * index / max(len(drops) - 1, 1)


def make_task(
    config: TrainConfig, model: Sam, sources: Sequence[Source], out: Path, validate: Validate | None = None
) -> ClickTask:
    """The task of a run. Raises `InputError` for cut-outs that cannot be opened or pasted."""
    mixture = Mixture(
        [source.train for source in sources], [source.weight for source in sources], seed=config.loop.seed
    )
    return ClickTask(
        model,
        mixture,
        replace(config.augment, size=config.size),
        config.rounds,
        config.loss,
        cutouts=_cutouts(config),
        embeddings=Embeddings(out / EMBEDDINGS) if config.tune == "decoder" else None,
        validate=validate,
    )


def _cutouts(config: TrainConfig) -> Cutouts | None:
    if not config.cutouts:
        return None
    if config.tune == "decoder":
        raise InputError("cutouts must be empty with tune=decoder, as pictures stay unchanged. Set cutouts=")
    return Cutouts(_open_train(Path(config.cutouts), lambda _: lambda *_: None))
