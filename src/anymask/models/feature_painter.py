"""The compact in-context model: a painter on the features of a small pretrained network.

Canvas, hidden patches and feature ensemble are those of Painter and SegGPT, see `anymask.models.painter`.
There are three differences, since it is trained on thousands of images instead of hundreds of thousands.
Patches of images are embedded by a frozen EfficientNet-Lite, trained on ImageNet. A hidden patch starts from
the colours of the visible patches with similar features (attention by features, as in few-shot segmentation
since PFENet, 2020), instead of from scratch. The head also reads features of the query at strides 4 and 8.
Shape letters: B canvases, N examples, M halves of canvases, P the side of an image in pixels, n = g * g
patches of a half, T = 2n of a canvas, F features, C channels, A heads or copies, D their width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.models import painter_arrays
from anymask.models.compact_encoder import Backbone, double, stride_widths
from anymask.models.config import FeaturePainterConfig
from anymask.models.fingerprint import fingerprint_of
from anymask.models.layers import LayerNorm2d, Network
from anymask.models.protocol import Floats

PATCH = 16
CELL = 4
"""Stride at which targets are read and painted, in pixels."""
SHARPNESS = 3.0
"""Initial logarithm of the factor on cosine similarities: weights are e^(20 * similarity), normalised."""


@dataclass(frozen=True)
class Features:
    """Features of M images: tokens (M, n, F), maps at strides 4 and 8."""

    tokens: Tensor
    stride4: Tensor
    stride8: Tensor

    def only(self, which: slice) -> Features:
        """The features of a range of the images."""
        return Features(self.tokens[which], self.stride4[which], self.stride8[which])


class PlainBlock(nn.Module):
    """A pre-norm transformer block without windows or relative positions."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.lin1, self.lin2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, z_BTC: Tensor) -> Tensor:
        """Same shape as the input."""
        q, k, v = self.project(z_BTC)
        return self.feed(z_BTC + self.proj(_merged(_mix(q, k, v))))

    def project(self, z_BTC: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (B, A, T, D)."""
        b, t, _ = z_BTC.shape
        q, k, v = self.qkv(self.norm1(z_BTC)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v

    def feed(self, z: Tensor) -> Tensor:
        """The second residual branch."""
        out: Tensor = z + self.lin2(F.gelu(self.lin1(self.norm2(z))))
        return out


class FeaturePainter(Network):
    """Paints the target of a query as the target of an example shows."""

    def __init__(self, config: FeaturePainterConfig) -> None:
        super().__init__()
        assert config.patch == PATCH, "the stride of the features"
        self.config = config
        dim, width, copies = config.dim, config.width, config.copies
        channels = stride_widths(config.encoder)
        features = channels[16] + channels[32]
        self.backbone = Backbone(config.encoder).requires_grad_(False)
        self.feature_norm = nn.LayerNorm(features)
        self.embed_x = nn.Linear(features, dim)
        self.embed_y = nn.Linear(3 * (PATCH // CELL) ** 2, dim)
        self.key = nn.Linear(features, copies * config.key_dim, bias=False)
        nn.init.normal_(self.key.weight, std=features**-0.5)
        self.temperature = nn.Parameter(torch.full((copies,), SHARPNESS))
        self.mask_token = nn.Parameter(torch.zeros(dim))
        self.embed_copy = nn.Linear(3 * copies, dim)
        self.segment = nn.Parameter(0.02 * torch.randn(2, dim))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, config.positions, config.positions, dim))
        self.blocks: Sequence[PlainBlock] = nn.ModuleList(  # type: ignore[assignment]
            PlainBlock(dim, config.heads) for _ in range(config.depth)
        )
        self.step = _step  # may be compiled
        self.norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, (PATCH // CELL) ** 2 * width)
        self.skip4, self.skip8 = nn.Conv2d(channels[4], width, 1), nn.Conv2d(channels[8], width, 1)
        self.conv1, self.norm1 = nn.Conv2d(width, width, 3, padding=1), LayerNorm2d(width)
        self.conv2, self.out = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, 3, 1)

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
        self, images_B3HW: Tensor, targets_B3HW: Tensor, hidden_BHW: Tensor, instance_B: Tensor | None = None
    ) -> Tensor:
        """Paint whole canvases, for training: (B, 3, 2P, P), float32, normalised.

        As `Painter.forward`; there are no type tokens, so that `instance_B` is ignored. At least one patch of
        each canvas must be visible.
        """
        b, side = len(images_B3HW), images_B3HW.shape[-1]
        seen = self._features(_halves(images_B3HW))
        shown, colours = _targets(_halves(targets_B3HW), seen.tokens.dtype)
        hidden_BT = hidden_BHW.flatten(1)
        keys_BATD = self._keys(seen.tokens.reshape(b, -1, seen.tokens.shape[-1]))
        copied_BAT3 = self._copy(keys_BATD, keys_BATD, colours.reshape(b, -1, 3), hidden_BT)
        visible = self.embed_y(shown.reshape(b, -1, shown.shape[-1]))
        y_BTC = torch.where(hidden_BT[..., None], self._hidden(copied_BAT3), visible)
        z_BTC = self._place(self.embed_x(seen.tokens).unflatten(0, (b, 2))).flatten(1, 2) + y_BTC
        for block in self.blocks:
            z_BTC = block(z_BTC)
        base_MnA3 = copied_BAT3.mean(1).reshape(2 * b, -1, 3)
        painted = self._paint(z_BTC.reshape(2 * b, -1, z_BTC.shape[-1]), base_MnA3, seen)
        return painted.view(b, 2, 3, side, side).transpose(1, 2).reshape(b, 3, 2 * side, side)

    def inpaint(
        self,
        examples_N3PP: Tensor,
        targets_N3PP: Tensor,
        query_3PP: Tensor,
        *,
        instance: bool | Tensor = False,
    ) -> Tensor:
        """Paint the target of one query from N examples: (3, P, P), float32, normalised.

        As `Painter.inpaint`: the query's half is computed once and averaged over the examples after the
        attention of every block. Initial colours are copied from all examples together.
        """
        seen = self._features(torch.cat([examples_N3PP, query_3PP[None]]))
        shown_NnC, colours_Nn3 = _targets(targets_N3PP, seen.tokens.dtype)
        keys_MAnD = self._keys(seen.tokens)
        examples_1ATD = keys_MAnD[:-1].transpose(0, 1).flatten(1, 2)[None]
        copied_1An3 = self._copy(keys_MAnD[-1:], examples_1ATD, colours_Nn3.reshape(1, -1, 3))
        x_MnC = self.embed_x(seen.tokens)
        upper_NnC = self._place(x_MnC[:-1, None], 0)[:, 0] + self.embed_y(shown_NnC)
        lower_1nC = self._place(x_MnC[None, -1:], 1)[0] + self._hidden(copied_1An3)
        z_MnC = torch.cat([upper_NnC, lower_1nC])
        for index, block in enumerate(self.blocks):
            z_MnC = self.step(block, z_MnC, last=index == len(self.blocks) - 1)
        return self._paint(z_MnC[-1:], copied_1An3.mean(1), seen.only(slice(-1, None)))[0]

    def _features(self, images_M3PP: Tensor) -> Features:
        levels = self.backbone(images_M3PP)
        both = torch.cat([levels[16], double(levels[32])], 1)
        return Features(self.feature_norm(both.flatten(2).transpose(1, 2)), levels[4], levels[8])

    def _keys(self, tokens_BTF: Tensor) -> Tensor:
        """Keys to compare patches by: (B, A, T, D), normalised to length 1, float32."""
        b, t, _ = tokens_BTF.shape
        return F.normalize(self.key(tokens_BTF).float().view(b, t, self.config.copies, -1), dim=-1).transpose(
            1, 2
        )

    def _copy(
        self, q_BAnD: Tensor, k_BATD: Tensor, colours_BT3: Tensor, hidden_BT: Tensor | None = None
    ) -> Tensor:
        """Colours (B, A, n, 3) for each patch, copied from the visible patches with similar features."""
        sharp = self.temperature.float().exp().view(-1, 1, 1)
        similarity = ((q_BAnD * sharp) @ k_BATD.transpose(-1, -2)).float()
        if hidden_BT is not None:
            similarity = similarity.masked_fill(hidden_BT[:, None, None], -torch.inf)
        return similarity.softmax(-1) @ colours_BT3[:, None]

    def _hidden(self, copied_BAT3: Tensor) -> Tensor:
        """Tokens (B, T, C) of hidden patches."""
        found = copied_BAT3.permute(0, 2, 1, 3).flatten(2).to(self.mask_token.dtype)
        out: Tensor = self.mask_token + self.embed_copy(found)
        return out

    def _place(self, x_BMnC: Tensor, half: int | None = None) -> Tensor:
        """Add positions and the code of the half of the canvas: of both halves, or of one."""
        segment = self.segment if half is None else self.segment[half][None]
        side = int(x_BMnC.shape[2] ** 0.5)
        places: Tensor = self.pos_embed
        if side != self.config.positions:
            grid = places.permute(0, 3, 1, 2).float()
            places = F.interpolate(grid, size=(side, side), mode="bilinear", align_corners=False)
            places = places.permute(0, 2, 3, 1).to(self.pos_embed.dtype)
        return x_BMnC + places.flatten(1, 2)[:, None] + segment[:, None]

    def _paint(self, z_MnC: Tensor, base_Mn3: Tensor, seen: Features) -> Tensor:
        """The head: (M, 3, P, P), the copied colours plus a predicted change."""
        side = int(z_MnC.shape[1] ** 0.5)
        maps: Tensor = self.up(self.norm(z_MnC)).transpose(1, 2)
        h = F.pixel_shuffle(maps.reshape(maps.shape[0], -1, side, side), PATCH // CELL)
        h = h + self.skip4(seen.stride4) + double(self.skip8(seen.stride8))
        h = F.gelu(self.norm1(self.conv1(F.gelu(h))))
        change = self.out(F.gelu(self.conv2(h))).float()
        base = base_Mn3.transpose(1, 2).reshape(-1, 3, side, side).float()
        painted = change + F.interpolate(base, scale_factor=float(PATCH // CELL), mode="nearest")
        return F.interpolate(painted, scale_factor=float(CELL), mode="bilinear", align_corners=False)


def _halves(canvas_B3HW: Tensor) -> Tensor:
    """Split canvases into their images: (2B, 3, P, P)."""
    side = canvas_B3HW.shape[-1]
    return canvas_B3HW.reshape(-1, 3, 2, side, side).transpose(1, 2).reshape(-1, 3, side, side)


def _targets(targets_M3PP: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The cells of each patch, (M, n, 3 * 16), and its mean colour, (M, n, 3) float32."""
    cells = F.avg_pool2d(targets_M3PP.float(), CELL)
    shown = F.pixel_unshuffle(cells, PATCH // CELL).flatten(2).transpose(1, 2).to(dtype)
    return shown, F.avg_pool2d(cells, PATCH // CELL).flatten(2).transpose(1, 2)


def _step(block: PlainBlock, z_MnC: Tensor, *, last: bool) -> Tensor:
    """One block on N examples and the query; the last block computes the query only."""
    q, k, v = block.project(z_MnC)
    k_NATD, v_NATD = (torch.cat([part[:-1], part[-1:].expand_as(part[:-1])], 2) for part in (k, v))
    lower = _mix(q[-1:].expand(k_NATD.shape[0], -1, -1, -1), k_NATD, v_NATD).mean(0, keepdim=True)
    mixed = lower if last else torch.cat([_mix(q[:-1], k_NATD, v_NATD), lower])
    return block.feed((z_MnC[-1:] if last else z_MnC) + block.proj(_merged(mixed)))


def _mix(q_BATD: Tensor, k_BATD: Tensor, v_BATD: Tensor) -> Tensor:
    """Attention by plain products: on a CPU twice as fast as the fused kernel for these sizes."""
    scale: float = q_BATD.shape[-1] ** -0.5
    return ((q_BATD * scale) @ k_BATD.transpose(-1, -2)).softmax(-1) @ v_BATD


def _merged(mixed_BATD: Tensor) -> Tensor:
    return mixed_BATD.transpose(1, 2).flatten(2)
