"""Embedding: an image encoded by a model, computed once and prompted many times."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.files import complete, read_tensors, write_atomic
from anymask.geometry.frame import Frame
from anymask.geometry.outlines import Guide, guide

__all__ = ["Embedding"]

Array: TypeAlias = Any
"""A NumPy array or a tensor, as the runtime of the model keeps it."""
_EMBEDDING_FORMAT = "anymask-embedding-1"


@dataclass(frozen=True, eq=False)
class Embedding:
    """An image encoded by a model: computed once, prompted many times, can be saved to disk."""

    features: Array
    """(1, C, h, w) from the image encoder."""
    skips: tuple[Array, ...]
    """Features of higher resolution (1, c, h', w') for the decoder's upscaling; empty for SAM."""
    frame: Frame
    """How the image lies in the model's input."""
    model: str
    """The fingerprint of the model that made it; no other model can use it."""
    image: NDArray[np.uint8] | None = None
    """The pixels, (H, W, 3) RGB, for crop refinement and outlines (`promptable.refine`), not saved."""

    @cached_property
    def guide(self) -> Guide:
        """What outlines need of the pixels, which must be known; computed at the first use."""
        assert self.image is not None, "an embedding without pixels has no outlines"
        return guide(self.frame, self.image)

    @property
    def direction(self) -> NDArray[np.float32]:
        """(C,) the mean of the features, of length 1: what the image shows, to compare images by."""
        mean = _half(self.features.mean((0, 2, 3))).astype(np.float32)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write to a safetensors file in float16. Raises OutputError as `files.write_atomic` does."""
        write_atomic(path, self.to_bytes(), force=force)

    def to_bytes(self) -> bytes:
        """The bytes that `save` writes: features, skip0, skip1, ... in float16."""
        from safetensors.numpy import save

        arrays = {"features": self.features, **{f"skip{i}": skip for i, skip in enumerate(self.skips)}}
        meta = {
            "format": _EMBEDDING_FORMAT,
            "model": self.model,
            "frame": json.dumps(_frame_sizes(self.frame)),
        }
        return bytes(save({name: _half(array) for name, array in arrays.items()}, meta))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embedding:
        """Read a file of `save`, as float32 arrays, without the pixels of the image.

        `dataclasses.replace(embedding, image=pixels)` restores them. Raises FormatError for another file.
        """
        words = {"what": "embedding", "writer": "Embedding.save", "advice": "Embed again."}
        read, meta = read_tensors(path, _EMBEDDING_FORMAT, **words)
        with complete(path, "embedding", "Embed again."):
            # stored by channel, kept by pixel as encoders do, so that the decoder need not convert
            arrays = {
                name: array.astype(np.float32).transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
                for name, array in read.items()
            }
            frame = Frame(*(tuple(sizes) for sizes in json.loads(meta["frame"])))
            skips = tuple(arrays[f"skip{i}"] for i in range(len(arrays) - 1))
            return cls(arrays["features"], skips, frame, meta["model"])


def _half(array: Array) -> NDArray[np.float16]:
    """An array or a tensor of any float type and device as contiguous float16."""
    if not isinstance(array, np.ndarray):
        array = array.detach().cpu().half().numpy()
    return np.ascontiguousarray(array, np.float16)


def _frame_sizes(frame: Frame) -> list[tuple[int, int]]:
    """A frame as its three sizes, in the order of its fields."""
    return [frame.size_hw, frame.scaled_hw, frame.padded_hw]
