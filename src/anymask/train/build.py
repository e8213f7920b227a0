"""From a configuration to the model, the data and the task that the training loop needs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from anymask.data.dataset import Collection, OnError, open_dataset
from anymask.data.mixture import Mixture
from anymask.data.published.sets import PUBLISHED, open_published
from anymask.data.transforms.copy_paste import Cutouts
from anymask.errors import FormatError, InputError, unknown_name
from anymask.images.bands import read_bands
from anymask.models.checkpoints.hub import find
from anymask.models.checkpoints.imagenet import load_imagenet
from anymask.models.checkpoints.load import (
    AnyConfig,
    AnyModel,
    InContextNetwork,
    Model,
    build,
    load_clip,
    load_detector,
)
from anymask.models.clip import Clip
from anymask.models.compact_encoder import Backbone, CompactEncoder
from anymask.models.config import (
    COMPACT,
    COMPACT_LITE1,
    COMPACT_LITE2,
    CONTEXT,
    CONTEXT_DEBUG,
    DEBUG,
    DEBUG_VIT,
    OBJECT,
    OBJECT_DEBUG,
    PAINTER_DEBUG,
    PAINTER_VIT_L,
    SAM_VIT_B,
    SAM_VIT_H,
    SAM_VIT_L,
    SEGGPT_VIT_L,
    CompactConfig,
    DetectorConfig,
)
from anymask.models.detector import Detector
from anymask.models.feature_painter import FeaturePainter
from anymask.models.layers import DropPath
from anymask.models.loading import load_network, load_sam
from anymask.models.painter import Painter
from anymask.models.sam import Sam, start_local
from anymask.models.vit import Vit
from anymask.train.config import TrainConfig
from anymask.train.detector import DetectTask
from anymask.train.embeddings import Embeddings
from anymask.train.lora import add_lora
from anymask.train.painter import PaintTask
from anymask.train.sam import ClickTask
from anymask.train.text_prompts import CropPrompts, with_text

CONFIGS: dict[str, AnyConfig] = {
    "compact": COMPACT,
    "compact_lite1": COMPACT_LITE1,
    "compact_lite2": COMPACT_LITE2,
    "sam_vit_b": SAM_VIT_B,
    "sam_vit_l": SAM_VIT_L,
    "sam_vit_h": SAM_VIT_H,
    "debug": DEBUG,
    "debug_vit": DEBUG_VIT,
    "context": CONTEXT,
    "painter_vit_l": PAINTER_VIT_L,
    "seggpt_vit_l": SEGGPT_VIT_L,
    "context_debug": CONTEXT_DEBUG,
    "painter_debug": PAINTER_DEBUG,
    "detector": OBJECT,
    "detector_debug": OBJECT_DEBUG,
}
LITE = {"compact": 0, "compact_lite1": 1, "compact_lite2": 2}
"""Which EfficientNet-Lite is the encoder of a promptable model, by the model's name."""
EMBEDDINGS = "embeddings"
BACKBONE = ("patch_embed.", "pos_embed", "blocks.", "stem.", "stages.")
Validate = Callable[[AnyModel], dict[str, float]]
FaultReporter = Callable[[str], OnError]
"""Returns the `on_error` callback of the data set with the given name."""


@dataclass(frozen=True)
class RunDataset:
    """One data set of a run.

    address: its absolute path, or NAME:PATH for a published data set.
    weight: share of the draws.
    train, val: the items for training and for validation, if there are any.
    """

    address: str
    weight: float
    train: Collection
    val: Collection | None

    @property
    def fingerprint(self) -> str:
        """Fingerprint, 16 hexadecimal digits, of the ids and the order of the training images."""
        return hashlib.sha256("\n".join(self.train.source.ids).encode()).hexdigest()[:16]


def open_sources(data: Sequence[str | Path], config: TrainConfig, faults: FaultReporter) -> list[RunDataset]:
    """Open data sets given as `path` or `path=weight`; of those that have splits, the split "train".

    `name:path` opens a data set of `anymask.data.published` from the folder it was unpacked to, for example
    `ade20k:sets/ade`. Raises `InputError` for no data, an empty data set, two of the same name, or a weight
    that is not a positive number.
    """
    if not data:
        raise InputError("data must name a data set, got none. Give a folder of images with masks.")
    sources = [_open_source(str(one), config, faults) for one in data]
    names = [source.train.name for source in sources]
    double = [name for name in names if names.count(name) > 1]
    if double:
        raise InputError(f"data must have different names, got {double[0]} twice. Rename a folder.")
    return sources


