"""A baseline that needs no weights: OpenCV's GrabCut, started from a box (Rother et al., 2004)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import PromptError
from anymask.types import Masks, Prompt

SIDE = 384
"""Longest side in pixels at which GrabCut runs; its time grows faster than the number of pixels."""
ITERATIONS = 5


class GrabCut:
    """An image opened for box prompts; called as `predict`, with a score of 1 for every mask."""

    def __init__(self, image: NDArray[np.uint8], *, side: int = SIDE, iterations: int = ITERATIONS) -> None:
        """`image` is (H, W, 3) uint8 RGB, reduced so that its longest side is at most `side` pixels."""
        self.size = (image.shape[0], image.shape[1])
        self.iterations = iterations
        scale = min(1.0, side / max(self.size))
        hw = [max(1, round(length * scale)) for length in self.size]
        self.small: NDArray[np.uint8] = np.asarray(
            cv2.resize(image[..., ::-1], (hw[1], hw[0]), interpolation=cv2.INTER_AREA), np.uint8
        )

    def __call__(self, prompts: Sequence[Prompt], *, multimask: bool) -> Masks:
        """One mask per prompt; `multimask` is ignored. Raises PromptError for a prompt without a box."""
        found = [self._cut(prompt) for prompt in prompts]
        dense = np.stack(found) if found else np.zeros((0, *self.size), bool)
        return Masks.from_dense(dense, scores=np.ones(len(found), np.float32))

    def _cut(self, prompt: Prompt) -> NDArray[np.bool_]:
        if prompt.box is None:
            raise PromptError("prompt must hold a box, got none. GrabCut needs a box.")
        small = cut(self.small, self._rectangle(prompt.box), self.iterations)
        full = cv2.resize(small.astype(np.uint8), self.size[::-1], interpolation=cv2.INTER_NEAREST)
        return np.asarray(full, bool)

    def _rectangle(self, box_xyxy: NDArray[np.float32]) -> tuple[int, int, int, int]:
        """x, y, width, height in the reduced image, clipped to it, at least one pixel."""
        height, width = self.small.shape[:2]
        scale = np.array([width / self.size[1], height / self.size[0]] * 2)
        x0, y0, x1, y1 = np.rint(np.asarray(box_xyxy) * scale).astype(int).tolist()
        x0, y0 = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
        return x0, y0, max(1, min(x1, width) - x0), max(1, min(y1, height) - y0)


def cut(
    image_bgr: NDArray[np.uint8], rectangle: tuple[int, int, int, int], iterations: int
) -> NDArray[np.bool_]:
    """GrabCut inside a rectangle (x, y, width, height): (H, W) bool.

    If the rectangle leaves no background, or too few pixels for GrabCut, the result is the rectangle.
    """
    x, y, width, height = rectangle
    labels = np.zeros(image_bgr.shape[:2], np.uint8)
    box = np.zeros(labels.shape, bool)
    box[y : y + height, x : x + width] = True
    if box.all():
        return box
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(image_bgr, labels, rectangle, *models, iterations, cv2.GC_INIT_WITH_RECT)
    except cv2.error:
        return box
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
