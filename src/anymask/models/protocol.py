"""What a model can do, whichever runtime computes it: NumPy arrays in, NumPy arrays out.

`Sam`, `Painter` and `FeaturePainter` are PyTorch modules, `onnx.OnnxSam` and `onnx.OnnxPainter` run ONNX
files; all of them have these methods, and everything above `models` uses only these.
Shape letters: N prompts, R masks, K tokens, h w the feature grid, H W pixels, P the side of an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError, WeightsError
from anymask.models.config import FeaturePainterConfig, PainterConfig, SamConfig

__all__ = [
    "Array",
    "DecodedPrompts",
    "Encoded",
    "InContext",
    "ObjectDetector",
    "PromptBatch",
    "Promptable",
    "TextEncoder",
    "check_evaluation_mode",
    "check_finite",
    "is_in_context",
    "is_promptable",
    "slices",
]

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8]
Array: TypeAlias = Any
"""An array as the runtime keeps it: a NumPy array or a tensor. Every runtime also takes NumPy arrays."""
Encoded: TypeAlias = tuple[Array, tuple[Array, ...]]
"""An image as a model sees it: features (1, C, h, w), and skips at strides 4 and 8 or none."""


@dataclass(frozen=True)
class PromptBatch:
    """N prompts with K tokens each, in pixels of the model's frame, see `Prompt.arrays`."""

    index_N: NDArray[np.intp]
    """The index of each prompt's image."""
    coords_NK2: Floats
    """Points (x, y)."""
    labels_NK: NDArray[np.int64]
    """-1 padding, 0 background, 1 foreground, 2 and 3 the corners of a box."""
    masks_N1HW: Floats | None = None
    """Mask prompts, logits on the grid of 4h x 4w cells; None if no prompt has one."""
    has_mask_N: NDArray[np.bool_] | None = None
    """Which prompts have a mask."""
    texts_ND: Floats | None = None
    """Embeddings of texts, unit vectors of the width `SamConfig.text`; None if no prompt has a text."""


class DecodedPrompts(Protocol):
    """N decoded prompts. Their masks are computed on request, since many are not needed."""

    @property
    def scores(self) -> Floats:
        """The predicted IoU of the four outputs, (N, 4)."""

    def logits(self, outputs: slice, cells_hw: tuple[int, int]) -> Floats:
        """Logits (N, R, rows, columns) of the selected outputs.

        Only the first `cells_hw` cells are computed, rounded up to whole feature cells.
        """

    def logits_of(
        self, rows_R: NDArray[np.intp], outputs_R: NDArray[np.intp], cells_hw: tuple[int, int]
    ) -> Floats:
        """As `logits`, (R, rows, columns): output `outputs_R[r]` of prompt `rows_R[r]`."""


class Promptable(Protocol):
    """A model that is prompted: it encodes an image once and decodes any number of prompts."""

    @property
    def config(self) -> SamConfig:
        """Its configuration."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that identify the encoder's weights in every runtime and float type."""

    @property
    def training(self) -> bool:
        """Whether it is in training mode, in which it makes no predictions."""

    def encode_images(self, images: Sequence[Pixels], padded_hw: tuple[int, int]) -> list[Encoded]:
        """Encode resized images (H, W, 3) uint8 RGB, all padded to `padded_hw` at the right and below."""

    def decode_prompts(self, encoded: Sequence[Encoded], prompts: PromptBatch) -> DecodedPrompts:
        """Decode prompts on encoded images, which all have one size."""


class TextEncoder(Protocol):
    """Texts as vectors of the space that a promptable model with text prompts was trained with."""

    @property
    def width(self) -> int:
        """The length D of a vector."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that identify the weights in every float type."""

    def encode_texts(self, texts: Sequence[str]) -> Floats:
        """Unit vectors (N, D) of N texts. Raises PromptError for a text that is too long."""


class ObjectDetector(Protocol):
    """Finds objects in images that a promptable model has encoded."""

    @property
    def encoder(self) -> str:
        """The fingerprint of that model."""

    def detect(self, encoded: Encoded) -> tuple[Floats, Floats]:
        """Scores (L,), 0 to 1, and boxes (L, 4) xyxy of the cells of one image, in pixels of its frame.

        The score is the predicted IoU of a box with that of an object. Neighbouring cells find the same ones.
        """


class InContext(Protocol):
    """A model that works by examples."""

    @property
    def config(self) -> PainterConfig | FeaturePainterConfig:
        """Its configuration."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that identify the weights in every runtime and float type."""

    @property
    def training(self) -> bool:
        """Whether it is in training mode, in which it makes no predictions."""

    def paint(
        self, examples_N3PP: Floats, targets_N3PP: Floats, query_3PP: Floats, *, instance: bool
    ) -> Floats:
        """Paint the target of one query from N examples: (3, P, P). All images are normalised.

        `instance` selects SegGPT's type token; other models ignore it.
        """


def is_promptable(model: Promptable | InContext) -> TypeGuard[Promptable]:
    """Whether a model takes prompts."""
    return hasattr(model, "decode_prompts")


def is_in_context(model: Promptable | InContext) -> TypeGuard[InContext]:
    """Whether a model works by examples; otherwise it takes prompts."""
    return not is_promptable(model)


def check_evaluation_mode(model: Promptable | InContext) -> None:
    """Raise `InputError` if the model is in training mode."""
    if model.training:
        raise InputError(
            "model must be in evaluation mode, got one in training mode. Call model.eval() first."
        )


def check_finite(values: Floats) -> None:
    """Raise WeightsError if a model's output is not finite, which corrupt weights cause."""
    if not np.isfinite(values).all():
        raise WeightsError("model must give finite scores, got NaN or infinity. Load its weights again.")


def slices(length: int, most: int) -> list[slice]:
    """Consecutive slices of at most `most`, and at least one, that cover `length`."""
    step = max(1, min(most, length))
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]
