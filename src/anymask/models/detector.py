"""A class-agnostic object detector on the features of a promptable model.

Anchor-free, at strides 8, 16 and 32: every cell predicts how likely it belongs to an object and how well its
box fits it, as one score, and the distances from the centre of the cell to the sides of the box (Tian et al.,
"FCOS", 2019; Li et al., "Generalized Focal Loss", 2020, for scores that are IoUs). The segmentation paper's
data engine has such a detector of "objects" for its second stage (SAM, section 4).
Shape letters: B images, C channels, H W rows and columns, L cells of all strides.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.models.compact_encoder import MixBlock, double
from anymask.models.config import DetectorConfig
from anymask.models.fingerprint import fingerprint_of
from anymask.models.layers import Network
from anymask.models.protocol import Encoded, Floats

__all__ = ["STRIDES", "Detector"]

STRIDES = (8, 16, 32)
"""Pixels per cell of each level."""
USUAL = 3.0
"""Distance from a cell to each side of its box before training, in cells."""
RARE = -4.0
"""Log odds of the scores before training."""
MOST_LOG = 4.0
"""Largest logarithm of the ratio of a distance to the usual one."""


class Level(nn.Module):
    """The last layers of one stride: five numbers for each cell."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*[MixBlock(channels) for _ in range(blocks)])
        self.out = nn.Conv2d(channels, 5, 1)
        nn.init.normal_(self.out.weight, std=0.01)
        assert self.out.bias is not None
        with torch.no_grad():
            self.out.bias.zero_()[0] = RARE

    def forward(self, x_BCHW: Tensor, stride: int) -> tuple[Tensor, Tensor]:
        """Score logits (B, L) and boxes (B, L, 4) xyxy in pixels."""
        found_B5HW = self.out(self.blocks(x_BCHW)).float()
        centres_L2 = _centres(found_B5HW, stride)
        log_BL4 = found_B5HW[:, 1:].flatten(2).transpose(1, 2).clamp(-MOST_LOG, MOST_LOG)
        distances_BL4 = log_BL4.exp() * (USUAL * stride)
        low, high = centres_L2 - distances_BL4[..., :2], centres_L2 + distances_BL4[..., 2:]
        return found_B5HW[:, 0].flatten(1), torch.cat([low, high], dim=-1)


class Detector(Network):
    """Boxes of objects from features and skips of `anymask.models.compact_encoder`."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        dim, fine = config.dim, config.fine
        self.reduce = nn.Conv2d(config.features, dim, 1)
        self.trunk = nn.Sequential(*[MixBlock(dim) for _ in range(config.blocks)])
        self.skip = nn.Conv2d(config.skip, fine, 1)
        self.down = nn.Conv2d(dim, fine, 1)
        self.up = nn.Conv2d(dim, dim, 1)
        self.fine = Level(fine, config.blocks)
        self.middle = Level(dim, config.blocks)
        self.coarse = Level(dim, config.blocks)

    def forward(self, features_BCHW: Tensor, skip_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Score logits (B, L) and boxes (B, L, 4) of all cells, in pixels of the model's frame.

        features_BCHW: at stride 16, with even numbers of rows and columns.
        skip_BCHW: at stride 8.
        """
        middle = self.trunk(self.reduce(features_BCHW))
        coarse = F.avg_pool2d(middle, 2)
        middle = middle + double(self.up(coarse))
        fine = self.skip(skip_BCHW) + double(self.down(middle))
        levels = zip((self.fine, self.middle, self.coarse), (fine, middle, coarse), STRIDES, strict=True)
        scores, boxes = zip(*(level(x, stride) for level, x, stride in levels), strict=True)
        return torch.cat(scores, dim=1), torch.cat(boxes, dim=1)

    @property
    def encoder(self) -> str:
        """As `ObjectDetector.encoder`."""
        return self.config.encoder

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that identify the weights."""
        return fingerprint_of(self, self.config)

    @torch.inference_mode()
    def detect(self, encoded: Encoded) -> tuple[Floats, Floats]:
        """As `ObjectDetector.detect`."""
        features, skips = encoded
        given = (torch.as_tensor(x).to(self.device, self.dtype) for x in (features, skips[1]))
        scores_1L, boxes_1L4 = self(*given)
        return scores_1L[0].sigmoid().cpu().numpy(), boxes_1L4[0].cpu().numpy()


def cell_centres(cells_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Centres (L, 2) xy and strides (L,) of all cells; `cells_hw` counts those at stride 16."""
    h, w = cells_hw
    grids = [torch.zeros(1, 1, h * 16 // stride, w * 16 // stride) for stride in STRIDES]
    centres = [_centres(grid, stride) for grid, stride in zip(grids, STRIDES, strict=True)]
    strides = [torch.full((len(some),), stride) for some, stride in zip(centres, STRIDES, strict=True)]
    return torch.cat(centres), torch.cat(strides)


def _centres(x_BCHW: Tensor, stride: int) -> Tensor:
    """The centres (H * W, 2) xy of the cells of a map, in pixels."""
    h, w = x_BCHW.shape[-2:]
    y = (torch.arange(h, device=x_BCHW.device) + 0.5) * stride
    x = (torch.arange(w, device=x_BCHW.device) + 0.5) * stride
    return torch.stack([x.expand(h, w), y[:, None].expand(h, w)], dim=-1).flatten(0, 1)