def _open_source(text: str, config: TrainConfig, faults: FaultReporter) -> RunDataset:
    path, weight = split_weight(text)
    named = _published(path)
    train, val = _open_published(*named, faults) if named else (_open_train(path, faults), _open_val(path))
    bands = read_bands(config.bands, config.stretch, config.limits)
    for found in (train, val):
        if found is not None:
            found.source.bands = bands
    if not len(train):
        raise InputError(f"data must hold images with masks, got none in {path}. Run: anymask data check")
    share = config.weights.get(train.name, 1.0) if weight is None else weight
    address = f"{named[0]}:{named[1].absolute()}" if named else str(path.absolute())
    return RunDataset(
        address, share, train, None if val is None or val.source.ids == train.source.ids else val
    )


def _published(path: Path) -> tuple[str, Path] | None:
    """The name and the folder of NAME:PATH; None for an ordinary path. Raises `UnknownNameError`."""
    name, colon, place = str(path).partition(":")
    if not colon or not place or path.exists() or len(name) == 1:  # a single letter is a Windows drive
        return None
    if name not in PUBLISHED:
        raise unknown_name("data", name, PUBLISHED)
    return name, Path(place)


def _open_published(name: str, place: Path, faults: FaultReporter) -> tuple[Collection, Collection | None]:
    """The first split of a published data set, and "val" if the folder holds it."""
    train = open_published(name, place, on_error=faults(name))
    if "val" not in PUBLISHED[name].splits:
        return train, None
    try:
        return train, open_published(name, place, "val")
    except FormatError:
        return train, None


def split_weight(text: str) -> tuple[Path, float | None]:
    """Split "path=weight"; the weight may be missing. Raises `InputError` for one that is not positive."""
    left, equals, right = text.rpartition("=")
    if not equals or Path(text).exists():
        return Path(text), None
    try:
        weight = float(right)
    except ValueError:
        return Path(text), None
    if not 0 < weight < float("inf"):
        raise InputError(
            f"the weight of {left} must be a positive number, got {right}. To use none of it, leave it out."
        )
    return Path(left), weight


def _open_train(path: Path, faults: FaultReporter) -> Collection:
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


def open_model(config: TrainConfig, started: Path | None = None) -> AnyModel:
    """The model at the start of a run, with its trained parameters chosen.

    started: the folder of a run to resume. Raises `InputError` for settings that exclude each other, and the
    errors of `load`.
    """
    torch.manual_seed(config.loop.seed)
    if isinstance(CONFIGS.get(config.model), DetectorConfig):
        return _open_detector(config, started)
    model = _initial(config) if started is None else load_network(started, device="cpu", dtype="float32")
    if config.clip:
        model = with_text(_promptable(model, config), open_clip(config))
    if config.drop_path:
        set_drop_path(model, config.drop_path)
    if isinstance(model, Sam):
        _choose_parameters(model, config)
    elif config.tune != "all":
        raise InputError(f"tune must be all for an in-context model, got {config.tune}. Set tune=all.")
    for part in model.children():
        if isinstance(part, CompactEncoder | Backbone):
            part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if isinstance(model, FeaturePainter):
        model.backbone.requires_grad_(False)
    return model.train()


def open_clip(config: TrainConfig) -> Clip:
    """The CLIP whose embeddings of crops are the first prompts."""
    return load_clip(find(Path(config.clip)))


def _promptable(model: Model, config: TrainConfig) -> Sam:
    if not isinstance(model, Sam):
        raise InputError(
            f"clip must be empty for an in-context model, got {config.clip}. Set clip=, or model=sam_vit_b."
        )
    return model


def _open_detector(config: TrainConfig, started: Path | None) -> Detector:
    """A detector, a new one with its encoder's channels. Raises `InputError` for that of another encoder."""
    encoder = open_encoder(config)
    if started is None and config.init == "scratch":
        model = build(_detector_config(config, encoder))
    else:
        model = load_detector(find(config.init) if started is None else started)
    if model.config.encoder != encoder.fingerprint:
        raise InputError(
            f"encoder must be the model whose features the detector {started or config.init} reads, got "
            f"{config.encoder}. Set init=scratch for a new one."
        )
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.train()


def _detector_config(config: TrainConfig, encoder: Sam) -> DetectorConfig:
    own, features = CONFIGS[config.model], encoder.config.encoder
    assert isinstance(own, DetectorConfig)
    assert isinstance(features, CompactConfig), "checked by open_encoder"
    return replace(
        own,
        features=features.out_channels,
        skip=features.skip_channels[1],
        encoder=encoder.fingerprint,
    )


