"""The two-way transformer of SAM's mask decoder (paper, section 3 and appendix A).

Shape letters: N objects, T tokens (outputs and prompts), L image positions, C channels, D head width.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    """Attention between a few tokens and many image positions, see `View`."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__(dim, heads, downsample=2)

    def read(self, view: View, q_NTC: Tensor) -> Tensor:
        """(N, T, C): tokens look at the image, whose keys see the positions and whose values do not."""
        values_NhTD = view.mixtures(self, self._split(self.q_proj(q_NTC)) * self._scale)
        out: Tensor = self.out_proj(values_NhTD.transpose(1, 2).flatten(2))
        return out

    def write(
        self, view: View, k_NTC: Tensor, v_NTC: Tensor, norm: nn.LayerNorm, bias_NT: Tensor | None = None
    ) -> Tensor:
        """(N, L, C): the norm of the image plus what each position, which sees its place, takes from tokens.

        `bias_NT` is added to the scores of the tokens.
        """
        k_NhTD, v_NhTD = self._split(self.k_proj(k_NTC)) * self._scale, self._split(self.v_proj(v_NTC))
        values_NhTC = v_NhTD @ self.out_proj.weight.t().reshape(self.heads, -1, self.out_proj.out_features)
        values_NRC = (values_NhTC + self.out_proj.bias / self.heads).flatten(1, 2)  # weights sum to one
        scores = view.scores(self, k_NhTD, bias_NT)
        if isinstance(scores, Tensor):
            weights_NLR = _softmax_of_tokens(scores).flatten(1, 2).transpose(1, 2)
            # as a matrix: onnxruntime joins a sum of three axes and a norm to one, which is five times slower
            image = view.plus(weights_NLR, values_NRC)
            return norm(image.flatten(0, 1)).view_as(image)  # type: ignore[no-any-return]
        # one by one: what was just made is still in the cache
        weights_LR = (_softmax_of_tokens(some[None]).flatten(0, 2).t() for some in scores)
        each = (norm(torch.addmm(view.of(n), some, values_NRC[n])) for n, some in enumerate(weights_LR))
        if len(values_NRC) == 1:
            return next(each)[None]  # type: ignore[no-any-return]
        out = values_NRC.new_empty(len(values_NRC), *view.image.shape[1:])
        for n, image_LC in enumerate(each):
            out[n] = image_LC
        return out

    def of_heads(self, layer: nn.Linear) -> Tensor:
        """The weight of each head, (h, D, C)."""
        return layer.weight.view(self.heads, -1, layer.in_features)

    @property
    def _scale(self) -> float:
        return float((self.q_proj.out_features // self.heads) ** -0.5)


class View:
    """An image (N, L, C), or (1, L, C) for all objects, as tokens see it: at its places, not projected.

    A score q (W x) is (q W) x, and a mixture of values W x is W of a mixture: every product with the image
    can move to the tokens, of which there are some ten instead of thousands. What is left are products of
    the image with one row per head and token. Queries and keys come scaled.
    """

    def __init__(self, image: Tensor, pe_1LC: Tensor) -> None:
        self.image, self._pe_1LC = image, pe_1LC
        self._placed = image + pe_1LC if exported() or image.shape[0] == 1 else None

    def mixtures(self, layer: CrossAttention, q_NhTD: Tensor) -> Tensor:
        """Of the values of all positions, (N, h, T, D)."""
        # the bias of the keys adds the same to all scores of a token, which the softmax takes away
        rows_NRC = (q_NhTD @ layer.of_heads(layer.k_proj)).flatten(1, 2)
        weights_NRL = self._products(rows_NRC).softmax(-1)
        seen_NRC = weights_NRL @ (self.image[0] if self.image.shape[0] == 1 else self.image)
        seen_NhTC = seen_NRC.view(*q_NhTD.shape[:3], seen_NRC.shape[2])
        values_NhTD: Tensor = seen_NhTC @ layer.of_heads(layer.v_proj).transpose(1, 2)
        return values_NhTD + layer.v_proj.bias.view(layer.heads, 1, -1)

    def scores(
        self, layer: CrossAttention, k_NhTD: Tensor, bias_NT: Tensor | None
    ) -> Tensor | Iterator[Tensor]:
        """Of all tokens at every position, (N, h, T, L), or one after the other where that is faster."""
        rows_NRC = (k_NhTD @ layer.of_heads(layer.q_proj)).flatten(1, 2)
        shift_NhT = (k_NhTD * layer.q_proj.bias.view(layer.heads, 1, -1)).sum(-1)
        if bias_NT is not None:
            shift_NhT = shift_NhT + bias_NT[:, None]
        shift_NR1, shape = shift_NhT.flatten(1)[..., None], (*k_NhTD.shape[:3], self.image.shape[1])
        if exported() or rows_NRC.device.type != "cpu":
            return (self._products(rows_NRC) + shift_NR1).view(shape)
        each = enumerate(zip(shift_NR1, rows_NRC, strict=True))
        return (torch.addmm(shift, rows, self._places(n).t()).view(shape[1:]) for n, (shift, rows) in each)

    def of(self, n: int) -> Tensor:
        """The image of one object, (L, C)."""
        return self.image[n if len(self.image) > 1 else 0]

    def plus(self, weights_NLR: Tensor, values_NRC: Tensor) -> Tensor:
        """(N, L, C): the image and at each position a mixture of values."""
        if exported():
            return self.image + weights_NLR @ values_NRC
        return torch.baddbmm(self.image.expand(len(values_NRC), -1, -1), weights_NLR, values_NRC)

    def _places(self, n: int) -> Tensor:
        """The image of one object, (L, C), whose positions see their places."""
        return self.image[n] + self._pe_1LC[0] if self._placed is None else self._placed[0]

    def _products(self, rows_NRC: Tensor) -> Tensor:
        """(N, R, L): of rows with every position."""
        if exported() and self._placed is not None:
            return rows_NRC @ self._placed.transpose(1, 2)
        if self._placed is not None:
            return F.linear(rows_NRC, self._placed[0])
        return products(rows_NRC, self.image, self._pe_1LC)


class SharedView(View):
    """One image for all objects, projected once instead of multiplied anew for each of them."""

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
        """Of the values of all positions, (N, h, T, D)."""
        q_hNTD = q_NhTD.transpose(0, 1)
        weights_hSL = (q_hNTD.flatten(1, 2) @ self._keys_hDL).softmax(-1)  # S = N * T
        return (weights_hSL @ self._values_hLD).view(q_hNTD.shape).transpose(0, 1)

    def scores(self, layer: CrossAttention, k_NhTD: Tensor, bias_NT: Tensor | None) -> Iterator[Tensor]:
        """Of all tokens at every position, (h, T, L) for one object after the other."""
        for n, k_hTD in enumerate(k_NhTD):
            scores_hTL = k_hTD @ self._queries_hDL
            yield scores_hTL if bias_NT is None else scores_hTL + bias_NT[n, :, None]


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

    def share(self, image_1LC: Tensor, pe_1LC: Tensor) -> SharedView:
        """What `forward` needs of an image that all objects share."""
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
        """Updated tokens (N, T, C) and image positions (N, L, C); the image may come as (1, L, C).

        `bias_NT` is added to the scores that all give the tokens: `HIDDEN` hides one. `shared` is what
        `share` makes of the image, if it was kept.
        """
        if self.first:  # the released model neither adds positions nor keeps the residual here
            tokens = self.self_attn(tokens, tokens, tokens, bias_NT)
        else:
            q = tokens + token_pe
            tokens = tokens + self.self_attn(q, q, tokens, bias_NT)
        tokens = self.norm1(tokens)
        to_image, to_token = self.cross_attn_token_to_image, self.cross_attn_image_to_token
        if shared is not None or _moves(tokens, image):
            view = shared or View(image, image_pe)
            tokens = self.norm2(tokens + to_image.read(view, tokens + token_pe))
            tokens = self.norm3(tokens + self.mlp(tokens))
            return tokens, to_token.write(view, tokens + token_pe, tokens, self.norm4, bias_NT)
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

    @property
    def first(self) -> TwoWayBlock:
        """The block that sees the image as no prompt has changed it yet."""
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
        """The first `outputs` tokens (N, outputs, C) and image positions (N, L, C); tokens are own places.

        One image for all objects may come as (1, L, C): what it needs alone is then computed once.
        `bias_NT` and `shared`, for the first block, are those of `TwoWayBlock.forward`.
        """
        tokens, image = tokens_NTC, image_NLC
        for layer in self.layers:
            tokens, image = layer(tokens, image, tokens_NTC, image_pe_1LC, bias_NT, shared)
            shared = None
        tokens = tokens[:, :outputs]  # nobody asks for the others any more
        final, q = self.final_attn_token_to_image, tokens + tokens_NTC[:, :outputs]
        if _moves(tokens, image):
            return self.norm_final_attn(tokens + final.read(View(image, image_pe_1LC), q)), image
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
