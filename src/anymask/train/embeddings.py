"""What a frozen encoder makes of pictures that come again: computed once, kept in memory, then on disk."""

from __future__ import annotations

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
"""Features (B, C, h, w) and skips, as `Sam.encode` gives them."""
MEMORY = 1 << 30


class Embeddings:
    """Embeddings by key, float16: the first `most_bytes` of them in memory, the rest as files in `folder`.

    An embedding is used as it was stored from the first time on, so that a resumed run sees the same.
    """

    def __init__(self, folder: Path, most_bytes: int = MEMORY) -> None:
        """folder: made when it is needed; what lies there from a stopped run of the same model is used."""
        self.folder, self.room = folder, most_bytes
        self.memory: dict[int, list[Tensor]] = {}

    def of(self, model: Sam, batch: Objects) -> Encoded:
        """The embeddings of a batch whose pictures all have keys, on the model's device."""
        found = [self._one(model, batch, i, int(key)) for i, key in enumerate(batch.key_B)]
        # stacked after the change of type: a CPU's autocast knows no float16
        joined = [
            torch.stack([x.to(model.device, torch.float32) for x in level])
            for level in zip(*found, strict=True)
        ]
        return joined[0], tuple(joined[1:])

    def _one(self, model: Sam, batch: Objects, i: int, key: int) -> list[Tensor]:
        assert key >= 0, "only pictures with a key come again"
        if key in self.memory:
            return self.memory[key]
        path = self.folder / f"{key}.safetensors"
        if path.exists():
            stored = load_file(path)
            return [stored[str(level)] for level in range(len(stored))]
        return self._keep(_encode(model, batch.image_BSS3[i : i + 1]), key, path)

    def _keep(self, tensors: list[Tensor], key: int, path: Path) -> list[Tensor]:
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        if size <= self.room:
            self.room -= size
            self.memory[key] = tensors
            return tensors
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(path, save({str(level): tensor for level, tensor in enumerate(tensors)}), force=True)
        return tensors


@torch.no_grad()
def _encode(model: Sam, image_1SS3: Tensor) -> list[Tensor]:
    """Features and skips of one picture, without the axis of images; alone, so that no batch colours it."""
    training = model.training
    model.eval()
    features, skips = model.encode(model.normalise(image_1SS3.to(model.device)))
    model.train(training)
    return [x[0].to("cpu", torch.float16).contiguous() for x in (features, *skips)]
