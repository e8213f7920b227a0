"""Painter and SegGPT: the model paints the query's target, the hidden part of a canvas, as an example shows.

"Images Speak in Images" (Painter, CVPR 2023, section 3) and "SegGPT" (ICCV 2023, section 3); parameter names
are those of the released weights. A canvas holds an example above a query; images and targets are two
streams that share all blocks and are averaged after the first few.
Shape letters: B canvases, N examples, M = N + 1 halves (the query last), S streams, C channels, P the side
of an image in pixels, H W rows and columns of patches of a canvas, h w of a half, A heads, T tokens,
D head width.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.models import painter_arrays
from anymask.models.config import PainterConfig
from anymask.models.fingerprint import fingerprint_of
from anymask.models.layers import LayerNorm2d, Network, recorded
from anymask.models.protocol import Floats
from anymask.models.vit import NORM_EPS, Block, PatchEmbed, attend, relative_table, resize_positions

SCORES = 2**20
"""Attention scores computed at once: few enough to stay in a CPU's cache."""


class Painter(Network):
    """Paints the target of a query as the target of an example shows."""

    def __init__(self, config: PainterConfig) -> None:
        super().__init__()
        assert config.merge <= min(config.taps), "the head reads merged streams"
        assert config.merge < config.depth - 1, "the last block sees one stream"
        assert max(config.taps) == config.depth - 1, "blocks after the last tap would be idle"
        self.config = config
        side, dim = config.size // config.patch, config.dim
        self.patch_embed = PatchEmbed(config.patch, dim)
        self.mask_token = _token(dim)
        self.segment_token_x = _token(dim)
        self.segment_token_y = _token(dim)
        if config.types:
            self.type_token_cls = _token(dim)
            self.type_token_ins = _token(dim)
        # the first row is unused: it belongs to the class token of the MAE that training started from
        self.pos_embed = nn.Parameter(torch.zeros(1, config.positions**2 + 1, dim))
        nn.init.normal_(self.pos_embed, std=0.02)
        self.blocks: Iterable[Block] = nn.ModuleList(  # type: ignore[assignment]
            Block(
                dim,
                config.heads,
                (2 * side, side),
                mlp_ratio=config.mlp_ratio,
                drop_path=config.drop_path * index / max(config.depth - 1, 1),
            )
            for index in range(config.depth)
        )
        self.step = _step  # may be compiled
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        channels = config.head_channels
        self.decoder_embed = nn.Linear(len(config.taps) * dim, config.patch**2 * channels)
        self.decoder_pred = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            LayerNorm2d(channels),
            nn.GELU(),
            nn.Conv2d(channels, 3, 1),
        )

    @property
    def fingerprint(self) -> str:
        """As `InContext.fingerprint`."""
        return fingerprint_of(self, self.config)

    def paint(
        self, examples_N3PP: Floats, targets_N3PP: Floats, query_3PP: Floats, *, instance: bool
    ) -> Floats:
        """As `InContext.paint`."""
        return painter_arrays.paint(self, examples_N3PP, targets_N3PP, query_3PP, instance=instance)

    def forward(
        self, images_B3HW: Tensor, targets_B3HW: Tensor, hidden_BHW: Tensor, instance_B: Tensor
    ) -> Tensor:
        """Paint whole canvases, for training: (B, 3, 2P, P), float32, normalised.

        Images and targets (B, 3, 2P, P) are normalised; `hidden_BHW` is True for each hidden patch of the
        target. `instance_B` selects SegGPT's type token; Painter has none and ignores it.
        """
        grid_hw = (hidden_BHW.shape[1], hidden_BHW.shape[2])
        x_BHWC = self._tokens(self.patch_embed(images_B3HW), self.segment_token_x, grid_hw, instance_B)
        painted_BHWC = torch.where(hidden_BHW[..., None], self.mask_token, self.patch_embed(targets_B3HW))
        y_BHWC = self._tokens(painted_BHWC, self.segment_token_y, grid_hw, instance_B)
        z = torch.cat([x_BHWC, y_BHWC])
        tapped = []
        for index, block in enumerate(self.blocks):
            z = block(z)
            if index == self.config.merge:
                z = z.unflatten(0, (2, -1)).mean(0)
            if index in self.config.taps:
                tapped.append(self.norm(z))
        return self._paint(torch.cat(tapped, -1))

    def inpaint(
        self, examples_N3PP: Tensor, targets_N3PP: Tensor, query_3PP: Tensor, *, instance: bool | Tensor
    ) -> Tensor:
        """Paint the target of one query from N examples: (3, P, P), float32, normalised.

        The canvases of several examples share the query: after the attention of every block its half is
        averaged over them (SegGPT, section 3.3: feature ensemble). The result equals that of N whole
        canvases, but common parts are computed once. The last block and the head compute the query's half
        only, plus the adjacent row of patches of the first example, which the head's convolution reads.
        """
        x_SMhwC = self._halves(examples_N3PP, targets_N3PP, query_3PP, instance).float()
        tapped = []
        *blocks, last = self.blocks
        for index, block in enumerate(blocks):
            x_SMhwC = self.step(block, x_SMhwC)
            if index == self.config.merge:
                x_SMhwC = x_SMhwC.mean(0, keepdim=True)
            if index in self.config.taps:
                tapped.append(_normed(self.norm, _tail(x_SMhwC)))
        tapped.append(_normed(self.norm, _last_step(last, x_SMhwC)))
        painted = self._paint(torch.cat(tapped, -1)[None])
        return painted[0, :, -query_3PP.shape[-2] :]

    def _halves(
        self, examples_N3PP: Tensor, targets_N3PP: Tensor, query_3PP: Tensor, instance: bool | Tensor
    ) -> Tensor:
        """Tokens (2, M, h, w, C): the examples, then the query, whose target is hidden."""
        images_MhwC = self.patch_embed(torch.cat([examples_N3PP, query_3PP[None]]))
        targets_NhwC = self.patch_embed(targets_N3PP)
        hidden_1hwC = self.mask_token.expand(1, *targets_NhwC.shape[1:])
        both_SMhwC = torch.stack([images_MhwC, torch.cat([targets_NhwC, hidden_1hwC])])
        h, w = images_MhwC.shape[1:3]
        places_HwC = self._positions((2 * h, w))[0]
        above_NhwC = places_HwC[:h].expand(targets_NhwC.shape[0], -1, -1, -1)
        places_MhwC = torch.cat([above_NhwC, places_HwC[None, h:]])
        segments_S111C = torch.stack([self.segment_token_x, self.segment_token_y])
        both_SMhwC = both_SMhwC + segments_S111C + places_MhwC
        if not self.config.types:
            return both_SMhwC
        chosen = torch.as_tensor(instance, device=both_SMhwC.device)
        return both_SMhwC + torch.where(chosen, self.type_token_ins, self.type_token_cls)

    def _tokens(
        self, x_BHWC: Tensor, segment_111C: Tensor, grid_hw: tuple[int, int], instance_B: Tensor
    ) -> Tensor:
        x_BHWC = x_BHWC + segment_111C + self._positions(grid_hw)
        if not self.config.types:
            return x_BHWC
        chosen_B = instance_B.view(-1, 1, 1, 1)
        return x_BHWC + torch.where(chosen_B, self.type_token_ins, self.type_token_cls)

    def _positions(self, grid_hw: tuple[int, int]) -> Tensor:
        """Absolute positions for a grid, (1, H, W, C)."""
        side = self.config.positions
        learned_1hwC = self.pos_embed[:, 1:].view(1, side, side, -1)
        return resize_positions(learned_1hwC.float(), grid_hw).to(self.dtype)

    def _paint(self, features_BHWC: Tensor) -> Tensor:
        """The head: (B, H, W, C of all taps) -> (B, 3, H * patch, W * patch)."""
        patch = self.config.patch
        b, height, width, _ = features_BHWC.shape
        parts = self.decoder_embed(features_BHWC).view(b, height, width, patch, patch, -1)
        maps = parts.permute(0, 1, 3, 2, 4, 5).reshape(b, height * patch, width * patch, -1)
        painted: Tensor = self.decoder_pred(maps.permute(0, 3, 1, 2))
        return painted.float()


