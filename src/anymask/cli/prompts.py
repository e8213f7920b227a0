"""Prompts as they are typed: "X,Y", "X0,Y0,X1,Y1" and mask files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anymask.errors import PromptError
from anymask.images.painted_masks import read_numbers
from anymask.types import Prompt

__all__ = ["read_box", "read_mask", "read_point", "read_prompts"]


def read_prompts(points: Sequence[str], boxes: Sequence[str], mask: NDArray[np.bool_] | None) -> list[Prompt]:
    """One prompt for each object: several boxes are several objects, anything else describes one.

    Raises `PromptError` for texts that are no numbers, and for points or a mask together with several boxes.
    """
    read_points = [read_point(text) for text in points]
    read_boxes = [read_box(text) for text in boxes]
    if not read_points and not read_boxes and mask is None:
        raise PromptError(
            "--point, --box, --mask or --text must be given, got none. For example: --point 210,180"
        )
    if len(read_boxes) > 1:
        if read_points or mask is not None:
            raise PromptError(
                f"--box must be given once with --point or --mask, got {len(read_boxes)} boxes. "
                "Segment one object after the other, or give boxes alone."
            )
        return [Prompt(box=box) for box in read_boxes]
    return [
        Prompt(
            points=[(x, y) for x, y, _ in read_points],
            labels=[label for _, _, label in read_points],
            box=read_boxes[0] if read_boxes else None,
            mask=mask,
        )
    ]


def read_point(text: str) -> tuple[float, float, int]:
    """Read "X,Y", "X,Y,1" or "X,Y,0"."""
    x, y, label = _numbers("--point", text, "X,Y or X,Y,0", "210,180", (2, 3), (1.0,))
    if label not in (0, 1):
        raise PromptError(f"--point must end in ,0 or ,1 or neither, got '{text}'. 0 is background.")
    return x, y, int(label)


def read_box(text: str) -> tuple[float, float, float, float]:
    """Read "X0,Y0,X1,Y1"."""
    x0, y0, x1, y1 = _numbers("--box", text, "X0,Y0,X1,Y1", "20,0,380,300", (4,), ())
    return x0, y0, x1, y1


def _numbers(
    option: str, text: str, form: str, example: str, counts: Sequence[int], rest: Sequence[float]
) -> list[float]:
    """Comma-separated numbers, as many as one of `counts`, filled up from `rest`."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts:
        raise PromptError(f"{option} must be {form}, got '{text[:60]}'. For example: {option} {example}")
    return [*numbers, *rest[: max(counts) - len(numbers)]]


def read_mask(path: str, option: str = "--mask") -> NDArray[np.bool_]:
    """A mask (H, W) from a grey or palette image, named by `option`.

    Anything but black (0) and transparent is inside; soft edges are cut in the middle. Raises `ImageError`
    for a file that is no such image, `PromptError` for an all black one.
    """
    mask: NDArray[np.bool_] = read_numbers(path) != 0
    if not mask.any():
        raise PromptError(
            f"{option} must hold a mask, got {path}, which is all black. Paint the object white."
        )
    return mask
