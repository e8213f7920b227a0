"""CLIP: an image and a text encoder that share one space of embeddings (Radford et al., 2021, section 2.4).

The image encoder is a vision transformer. Parameter names are those of the released checkpoints, so that
these load without renaming.
Shape letters: B images or texts, S side of an image, T tokens, C channels, D the shared space, h w patches.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anymask.models.config import ClipConfig
from anymask.models.fingerprint import fingerprint_of
from anymask.models.layers import Network

__all__ = ["Clip"]

PIXEL_MEAN = (122.7709383, 116.7460125, 104.09373615)
PIXEL_STD = (68.5005327, 66.6321579, 70.32316305)


class SelfAttention(nn.Module):
    """Multi-head self-attention with the parameter names of `nn.MultiheadAttention`."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"a width of {dim} for {heads} heads")
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x_BTC: Tensor, seen: Tensor | None = None) -> Tensor:
        """(B, T, C); `seen`, which broadcasts to (B, heads, T, T), is False for keys that a query ignores."""
        parts = F.linear(x_BTC, self.in_proj_weight, self.in_proj_bias)
        q, k, v = parts.view(*x_BTC.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        out: Tensor = self.out_proj(F.scaled_dot_product_attention(q, k, v, seen).transpose(1, 2).flatten(2))
        return out


class QuickGelu(nn.Module):
    """x * sigmoid(1.702 x), the approximation of GELU that CLIP was trained with."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x * torch.sigmoid(1.702 * x)


class ResidualBlock(nn.Module):
    """Attention, then a perceptron, each after a layer norm."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.attn = SelfAttention(dim, heads)
        self.ln_1 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(dim, 4 * dim))
        self.mlp.add_module("gelu", QuickGelu())
        self.mlp.add_module("c_proj", nn.Linear(4 * dim, dim))
        self.ln_2 = nn.LayerNorm(dim)

    def forward(self, x_BTC: Tensor, seen: Tensor | None = None) -> Tensor:
        """(B, T, C), see `SelfAttention`."""
        x_BTC = x_BTC + self.attn(self.ln_1(x_BTC), seen)
        out: Tensor = x_BTC + self.mlp(self.ln_2(x_BTC))
        return out


class Transformer(nn.Module):
    """A stack of residual blocks."""

    def __init__(self, dim: int, depth: int, heads: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(ResidualBlock(dim, heads) for _ in range(depth))

    def forward(self, x_BTC: Tensor, seen: Tensor | None = None, last_seen: Tensor | None = None) -> Tensor:
        """(B, T, C); `seen` is for all blocks, `last_seen` for the last one if given."""
        for block in self.resblocks[:-1]:
            x_BTC = block(x_BTC, seen)
        out: Tensor = self.resblocks[-1](x_BTC, seen if last_seen is None else last_seen)
        return out


class ImageTower(nn.Module):
    """The vision transformer: the output of its class token, projected."""

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        dim, cells = config.image_dim, config.image_size // config.patch
        self.conv1 = nn.Conv2d(3, dim, config.patch, config.patch, bias=False)
        self.class_embedding = _normal(dim, std=dim**-0.5)
        self.positional_embedding = _normal(cells * cells + 1, dim, std=dim**-0.5)
        self.ln_pre = nn.LayerNorm(dim)
        self.transformer = Transformer(dim, config.image_depth, config.image_heads)
        self.ln_post = nn.LayerNorm(dim)
        self.proj = _normal(dim, config.embed, std=dim**-0.5)

    def forward(self, images_B3SS: Tensor, inside_Bhw: Tensor | None = None) -> Tensor:
        """(B, D), see `Clip.encode_images`."""
        patches_BTC = self.conv1(images_B3SS).flatten(2).transpose(1, 2)
        first_B1C = self.class_embedding.expand(len(patches_BTC), 1, -1)
        x_BTC = self.ln_pre(torch.cat([first_B1C, patches_BTC], 1) + self.positional_embedding)
        seen = None if inside_Bhw is None else F.pad(inside_Bhw.flatten(1), (1, 0), value=True)[:, None, None]
        x_BTC = self.transformer(x_BTC, last_seen=seen)
        out: Tensor = self.ln_post(x_BTC[:, 0]) @ self.proj
        return out


class Clip(Network):
    """Both encoders. The cosine of an image's and a text's embedding says how well they fit."""

    pixel_mean, pixel_std = PIXEL_MEAN, PIXEL_STD

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.text_dim
        self.visual = ImageTower(config)
        self.transformer = Transformer(dim, config.text_depth, config.text_heads)
        self.token_embedding = nn.Embedding(config.vocabulary, dim)
        self.positional_embedding = _normal(config.context, dim, std=0.01)
        self.ln_final = nn.LayerNorm(dim)
        self.text_projection = _normal(dim, config.embed, std=dim**-0.5)
        self.logit_scale = nn.Parameter(torch.tensor(2.6593))  # log(1 / 0.07)
        nn.init.normal_(self.token_embedding.weight, std=0.02)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that identify the weights in every float type."""
        return fingerprint_of(self, self.config)

    def encode_images(self, images_B3SS: Tensor, inside_Bhw: Tensor | None = None) -> Tensor:
        """Embeddings (B, D), not normalised, of images of `config.image_size`, from `normalise`.

        `inside_Bhw`, bool on the grid of patches, restricts the attention of the class token in the last
        block to these patches: the image is seen whole, but what the mask covers is described (SAM, appendix
        D.5).
        """
        out: Tensor = self.visual(images_B3SS, inside_Bhw)
        return out

    def encode_texts(self, tokens_BT: Tensor) -> Tensor:
        """Embeddings (B, D), not normalised, of token ids (B, T), int64, T at most `config.context`.

        The output at the first end token, which has the largest id, stands for the text; what follows it has
        no effect.
        """
        length = tokens_BT.shape[1]
        x_BTC = self.token_embedding(tokens_BT) + self.positional_embedding[:length]
        causal_TT = torch.ones(length, length, dtype=torch.bool, device=x_BTC.device).tril()
        x_BTC = self.transformer(x_BTC, causal_TT)
        ends_B = tokens_BT.argmax(1)
        out: Tensor = self.ln_final(x_BTC[torch.arange(len(x_BTC)), ends_B]) @ self.text_projection
        return out


def _normal(*shape: int, std: float) -> nn.Parameter:
    parameter = nn.Parameter(torch.empty(shape))
    nn.init.normal_(parameter, std=std)
    return parameter
