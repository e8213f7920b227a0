"""The two-way transformer of SAM's mask decoder (paper, section 3 and appendix A).

Shape letters: N objects, T tokens (outputs and prompts), L image positions, C channels, D head width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.models.layers import exported, products, recorded

FEW = 32
"""Number of tokens up to which plain matrix products, and `ImageView`, are faster than fused attention."""


HIDDEN = -1e4
"""Added to the scores of masked tokens: gives the weight 0 in float32, without the risks of infinity."""


class Attention(nn.Module):
    """Multi-head attention with an inner width of `dim // downsample`."""

    def __init__(self, dim: int, heads: int, downsample: int = 1) -> None:
        super().__init__()
        inner = dim // downsample
        assert inner % heads == 0, (inner, heads)
        self.heads = heads
        self.q_proj = nn.Linear(dim, inner)
        self.k_proj = nn.Linear(dim, inner)
        self.v_proj = nn.Linear(dim, inner)
        self.out_proj = nn.Linear(inner, dim)

    def forward(self, q_NTC: Tensor, k_NLC: Tensor, v_NLC: Tensor, bias_NL: Tensor | None = None) -> Tensor:
        """(N, T, C): for each query a weighted mean of the values, projected."""
        return self.attend(self.q_proj(q_NTC), self.k_proj(k_NLC), self.v_proj(v_NLC), bias_NL)

    def attend(self, q_NTC: Tensor, k_NLC: Tensor, v_NLC: Tensor, bias_NL: Tensor | None = None) -> Tensor:
        """The same from projected queries, keys and values; a batch of one is shared by all objects.

        `bias_NL` is added to the scores of the keys; `HIDDEN` masks a key.
        """
        n = max(q_NTC.shape[0], k_NLC.shape[0])
        q, k, v = (self._split(x).expand(n, -1, -1, -1) for x in (q_NTC, k_NLC, v_NLC))
        bias_N11L = None if bias_NL is None else bias_NL[:, None, None]
        if exported() or k.shape[2] <= FEW:
            mixed = _mix(q, k, v, bias_N11L)
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, bias_N11L)
        out: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _split(self, x_NTC: Tensor) -> Tensor:
        n, t, c = x_NTC.shape
        return x_NTC.view(n, t, self.heads, c // self.heads).transpose(1, 2)


def _mix(q_NhTD: Tensor, k_NhLD: Tensor, v_NhLD: Tensor, bias_N11L: Tensor | None) -> Tensor:
    """Scaled dot-product attention by plain products, (N, heads, T, D)."""
    scale: float = q_NhTD.shape[-1] ** -0.5
    scores = (q_NhTD * scale) @ k_NhLD.transpose(-1, -2)
    return (scores if bias_N11L is None else scores + bias_N11L).softmax(-1) @ v_NhLD


class CrossAttention(Attention):
    """Attention between a few tokens and many image positions, see `ImageView`."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__(dim, heads, downsample=2)

    def read(self, view: AnyView, q_NTC: Tensor) -> Tensor:
        """(N, T, C): tokens attend to the image; position codes are added to the keys, not to the values."""
        values_NhTD = view.mixtures(self, self._split(self.q_proj(q_NTC)) * self._scale)
        out: Tensor = self.out_proj(values_NhTD.transpose(1, 2).flatten(2))
        return out

    def write(
        self, view: AnyView, k_NTC: Tensor, v_NTC: Tensor, norm: nn.LayerNorm, bias_NT: Tensor | None = None
    ) -> Tensor:
        """(N, L, C): norm(image + attention of image positions to the tokens).

        view: the image; position codes are added to its queries.
        k_NTC: the tokens' keys, not projected.
        v_NTC: the tokens' values, not projected.
        norm: the layer norm after the residual.
        bias_NT: added to the scores of the tokens.
        """
        k_NhTD, v_NhTD = self._split(self.k_proj(k_NTC)) * self._scale, self._split(self.v_proj(v_NTC))
        values_NhTC = v_NhTD @ self.out_proj.weight.t().reshape(self.heads, -1, self.out_proj.out_features)
        values_NRC = (values_NhTC + self.out_proj.bias / self.heads).flatten(1, 2)  # weights sum to one
        scores = view.scores(self, k_NhTD, bias_NT)
        if isinstance(scores, Tensor):
            weights_NLR = _softmax_of_tokens(scores).flatten(1, 2).transpose(1, 2)
            # as a matrix: onnxruntime fuses a sum of three axes with a norm, which is five times slower
            image = _plus(view.image, weights_NLR, values_NRC)
            return norm(image.flatten(0, 1)).view_as(image)  # type: ignore[no-any-return]
        # one by one: intermediate results stay in the cache
        weights_LR = (_softmax_of_tokens(some[None]).flatten(0, 2).t() for some in scores)
        own = (view.image[n if len(view.image) > 1 else 0] for n in range(len(values_NRC)))
        each = (norm(torch.addmm(*terms)) for terms in zip(own, weights_LR, values_NRC, strict=True))
        if len(values_NRC) == 1:
            return next(each)[None]  # type: ignore[no-any-return]
        out = values_NRC.new_empty(len(values_NRC), *view.image.shape[1:])
        for n, image_LC in enumerate(each):
            out[n] = image_LC
        return out

    def of_heads(self, layer: nn.Linear) -> Tensor:
        """The layer's weight by head, (h, D, C)."""
        return layer.weight.view(self.heads, -1, layer.in_features)

    @property
    def _scale(self) -> float:
        return float((self.q_proj.out_features // self.heads) ** -0.5)


class ImageView:
    """Cross-attention to an image (N, L, C), or (1, L, C) for all objects, that is not projected.

    A score q (W x) equals (q W) x, and a mean of values W x equals W times a mean. The projections W can
    therefore be applied to the tokens, about ten of them, instead of thousands of image positions. This
    leaves products of the image with one row per head and token. Queries and keys are already scaled.
    """

    def __init__(self, image: Tensor, pe_1LC: Tensor) -> None:
        self.image, self._pe_1LC = image, pe_1LC
        self._placed = image + pe_1LC if exported() or image.shape[0] == 1 else None

    def mixtures(self, layer: CrossAttention, q_NhTD: Tensor) -> Tensor:
        """(N, h, T, D): the weighted means of the values for each query."""
        # the keys' bias adds a constant to all scores of a token, which has no effect on the softmax
        rows_NRC = (q_NhTD @ layer.of_heads(layer.k_proj)).flatten(1, 2)
        weights_NRL = self._products(rows_NRC).softmax(-1)
        mean_NRC = weights_NRL @ (self.image[0] if self.image.shape[0] == 1 else self.image)
        mean_NhTC = mean_NRC.view(*q_NhTD.shape[:3], mean_NRC.shape[2])
        values_NhTD: Tensor = mean_NhTC @ layer.of_heads(layer.v_proj).transpose(1, 2)
        return values_NhTD + layer.v_proj.bias.view(layer.heads, 1, -1)

    def scores(
        self, layer: CrossAttention, k_NhTD: Tensor, bias_NT: Tensor | None
    ) -> Tensor | Iterator[Tensor]:
        """Scores of all tokens at every position, (N, h, T, L), or per object (h, T, L) where faster."""
        rows_NRC = (k_NhTD @ layer.of_heads(layer.q_proj)).flatten(1, 2)
        shift_NhT = (k_NhTD * layer.q_proj.bias.view(layer.heads, 1, -1)).sum(-1)
        if bias_NT is not None:
            shift_NhT = shift_NhT + bias_NT[:, None]
        shift_NR1, shape = shift_NhT.flatten(1)[..., None], (*k_NhTD.shape[:3], self.image.shape[1])
        if exported() or rows_NRC.device.type != "cpu":
            return (self._products(rows_NRC) + shift_NR1).view(shape)
        each = enumerate(zip(shift_NR1, rows_NRC, strict=True))
        return (torch.addmm(shift, rows, self._places(n).t()).view(shape[1:]) for n, (shift, rows) in each)

    def _places(self, n: int) -> Tensor:
        """The image of one object plus position codes, (L, C)."""
        return self.image[n] + self._pe_1LC[0] if self._placed is None else self._placed[0]

    def _products(self, rows_NRC: Tensor) -> Tensor:
        """(N, R, L): products of rows with every position, position codes added."""
        if exported() and self._placed is not None:
            return rows_NRC @ self._placed.transpose(1, 2)
        if self._placed is not None:
            return F.linear(rows_NRC, self._placed[0])
        return products(rows_NRC, self.image, self._pe_1LC)


class SharedView:
    """Cross-attention, as of `ImageView`, to one image for all objects, which is projected only once."""

    def __init__(self, image: Tensor, pe_1LC: Tensor, read: CrossAttention, write: CrossAttention) -> None:
        self.image = image
        k, v, q = project_image(
            image, pe_1LC, [(read.k_proj, True), (read.v_proj, False), (write.q_proj, True)]
        )
        heads = read.heads
        self._keys_hDL = k[0].t().contiguous().view(heads, -1, len(k[0]))
        self._values_hLD = v[0].view(len(v[0]), heads, -1).transpose(0, 1).contiguous()
        self._queries_hDL = q[0].t().contiguous().view(heads, -1, len(q[0]))

    def mixtures(self, layer: CrossAttention, q_NhTD: Tensor) -> Tensor:
        """(N, h, T, D): the weighted means of the values for each query."""
        q_hNTD = q_NhTD.transpose(0, 1)
        weights_hSL = (q_hNTD.flatten(1, 2) @ self._keys_hDL).softmax(-1)  # S = N * T
        return (weights_hSL @ self._values_hLD).view(q_hNTD.shape).transpose(0, 1)

    def scores(self, layer: CrossAttention, k_NhTD: Tensor, bias_NT: Tensor | None) -> Iterator[Tensor]:
        """Scores of all tokens at every position, (h, T, L) per object."""
        for n, k_hTD in enumerate(k_NhTD):
            scores_hTL = k_hTD @ self._queries_hDL
            yield scores_hTL if bias_NT is None else scores_hTL + bias_NT[n, :, None]


AnyView: TypeAlias = ImageView | SharedView


def _plus(image: Tensor, weights_NLR: Tensor, values_NRC: Tensor) -> Tensor:
    """(N, L, C): the image plus a weighted sum of values at each position."""
    if exported():
        return image + weights_NLR @ values_NRC
    return torch.baddbmm(image.expand(len(values_NRC), -1, -1), weights_NLR, values_NRC)


def _softmax_of_tokens(scores_NhTL: Tensor) -> Tensor:
    """Softmax over the tokens; spelled out for export, where onnxruntime transposes for any other axis."""
    if not exported():
        return scores_NhTL.softmax(2)
    powers = (scores_NhTL - scores_NhTL.amax(2, keepdim=True)).exp()
    return powers / powers.sum(2, keepdim=True)


class TwoWayMlp(nn.Module):
    """The feed-forward layers of a block."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(dim, hidden)
        self.lin2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as the input."""
        out: Tensor = self.lin2(F.relu(self.lin1(x)))
        return out


class TwoWayBlock(nn.Module):
    """Self-attention of tokens, attention of tokens to the image, MLP, attention of the image to tokens."""

    def __init__(self, dim: int, heads: int, mlp: int, *, first: bool, eps: float = 1e-5) -> None:
        super().__init__()
        self.first = first
        self.self_attn = Attention(dim, heads)
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.cross_attn_token_to_image = CrossAttention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = TwoWayMlp(dim, mlp)
        self.norm3 = nn.LayerNorm(dim, eps=eps)
        self.norm4 = nn.LayerNorm(dim, eps=eps)
        self.cross_attn_image_to_token = CrossAttention(dim, heads)

    def share(self, image_1LC: Tensor, pe_1LC: Tensor) -> SharedView:
        """Project an image that all objects share, for `forward`."""
        return SharedView(image_1LC, pe_1LC, self.cross_attn_token_to_image, self.cross_attn_image_to_token)

    def forward(
        self,
        tokens: Tensor,
        image: Tensor,
        token_pe: Tensor,
        image_pe: Tensor,
        bias_NT: Tensor | None = None,
        shared: SharedView | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Updated tokens (N, T, C) and image positions (N, L, C).

        tokens: (N, T, C).
        image: (N, L, C), or (1, L, C) for all objects.
        token_pe: (N, T, C) position codes of the tokens, which are their initial values.
        image_pe: (1, L, C) position codes of the image.
        bias_NT: added to the scores of the tokens; `HIDDEN` masks a token.
        shared: the result of `share`, if already computed.
        """
        if self.first:  # as released, without position codes and without residual
            tokens = self.self_attn(tokens, tokens, tokens, bias_NT)
        else:
            q = tokens + token_pe
            tokens = tokens + self.self_attn(q, q, tokens, bias_NT)
        tokens = self.norm1(tokens)
        to_image, to_token = self.cross_attn_token_to_image, self.cross_attn_image_to_token
        if shared is not None or _moves(tokens, image):
            view = shared or ImageView(image, image_pe)
            tokens = self.norm2(tokens + to_image.read(view, tokens + token_pe))
            tokens = self.norm3(tokens + self.mlp(tokens))
            return tokens, to_token.write(view, tokens + token_pe, tokens, self.norm4, bias_NT)
        k, v, q = project_image(
            image, image_pe, [(to_image.k_proj, True), (to_image.v_proj, False), (to_token.q_proj, True)]
        )
        tokens = self.norm2(tokens + to_image.attend(to_image.q_proj(tokens + token_pe), k, v))
        tokens = self.norm3(tokens + self.mlp(tokens))
        change = to_token.attend(q, to_token.k_proj(tokens + token_pe), to_token.v_proj(tokens), bias_NT)
        return tokens, self.norm4(image + change)


class TwoWayTransformer(nn.Module):
    """Two-way blocks, followed by an attention of the tokens to the image."""

    def __init__(self, depth: int, dim: int, heads: int, mlp: int, eps: float = 1e-5) -> None:
        super().__init__()
        blocks = (TwoWayBlock(dim, heads, mlp, first=i == 0, eps=eps) for i in range(depth))
        self.layers = nn.ModuleList(blocks)
        self.final_attn_token_to_image = CrossAttention(dim, heads)
        self.norm_final_attn = nn.LayerNorm(dim)

    @property
    def first(self) -> TwoWayBlock:
        """The first block, whose input image does not depend on the prompts."""
        block = self.layers[0]
        assert isinstance(block, TwoWayBlock)
        return block

    def forward(
        self,
        image_NLC: Tensor,
        image_pe_1LC: Tensor,
        tokens_NTC: Tensor,
        outputs: int,
        bias_NT: Tensor | None = None,
        shared: SharedView | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The first `outputs` tokens (N, outputs, C) and image positions (N, L, C).

        image_NLC: the image; (1, L, C) if all objects share one, which is faster.
        image_pe_1LC: position codes of the image.
        tokens_NTC: the tokens, which are also their own position codes.
        outputs: number of tokens to return.
        bias_NT: as in `TwoWayBlock.forward`.
        shared: as in `TwoWayBlock.forward`, for the first block.
        """
        tokens, image = tokens_NTC, image_NLC
        for layer in self.layers:
            tokens, image = layer(tokens, image, tokens_NTC, image_pe_1LC, bias_NT, shared)
            shared = None
        tokens = tokens[:, :outputs]  # the others are not needed any more
        final, q = self.final_attn_token_to_image, tokens + tokens_NTC[:, :outputs]
        if _moves(tokens, image):
            return self.norm_final_attn(tokens + final.read(ImageView(image, image_pe_1LC), q)), image
        k, v = project_image(image, image_pe_1LC, [(final.k_proj, True), (final.v_proj, False)])
        return self.norm_final_attn(tokens + final.attend(final.q_proj(q), k, v)), image


def _moves(tokens_NTC: Tensor, image: Tensor) -> bool:
    """Whether projections of the image are applied to the tokens instead; not in training."""
    return exported() or (tokens_NTC.shape[1] <= FEW and not recorded(tokens_NTC, image))


def project_image(image: Tensor, pe_1LC: Tensor, layers: list[tuple[nn.Linear, bool]]) -> tuple[Tensor, ...]:
    """Several projections of the image in one matrix product; the flag adds position codes to a projection.

    The position codes are projected separately, once for all objects, and added to the result. This saves a
    pass over (N, L, C) for each projection.
    """
    weight = torch.cat([layer.weight for layer, _ in layers])
    bias = torch.cat([layer.bias for layer, _ in layers])
    placed = torch.cat([layer.weight * float(flag) for layer, flag in layers])
    projected = F.linear(image, weight) + F.linear(pe_1LC, placed, bias)
    return torch.split(projected, [layer.out_features for layer, _ in layers], dim=-1)
