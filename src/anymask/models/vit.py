"""The vision transformer of SAM's image encoder, in parts that the painters on the same backbone reuse.

A ViTDet backbone: windowed and global blocks, decomposed relative positions, learned absolute positions
and a convolutional neck (SAM, section 3 and appendix A). Parameter names are those of the released weights.
Shape letters: B images, C channels, H W rows and columns of patches, G windows of all images, A heads,
h w rows and columns of one window, T = h * w its tokens, D head width.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.errors import InputError
from anymask.models.config import VitConfig
from anymask.models.layers import DropPath, LayerNorm2d, recorded
from anymask.models.protocol import slices

NORM_EPS = 1e-6
CPU_SCORES = 2**20  # attention scores computed at once: few enough to stay in the cache
ACCELERATOR_SCORES = 2**28  # attention scores computed at once: 0.5 GB in bfloat16


class Attention(nn.Module):
    """Self-attention on a grid with decomposed relative positions, over the whole grid or in windows.

    `grid_hw` is the size for which the relative positions were trained; others are interpolated.
    """

    def __init__(self, dim: int, heads: int, grid_hw: tuple[int, int]) -> None:
        super().__init__()
        assert dim % heads == 0, (dim, heads)
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * grid_hw[0] - 1, dim // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * grid_hw[1] - 1, dim // heads))

    def forward(self, x_BHWC: Tensor, window: int = 0) -> Tensor:
        """(B, H, W, C); `window` is the side of square windows, 0 for attention over the whole grid.

        Windows may extend beyond the right and bottom edge, onto zeros that take part in the attention, as
        released.
        """
        hw = (x_BHWC.shape[1], x_BHWC.shape[2])
        h, w = (window, window) if window else hw
        x_GTC = _split_windows(x_BHWC, window) if window else x_BHWC.flatten(1, 2)
        parts = self.qkv(x_GTC).view(*x_GTC.shape[:2], 3, self.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed_GATD = attend(q, k, v, relative_table(self.rel_pos_h, h), relative_table(self.rel_pos_w, w))
        mixed_GTC = mixed_GATD.transpose(1, 2).flatten(2)
        mixed_BHWC = _join_windows(mixed_GTC, window, hw) if window else mixed_GTC.view_as(x_BHWC)
        out: Tensor = self.proj(mixed_BHWC)
        return out


class FeedForward(nn.Module):
    """Two linear layers with GELU in between."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(dim, hidden)
        self.lin2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as the input."""
        out: Tensor = self.lin2(F.gelu(self.lin1(x)))
        return out


class Block(nn.Module):
    """A pre-norm transformer block; `attend` and `feed` are its two residual branches.

    dim: number of channels.
    heads: number of attention heads.
    grid_hw: the grid of the whole input for which the weights were trained.
    window: side of the attention windows, 0 for global attention.
    mlp_ratio: hidden width of the MLP per channel.
    drop_path: probability to drop each branch in training.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        grid_hw: tuple[int, int],
        *,
        window: int = 0,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.window = window
        self.norm1 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.attn = Attention(dim, heads, (window, window) if window else grid_hw)
        self.norm2 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.mlp = FeedForward(dim, int(dim * mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def attend(self, x_BHWC: Tensor) -> Tensor:
        """The attention branch, without the residual."""
        out: Tensor = self.drop_path(self.attn(self.norm1(x_BHWC), self.window))
        return out

    def feed(self, x_BHWC: Tensor) -> Tensor:
        """The feed-forward branch, without the residual."""
        out: Tensor = self.drop_path(self.mlp(self.norm2(x_BHWC)))
        return out

    def forward(self, x_BHWC: Tensor) -> Tensor:
        """(B, H, W, C)."""
        x_BHWC = x_BHWC + self.attend(x_BHWC)
        return x_BHWC + self.feed(x_BHWC)


class PatchEmbed(nn.Module):
    """Square patches to tokens by one strided convolution."""

    def __init__(self, patch: int, dim: int) -> None:
        super().__init__()
        self.patch = patch
        self.proj = nn.Conv2d(3, dim, patch, patch)

    def forward(self, images_B3HW: Tensor) -> Tensor:
        """(B, 3, H * patch, W * patch) -> (B, H, W, C).

        Raises `InputError` if a side is no multiple of the patch.
        """
        height, width = images_B3HW.shape[-2:]
        if height % self.patch or width % self.patch:
            raise InputError(
                f"images must have sides that are multiples of {self.patch}, got {height} x {width} (H x W). "
                "Pad them at the right and the bottom."
            )
        # in the memory layout of the blocks, else every norm and every sum converts it again
        out: Tensor = self.proj(images_B3HW).permute(0, 2, 3, 1).contiguous()
        return out


class Vit(nn.Module):
    """SAM's image encoder: patches, positions, blocks and neck."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.config = config
        side = config.image_size // config.patch
        self.patch_embed = PatchEmbed(config.patch, config.dim)
        self.pos_embed = nn.Parameter(torch.zeros(1, side, side, config.dim))
        nn.init.normal_(self.pos_embed, std=0.02)
        self.blocks = nn.ModuleList(_block(config, index) for index in range(config.depth))
        self.neck = nn.Sequential(
            nn.Conv2d(config.dim, config.out_channels, 1, bias=False),
            LayerNorm2d(config.out_channels),
            nn.Conv2d(config.out_channels, config.out_channels, 3, padding=1, bias=False),
            LayerNorm2d(config.out_channels),
        )

    def forward(self, images_B3HW: Tensor) -> Tensor:
        """Normalised, zero-padded images -> features (B, out_channels, H, W), one per patch.

        For other sizes than the trained one positions are interpolated. Raises `InputError` if a side is not
        a multiple of the patch.
        """
        x_BHWC = self.patch_embed(images_B3HW)
        x_BHWC = x_BHWC + resize_positions(self.pos_embed, (x_BHWC.shape[1], x_BHWC.shape[2]))
        for block in self.blocks:
            x_BHWC = block(x_BHWC)
        out: Tensor = self.neck(x_BHWC.permute(0, 3, 1, 2))
        return out


def resize_positions(positions_1HWC: Tensor, grid_hw: tuple[int, int]) -> Tensor:
    """Absolute positions for another grid, bicubic (ViTDet); the same tensor if the size is the same."""
    if tuple(positions_1HWC.shape[1:3]) == grid_hw:
        return positions_1HWC
    resized = F.interpolate(positions_1HWC.permute(0, 3, 1, 2), grid_hw, mode="bicubic", align_corners=False)
    return resized.permute(0, 2, 3, 1)


def relative_table(rel_pos_LD: Tensor, size: int) -> Tensor:
    """(size, size, D): the learned vector for each pair of query and key positions on one axis.

    `rel_pos_LD` holds the distances -(L-1)/2 to (L-1)/2; for other sizes it is interpolated (ViTDet).
    """
    length = 2 * size - 1
    if rel_pos_LD.shape[0] != length:
        rel_pos_LD = F.interpolate(rel_pos_LD.t()[None], length, mode="linear")[0].t()
    places = torch.arange(size, device=rel_pos_LD.device)
    return rel_pos_LD[places[:, None] - places[None, :] + size - 1]


def attend(q_GATD: Tensor, k_GASD: Tensor, v_GASD: Tensor, table_hyD: Tensor, table_wxD: Tensor) -> Tensor:
    """(G, A, T, D): softmax(q k / sqrt(D) + q rel_h + q rel_w) v (MViTv2, section 4).

    T = h * w queries and S = y * x keys. Processed in parts, since the bias is as large as the attention
    matrix: 0.8 GB in each global block of ViT-B.
    """
    q_GAhwD = q_GATD.reshape(*q_GATD.shape[:2], table_hyD.shape[0], table_wxD.shape[0], -1)
    along_GATy = torch.einsum("gahwd,hyd->gahwy", q_GAhwD, table_hyD).flatten(2, 3)
    along_GATx = torch.einsum("gahwd,wxd->gahwx", q_GAhwD, table_wxD).flatten(2, 3)
    on_cpu = q_GATD.device.type == "cpu"
    if on_cpu and not recorded(q_GATD, k_GASD, v_GASD, table_hyD, table_wxD):
        return _attend_in_cache(q_GATD, k_GASD, v_GASD, along_GATy, along_GATx)
    groups, heads, tokens, _ = q_GATD.shape
    most = CPU_SCORES if on_cpu else ACCELERATOR_SCORES // (groups * heads)
    parts = []
    for some in slices(tokens, most // k_GASD.shape[2]):
        bias_GATyx = along_GATy[:, :, some, :, None] + along_GATx[:, :, some, None, :]
        parts.append(
            F.scaled_dot_product_attention(q_GATD[:, :, some], k_GASD, v_GASD, bias_GATyx.flatten(3))
        )
    return torch.cat(parts, dim=2)


def _attend_in_cache(q: Tensor, k: Tensor, v: Tensor, along_GATy: Tensor, along_GATx: Tensor) -> Tensor:
    """The same with reused buffers: on a CPU 2.7 times as fast as the fused attention kernel with a bias.

    For a small grid of keys the bias is part of the product: queries are extended by their bias for each row
    and column, keys by a one-hot code of theirs. Otherwise the product is added to the bias.
    """
    groups, heads, tokens, depth = q.shape
    keys, y, x = k.shape[2], along_GATy.shape[3], along_GATx.shape[3]
    q, v = q * depth**-0.5, v.contiguous()
    narrow = y + x <= depth
    if narrow:
        q = torch.cat([q, along_GATy, along_GATx], -1)
        k = torch.cat([k, _places(y, x, k).expand(groups, heads, -1, -1)], -1)
    k = k.contiguous()
    queries = slices(tokens, CPU_SCORES // keys)
    of_heads = slices(heads, CPU_SCORES // (tokens * keys))
    first, second = q.new_empty(2, of_heads[0].stop * queries[0].stop * keys)
    out_GATD = q.new_empty(groups, heads, tokens, depth)
    for group, a, t in itertools.product(range(groups), of_heads, queries):
        some_q, all_k = q[group, a, t], k[group, a].transpose(1, 2)
        shape = (*some_q.shape[:2], keys)
        scores, weights = (buffer[: math.prod(shape)].view(shape) for buffer in (first, second))
        if narrow:
            torch.bmm(some_q, all_k, out=scores)
        else:
            down, across = along_GATy[group, a, t, :, None], along_GATx[group, a, t, None, :]
            torch.add(down, across, out=scores.view(*shape[:2], y, x))
            scores.baddbmm_(some_q, all_k)
        torch.softmax(scores, -1, out=weights)
        torch.bmm(weights, v[group, a], out=out_GATD[group, a, t])
    return out_GATD


def _places(y: int, x: int, like: Tensor) -> Tensor:
    """(y * x, y + x): one-hot codes of the row and the column of each position of a grid."""
    rows, columns = (torch.eye(n, dtype=like.dtype, device=like.device) for n in (y, x))
    return torch.cat([rows.repeat_interleave(x, 0), columns.repeat(y, 1)], 1)


def _block(config: VitConfig, index: int) -> Block:
    side = config.image_size // config.patch
    return Block(
        config.dim,
        config.heads,
        (side, side),
        window=0 if index in config.global_blocks else config.window,
        mlp_ratio=config.mlp_ratio,
        drop_path=config.drop_path * index / max(config.depth - 1, 1),
    )


def _split_windows(x_BHWC: Tensor, window: int) -> Tensor:
    """(B, H, W, C) -> (G, T, C), with zeros beyond the right and bottom edge."""
    b, height, width, c = x_BHWC.shape
    x_BHWC = F.pad(x_BHWC, (0, 0, 0, -width % window, 0, -height % window))
    parts = x_BHWC.view(b, -(-height // window), window, -1, window, c)
    return parts.transpose(2, 3).reshape(-1, window * window, c)


def _join_windows(x_GTC: Tensor, window: int, hw: tuple[int, int]) -> Tensor:
    """(G, T, C) -> (B, H, W, C) without the padding: the inverse of `_split_windows`."""
    rows, columns = (-(-side // window) for side in hw)
    parts = x_GTC.view(-1, rows, columns, window, window, x_GTC.shape[-1]).transpose(2, 3)
    whole = parts.flatten(3, 4).flatten(1, 2)
    return whole[:, : hw[0], : hw[1]].contiguous()  # otherwise a linear layer copies its weights per row
