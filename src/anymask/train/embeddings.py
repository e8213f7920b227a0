"""A cache of the embeddings of a frozen encoder: computed once, kept in memory and, beyond that, on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from anymask.files import write_atomic
from anymask.models.sam import Sam

if TYPE_CHECKING:
    from anymask.train.sam import Objects

Encoded = tuple[Tensor, tuple[Tensor, ...]]
"""Features (B, C, h, w) and skips, as returned by `Sam.encode`."""
MEMORY = 1 << 30
"""Bytes of embeddings kept in memory."""


class Embeddings:
    """Embeddings by key, float16: up to `most_bytes` of them in memory, the rest as files in `folder`.

    Also the first use of an embedding gets the float16 values, so that a resumed run gets the same.
    """

    def __init__(self, folder: Path, most_bytes: int = MEMORY) -> None:
        """folder: made when needed; files of a stopped run of the same model and images are used."""
        self.folder, self.free_bytes = folder, most_bytes
        self.memory: dict[int, list[Tensor]] = {}

    def of(self, model: Sam, batch: Objects) -> Encoded:
        """The embeddings of a batch whose images all have keys, on the model's device."""
        found = [self._one(model, batch, i, int(key)) for i, key in enumerate(batch.key_B)]
        # converted before stacking: autocast on the CPU does not support float16
        stacked = [
            torch.stack([x.to(model.device, torch.float32) for x in level])
            for level in zip(*found, strict=True)
        ]
        return stacked[0], tuple(stacked[1:])

    def _one(self, model: Sam, batch: Objects, i: int, key: int) -> list[Tensor]:
        assert key >= 0, "only images with a key can be cached"
        if key in self.memory:
            return self.memory[key]
        path = self.folder / f"{key}-{_digest(batch.image_BSS3[i])}.safetensors"
        if path.exists():
            stored = load_file(path)
            return [stored[str(level)] for level in range(len(stored))]
        return self._keep(_encode(model, batch.image_BSS3[i : i + 1]), key, path)

    def _keep(self, tensors: list[Tensor], key: int, path: Path) -> list[Tensor]:
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        if size <= self.free_bytes:
            self.free_bytes -= size
            self.memory[key] = tensors
            return tensors
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(path, save({str(level): tensor for level, tensor in enumerate(tensors)}), force=True)
        return tensors


def _digest(image_SS3: Tensor) -> str:
    """Of the pixels: between two runs an image may have been replaced under its name."""
    return hashlib.blake2b(image_SS3.contiguous().cpu().numpy().tobytes(), digest_size=8).hexdigest()


@torch.no_grad()
def _encode(model: Sam, image_1SS3: Tensor) -> list[Tensor]:
    """Features and skips of one image, without the batch axis; encoded alone, so they depend on no batch."""
    training = model.training
    model.eval()
    features, skips = model.encode(model.normalise(image_1SS3.to(model.device)))
    model.train(training)
    return [x[0].to("cpu", torch.float16).contiguous() for x in (features, *skips)]
