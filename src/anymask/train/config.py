"""The configuration of a training run: returned by a recipe, changed by `--set`, stored in `run.json`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from anymask.data.transforms.augment import Augment
from anymask.data.transforms.canvas import CanvasConfig
from anymask.errors import InputError, unknown_name
from anymask.train.detector import DetectorLoss
from anymask.train.loop import Loop
from anymask.train.losses import LossWeights
from anymask.train.optim import Optim
from anymask.train.painter import PaintLoss
from anymask.train.sam import Rounds
from anymask.train.text_prompts import ObjectCrops

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")

TUNES = ("all", "head", "decoder", "scores", "lora")
MOST_SIZE = 4096
"""Side of training crops in pixels."""
_LARGEST = 1e9
_ANY_LENGTH = ("optim.drops",)
FREE = frozenset(
    {
        "loop.steps",
        "loop.every_log",
        "loop.every_save",
        "loop.every_validation",
        "loop.workers",
        "loop.device",
        "val_images",
        "val_masks",
    }
)
"""Settings that a resumed run may change, since they do not affect the steps already taken."""


@dataclass(frozen=True)
class TrainConfig:
    """All settings of a run.

    model: name of a model configuration, see `anymask.train.build`.
    init: initial weights: "scratch", "imagenet" (compact and context), or a name or path that `anymask.load`
        opens, or `load_detector` for a detector, which then also decides the configuration.
    encoder: of a detector: the promptable model, a name or a path, whose features it reads; frozen.
    clip: path of a CLIP; the model is then trained for text prompts by crops that CLIP embeds.
    tune: the trained parameters: "all", "head" (neck and decoder, without the encoder's backbone), "decoder"
        (the encoder is frozen and its embeddings are cached), "scores" (only the head that predicts the IoU)
        or "lora" (decoder and low-rank updates of the encoder).
    lora_rank: rank of these updates.
    drop_path: largest rate of a ViT's stochastic depth.
    size: side of the training crops in pixels, a multiple of 32; it overrides `augment.size` and
        `canvas.size`.
    weights: share of the draws by data set name; 1 for names that are missing.
    bands, stretch, limits: how images other than 8-bit RGB are converted, as text for `bands.read_bands`.
    cutouts: path of a data set of objects to paste; empty for none.
    val_images: images of each validation set that are evaluated; for an in-context model, episodes per class.
    val_masks: masks of each image that are evaluated.
    rounds, loss, augment: of promptable models.
    crops: how CLIP sees an object.
    canvas, paint: of in-context models.
    detect: of detectors, which also use `augment`.
    loop, optim: length and pace of the run, and the optimiser.
    """

    model: str = "compact"
    init: str = "scratch"
    encoder: str = "compact"
    clip: str = ""
    tune: str = "all"
    lora_rank: int = 4
    drop_path: float = 0.0
    size: int = 1024
    weights: dict[str, float] = field(default_factory=dict)
    cutouts: str = ""
    bands: str = ""
    stretch: str = ""
    limits: str = ""
    val_images: int = 16
    val_masks: int = 8
    rounds: Rounds = field(default_factory=Rounds)
    loss: LossWeights = field(default_factory=LossWeights)
    augment: Augment = field(default_factory=Augment)
    crops: ObjectCrops = field(default_factory=ObjectCrops)
    canvas: CanvasConfig = field(default_factory=CanvasConfig)
    paint: PaintLoss = field(default_factory=PaintLoss)
    detect: DetectorLoss = field(default_factory=DetectorLoss)
    loop: Loop = field(default_factory=Loop)
    optim: Optim = field(default_factory=Optim)

    def __post_init__(self) -> None:
        """Check the values. Raises `InputError`."""
        if self.tune not in TUNES:
            raise unknown_name("tune", self.tune, TUNES)
        if self.size > MOST_SIZE:
            raise InputError(f"size must be at most {MOST_SIZE}, got {self.size}. Lower it.")
        if self.size < 32 or self.size % 32:
            raise InputError(
                f"size must be a multiple of 32, got {self.size}. Try {max(1, round(self.size / 32)) * 32}."
            )

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON types; `from_dict` reads them back."""
        out: dict[str, Any] = json.loads(self.to_json())
        return out

    def to_json(self) -> str:
        """Indented JSON of all settings."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> TrainConfig:
        """Read a configuration; missing settings get their defaults, unknown ones raise `TypeError`."""
        config: TrainConfig = _rebuilt(TrainConfig(), values)
        return config


def _rebuilt(value: Any, values: Mapping[str, Any]) -> Any:
    changes = {}
    for name, new in values.items():
        old = getattr(value, name, None)
        if dataclasses.is_dataclass(old):
            new = _rebuilt(old, new)
        changes[name] = tuple(new) if isinstance(new, list) else new
    return dataclasses.replace(value, **changes)


def first_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """The first changed setting that a resumed run must not change: name, old value, new value; or None."""
    before, after = flat(old), flat(new)
    for key in sorted(before.keys() & after.keys() - FREE):
        if before[key] != after[key]:
            return key, before[key], after[key]
    return None


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"loop": {"steps": 9}} -> {"loop.steps": 9}."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        out |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return out


def change(config: C, settings: Sequence[str]) -> C:
    """Apply settings such as "loop.steps=100" or "weights.coco=2".

    Raises `InputError` for a setting that is not key=value or has a value of another type, and
    `UnknownNameError` for an unknown key.
    """
    known = flat(dataclasses.asdict(config))
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise InputError(f"--set must be key=value, got {setting!r}. For example: --set loop.steps=100")
        try:
            config = _changed(config, key.split("."), text, key, known)
        except InputError as error:  # of the settings' own checks, which know a part of the name
            if str(error).startswith("--set"):
                raise
            raise type(error)(f"--set {setting}: {error}") from error
    return config


def _changed(value: Any, path: list[str], text: str, key: str, known: Collection[str]) -> Any:
    if isinstance(value, dict):
        return value | {".".join(path): _parse(text, 1.0, key)}
    if path[0] not in [f.name for f in dataclasses.fields(value)]:
        raise unknown_name("--set", key, known)
    old = getattr(value, path[0])
    if len(path) > 1 and (dataclasses.is_dataclass(old) or isinstance(old, dict)):
        return dataclasses.replace(value, **{path[0]: _changed(old, path[1:], text, key, known)})
    if len(path) > 1 or dataclasses.is_dataclass(old) or isinstance(old, dict):
        raise InputError(f"--set must name one setting, got {key}. Try {_example(path[0], old)}=...")
    return dataclasses.replace(value, **{path[0]: _parse(text, old, key)})


def _example(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"{name}.NAME"
    return f"{name}.{dataclasses.fields(value)[0].name}" if dataclasses.is_dataclass(value) else name


def _parse(text: str, old: Any, key: str) -> Any:
    if isinstance(old, str):
        return text
    try:
        value = json.loads(text.lower() if isinstance(old, bool) else text)
    except (ValueError, RecursionError):
        value = None
    numbers = value if isinstance(value, list) else [value]
    if any(isinstance(it, int | float) and not 0 <= it <= _LARGEST for it in numbers):
        raise InputError(
            f"--set {key} must be from 0 to {_LARGEST:,.0f}, got {text:.40}. It is {old!r} by default."
        )
    if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(old, tuple) and _are_numbers(value) and (len(value) == len(old) or key in _ANY_LENGTH):
        return tuple(float(it) for it in value)
    if type(value) is not type(old):
        kind = "list of numbers such as [0.5,2]" if isinstance(old, tuple) else type(old).__name__
        raise InputError(f"--set {key} must be of type {kind}, got {text!r}. The current value is {old!r}.")
    return value


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(it, int | float) for it in value)
