"""A model that segments ellipses of a known scene: smooth logits, many objects, scores around the thresholds.

The image's colours tell where in the scene it was cut out (red grows with x, green with y), so that the
model works on crops. A click is answered by the object nearest to it: whole, larger and inner part, each
moved a little by where the click was, as a real model's near-duplicates are.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anymask.models.config import SamConfig, VitConfig
from anymask.models.sam import Sam

H, W = 400, 600
OBJECTS = 120
SIZE = 512
CONFIG = SamConfig(
    VitConfig(dim=32, depth=1, heads=2, global_blocks=(0,), out_channels=32, image_size=64),
    size=SIZE,
    dim=32,
    decoder_heads=2,
    decoder_mlp=64,
)


def image() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(H, W, 3) of the scene."""
    y, x = np.mgrid[:H, :W]
    return np.stack([x * 255 // W, y * 255 // H, np.zeros_like(x)], axis=-1).astype(np.uint8)


class Scene(Sam):
    """Answers as a `Sam`, from the scene."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(CONFIG)
        generator = torch.Generator().manual_seed(seed)
        draw = torch.rand(OBJECTS, 6, generator=generator)
        self.centre = draw[:, :2] * torch.tensor([W, H])
        self.radius = 10 + 45 * draw[:, 2:3] ** 2 * torch.stack([1 + draw[:, 3], 2 - draw[:, 3]], 1)
        self.sharp = 0.5 + 4 * draw[:, 4]
        self.eval()

    def encode(self, images_B3HW: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Where the upper left pixel lies in the scene and how long a pixel is there, as "features"."""
        red, green = self._colours(images_B3HW)
        across = (red[0, 8, 200] - red[0, 8, 8]) * W / 255 / 192
        down = (green[0, 200, 8] - green[0, 8, 8]) * H / 255 / 192
        x, y = red[0, 8, 8] * W / 255 - 8 * across, green[0, 8, 8] * H / 255 - 8 * down
        features = torch.zeros(1, 32, SIZE // 16, SIZE // 16)
        features[0, :4, 0, 0] = torch.stack([x, y, across, down])
        return features, ()

    @staticmethod
    def _colours(images_B3HW: Tensor) -> tuple[Tensor, Tensor]:
        from anymask.models.config import PIXEL_MEAN, PIXEL_STD

        red, green = (images_B3HW[:, i] * PIXEL_STD[i] + PIXEL_MEAN[i] for i in (0, 1))
        return red, green

    def decode_tokens(self, features_BChw: Tensor, *arguments: Any) -> Any:  # type: ignore[override]
        """Predicted IoU of four masks for each click, and what `render` needs."""
        coords_NK2 = arguments[2]
        place = features_BChw[0, :4, 0, 0]
        world_N2 = place[:2] + coords_NK2[:, 0] * place[2:]
        far_NO = ((world_N2[:, None] - self.centre) / self.radius).norm(dim=-1)
        owner_N = far_NO.argmin(dim=1)
        phase_N4 = world_N2 @ torch.tensor([0.37, 0.71]) % 1
        phase_N4 = (phase_N4[:, None] + torch.tensor([0.0, 0.31, 0.53, 0.77]) + 0.13 * owner_N[:, None]) % 1
        found = SimpleNamespace(iou_N4=0.8 + 0.2 * phase_N4, place=place, owner_N=owner_N, phase_N4=phase_N4)
        found.within = lambda cells_hw: found  # the padding is drawn too
        return found

    def mask_logits_of(self, decoded: Any, rows_R: Tensor, outputs_R: Tensor) -> Tensor:
        """Logits (R, SIZE / 4, SIZE / 4) of the masks asked for."""
        owner_R, phase_R = decoded.owner_N[rows_R], decoded.phase_N4[rows_R, outputs_R]
        cells = (torch.arange(SIZE // 4) + 0.5) * 4
        x = decoded.place[0] + cells * decoded.place[2]
        y = decoded.place[1] + cells * decoded.place[3]
        factor_R1 = torch.tensor([1.0, 1.0, 1.5, 0.5])[outputs_R][:, None] * (0.97 + 0.06 * phase_R[:, None])
        radius_R2 = self.radius[owner_R] * factor_R1
        centre_R2 = self.centre[owner_R] + 2 * phase_R[:, None]
        dx = (x - centre_R2[:, :1]) / radius_R2[:, :1]
        dy = (y - centre_R2[:, 1:]) / radius_R2[:, 1:]
        depth = 1 - (dx[:, None] ** 2 + dy[:, :, None] ** 2).sqrt()
        return depth * (radius_R2.mean(dim=1) * self.sharp[owner_R])[:, None, None]

    def decode(self, *arguments: Any) -> tuple[Tensor, Tensor]:
        """All four masks of each click."""
        decoded = self.decode_tokens(*arguments)
        n = len(decoded.iou_N4)
        rows, outputs = torch.arange(n).repeat_interleave(4), torch.arange(4).repeat(n)
        return self.mask_logits_of(decoded, rows, outputs).unflatten(0, (n, 4)), decoded.iou_N4