def open_encoder(config: TrainConfig) -> Sam:
    """The promptable model whose features a detector reads. Raises `InputError` for one without skips."""
    encoder = load_sam(config.encoder, runtime="torch", device="cpu", dtype="float32")
    if not isinstance(encoder.image_encoder, CompactEncoder):
        raise InputError(
            f"encoder must have features at stride 8, got {config.encoder} without. Set encoder=compact."
        )
    encoder.image_encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return encoder


def _choose_parameters(model: Sam, config: TrainConfig) -> None:
    """Freeze the parameters that `tune` excludes."""
    if config.tune == "decoder":
        model.image_encoder.requires_grad_(False)
    elif config.tune == "head":
        _freeze_backbone(model)
    elif config.tune == "scores":
        model.requires_grad_(False)
        model.mask_decoder.iou_prediction_head.requires_grad_(True)
    elif config.tune == "lora":
        add_lora(model, config.lora_rank)


def _freeze_backbone(model: Sam) -> None:
    """Freeze the encoder before its neck: patches, positions and blocks of a ViT, else stem and stages."""
    for name, parameter in model.image_encoder.named_parameters():
        if name.startswith(BACKBONE):
            parameter.requires_grad_(False)


def _initial(config: TrainConfig) -> Model:
    if config.init not in ("scratch", "imagenet"):
        return load_network(config.init, device="cpu", dtype="float32")
    if config.model not in CONFIGS:
        raise unknown_name("model", config.model, CONFIGS)
    model = build(CONFIGS[config.model])
    assert not isinstance(model, Detector), "made by _open_detector"
    if config.init == "imagenet":
        _from_imagenet(model, config.model)
    return model


def _from_imagenet(model: Model, name: str) -> None:
    if isinstance(model, FeaturePainter) and name == "context":
        load_imagenet(model.backbone)
    elif isinstance(model, Sam) and isinstance(model.image_encoder, CompactEncoder) and name in LITE:
        start_local(model)
        load_imagenet(model.image_encoder, LITE[name])
    else:
        names = " or ".join([*LITE, "context"])
        raise InputError(
            f"init=imagenet must go with model={names}, got {name}. Set init=scratch, or a path."
        )


def set_drop_path(model: Model, rate: float) -> None:
    """Set a ViT's stochastic depth, rising linearly from 0 in the first block to `rate` in the last.

    Raises `InputError` for an encoder that is not a ViT and for a rate outside [0, 1).
    """
    encoder = model.image_encoder if isinstance(model, Sam) else model
    if not isinstance(encoder, Vit | Painter):
        raise InputError(
            f"drop_path must be 0 for an encoder that is not a ViT, got {rate}. Set drop_path=0."
        )
    if not 0 <= rate < 1:
        raise InputError(f"drop_path must be at least 0 and under 1, got {rate}. The paper has 0.4.")
    drops = [layer for layer in encoder.modules() if isinstance(layer, DropPath)]
    for index, layer in enumerate(drops):
        layer.rate = rate * index / max(len(drops) - 1, 1)


def make_task(
    config: TrainConfig,
    model: AnyModel,
    sources: Sequence[RunDataset],
    out: Path,
    validate: Validate | None = None,
) -> ClickTask | PaintTask | DetectTask:
    """The task that fits the model. Raises `InputError` for cut-outs that cannot be used."""
    mixture = Mixture(
        [source.train for source in sources], [source.weight for source in sources], seed=config.loop.seed
    )
    if isinstance(model, Detector):
        augment = replace(config.augment, size=config.size)
        return DetectTask(
            open_encoder(config),
            model,
            mixture,
            augment,
            config.detect,
            cutouts=_cutouts(config),
            validate=validate,
        )
    if not isinstance(model, Sam):
        return _paint_task(config, model, mixture, validate)
    return ClickTask(
        model,
        mixture,
        replace(config.augment, size=config.size),
        config.rounds,
        config.loss,
        cutouts=_cutouts(config),
        embeddings=Embeddings(out / EMBEDDINGS) if config.tune == "decoder" else None,
        texts=CropPrompts(open_clip(config), config.crops) if config.clip else None,
        validate=validate,
    )


def _paint_task(
    config: TrainConfig, model: InContextNetwork, mixture: Mixture, validate: Validate | None
) -> PaintTask:
    canvas = replace(config.canvas, size=config.size)
    return PaintTask(model, mixture, canvas, config.paint, cutouts=_cutouts(config), validate=validate)


def _cutouts(config: TrainConfig) -> Cutouts | None:
    if not config.cutouts:
        return None
    if config.tune == "decoder":
        raise InputError(
            f"cutouts must be empty with tune=decoder, which caches whole images, got {config.cutouts}. "
            "Set cutouts="
        )
    return Cutouts(_open_train(Path(config.cutouts), lambda _: lambda *_: None))
