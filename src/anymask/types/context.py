"""The canvas of in-context models: an example above a query, images beside their targets.

Images and targets are resized to squares, without keeping the aspect ratio, and normalised.
Sources: Painter (CVPR 2023), section 3; SegGPT (ICCV 2023), section 3.3 for the grid; their released code.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anymask.errors import InputError
from anymask.files import complete, read_tensors, write_atomic
from anymask.images.colours import PIXEL_MEAN, PIXEL_STD, check_palette

__all__ = ["SIZE", "Context", "denormalise", "grid", "normalise", "split", "squash", "stitch"]

SIZE = 448
"""Side of an image on the canvas of the published models, in pixels."""
FORMAT = "anymask-context-1"
_MEAN, _STD = (np.array(values, np.float32) for values in (PIXEL_MEAN, PIXEL_STD))

Floats: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Context:
    """An example as a model's input: made from an image and its target, or learned by tuning."""

    image: Floats
    """(3, S, S) float32, normalised."""
    target: Floats
    """(3, S, S) float32, normalised: what should be painted for the image."""
    palette: NDArray[np.uint8] | None = None
    """(K, 3) colours of the target's masks; None: white, or a target that is not made of masks."""
    model: str = ""
    """Fingerprint of the model that a learned context belongs to; empty: it fits any model of its size."""

    def __post_init__(self) -> None:
        """Make the arrays read-only; raise InputError if their shapes do not match."""
        side = self.image.shape[-1]
        if self.image.shape != (3, side, side) or self.target.shape != self.image.shape or not side:
            raise InputError(
                f"image and target must have one shape (3, S, S), got {self.image.shape} and "
                f"{self.target.shape}. Make contexts with anymask.context."
            )
        for name, kind in (("image", np.float32), ("target", np.float32)):
            view = np.asarray(getattr(self, name), kind).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)
        if self.palette is not None:
            object.__setattr__(self, "palette", check_palette(self.palette))

    @property
    def size(self) -> int:
        """The side S in pixels."""
        return int(self.image.shape[-1])

    def __repr__(self) -> str:
        """A short description."""
        colours = "white" if self.palette is None else f"{len(self.palette)} colours"
        return f"Context({self.size} px, {colours}{', learned' if self.model else ''})"

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write to a safetensors file. Raises OutputError as `files.write_atomic` does."""
        from safetensors.numpy import save

        colours = None if self.palette is None else self.palette.tolist()
        head = {"format": FORMAT, "model": self.model, "palette": json.dumps(colours)}
        arrays = {"image": np.ascontiguousarray(self.image), "target": np.ascontiguousarray(self.target)}
        write_atomic(path, save(arrays, head), force=force)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Context:
        """Read a file of `save`. Raises FormatError for another file."""
        arrays, head = read_tensors(
            path, FORMAT, what="context", writer="Context.save", advice="Create it again."
        )
        with complete(path, "context", "Create it again."):
            colours = json.loads(head["palette"])
            palette = None if colours is None else np.array(colours)
            found = cls(arrays["image"], arrays["target"], palette, head["model"])
            if not (np.isfinite(found.image).all() and np.isfinite(found.target).all()):
                raise ValueError("numbers that are not finite")
            return found


def squash(image: Pixels, size: int, *, nearest: bool = False) -> Pixels:
    """Resize an image (H, W, 3) to (size, size, 3) without keeping the aspect ratio.

    Bicubic with antialiasing, as in the released code; targets by the nearest pixel, which adds no colours.
    """
    how = Image.Resampling.NEAREST if nearest else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((size, size), how))


def normalise(pixels: Pixels | Floats) -> Floats:
    """(H, W, 3) RGB in 0..255 -> (3, H, W) float32, normalised."""
    scaled = (pixels.astype(np.float32) - _MEAN) / _STD
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def denormalise(values: Floats) -> Floats:
    """(3, H, W) normalised -> (H, W, 3) float32 RGB, clipped to 0..255."""
    pixels = values.transpose(1, 2, 0) * _STD + _MEAN
    return np.asarray(np.clip(pixels, 0, 255), np.float32)


def stitch(context: Context, query: Floats, target: Floats | None = None) -> tuple[Floats, Floats]:
    """Put an example above a query (3, S, S): images and targets (3, 2S, S).

    Without a `target` of the query the example's target fills its place, where the model's mask hides it
    (released code).
    """
    below = context.target if target is None else target
    return np.concatenate([context.image, query], 1), np.concatenate([context.target, below], 1)


def split(canvas: Floats) -> tuple[Floats, Floats]:
    """The two halves (3, S, S) of a canvas (3, 2S, S): the example's and the query's."""
    half = canvas.shape[1] // 2
    return canvas[:, :half], canvas[:, half:]


def grid(contexts: Sequence[Context]) -> Context:
    """Several examples as one: shrunk and placed in the smallest square grid that fits (spatial ensemble).

    The remaining cells repeat the examples from the first on. All must have the same size and palette.
    """
    side = math.isqrt(len(contexts) - 1) + 1
    if side == 1:
        return contexts[0]
    size = contexts[0].size
    edges = np.linspace(0, size, side + 1).round().astype(int)
    image, target = np.empty((size, size, 3), np.float32), np.empty((size, size, 3), np.float32)
    for cell in range(side * side):
        one = contexts[cell % len(contexts)]
        row, column = divmod(cell, side)
        rows, columns = slice(*edges[row : row + 2]), slice(*edges[column : column + 2])
        cell_wh = (columns.stop - columns.start, rows.stop - rows.start)
        image[rows, columns] = cv2.resize(_channels_last(one.image), cell_wh, interpolation=cv2.INTER_AREA)
        target[rows, columns] = cv2.resize(
            _channels_last(one.target), cell_wh, interpolation=cv2.INTER_NEAREST_EXACT
        )
    return Context(_channels_first(image), _channels_first(target), contexts[0].palette, contexts[0].model)


def _channels_last(values: Floats) -> Floats:
    return np.ascontiguousarray(values.transpose(1, 2, 0))


def _channels_first(values: Floats) -> Floats:
    return np.ascontiguousarray(values.transpose(2, 0, 1))
