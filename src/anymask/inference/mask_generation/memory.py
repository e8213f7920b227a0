"""The batch size, in points, for a given amount of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anymask.errors import InputError
from anymask.files import budget
from anymask.geometry.frame import Frame

if TYPE_CHECKING:
    from anymask.models.protocol import Promptable

__all__ = ["points_at_once"]

FIXED = 150 * 10**6
"""Bytes needed whatever the number of points: the image, the masks so far, code."""
COPIES = 9.5
"""Peak memory per point, in float32 maps of the decoder's width on the feature grid."""
MOST = 16
"""Maximum batch size: more points are not faster and exceed the CPU's cache."""


def points_at_once(model: Promptable, frame: Frame, max_memory: str | int | None) -> int:
    """Points per call of the decoder. Raises InputError if the memory is too small for one."""
    memory = budget.memory() if max_memory is None else budget.parse_memory(max_memory)
    height, width = frame.padded_hw
    one = int(COPIES * model.config.dim * (height // 16) * (width // 16) * 4)
    count = (memory - FIXED) // one
    if count < 1:
        raise InputError(
            f"max_memory must be at least {(FIXED + one) / 1e6:.0f} MB for this model, got {max_memory}. "
            "Allow more, or use a smaller model."
        )
    return min(count, MOST)
