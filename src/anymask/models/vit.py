"""The vision transformer of SAM's image encoder, in pieces that other models on the same backbone reuse.

A ViTDet backbone: windowed and global blocks, decomposed relative positions, learned absolute positions
and a convolutional neck (SAM, section 3 and appendix A). Parameter names are those of the released weights.
Shape letters: B images, C channels, H W rows and columns of patches, G windows of all images, A heads,
h w rows and columns of one window, T = h * w its tokens, D head width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.errors import InputError
from anymask.models.config import VitConfig
from anymask.models.layers import DropPath, LayerNorm2d

NORM_EPS = 1e-6
CPU_QUERIES = 256  # per call of the attention kernel: 2x faster than all 4096, the bias stays in cache
ACCELERATOR_SCORES = 2**28  # at most this many attention scores at once: 0.5 GB in bfloat16


class Attention(nn.Module):
    """Self-attention on a grid with decomposed relative positions, over the whole grid or in windows.

    `grid_hw` is the size that the relative positions were learned at; other sizes interpolate them.
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

        Windows reach over the right and bottom edge; there the released model attends to zeros *before* the
        projection, that is, to its bias: only that one row is computed, and no output beyond the edge.
        """
        grid_hw = (x_BHWC.shape[1], x_BHWC.shape[2])
        cell_hw = (window, window) if window else grid_hw
        qkv_BHWC = self.qkv(x_BHWC)
        if any(side % cell for side, cell in zip(grid_hw, cell_hw, strict=True)):
            blank_C = self.qkv(x_BHWC.new_zeros(x_BHWC.shape[-1]))
            qkv_BHWC = _extend(qkv_BHWC, blank_C, cell_hw)
        q, k, v = _split_windows(qkv_BHWC, cell_hw, self.heads)
        table_h = relative_table(self.rel_pos_h, cell_hw[0])
        table_w = relative_table(self.rel_pos_w, cell_hw[1])
        mixed_BHWC = _join_windows(attend(q, k, v, table_h, table_w), cell_hw, qkv_BHWC.shape)
        out: Tensor = self.proj(mixed_BHWC[:, : grid_hw[0], : grid_hw[1]])
        return out


class FeedForward(nn.Module):
    """The block's two linear layers with GELU between them."""

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

    `window` is the side of the attention windows, 0 for global attention; `grid_hw` the grid of the whole
    input that the weights were learned at.
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
        out: Tensor = self.proj(images_B3HW).permute(0, 2, 3, 1)
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

        Sizes other than the learned one interpolate the positions. Raises `InputError` if a side is no
        multiple of the patch.
        """
        x_BHWC = self.patch_embed(images_B3HW)
        x_BHWC = x_BHWC + resize_positions(self.pos_embed, (x_BHWC.shape[1], x_BHWC.shape[2]))
        for block in self.blocks:
            x_BHWC = block(x_BHWC)
        out: Tensor = self.neck(x_BHWC.permute(0, 3, 1, 2))
        return out


def resize_positions(positions_1HWC: Tensor, grid_hw: tuple[int, int]) -> Tensor:
    """Absolute positions for another grid, bicubic (ViTDet); the same tensor where the size fits."""
    if tuple(positions_1HWC.shape[1:3]) == grid_hw:
        return positions_1HWC
    resized = F.interpolate(positions_1HWC.permute(0, 3, 1, 2), grid_hw, mode="bicubic", align_corners=False)
    return resized.permute(0, 2, 3, 1)


def relative_table(rel_pos_LD: Tensor, size: int) -> Tensor:
    """(size, size, D): the learned vector for each pair of a query's and a key's place on one axis.

    `rel_pos_LD` holds the distances -(L-1)/2 to (L-1)/2; other sizes interpolate it linearly (ViTDet).
    """
    length = 2 * size - 1
    if rel_pos_LD.shape[0] != length:
        rel_pos_LD = F.interpolate(rel_pos_LD.t()[None], length, mode="linear")[0].t()
    places = torch.arange(size, device=rel_pos_LD.device)
    return rel_pos_LD[places[:, None] - places[None, :] + size - 1]


def attend(q_GATD: Tensor, k_GATD: Tensor, v_GATD: Tensor, table_hhD: Tensor, table_wwD: Tensor) -> Tensor:
    """(G, A, T, D): softmax(q k / sqrt(D) + q rel_h + q rel_w) v (MViTv2, section 4).

    Some rows of queries at a time, as the bias of all is as large as the attention matrix: 0.8 GB in each
    global block of ViT-B.
    """
    h, w = table_hhD.shape[0], table_wwD.shape[0]
    q_GAhwD = q_GATD.reshape(*q_GATD.shape[:2], h, w, -1)
    along_h = torch.einsum("gahwd,hkd->gahwk", q_GAhwD, table_hhD)
    along_w = torch.einsum("gahwd,wkd->gahwk", q_GAhwD, table_wwD)
    step = _rows_at_once(q_GATD, w)
    parts = []
    for top in range(0, h, step):
        rows = slice(top, top + step)
        bias = along_h[:, :, rows, :, :, None] + along_w[:, :, rows, :, None, :]
        q = q_GAhwD[:, :, rows].flatten(2, 3)
        parts.append(F.scaled_dot_product_attention(q, k_GATD, v_GATD, bias.flatten(2, 3).flatten(3)))
    return torch.cat(parts, dim=2)


def _rows_at_once(q_GATD: Tensor, width: int) -> int:
    windows, heads, tokens, _ = q_GATD.shape
    on_cpu = q_GATD.device.type == "cpu"
    queries = CPU_QUERIES if on_cpu else ACCELERATOR_SCORES // (windows * heads * tokens)
    return max(1, queries // width)


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


def _extend(x_BHWC: Tensor, blank_C: Tensor, cell_hw: tuple[int, int]) -> Tensor:
    """Fill up with `blank_C` at the right and bottom to whole windows."""
    b, height, width, c = x_BHWC.shape
    padded_hw = [-(-side // cell) * cell for side, cell in zip((height, width), cell_hw, strict=True)]
    padded = blank_C.expand(b, *padded_hw, c).clone()
    padded[:, :height, :width] = x_BHWC
    return padded


def _split_windows(qkv_BHWC: Tensor, cell_hw: tuple[int, int], heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """(B, H, W, 3 * A * D) -> three of (G, A, T, D)."""
    b, height, width, _ = qkv_BHWC.shape
    h, w = cell_hw
    parts = qkv_BHWC.reshape(b, height // h, h, width // w, w, 3, heads, -1)
    q, k, v = parts.permute(5, 0, 1, 3, 6, 2, 4, 7).reshape(3, -1, heads, h * w, parts.shape[-1]).unbind(0)
    return q, k, v


def _join_windows(x_GATD: Tensor, cell_hw: tuple[int, int], like_BHWC: torch.Size) -> Tensor:
    """(G, A, T, D) -> (B, H, W, A * D)."""
    b, height, width, _ = like_BHWC
    h, w = cell_hw
    heads, depth = x_GATD.shape[1], x_GATD.shape[3]
    parts = x_GATD.reshape(b, height // h, width // w, heads, h, w, depth)
    return parts.permute(0, 1, 4, 2, 5, 3, 6).reshape(b, height, width, heads * depth)
