"""Embedding: an image as a model sees it, made once and prompted many times."""

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
    """An image as a model sees it: made once, prompted many times, kept on disk at will."""

    features: Tensor
    """(1, C, h, w) from the image encoder."""
    skips: tuple[Tensor, ...]
    """Finer features (1, c, h', w') for the upscaling; empty for SAM."""
    frame: Frame
    """How the image lies in the model's input."""
    model: str
    """The fingerprint of the model that made it; no other can use it."""
    picture: NDArray[np.uint8] | None = None
    """The image itself, (H, W, 3) RGB, for second looks (`promptable.crops`). It is not saved."""

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write to a safetensors file in float16. Raises OutputError as `files.write_atomic` does."""
        write_atomic(path, self.to_bytes(), force=force)

    def to_bytes(self) -> bytes:
        """What `save` writes: features, skip0, skip1, ... in float16."""
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
        """Read a file of `save`, as float32 on the CPU, without its picture.

        `dataclasses.replace(embedding, picture=image)` gives it back. Raises FormatError for another file.
        """
        words = {"what": "embedding", "writer": "Embedding.save", "advice": "Embed again."}
        read, meta = read_tensors(path, _EMBEDDING_FORMAT, **words, framework="pt")
        tensors = {  # laid out as the encoders do it, so that no decoder has to
            name: tensor.float().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
            for name, tensor in read.items()
        }
        frame = Frame(*(tuple(sizes) for sizes in json.loads(meta["frame"])))
        skips = tuple(tensors[f"skip{i}"] for i in range(len(tensors) - 1))
        return cls(tensors["features"], skips, frame, meta["model"])


def _frame_sizes(frame: Frame) -> list[tuple[int, int]]:
    """A frame as its three sizes, in the order of its fields."""
    return [frame.size_hw, frame.scaled_hw, frame.padded_hw]
