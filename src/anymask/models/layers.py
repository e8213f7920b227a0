"""Small layers that several networks share.

Shape letters: B images, N objects, K prompt tokens, C channels, H W rows and columns, L = H * W.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.models.config import PIXEL_MEAN, PIXEL_STD


class Network(nn.Module):
    """Base of the complete networks: device and type of the weights, and normalisation of images."""

    pixel_mean: tuple[float, ...] = PIXEL_MEAN
    pixel_std: tuple[float, ...] = PIXEL_STD

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the weights."""
        return next(self.parameters()).dtype

    def normalise(self, images_BHWC: Tensor) -> Tensor:
        """(B, H, W, 3) RGB in 0..255 -> (B, 3, H, W), normalised as in training."""
        mean = torch.tensor(self.pixel_mean, device=images_BHWC.device)
        std = torch.tensor(self.pixel_std, device=images_BHWC.device)
        return ((images_BHWC.float() - mean) / std).permute(0, 3, 1, 2).to(self.dtype)


_PAIRS = {torch.float32: torch.int64, torch.bfloat16: torch.int32, torch.float16: torch.int32}
"""Integer types as wide as two floats: moving neighbours of a row as one is ten times as fast."""


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
        """The same norm for a channels-last map."""
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
    """A 2x2 transposed convolution of stride 2 as one matrix product.

    The parameters have the shapes of `nn.ConvTranspose2d(c_in, c_out, 2, 2)`. The output stays in blocks
    (see `to_blocks`) rather than in a map, since the following layers work on single cells.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        reference = nn.ConvTranspose2d(c_in, c_out, 2, 2)
        self.weight = nn.Parameter(reference.weight.detach().clone())
        assert reference.bias is not None
        self.bias = nn.Parameter(reference.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """(..., c_in) -> (..., 4, c_out): the 2 x 2 block that every cell becomes, row by row."""
        c_in, c_out = self.weight.shape[:2]
        matrix = self.weight.permute(2, 3, 1, 0).reshape(4 * c_out, c_in)
        rows = F.linear(x.flatten(0, -2), matrix, self.bias.repeat(4))  # on a matrix, ONNX fuses the bias
        return rows.view(*x.shape[:-1], 4, c_out)


def to_blocks(x_NHWC: Tensor, steps: int) -> Tensor:
    """(N, h * 2^steps, w * 2^steps, C) -> (N, h * w, 4^steps, C), in the order of `steps` `Upscale2x`."""
    n, height, width, c = x_NHWC.shape
    h, w = height // 2**steps, width // 2**steps
    parts = x_NHWC.view(n, h, *[2] * steps, w, *[2] * steps, c)
    rows, columns = range(2, 2 + steps), range(3 + steps, 3 + 2 * steps)
    nested = [axis for pair in zip(rows, columns, strict=True) for axis in pair]
    blocks = parts.permute(0, 1, 2 + steps, *nested, 3 + 2 * steps)
    return blocks.reshape(n, h * w, 4**steps, c)


def from_blocks(x_NCL: Tensor, hw: tuple[int, int], steps: int) -> Tensor:
    """(N, C, h * w * 4^steps) of blocks -> (N, C, h * 2^steps, w * 2^steps)."""
    n, c, (h, w) = x_NCL.shape[0], x_NCL.shape[1], hw
    pairs = _PAIRS.get(x_NCL.dtype)
    if pairs is not None and not recorded(x_NCL):
        halves = x_NCL.view(pairs).view(n, c, h, w, *[2] * (2 * steps - 1), 1)
        return _unfolded(halves).view(x_NCL.dtype)
    return _unfolded(x_NCL.view(n, c, h, w, *[2] * (2 * steps)))


def _unfolded(parts: Tensor) -> Tensor:
    """(N, C, h, w, row, column, row, column, ...), the coarse first -> (N, C, all rows, all columns)."""
    n, c, h, w = parts.shape[:4]
    rows, columns = range(4, parts.ndim, 2), range(5, parts.ndim, 2)
    wide = w * math.prod(parts.shape[axis] for axis in columns)
    return parts.permute(0, 1, 2, *rows, 3, *columns).reshape(n, c, h * 2 ** len(rows), wide)


class DropPath(nn.Module):
    """Stochastic depth: in training, drops a residual branch per sample with probability `rate`."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """The input, or zeros for the dropped samples; kept ones are scaled up to the same mean."""
        if not self.training or self.rate == 0.0:
            return x
        keep = torch.rand(x.shape[0], *[1] * (x.dim() - 1), device=x.device) >= self.rate
        return x * keep.to(x.dtype) / (1.0 - self.rate)


def state_of(tensor: Tensor) -> tuple[int, int]:
    """Address and version counter of a tensor: while it exists, every in-place change gives a new state."""
    return tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version


def states_of(part: nn.Module) -> tuple[tuple[int, int], ...]:
    """The state of every weight. Without `parameters()`, which is 10 times slower: called at every click."""
    out, rest = [], [part]
    while rest:
        module = rest.pop()
        rest += [child for child in module._modules.values() if child is not None]
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                out.append(state_of(tensor))
    return tuple(out)


def exported() -> bool:
    """Whether an exporter traces the computation: it supports no loops over rows or branches on sizes."""
    return bool(getattr(torch.compiler, "is_exporting", bool)())


def recorded(*inputs: Tensor) -> bool:
    """Whether autograd or an exporter records the computation; if not, faster forms of it may be used."""
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
    return traced or (torch.is_grad_enabled() and any(x.requires_grad for x in inputs))


def products(rows_NRC: Tensor, image_NLC: Tensor, shift_1LC: Tensor | None = None) -> Tensor:
    """(N, R, L): products of every row with every position of its image, plus `shift_1LC` if given."""
    if rows_NRC.device.type == "cpu" and not recorded(rows_NRC, image_NLC) and len(rows_NRC):
        # one by one: a batched product copies the transposed operand, 3 times slower and bad for the cache
        images = image_NLC if shift_1LC is None else (image + shift_1LC[0] for image in image_NLC)
        return torch.stack([F.linear(*pair) for pair in zip(rows_NRC, images, strict=True)])
    if shift_1LC is None:
        return rows_NRC @ image_NLC.transpose(1, 2)
    return torch.baddbmm(F.linear(rows_NRC, shift_1LC[0]), rows_NRC, image_NLC.transpose(1, 2))
