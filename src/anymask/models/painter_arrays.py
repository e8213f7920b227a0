"""`protocol.InContext` for the in-context networks: arrays to tensors, the network, tensors to arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from anymask.models.protocol import Floats

if TYPE_CHECKING:
    from anymask.models.feature_painter import FeaturePainter
    from anymask.models.painter import Painter

__all__ = ["paint"]


@torch.inference_mode()
def paint(
    model: Painter | FeaturePainter,
    examples_N3PP: Floats,
    targets_N3PP: Floats,
    query_3PP: Floats,
    *,
    instance: bool,
) -> Floats:
    """As `InContext.paint`, by `inpaint` of the network.

    model: the network.
    examples_N3PP: the images of the examples, normalised.
    targets_N3PP: their targets, normalised.
    query_3PP: the image whose target is painted, normalised.
    instance: SegGPT's type token.
    """
    arrays = (examples_N3PP, targets_N3PP, query_3PP)
    given = (torch.tensor(x, device=model.device, dtype=model.dtype) for x in arrays)
    out: Floats = model.inpaint(*given, instance=instance).cpu().numpy()
    return out
