"""The promptable model: image encoder, prompt encoder, mask decoder (SAM, section 3 and appendix A).

Parameter names are those of the released checkpoints, so that these load without renaming.
Shape letters: B images, N objects, K prompt tokens, T all tokens, C channels, H W rows and columns of the
image, h w of the feature grid, M = 4 masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.models import sam_arrays
from anymask.models.compact_encoder import CompactEncoder
from anymask.models.config import SamConfig, VitConfig
from anymask.models.fingerprint import fingerprint_of
from anymask.models.layers import (
    LayerNorm2d,
    Mlp,
    Network,
    Upscale2x,
    from_blocks,
    products,
    recorded,
    state_of,
    states_of,
    to_blocks,
)
from anymask.models.prompt_encoder import PromptEncoder, PromptMaps
from anymask.models.protocol import Encoded, Pixels, PromptBatch
from anymask.models.two_way import HIDDEN, SharedView, TwoWayTransformer
from anymask.models.vit import Vit

MASKS = 4
STRIDE = 16
LOGITS = 4  # logit cells per side of a feature cell
CPU_CELLS = 64 * 64  # feature cells that a CPU upscales at once: one object of SAM


class MaskDecoder(nn.Module):
    """Four masks and their predicted IoU from image features and prompt tokens."""

    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        dim = config.dim
        self.transformer = TwoWayTransformer(
            config.decoder_depth, dim, config.decoder_heads, config.decoder_mlp, config.decoder_eps
        )
        self.iou_token = nn.Embedding(1, dim)
        self.mask_tokens = nn.Embedding(MASKS, dim)
        self.output_upscaling = nn.ModuleList(
            [
                Upscale2x(dim, dim // 4),
                LayerNorm2d(dim // 4),
                nn.GELU(),
                Upscale2x(dim // 4, dim // 8),
                nn.GELU(),
            ]
        )
        self.output_hypernetworks_mlps = nn.ModuleList(Mlp(dim, dim, dim // 8, 3) for _ in range(MASKS))
        self.iou_prediction_head = Mlp(dim, dim, MASKS, 3)

    def tokens(
        self,
        image_NLC: Tensor,
        image_pe_1LC: Tensor,
        sparse_NKC: Tensor,
        seen_NK: Tensor | None = None,
        shared: SharedView | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Kernels of the masks (N, 4, c), the image after the transformer (N, L, C), predicted IoU (N, 4).

        `image_NLC` is (1, L, C) if all objects share one image. `shared` is its projection for the first
        block, if already computed. Prompt tokens where `seen_NK` is false are masked out.
        """
        outputs = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([outputs.expand(sparse_NKC.shape[0], -1, -1), sparse_NKC], dim=1)
        hidden = None if seen_NK is None else F.pad(torch.where(seen_NK, 0.0, HIDDEN), (1 + MASKS, 0))
        tokens, image = self.transformer(image_NLC, image_pe_1LC, tokens, 1 + MASKS, hidden, shared)
        heads = zip(self.output_hypernetworks_mlps, tokens[:, 1 : 1 + MASKS].unbind(1), strict=True)
        kernels_NMC = torch.stack([head(token) for head, token in heads], dim=1)
        return kernels_NMC, image, self.iou_prediction_head(tokens[:, 0])

    def upscale(self, x_NLC: Tensor, skips: tuple[Tensor, ...]) -> Tensor:
        """(N, L, 16, c): the 4 x 4 block of each position; its product with a kernel gives a mask's logits.

        `skips`, if any, are in blocks too: (N, L, 16, c) and (N, L, 4, c').
        """
        first, norm, act, second, last = self.output_upscaling
        x_NL4C = first(x_NLC)
        if skips:
            x_NL4C = x_NL4C + skips[1]
        x_NLSC = second(act(norm.tokens(x_NL4C))).flatten(2, 3)  # type: ignore[operator]
        out: Tensor = last(x_NLSC + skips[0] if skips else x_NLSC)
        return out


