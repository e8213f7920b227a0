"""The batch size, in points, for a given amount of memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from anymask.errors import InputError
from anymask.geometry.frame import Frame

if TYPE_CHECKING:
    from anymask.models.protocol import Promptable

__all__ = ["parse_memory", "points_at_once"]

DEFAULT_MEMORY = 10**9
"""Bytes used by default."""
FIXED = 150 * 10**6
"""Bytes needed whatever the number of points: the image, the masks so far, code."""
COPIES = 9.5
"""Peak memory per point, in float32 maps of the decoder's width on the feature grid."""
MOST = 16
"""Maximum batch size: more points are not faster and exceed the CPU's cache."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


def parse_memory(amount: str | int) -> int:
    """Bytes of "4GB", "1.5GiB", "512 MB" or a number. Raises InputError for anything else."""
    if isinstance(amount, int) and not isinstance(amount, bool) and amount > 0:
        return amount
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]I?)?B?\s*", str(amount).upper())
    size = float(match[1]) * _UNITS[match[2] or ""] if match and isinstance(amount, str) else 0.0
    if size < 1:
        raise InputError(
            f"max_memory must be a number of bytes or a text like '4GB' or '512MiB', got {amount!r}. "
            "Write one of these."
        )
    return int(size)


def points_at_once(model: Promptable, frame: Frame, max_memory: str | int | None) -> int:
    """Points per call of the decoder. Raises InputError if the memory is too small for one."""
    budget = DEFAULT_MEMORY if max_memory is None else parse_memory(max_memory)
    height, width = frame.padded_hw
    one = int(COPIES * model.config.dim * (height // 16) * (width // 16) * 4)
    count = (budget - FIXED) // one
    if count < 1:
        raise InputError(
            f"max_memory must be at least {(FIXED + one) / 1e6:.0f} MB for this model, got {max_memory}. "
            "Allow more, or use a smaller model."
        )
    return min(count, MOST)
