"""SAM's prompt encoder: points, boxes, texts and masks to tokens and maps (SAM, section 3, appendix A, D.5).

Parameter names are those of the released checkpoints.
Shape letters: N objects, K prompt tokens, C channels, L = h * w positions of the feature grid.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.models.layers import LayerNorm2d, exported, recorded, state_of, to_blocks

GRIDS = 4  # cached position codes per model, about 2 MB each


class PositionEncoding(nn.Module):
    """Random Fourier features of positions in the unit square (appendix A)."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, dim // 2))
        self._grids: dict[tuple[object, ...], Tensor] = {}

    def forward(self, unit_xy: Tensor) -> Tensor:
        """(..., 2) in [0, 1] -> (..., C); in float32, without matrix products, which autocast would round."""
        x, y = torch.split(2 * unit_xy.float() - 1, 1, -1)
        along_x, along_y = self.positional_encoding_gaussian_matrix.float()
        phase = (x * along_x + y * along_y) * (2 * math.pi)
        return torch.cat([phase.sin(), phase.cos()], dim=-1).to(
            self.positional_encoding_gaussian_matrix.dtype
        )

    def grid(self, hw: tuple[int, int], side: int) -> Tensor:
        """(1, h * w, C): the codes of cell centres, in units of `side` cells. The last few are cached."""
        matrix = self.positional_encoding_gaussian_matrix
        if recorded(matrix) or matrix.device.type == "meta":
            return self._make_grid(hw, side)
        key = (*hw, side, matrix.dtype, matrix.device, *state_of(matrix))
        kept = self._grids.get(key)  # looked up once: another thread may drop it meanwhile
        if kept is None:
            with torch.inference_mode(mode=False):  # the next caller may train
                kept = self._make_grid(hw, side)
            self._grids = dict([*self._grids.items(), (key, kept)][-GRIDS:])
        return kept

    def _make_grid(self, hw: tuple[int, int], side: int) -> Tensor:
        """By the addition theorems from sines and cosines per row and per column: h + w instead of h * w."""
        matrix = self.positional_encoding_gaussian_matrix.float()
        along_x, along_y = ((2 * math.pi) * row for row in matrix)
        h, w = hw
        y_h1C, x_wC = (
            ((torch.arange(n, device=matrix.device) + 0.5) * (2 / side) - 1)[:, None] * along
            for n, along in ((h, along_y), (w, along_x))
        )
        y_h1C = y_h1C[:, None]
        sine = x_wC.sin() * y_h1C.cos() + x_wC.cos() * y_h1C.sin()
        cosine = x_wC.cos() * y_h1C.cos() - x_wC.sin() * y_h1C.sin()
        code_1LC = torch.cat([sine, cosine], dim=-1).view(1, h * w, -1)
        return code_1LC.to(self.positional_encoding_gaussian_matrix.dtype)


