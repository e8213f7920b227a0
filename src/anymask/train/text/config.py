"""The settings of a training run of the text model."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anymask.errors import InputError

__all__ = ["TextConfig"]


@dataclass(frozen=True)
class TextConfig:
    """All settings of a run.

    model: "text".
    steps, batch: length of the run, in steps of this many masks.
    lr, weight_decay: of AdamW; the rate falls to zero along a cosine after `warmup` steps.
    dropout: share of the image features, and of the hidden values, that are zeroed.
    width, dim: of the hidden layers, and of the common space.
    noise: standard deviation of what is added to the vectors of words.
    forget: share of the steps in which a name has no learned change, only its words.
    imagenet, general: weight of the losses on ImageNet's names, and on more general ones.
    images: images of a data set that are used, the first ones, if it has no entry in `most`.
    most: the same, by data set.
    proposed: images of a data set whose proposals are used too, by data set.
    without_names, without_sets: names and data sets that get no names, to measure names never trained on;
        separated by commas. Their masks are still seen, without names.
    seed: of the initial weights and of the draws.
    every_log, every_save: steps between lines of metrics, and between saved states.
    bands, stretch, limits: as of `TrainConfig`.
    """

    model: str = "text"
    steps: int = 2500
    batch: int = 128
    lr: float = 2e-3
    weight_decay: float = 0.05
    warmup: int = 100
    dropout: float = 0.3
    width: int = 256
    dim: int = 128
    noise: float = 0.1
    forget: float = 0.5
    imagenet: float = 0.2
    general: float = 0.15
    images: int = 100
    most: dict[str, float] = dataclasses.field(default_factory=dict)
    proposed: dict[str, float] = dataclasses.field(default_factory=dict)
    without_names: str = ""
    without_sets: str = ""
    seed: int = 0
    every_log: int = 100
    every_save: int = 500
    bands: str = ""
    stretch: str = ""
    limits: str = ""

    def __post_init__(self) -> None:
        """Check the values. Raises `InputError`."""
        for name in ("steps", "batch", "width", "dim", "every_log", "every_save"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}. Raise it.")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout must be from 0 to below 1, got {self.dropout}. Try 0.3.")

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON types; `from_dict` reads them back."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """Indented JSON of all settings."""
        return json.dumps(self.to_dict(), indent=2)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> TextConfig:
        """Read a configuration; missing settings get their defaults, unknown ones raise `TypeError`."""
        return TextConfig(**values)
