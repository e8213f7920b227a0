"""Every kind of prompt, three objects each, in pixels of a square model frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

OBJECTS = 3
KINDS = ("point", "points", "box", "box_points", "mask", "point_mask", "none")


@dataclass(frozen=True)
class Prompts:
    """What the peers are given: points (N, K, 2), labels (N, K), boxes (N, 4), masks (N, 1, h, w)."""

    points: Tensor | None = None
    labels: Tensor | None = None
    boxes: Tensor | None = None
    masks: Tensor | None = None

    def ours(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Coordinates and labels in the branch-free form, with half a pixel added; masks."""
        parts: list[tuple[Tensor, Tensor]] = []
        if self.points is not None and self.labels is not None:
            parts.append((self.points + 0.5, self.labels))
            if self.boxes is None:  # the released encoder pads points that come without a box
                parts.append((torch.zeros(OBJECTS, 1, 2), torch.full((OBJECTS, 1), -1)))
        if self.boxes is not None:
            parts.append((self.boxes.view(-1, 2, 2) + 0.5, torch.tensor([[2, 3]]).expand(OBJECTS, -1)))
        if not parts:
            return torch.zeros(OBJECTS, 0, 2), torch.zeros(OBJECTS, 0, dtype=torch.long), self.masks
        coords, labels = (torch.cat(column, dim=1) for column in zip(*parts, strict=True))
        return coords, labels, self.masks


def make(kind: str, side: int) -> Prompts:
    """Random prompts of one of `KINDS` in a frame of `side` pixels."""
    generator = torch.Generator().manual_seed(KINDS.index(kind))
    corners = torch.rand(OBJECTS, 2, 2, generator=generator) * side
    boxes = torch.cat([corners.amin(1), corners.amax(1)], dim=1) if "box" in kind else None
    masks = torch.randn(OBJECTS, 1, side // 4, side // 4, generator=generator) * 5 if "mask" in kind else None
    count = {"point": 1, "points": 4, "box_points": 3, "point_mask": 1}.get(kind, 0)
    if not count:
        return Prompts(boxes=boxes, masks=masks)
    points = torch.rand(OBJECTS, count, 2, generator=generator) * side
    labels = torch.randint(0, 2, (OBJECTS, count), generator=generator)
    return Prompts(points, labels, boxes, masks)
