"""The compact image encoder: EfficientNet-Lite features, a small neck, skips at strides 4 and 8.

Batch norms are folded into the convolutions when the ImageNet weights are loaded, so that training and
inference use the same convolutions.
Shape letters: B images, C channels, H W rows and columns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.models.config import CompactConfig
from anymask.models.layers import LayerNorm2d

INITIAL_SKIP_SCALE = 0.1


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: at stride 2 the larger part is at the end."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(c_in, c_out, kernel, stride, (kernel - 1) // 2 if stride == 1 else 0, groups=groups)
        self.begin, self.end = (kernel - 2) // 2, (kernel - 1) // 2

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, c_out, H / stride, W / stride); H and W must be multiples of the stride."""
        if self.stride[0] == 2:
            x_BCHW = F.pad(x_BCHW, (self.begin, self.end, self.begin, self.end))
        return super().forward(x_BCHW)


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, projection; with a residual if input and output shapes match."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = c_in * expansion
        self.expand = SameConv(c_in, hidden, 1) if expansion != 1 else None
        self.depthwise = SameConv(hidden, hidden, kernel, stride, groups=hidden)
        self.project = SameConv(hidden, c_out, 1)
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, c_out, H / stride, W / stride)."""
        y = x_BCHW if self.expand is None else F.relu6(self.expand(x_BCHW), inplace=True)
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        out: Tensor = x_BCHW + y if self.residual else y
        return out


class MixBlock(nn.Module):
    """Depthwise 5x5, norm, pointwise MLP, residual: cheap spatial and channel mixing for neck and skips."""

    def __init__(self, channels: int, ratio: int = 2) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.norm = LayerNorm2d(channels)
        self.expand = nn.Conv2d(channels, ratio * channels, 1)
        self.project = nn.Conv2d(ratio * channels, channels, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Same shape as the input."""
        out: Tensor = x_BCHW + self.project(F.gelu(self.expand(self.norm(self.depthwise(x_BCHW)))))
        return out


class Backbone(nn.Module):
    """The stages of an EfficientNet-Lite: one map of features at each stride."""

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.stem = SameConv(3, config.stem, 3, 2)
        self.stages, self.strides = _stages(config)

    def forward(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        """Normalised images -> features (B, C of the stride, H / stride, W / stride) by stride."""
        return _levels(self.stem, self.stages, self.strides, x_BCHW)


class CompactEncoder(nn.Module):
    """Features at stride 16 and skips at strides 4 and 8 of an image whose sides are multiples of 32."""

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.stem = SameConv(3, config.stem, 3, 2)
        self.stages, self.strides = _stages(config)
        widths = stride_widths(config)
        dim, (skip4, skip8) = config.out_channels, config.skip_channels
        self.lateral = nn.ModuleDict(
            {
                "4": nn.Conv2d(widths[4], skip4, 1),
                "8": nn.Conv2d(widths[8], skip8, 1),
                "16": nn.Conv2d(widths[16], dim, 1),
                "32": nn.Conv2d(widths[32], dim, 1),
            }
        )
        self.neck = nn.Sequential(*[MixBlock(dim) for _ in range(config.neck_blocks)])
        self.norm = LayerNorm2d(dim)
        self.place = nn.Linear(dim, dim, bias=False)
        self.down8, self.down4 = nn.Conv2d(dim, skip8, 1), nn.Conv2d(skip8, skip4, 1)
        self.mix8, self.mix4 = MixBlock(skip8), MixBlock(skip4)
        self._scale_down_skips()

    def forward(self, x_BCHW: Tensor, pe_1LC: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Normalised images -> features (B, C, H/16, W/16) and skips at strides 4 and 8.

        `pe_1LC` is the position code of the feature grid. Convolutions do not encode positions, and a decoder
        that gets them from attention alone learns slowly; a ViT has absolute positions for this purpose.
        """
        levels = _levels(self.stem, self.stages, self.strides, x_BCHW)
        top = self.lateral["16"](levels[16]) + double(self.lateral["32"](levels[32]))
        features = self.norm(self.neck(top))
        features = features + self.place(pe_1LC).transpose(1, 2).unflatten(2, features.shape[-2:])
        skip8 = self.mix8(self.lateral["8"](levels[8]) + double(self.down8(features)))
        skip4 = self.mix4(self.lateral["4"](levels[4]) + double(self.down4(skip8)))
        return features, (skip4, skip8)

    @torch.no_grad()
    def _scale_down_skips(self) -> None:
        """Start with small skips: with large ones an untrained decoder follows salience, not the prompt."""
        nn.init.orthogonal_(self.place.weight)
        laterals, downs = (self.lateral["4"], self.lateral["8"]), (self.down4, self.down8)
        for layer in (*laterals, *downs, self.mix4.project, self.mix8.project):
            for parameter in layer.parameters():
                parameter.mul_(INITIAL_SKIP_SCALE)


def stride_widths(config: CompactConfig) -> dict[int, int]:
    """Channels of the features at each stride."""
    widths, stride = {}, 2
    for channels, _, _, step, _ in config.stages:
        stride *= step
        widths[stride] = channels
    return widths


def _stages(config: CompactConfig) -> tuple[nn.ModuleList, list[int]]:
    """The stages after the stem, and the stride of the output of each."""
    stages, strides = nn.ModuleList(), list[int]()
    width, stride = config.stem, 2
    for channels, repeats, kernel, step, expansion in config.stages:
        blocks = [InvertedResidual(width, channels, kernel, step, expansion)]
        blocks += [InvertedResidual(channels, channels, kernel, 1, expansion) for _ in range(repeats - 1)]
        stages.append(nn.Sequential(*blocks))
        stride, width = stride * step, channels
        strides.append(stride)
    return stages, strides


def _levels(stem: SameConv, stages: nn.ModuleList, strides: list[int], x_BCHW: Tensor) -> dict[int, Tensor]:
    x = F.relu6(stem(x_BCHW), inplace=True)
    levels: dict[int, Tensor] = {}
    for stage, stride in zip(stages, strides, strict=True):
        x = stage(x)
        levels[stride] = x
    return levels


def double(x_BCHW: Tensor) -> Tensor:
    """Upsample by 2, nearest neighbour: (B, C, 2H, 2W)."""
    h, w = x_BCHW.shape[-2:]
    return F.interpolate(x_BCHW, (2 * h, 2 * w), mode="nearest")
