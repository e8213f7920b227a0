"""Embedding: an image encoded by a model, computed once and prompted many times."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anymask.files import read_tensors, write_atomic
from anymask.geometry.frame import Frame

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Embedding"]

_EMBEDDING_FORMAT = "anymask-embedding-1"


@dataclass(frozen=True, eq=False)
class Embedding:
    """An image encoded by a model: computed once, prompted many times, can be saved to disk."""

    features: Tensor
    """(1, C, h, w) from the image encoder."""
    skips: tuple[Tensor, ...]
    """Features of higher resolution (1, c, h', w') for the decoder's upscaling; empty for SAM."""
    frame: Frame
    """How the image lies in the model's input."""
    model: str
    """The fingerprint of the model that made it; no other model can use it."""
    image: NDArray[np.uint8] | None = None
    """The pixels, (H, W, 3) RGB, for crop refinement (`promptable.crops`). They are not saved."""

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write to a safetensors file in float16. Raises OutputError as `files.write_atomic` does."""
        write_atomic(path, self.to_bytes(), force=force)

    def to_bytes(self) -> bytes:
        """The bytes that `save` writes: features, skip0, skip1, ... in float16."""
        from safetensors.torch import save

        tensors = {"features": self.features, **{f"skip{i}": skip for i, skip in enumerate(self.skips)}}
        meta = {
            "format": _EMBEDDING_FORMAT,
            "model": self.model,
            "frame": json.dumps(_frame_sizes(self.frame)),
        }
        small = {name: tensor.detach().cpu().half().contiguous() for name, tensor in tensors.items()}
        return bytes(save(small, meta))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embedding:
        """Read a file of `save`, as float32 on the CPU, without the pixels of the image.

        `dataclasses.replace(embedding, image=pixels)` restores them. Raises FormatError for another file.
        """
        words = {"what": "embedding", "writer": "Embedding.save", "advice": "Embed again."}
        read, meta = read_tensors(path, _EMBEDDING_FORMAT, **words, framework="pt")
        tensors = {  # in the encoders' memory layout, so that the decoder need not convert
            name: tensor.float().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
            for name, tensor in read.items()
        }
        frame = Frame(*(tuple(sizes) for sizes in json.loads(meta["frame"])))
        skips = tuple(tensors[f"skip{i}"] for i in range(len(tensors) - 1))
        return cls(tensors["features"], skips, frame, meta["model"])


def _frame_sizes(frame: Frame) -> list[tuple[int, int]]:
    """A frame as its three sizes, in the order of its fields."""
    return [frame.size_hw, frame.scaled_hw, frame.padded_hw]
