"""Small layers that several networks share.

Shape letters: B images, N objects, K prompt tokens, C channels, H W rows and columns, L = H * W.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LayerNorm2d(nn.Module):
    """Layer norm over the channels of a (B, C, H, W) map."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Normalised map of the same shape."""
        x_BHWC = x_BCHW.permute(0, 2, 3, 1)
        return F.layer_norm(x_BHWC, self.weight.shape, self.weight, self.bias, self.eps).permute(0, 3, 1, 2)

    def tokens(self, x_NHWC: Tensor) -> Tensor:
        """The same norm for a map that holds its channels last."""
        return F.layer_norm(x_NHWC, self.weight.shape, self.weight, self.bias, self.eps)


class Mlp(nn.Module):
    """Linear layers with ReLU between them, `layers.0` to `layers.{depth-1}`."""

    def __init__(self, width: int, hidden: int, out: int, depth: int) -> None:
        super().__init__()
        widths = [width] + [hidden] * (depth - 1) + [out]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis from `width` to `out`."""
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        out: Tensor = self.layers[-1](x)
        return out


class Upscale2x(nn.Module):
    """A 2x2 transposed convolution of stride 2, computed as one matrix product and a pixel shuffle.

    The parameters have the shapes of `nn.ConvTranspose2d(c_in, c_out, 2, 2)`; the maps hold channels last.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        reference = nn.ConvTranspose2d(c_in, c_out, 2, 2)
        self.weight = nn.Parameter(reference.weight.detach().clone())
        assert reference.bias is not None
        self.bias = nn.Parameter(reference.bias.detach().clone())

    def forward(self, x_NHWC: Tensor) -> Tensor:
        """(N, H, W, c_in) -> (N, 2H, 2W, c_out)."""
        n, h, w, c_in = x_NHWC.shape
        c_out = self.weight.shape[1]
        matrix = self.weight.permute(0, 2, 3, 1).reshape(c_in, 4 * c_out)
        y = x_NHWC.reshape(n * h * w, c_in) @ matrix + self.bias.repeat(4)
        return y.view(n, h, w, 2, 2, c_out).permute(0, 1, 3, 2, 4, 5).reshape(n, 2 * h, 2 * w, c_out)


class DropPath(nn.Module):
    """Stochastic depth: in training, drops the branch of a whole sample with probability `rate`."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """The input, or zeros for the dropped samples; kept ones are scaled up to the same mean."""
        if not self.training or self.rate == 0.0:
            return x
        keep = torch.rand(x.shape[0], *[1] * (x.dim() - 1), device=x.device) >= self.rate
        return x * keep.to(x.dtype) / (1.0 - self.rate)
