"""The two-way transformer of SAM's mask decoder (paper, section 3 and appendix A).

Shape letters: N objects, T tokens (outputs and prompts), L image positions, C channels, D head width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.models.layers import exported, products, recorded

FEW = 32
"""Tokens up to which plain products, and those moved from the image to the tokens, are the faster ones."""


HIDDEN = -1e4
"""Added to the score of what must not be seen: its weight is 0 in float32, and no infinity is at risk."""


class Attention(nn.Module):
    """Multi-head attention whose inner width may be smaller than the embedding's."""

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
        """(N, T, C): for each query a mixture of the values."""
        return self.attend(self.q_proj(q_NTC), self.k_proj(k_NLC), self.v_proj(v_NLC), bias_NL)

    def attend(self, q_NTC: Tensor, k_NLC: Tensor, v_NLC: Tensor, bias_NL: Tensor | None = None) -> Tensor:
        """The same from projected queries, keys and values; a batch of one serves all.

        `bias_NL` is added to the scores of the keys: `HIDDEN` hides one.
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
    """Scaled dot-product attention spelled out, (N, heads, T, D)."""
    scale: float = q_NhTD.shape[-1] ** -0.5
    scores = (q_NhTD * scale) @ k_NhLD.transpose(-1, -2)
    return (scores if bias_N11L is None else scores + bias_N11L).softmax(-1) @ v_NhLD


class CrossAttention(Attention):
    """Attention between a few tokens and many image positions that need not project the image.

    A score q (W x) is (q W) x, and a mixture of values W x is W of a mixture: every product with the image
    can move to the tokens, of which there are some ten instead of thousands. What is left are products of
    the image (N, L, C) with one row per head and token.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__(dim, heads, downsample=2)

    def read(self, q_NTC: Tensor, image: Tensor, keys: Keys) -> Tensor:
        """(N, T, C): tokens look at the image, whose keys see the positions and whose values do not.

        The image may come as (1, L, C).
        """
        q_NhTD = self._split(self.q_proj(q_NTC))
        # the bias of the keys adds the same to all scores of a token, which the softmax takes away
        rows_NRC = (q_NhTD @ self._of_heads(self.k_proj) * self._scale).flatten(1, 2)
        weights_NRL = keys.scores(rows_NRC).softmax(-1)
        seen_NRC = weights_NRL @ (image[0] if image.shape[0] == 1 else image)
        seen_NhTC = seen_NRC.view(*q_NhTD.shape[:3], seen_NRC.shape[2])
        values_NhTD = seen_NhTC @ self._of_heads(self.v_proj).transpose(1, 2)
        out: Tensor = self.out_proj(values_NhTD.transpose(1, 2).flatten(2) + self.v_proj.bias)
        return out

    def write(
        self, image: Tensor, keys: Keys, k_NTC: Tensor, v_NTC: Tensor, bias_NT: Tensor | None = None
    ) -> Tensor:
        """(N, L, C): the image plus what each position, which sees its place, takes from the tokens.

        `bias_NT` is added to the scores of the tokens.
        """
        k_NhTD, v_NhTD = self._split(self.k_proj(k_NTC)), self._split(self.v_proj(v_NTC))
        n, heads, t, _ = k_NhTD.shape
        rows_NRC = (k_NhTD @ self._of_heads(self.q_proj) * self._scale).flatten(1, 2)
        shift_NhT = (k_NhTD * self.q_proj.bias.view(heads, 1, -1)).sum(-1) * self._scale
        if bias_NT is not None:
            shift_NhT = shift_NhT + bias_NT[:, None]
        scores_NRL = keys.scores(rows_NRC) + shift_NhT.flatten(1)[..., None]
        weights_NRL = _softmax_of_tokens(scores_NRL.view(n, heads, t, scores_NRL.shape[2])).flatten(1, 2)
        values_NhTC = v_NhTD @ self.out_proj.weight.t().reshape(heads, -1, self.out_proj.out_features)
        values_NhTC = values_NhTC + self.out_proj.bias / heads  # the weights of a head sum to one
        weights_NLR, values_NRC = weights_NRL.transpose(1, 2), values_NhTC.flatten(1, 2)
        if exported():
            return image + weights_NLR @ values_NRC
        return torch.baddbmm(image.expand(n, -1, -1), weights_NLR, values_NRC)

    @property
    def _scale(self) -> float:
        return float((self.q_proj.out_features // self.heads) ** -0.5)

    def _of_heads(self, layer: nn.Linear) -> Tensor:
        """The weight of each head, (h, D, C)."""
        return layer.weight.view(self.heads, -1, layer.in_features)


class Keys:
    """An image (N, L, C) or (1, L, C) whose positions see their places."""

    def __init__(self, image: Tensor, pe_1LC: Tensor) -> None:
        self.image, self.pe_1LC = image, pe_1LC
        self.sum = image + pe_1LC if exported() or image.shape[0] == 1 else None

    def scores(self, rows_NRC: Tensor) -> Tensor:
        """(N, R, L): products of rows with every position of the image plus its place."""
        if exported() and self.sum is not None:
            return rows_NRC @ self.sum.transpose(1, 2)
        if self.sum is not None:
            return F.linear(rows_NRC, self.sum[0])
        return products(rows_NRC, self.image, self.pe_1LC)


def _softmax_of_tokens(scores_NhTL: Tensor) -> Tensor:
    """Weights that sum to 1 over the tokens; onnxruntime would transpose for any axis but the last."""
    if not exported():
        return scores_NhTL.softmax(2)
    powers = (scores_NhTL - scores_NhTL.amax(2, keepdim=True)).exp()
    return powers / powers.sum(2, keepdim=True)


class TwoWayMlp(nn.Module):
    """The block's feed-forward layer."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(dim, hidden)
        self.lin2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as the input."""
        out: Tensor = self.lin2(F.relu(self.lin1(x)))
        return out


class TwoWayBlock(nn.Module):
    """Self-attention of tokens, tokens look at the image, MLP, the image looks at tokens."""

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

    def forward(
        self, tokens: Tensor, image: Tensor, token_pe: Tensor, image_pe: Tensor, bias_NT: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Updated tokens (N, T, C) and image positions (N, L, C); the image may come as (1, L, C).

        `bias_NT` is added to the scores that all give the tokens: `HIDDEN` hides one.
        """
        if self.first:  # the released model neither adds positions nor keeps the residual here
            tokens = self.self_attn(tokens, tokens, tokens, bias_NT)
        else:
            q = tokens + token_pe
            tokens = tokens + self.self_attn(q, q, tokens, bias_NT)
        tokens = self.norm1(tokens)
        to_image, to_token = self.cross_attn_token_to_image, self.cross_attn_image_to_token
        if _moves(tokens, image):
            keys = Keys(image, image_pe)
            tokens = self.norm2(tokens + to_image.read(tokens + token_pe, image, keys))
            tokens = self.norm3(tokens + self.mlp(tokens))
            image = to_token.write(image, keys, tokens + token_pe, tokens, bias_NT)
            # as a matrix: onnxruntime joins a sum of three axes and a norm to one, which is five times slower
            return tokens, self.norm4(image.flatten(0, 1)).view_as(image)
        k, v, q = project_image(
            image, image_pe, [(to_image.k_proj, True), (to_image.v_proj, False), (to_token.q_proj, True)]
        )
        tokens = self.norm2(tokens + to_image.attend(to_image.q_proj(tokens + token_pe), k, v))
        tokens = self.norm3(tokens + self.mlp(tokens))
        seen = to_token.attend(q, to_token.k_proj(tokens + token_pe), to_token.v_proj(tokens), bias_NT)
        return tokens, self.norm4(image + seen)


class TwoWayTransformer(nn.Module):
    """Blocks and a last look of the tokens at the image."""

    def __init__(self, depth: int, dim: int, heads: int, mlp: int, eps: float = 1e-5) -> None:
        super().__init__()
        blocks = (TwoWayBlock(dim, heads, mlp, first=i == 0, eps=eps) for i in range(depth))
        self.layers = nn.ModuleList(blocks)
        self.final_attn_token_to_image = CrossAttention(dim, heads)
        self.norm_final_attn = nn.LayerNorm(dim)

    def forward(
        self,
        image_NLC: Tensor,
        image_pe_1LC: Tensor,
        tokens_NTC: Tensor,
        outputs: int,
        bias_NT: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The first `outputs` tokens (N, outputs, C) and image positions (N, L, C); tokens are own places.

        One image for all objects may come as (1, L, C): what it needs alone is then computed once.
        `bias_NT` is that of `TwoWayBlock.forward`.
        """
        tokens, image = tokens_NTC, image_NLC
        for layer in self.layers:
            tokens, image = layer(tokens, image, tokens_NTC, image_pe_1LC, bias_NT)
        tokens = tokens[:, :outputs]  # nobody asks for the others any more
        final, q = self.final_attn_token_to_image, tokens + tokens_NTC[:, :outputs]
        if _moves(tokens, image):
            keys = Keys(image, image_pe_1LC)
            return self.norm_final_attn(tokens + final.read(q, image, keys)), image
        k, v = project_image(image, image_pe_1LC, [(final.k_proj, True), (final.v_proj, False)])
        return self.norm_final_attn(tokens + final.attend(final.q_proj(q), k, v)), image


def _moves(tokens_NTC: Tensor, image: Tensor) -> bool:
    """Whether products with the image move to the tokens; training keeps to the plain form."""
    return exported() or (tokens_NTC.shape[1] <= FEW and not recorded(tokens_NTC, image))


def project_image(image: Tensor, pe_1LC: Tensor, layers: list[tuple[nn.Linear, bool]]) -> tuple[Tensor, ...]:
    """Several projections of the image in one matrix product; the flag says which of them sees the positions.

    A projection of image plus positions is that of the image plus that of the positions, which all objects
    share: this saves a pass over (N, L, C) for each.
    """
    weight = torch.cat([layer.weight for layer, _ in layers])
    bias = torch.cat([layer.bias for layer, _ in layers])
    placed = torch.cat([layer.weight * float(flag) for layer, flag in layers])
    projected = F.linear(image, weight) + F.linear(pe_1LC, placed, bias)
    return torch.split(projected, [layer.out_features for layer, _ in layers], dim=-1)
