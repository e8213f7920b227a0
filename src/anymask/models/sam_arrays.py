"""`protocol.Promptable` for a `Sam`: arrays to tensors, the network, tensors to arrays.

Shape letters as in `anymask.models.sam`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from anymask.models.protocol import Array, Encoded, Floats, Pixels, PromptBatch

if TYPE_CHECKING:
    from anymask.models.sam import Decoded, Sam

__all__ = ["SamPrompts", "decode_prompts", "encode_images"]


class SamPrompts:
    """Prompts decoded by a `Sam`."""

    def __init__(self, model: Sam, decoded: Decoded) -> None:
        self._model, self._decoded = model, decoded
        self.scores: Floats = decoded.iou_N4.cpu().numpy()

    @torch.inference_mode()
    def logits(self, outputs: slice, cells_hw: tuple[int, int]) -> Floats:
        """As `DecodedPrompts.logits`."""
        return _array(self._model.mask_logits(self._decoded.within(cells_hw), outputs))

    @torch.inference_mode()
    def logits_of(
        self, rows_R: NDArray[np.intp], outputs_R: NDArray[np.intp], cells_hw: tuple[int, int]
    ) -> Floats:
        """As `DecodedPrompts.logits_of`."""
        rows, outputs = (torch.tensor(x, device=self._model.device) for x in (rows_R, outputs_R))
        return _array(self._model.mask_logits_of(self._decoded.within(cells_hw), rows, outputs))


@torch.no_grad()  # not inference_mode: a decoder can be trained on these tensors
def encode_images(model: Sam, images: Sequence[Pixels], padded_hw: tuple[int, int]) -> list[Encoded]:
    """As `Promptable.encode_images`, all images at once."""
    features, skips = model.encode(torch.cat([_input(model, image, padded_hw) for image in images]))
    rows = [slice(number, number + 1) for number in range(len(images))]
    return [(features[row], tuple(skip[row] for skip in skips)) for row in rows]


def _input(model: Sam, image: Pixels, padded_hw: tuple[int, int]) -> Tensor:
    """(1, 3, H, W) of the padded size: normalised, then padded with zeros."""
    (h, w), (height, width) = image.shape[:2], padded_hw
    image_1HW3 = torch.tensor(image, device=model.device)[None]
    return F.pad(model.normalise(image_1HW3), (0, width - w, 0, height - h))


@torch.inference_mode()
def decode_prompts(model: Sam, encoded: Sequence[Encoded], prompts: PromptBatch) -> SamPrompts:
    """As `Promptable.decode_prompts`; the prompts of all images at once."""

    def tensor(array: NDArray[Any] | None) -> Any:
        return None if array is None else torch.tensor(array, device=model.device)

    decoded = model.decode_tokens(
        _concatenated([features for features, _ in encoded]),
        tuple(map(_concatenated, zip(*(skips for _, skips in encoded), strict=True))),
        tensor(prompts.index_N),
        tensor(prompts.coords_NK2),
        tensor(prompts.labels_NK),
        tensor(prompts.masks_N1HW),
        tensor(prompts.has_mask_N),
        None,
        tensor(prompts.texts_ND),
    )
    return SamPrompts(model, decoded)


def _concatenated(arrays: Sequence[Array]) -> Tensor:
    """Arrays of either kind as one tensor; a single tensor is not copied, since `Sam` caches by address."""
    tensors = [x if isinstance(x, Tensor) else torch.from_numpy(x) for x in arrays]
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors)


def _array(tensor: Tensor) -> Floats:
    out: Floats = tensor.cpu().numpy()
    return out