def _token(dim: int) -> nn.Parameter:
    token = nn.Parameter(torch.zeros(1, 1, 1, dim))
    nn.init.normal_(token, std=0.02)
    return token


def _tail(x_1MhwC: Tensor) -> Tensor:
    """(h + 1, w, C) of the merged streams: the last row of the first example, then the query."""
    return torch.cat([x_1MhwC[0, 0, -1:], x_1MhwC[0, -1]])


def _step(block: Block, x_SMhwC: Tensor) -> Tensor:
    """One block on all halves: examples attend to themselves and the query, the query to each example."""
    upper_SNATD, lower_S1ATD = _attend(block, x_SMhwC)
    x_SMhwC = x_SMhwC + _project(block, torch.cat([upper_SNATD, lower_S1ATD], 1)).view_as(x_SMhwC)
    out: Tensor = x_SMhwC + block.mlp(_normed(block.norm2, x_SMhwC))
    return out


def _last_step(block: Block, x_1MhwC: Tensor) -> Tensor:
    """As `_step`, for the rows of `_tail` only: (h + 1, w, C)."""
    upper_1NATD, lower_11ATD = _attend(block, x_1MhwC)
    seam_ATD = upper_1NATD[0, 0, :, -x_1MhwC.shape[3] :]
    x_hwC = _tail(x_1MhwC)
    x_hwC = x_hwC + _project(block, torch.cat([seam_ATD, lower_11ATD[0, 0]], 1)).view_as(x_hwC)
    out: Tensor = x_hwC + block.mlp(_normed(block.norm2, x_hwC))
    return out