@dataclass(frozen=True)
class Decoded:
    """The decoder's output for N objects before upscaling; `Sam.mask_logits` computes their masks."""

    iou_N4: Tensor
    """Predicted IoU, float32."""
    kernels_N4C: Tensor
    """A mask's logits are the product of its kernel and the upscaled image."""
    image_NhwC: Tensor
    """The image features after the transformer."""
    skips_BCHW: tuple[Tensor, ...]
    """The skips of the images, at strides 4 and 8; empty for a ViT."""
    index_N: Tensor
    """The index of each object's image."""
    unit_NK2: Tensor
    """The prompt points, in units of the grid's longest side."""
    labels_NK: Tensor
    """The labels of the points."""
    side: int
    """The grid's longest side, in feature cells."""

    def __len__(self) -> int:
        """The number of objects."""
        return len(self.iou_N4)

    def within(self, cells_hw: tuple[int, int]) -> Decoded:
        """Crop to the first `cells_hw` rows and columns of logits, rounded up to whole feature cells.

        This leaves out the logits of padding, which is a large part of a square grid.
        """
        h, w = (-(-cells // LOGITS) for cells in cells_hw)
        skips = zip(self.skips_BCHW, (LOGITS, LOGITS // 2), strict=False)
        cut = tuple(skip[:, :, : size * h, : size * w] for skip, size in skips)
        return replace(self, image_NhwC=self.image_NhwC[:, :h, :w], skips_BCHW=cut)

    def take(self, rows_R: Tensor) -> Decoded:
        """The objects `rows_R`, in this order."""
        parts = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("skips_BCHW", "side")}
        if len(rows_R) == 1:  # without a copy
            row = int(rows_R)
            return replace(self, **{name: part[row : row + 1] for name, part in parts.items()})
        return replace(self, **{name: part.index_select(0, rows_R) for name, part in parts.items()})


class Sam(Network):
    """A promptable model: encodes an image once and decodes any number of prompts.

    It caches values that depend on the weights and the last features only (`_share`, position codes of the
    last grids). The cache is keyed by its inputs, so that results never depend on earlier calls.
    """

    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        self.config = config
        encoder = config.encoder
        self.drawn_prompts = PromptMaps(config.dim, config.dim // 8) if config.drawn else None
        self.image_encoder = Vit(encoder) if isinstance(encoder, VitConfig) else CompactEncoder(encoder)
        self.prompt_encoder = PromptEncoder(config.dim, config.mask_channels, config.text)
        self.mask_decoder = MaskDecoder(config)
        self._shared: tuple[tuple[object, ...], Tensor, SharedView] | None = None

    @property
    def fingerprint(self) -> str:
        """As `Promptable.fingerprint`: of the image encoder, on which embeddings depend."""
        return fingerprint_of(self.image_encoder, self.config.encoder)

    def encode_images(self, images: Sequence[Pixels], padded_hw: tuple[int, int]) -> list[Encoded]:
        """As `Promptable.encode_images`."""
        return sam_arrays.encode_images(self, images, padded_hw)

    def decode_prompts(self, encoded: Sequence[Encoded], prompts: PromptBatch) -> sam_arrays.SamPrompts:
        """As `Promptable.decode_prompts`."""
        return sam_arrays.decode_prompts(self, encoded, prompts)

    def encode(self, images_B3HW: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Normalised, zero-padded images -> features (B, C, H/16, W/16) and skips (empty for a ViT)."""
        if isinstance(self.image_encoder, Vit):
            return self.image_encoder(images_B3HW), ()
        h, w = (side // STRIDE for side in images_B3HW.shape[-2:])
        pe = self.prompt_encoder.pe_layer.grid((h, w), max(h, w))
        features, skips = self.image_encoder(images_B3HW, pe)
        return features, skips

    def decode(
        self,
        features_BChw: Tensor,
        skips: tuple[Tensor, ...],
        image_index_N: Tensor,
        coords_NK2: Tensor,
        labels_NK: Tensor,
        masks_N1HW: Tensor | None = None,
        has_mask_N: Tensor | None = None,
        seen_NK: Tensor | None = None,
        texts_ND: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Float32 logits (N, 4, H/4, W/4) and predicted IoU (N, 4) of N prompts; see `decode_tokens`.

        Outputs 1 to 3 are hypotheses for a single click, output 0 is for all other prompts.
        """
        prompts = coords_NK2, labels_NK, masks_N1HW, has_mask_N, seen_NK, texts_ND
        decoded = self.decode_tokens(features_BChw, skips, image_index_N, *prompts)
        return self.mask_logits(decoded), decoded.iou_N4

    def decode_tokens(
        self,
        features_BChw: Tensor,
        skips: tuple[Tensor, ...],
        image_index_N: Tensor,
        coords_NK2: Tensor,
        labels_NK: Tensor,
        masks_N1HW: Tensor | None = None,
        has_mask_N: Tensor | None = None,
        seen_NK: Tensor | None = None,
        texts_ND: Tensor | None = None,
    ) -> Decoded:
        """Decode N prompts up to the predicted IoU and the kernels of four masks each.

        features_BChw: image features; without gradients, of any float type and device.
        skips: skips of the images at strides 4 and 8, as the features; empty for a ViT.
        image_index_N: the index of each prompt's image.
        coords_NK2: points (x, y) in pixels of the model frame.
        labels_NK: -1 padding, 0 background, 1 foreground, 2 and 3 the corners of a box.
        masks_N1HW: mask prompts, logits on the H/4 x W/4 grid; None for none.
        has_mask_N: whether each prompt has a mask; None if all have.
        seen_NK: False for points to be masked out; None to use all.
        texts_ND: embeddings of texts, one for each prompt; None for prompts without text.
        """
        h, w = features_BChw.shape[-2:]
        side = max(h, w)
        unit_NK2 = coords_NK2 / (side * STRIDE)
        sparse = self.prompt_encoder.points(coords_NK2, labels_NK, side * STRIDE)
        if texts_ND is not None:
            sparse = torch.cat([sparse, self.prompt_encoder.texts(texts_ND)], 1)
            seen_NK = None if seen_NK is None else F.pad(seen_NK, (0, 1), value=True)
        masks_N1HW = masks_N1HW if masks_N1HW is None else masks_N1HW.to(self.dtype)
        pe = self.prompt_encoder.pe_layer.grid((h, w), side)
        skips = tuple(map(self._own, skips))
        shared = self._share(features_BChw, pe) if masks_N1HW is None else None
        if shared is not None:
            image_NLC = shared.image
        else:
            features = _per_object(self._own(features_BChw), image_index_N)
            image = self.prompt_encoder.onto(features, masks_N1HW, has_mask_N)
            if self.drawn_prompts is not None:
                image = image + self.drawn_prompts.coarse_map(unit_NK2, labels_NK, (h, w))
            image_NLC = image.contiguous().flatten(1, 2)  # features may have any memory layout
        kernels, image_NLC, iou = self.mask_decoder.tokens(image_NLC, pe, sparse, seen_NK, shared)
        image = image_NLC.view(image_NLC.shape[0], h, w, image_NLC.shape[2])
        return Decoded(iou.float(), kernels, image, skips, image_index_N, unit_NK2, labels_NK, side)

    def _own(self, tensor: Tensor) -> Tensor:
        """Convert to the type and device of the weights; in training, autocast chooses the type."""
        return tensor if torch.is_grad_enabled() else tensor.to(self.device, self.dtype)

    def _share(self, features_BChw: Tensor, pe_1LC: Tensor) -> SharedView | None:
        """The first block's projection of a single image, which does not depend on the prompts.

        Cached for the last image, for the clicks that follow. The key contains the address and version of
        the features and of all weights involved, so that a stale entry is never used.
        """
        if len(features_BChw) != 1 or self.drawn_prompts is not None:
            return None
        if self.device.type != "cpu" or torch.is_grad_enabled() or recorded(features_BChw):
            return None
        block, prompts = self.mask_decoder.transformer.first, self.prompt_encoder
        matrix = prompts.pe_layer.positional_encoding_gaussian_matrix
        layout = (features_BChw.shape, features_BChw.stride(), features_BChw.dtype)
        tensors = (features_BChw, prompts.no_mask_embed.weight, matrix)
        key = (*layout, *map(state_of, tensors), *states_of(block))
        kept = self._shared  # read once: another thread may replace it meanwhile
        if kept is None or kept[0] != key:
            features = self._own(features_BChw).permute(0, 2, 3, 1)
            image_1LC = prompts.onto(features, None, None).contiguous().flatten(1, 2)
            # a reference to the features, so that their address is not reused while it is in the key
            kept = self._shared = key, features_BChw, block.share(image_1LC, pe_1LC)
        return kept[2]

    def mask_logits(self, decoded: Decoded, outputs: slice = slice(None)) -> Tensor:
        """Float32 logits (N, M, H/4, W/4) of the M selected of the four outputs of every object."""
        wanted = replace(decoded, kernels_N4C=decoded.kernels_N4C[:, outputs])
        if recorded(decoded.kernels_N4C, decoded.image_NhwC) or len(decoded) <= self._step(decoded):
            return self._mask_logits(wanted)
        parts = torch.split(torch.arange(len(decoded), device=self.device), self._step(decoded))
        return torch.cat([self._mask_logits(wanted.take(some)) for some in parts])

    def mask_logits_of(self, decoded: Decoded, rows_R: Tensor, outputs_R: Tensor) -> Tensor:
        """Float32 logits (R, H/4, W/4) of the output `outputs_R[r]` (0 to 3) of the object `rows_R[r]`.

        As `mask_logits`, but only objects in `rows_R` are upscaled, each of them once.
        """
        objects_U, place_R = torch.unique(rows_R, return_inverse=True)
        h, w = decoded.image_NhwC.shape[1:3]
        out_Rhw, step = decoded.iou_N4.new_empty(len(rows_R), 4 * h, 4 * w), self._step(decoded)
        for first, objects in zip(range(0, len(objects_U), step), torch.split(objects_U, step), strict=False):
            mine = ((place_R >= first) & (place_R < first + step)).nonzero()[:, 0]
            outputs, output = torch.unique(outputs_R[mine], return_inverse=True)
            some = decoded.take(objects)
            logits = self._mask_logits(replace(some, kernels_N4C=some.kernels_N4C[:, outputs]))
            out_Rhw[mine] = logits[place_R[mine] - first, output]
        return out_Rhw

    def _step(self, decoded: Decoded) -> int:
        """Batch size of the upscaling, in objects; small on a CPU, so that the data fit in its cache."""
        h, w = decoded.image_NhwC.shape[1:3]
        return max(1, len(decoded) if decoded.image_NhwC.device.type != "cpu" else CPU_CELLS // (h * w))

    def _mask_logits(self, decoded: Decoded) -> Tensor:
        """Float32 logits (N, M, 4h, 4w), one for each of M kernels."""
        h, w = decoded.image_NhwC.shape[1:3]
        levels = [
            to_blocks(_per_object(skip, decoded.index_N), steps)
            for skip, steps in zip(decoded.skips_BCHW, (2, 1), strict=False)
        ]
        if self.drawn_prompts is not None:
            fine = self.drawn_prompts.fine_blocks(decoded.unit_NK2, decoded.labels_NK, (h, w), decoded.side)
            levels[0] = levels[0] + fine
        upscaled_NLSC = self.mask_decoder.upscale(decoded.image_NhwC.flatten(1, 2), tuple(levels))
        return from_blocks(products(decoded.kernels_N4C, upscaled_NLSC.flatten(1, 2)), (h, w), 2).float()


def _per_object(x_BCHW: Tensor, image_index_N: Tensor) -> Tensor:
    x_BHWC = x_BCHW.permute(0, 2, 3, 1)
    return x_BHWC if x_BHWC.shape[0] == 1 else x_BHWC.index_select(0, image_index_N)  # its gradient is exact


def start_local(model: Sam) -> None:
    """Initialise the cross-attentions so that a prompt attends to its own position from the start.

    With equal query and key projections of the position code, attention decreases with distance. A random
    decoder otherwise needs thousands of steps to learn where the click is.
    """
    for block in model.mask_decoder.transformer.layers:
        for name in ("cross_attn_token_to_image", "cross_attn_image_to_token"):
            attention = getattr(block, name)
            nn.init.orthogonal_(attention.q_proj.weight, gain=1.4)
            attention.k_proj.weight.data.copy_(attention.q_proj.weight.data)