class PromptEncoder(nn.Module):
    """Encodes labelled points, optional masks, and with `text` > 0 embeddings of texts of this width.

    Labels: -1 padding, 0 background, 1 foreground, 2 and 3 the corners of a box.
    """

    def __init__(self, dim: int, mask_channels: int, text: int = 0) -> None:
        super().__init__()
        self.text_projection = nn.Linear(text, dim) if text else None
        if self.text_projection is not None:
            nn.init.normal_(self.text_projection.weight)  # of a unit vector: as large as the learned tokens
        self.pe_layer = PositionEncoding(dim)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, dim) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, dim)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, mask_channels // 4, 2, 2),
            LayerNorm2d(mask_channels // 4),
            nn.GELU(),
            nn.Conv2d(mask_channels // 4, mask_channels, 2, 2),
            LayerNorm2d(mask_channels),
            nn.GELU(),
            nn.Conv2d(mask_channels, dim, 1),
        )
        self.no_mask_embed = nn.Embedding(1, dim)

    def points(self, coords_NK2: Tensor, labels_NK: Tensor, side: int) -> Tensor:
        """(N, K, C) prompt tokens of points in pixels of a model frame with the longest side `side`."""
        rows = [self.not_a_point_embed.weight] + [row.weight for row in self.point_embeddings]
        learned = F.embedding(labels_NK + 1, torch.cat(rows))  # type: ignore[arg-type]
        out: Tensor = learned + self.pe_layer(coords_NK2 / side) * (labels_NK >= 0)[..., None]
        return out

    def texts(self, texts_ND: Tensor) -> Tensor:
        """(N, 1, C): one token for each embedding of a text, or of an image in training; normalised first."""
        assert self.text_projection is not None, "a model without text prompts"
        unit_ND = F.normalize(texts_ND.float(), dim=1).to(self.no_mask_embed.weight.dtype)
        out: Tensor = self.text_projection(unit_ND)[:, None]
        return out

    def masks(self, masks_N1HW: Tensor | None, has_mask_N: Tensor | None) -> Tensor:
        """Dense prompts (N, h, w, C) of logits (N, 1, 4h, 4w); without masks (1, 1, 1, C)."""
        none = self.no_mask_embed.weight.view(1, 1, 1, -1)
        if masks_N1HW is None:
            return none
        x_NhwC: Tensor = self.mask_downscaling[:-1](masks_N1HW).permute(0, 2, 3, 1)
        last = self.mask_downscaling[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        weight, bias = last.weight.flatten(1), last.bias
        if has_mask_N is None:
            return F.linear(x_NhwC, weight, bias)
        # selected before the last layer, which has few channels; two more channels select bias and `none`
        flag_N111 = has_mask_N.view(-1, 1, 1, 1)
        choice = torch.cat([flag_N111, ~flag_N111], -1).to(x_NhwC.dtype).expand(*x_NhwC.shape[:3], 2)
        chosen = torch.cat([torch.where(flag_N111, x_NhwC, 0.0), choice], -1)
        return F.linear(chosen, torch.cat([weight, bias[:, None], none.view(-1, 1)], 1))

    def onto(self, image: Tensor, masks_N1HW: Tensor | None, has_mask_N: Tensor | None) -> Tensor:
        """Image features (N, h, w, C), or (1, h, w, C) for all, plus the dense prompts of `masks`."""
        if masks_N1HW is None or has_mask_N is None or not exported():
            return image + self.masks(masks_N1HW, has_mask_N)
        # most prompts have no mask: the graph skips these layers if none has
        arguments = (image, masks_N1HW, has_mask_N)
        out: Tensor = torch.cond(has_mask_N.any(), self._onto_masked, self._onto_plain, arguments)
        return out

    def _onto_masked(self, image: Tensor, masks_N1HW: Tensor, has_mask_N: Tensor) -> Tensor:
        return image + self.masks(masks_N1HW, has_mask_N)

    def _onto_plain(self, image: Tensor, _masks_N1HW: Tensor, has_mask_N: Tensor) -> Tensor:
        """The same if no flag is set; the flags are added as zeros to get the number of objects."""
        return image + (self.masks(None, None) + has_mask_N.view(-1, 1, 1, 1).to(image.dtype))


class PromptMaps(nn.Module):
    """Clicks and boxes rendered as maps, for the feature grid and for the logit grid.

    Seven maps: proximity to the nearest foreground click at three spreads, the same for background clicks,
    and the inside of the box. Tokens give the position of a prompt only through attention, which takes
    millions of examples to learn; models with click maps (RITM, 2021) learn from thousands.
    """

    SPREADS = (0.02, 0.06, 0.2)

    def __init__(self, dim: int, fine_dim: int) -> None:
        super().__init__()
        self.coarse = nn.Linear(2 * len(self.SPREADS) + 1, dim)
        self.fine = nn.Linear(2 * len(self.SPREADS) + 1, fine_dim)
        nn.init.normal_(self.coarse.weight)
        nn.init.normal_(self.fine.weight)

    def coarse_map(self, unit_NK2: Tensor, labels_NK: Tensor, hw: tuple[int, int]) -> Tensor:
        """(N, h, w, dim) on the feature grid; points are in units of the grid's longest side."""
        out: Tensor = self.coarse(self._maps(unit_NK2, labels_NK, hw, max(hw)))
        return out

    def fine_blocks(self, unit_NK2: Tensor, labels_NK: Tensor, hw: tuple[int, int], side: int) -> Tensor:
        """(N, h * w, 16, fine_dim) on the logit grid of 4h x 4w cells, see `to_blocks`.

        Points are in units of `side` feature cells.
        """
        h, w = hw
        out: Tensor = self.fine(to_blocks(self._maps(unit_NK2, labels_NK, (4 * h, 4 * w), 4 * side), 2))
        return out

    def _maps(self, unit_NK2: Tensor, labels_NK: Tensor, hw: tuple[int, int], side: int) -> Tensor:
        unit_NK2, labels_NK = F.pad(unit_NK2, (0, 0, 0, 1)), F.pad(labels_NK, (0, 1), value=-1)  # never empty
        h, w = hw
        axes = [torch.arange(n, device=unit_NK2.device, dtype=torch.float32).add(0.5) / side for n in (w, h)]
        dx_NwK, dy_NhK = (a[None, :, None] - unit_NK2[:, None, :, i] for i, a in enumerate(axes))
        maps = []
        for label in (1, 0):
            far_N1K = (labels_NK != label)[:, None] * 100.0
            square = ((dy_NhK**2 + far_N1K)[:, :, None] + (dx_NwK**2)[:, None]).amin(-1)
            maps += [torch.exp(-square / (2 * spread**2)) for spread in self.SPREADS]
        soft = 2.0 * side
        x_Nw, y_Nh = (self._between(d, labels_NK, soft) for d in (dx_NwK, dy_NhK))
        boxed_N11 = (labels_NK == 2).any(-1)[:, None, None]
        maps.append(y_Nh[:, :, None] * x_Nw[:, None] * boxed_N11)
        return torch.stack(maps, -1).to(self.coarse.weight.dtype)

    @staticmethod
    def _between(d_NaK: Tensor, labels_NK: Tensor, soft: float) -> Tensor:
        """(N, a): 1 between the corners with the labels 2 and 3 along one axis, with soft edges."""
        first, last = ((d_NaK * (labels_NK == label)[:, None]).sum(-1) for label in (2, 3))
        return torch.sigmoid(first * soft) * torch.sigmoid(-last * soft)