def _attend(block: Block, x_SMhwC: Tensor) -> tuple[Tensor, Tensor]:
    """Attention of each example with the query below it: examples (S, N, A, T, D), query (S, 1, A, T, D).

    The query's result is averaged over the examples.
    """
    s, m, h, w, _ = x_SMhwC.shape
    qkv = block.attn.qkv(_normed(block.norm1, x_SMhwC)).view(s, m, h * w, 3, block.attn.heads, -1)
    qkv_3SMATD = qkv.permute(3, 0, 1, 4, 2, 5)
    examples_3SNATD, query_3S1ATD = qkv_3SMATD[:, :, :-1], qkv_3SMATD[:, :, -1:]
    q, k, v = torch.cat([examples_3SNATD, query_3S1ATD.expand_as(examples_3SNATD)], 4).flatten(1, 2)
    table_h, table_w = relative_table(block.attn.rel_pos_h, 2 * h), relative_table(block.attn.rel_pos_w, w)
    quick = q.device.type == "cpu" and q.dtype == torch.bfloat16
    folded = quick and not torch.is_grad_enabled() and not recorded(q)
    mix = _attend_folded if folded else attend
    mixed_SNATD = mix(q, k, v, table_h, table_w).reshape(s, m - 1, block.attn.heads, 2 * h * w, -1)
    return mixed_SNATD[..., : h * w, :], mixed_SNATD[..., h * w :, :].mean(1, keepdim=True)


def _attend_folded(
    q_GATD: Tensor, k_GATD: Tensor, v_GATD: Tensor, table_hhD: Tensor, table_wwD: Tensor
) -> Tensor:
    """As `vit.attend`, with the biases as extra columns of the queries, one-hot codes as those of the keys.

    One product then gives scores with their bias, which otherwise costs more than the products. On a CPU in
    bfloat16 this is 1.5 times as fast for a canvas (56 + 28 extra columns, head width 64). Without gradients,
    since buffers are reused.
    """
    groups, heads, tokens, depth = q_GATD.shape
    h, w = len(table_hhD), len(table_wwD)
    q_GAhwD = q_GATD.reshape(groups, heads, h, w, depth)
    along_h = torch.einsum("gahwd,hkd->gahwk", q_GAhwD, table_hhD).flatten(2, 3)
    along_w = torch.einsum("gahwd,wkd->gahwk", q_GAhwD, table_wwD).flatten(2, 3)
    places = torch.cat([torch.eye(h).repeat_interleave(w, 0), torch.eye(w).repeat(h, 1)], 1).to(q_GATD)
    queries = torch.cat([q_GATD * depth**-0.5, along_h, along_w], -1).flatten(0, 1)
    keys = torch.cat([k_GATD, places.expand(groups, heads, -1, -1)], -1).flatten(0, 1).transpose(1, 2)
    step = max(1, SCORES // tokens)
    scores, weights = q_GATD.new_empty(2, min(step, tokens), tokens)
    out_GATD = torch.empty_like(v_GATD)
    for query, key, value, out in zip(
        queries, keys, v_GATD.flatten(0, 1), out_GATD.flatten(0, 1), strict=True
    ):
        for start in range(0, tokens, step):
            rows = query[start : start + step]
            torch.mm(rows, key, out=scores[: len(rows)])
            torch.softmax(scores[: len(rows)], -1, out=weights[: len(rows)])
            torch.mm(weights[: len(rows)], value, out=out[start : start + step])
    return out_GATD


def _normed(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    """Layer norm of a float32 stream, in the weights' type; bfloat16 streams lose too much precision."""
    wide = F.layer_norm(x, norm.normalized_shape, norm.weight.float(), norm.bias.float(), norm.eps)
    return wide.to(norm.weight.dtype)


def _project(block: Block, mixed: Tensor) -> Tensor:
    """The projection after the attention: (..., A, T, D) -> (..., T, A * D)."""
    out: Tensor = block.attn.proj(mixed.transpose(-3, -2).flatten(-2))
    return out
