"""Object proposals: many masks, ranked by how likely they are objects."""

from __future__ import annotations

import numpy as np

from anymask.errors import InputError
from anymask.images.read import ImageSource
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.generate import automatic
from anymask.models import Progress
from anymask.models.protocol import Promptable
from anymask.types import Embedding, Masks

__all__ = ["PROPOSALS", "proposals"]

PROPOSALS = AutoConfig(points_per_side=64, nms=0.9, min_iou=0.0, min_stability=0.0, refine=False)
"""The settings of SAM, section 7.3 and appendix D.3: more points, a looser NMS, no thresholds, no crops."""


def proposals(
    model: Promptable,
    image: ImageSource | Embedding,
    n: int = 1000,
    config: AutoConfig = PROPOSALS,
    progress: Progress | None = None,
) -> Masks:
    """The `n` masks with the highest mean of predicted IoU and stability, best first (SAM, appendix D.3).

    The defaults are those of AR@1000 on LVIS. Raises InputError for `n` below 1, and what `automatic` raises.
    """
    if n < 1:
        raise InputError(f"n must be 1 or more, got {n}. The paper uses 1000.")
    masks = automatic(model, image, config, progress)
    assert masks.stability is not None
    return masks[np.argsort(-(masks.scores + masks.stability), kind="stable")[:n]]
