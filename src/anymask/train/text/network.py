"""The trained part of the text model, and its losses.

Shape letters: B masks, V names of the training data, I ImageNet's names, G more general names, F features,
D the common space.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Batch", "TextNetwork", "Vocabulary", "losses"]

FAR = -1e4
"""Logit of a name that is left out."""
UNLIKE = 0.1
"""A name is a negative of what ImageNet's head sees if the two agree less than this."""


@dataclass(frozen=True)
class Vocabulary:
    """The names as vectors of words, and how they relate."""

    names_V100: Tensor
    imagenet_I100: Tensor
    general_G100: Tensor
    together_VV: Tensor
    """bool: may name the same thing."""
    members_GI: Tensor
    """1 where a class of ImageNet is one of what a general name names."""
    seen_VI: Tensor
    """What ImageNet's head sees in the masks of a name: mean probabilities, over the largest of a name."""


@dataclass(frozen=True)
class Batch:
    """Masks of a step."""

    features_BF: Tensor
    """Standardised."""
    name_B: Tensor
    """Index of the name; -1: not told, -2: nothing that its data set names."""
    own_BV: Tensor
    """bool: the names of the mask's data set."""
    imagenet_BI: Tensor
    """Probabilities by ImageNet's head."""


class TextNetwork(nn.Module):
    """Vectors for masks and phrases, of length 1."""

    def __init__(self, features: int, names: int, width: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.image = nn.ModuleList([nn.Linear(features, width), nn.Linear(width, dim)])
        self.phrase = nn.ModuleList([nn.Linear(100, width), nn.Linear(width, dim)])
        self.known = nn.Parameter(torch.zeros(names, dim))
        self.scale = nn.Parameter(torch.tensor([20.0]))
        self.none = nn.Parameter(torch.zeros(1))
        self.dropout = dropout

    def things(self, features_BF: Tensor) -> Tensor:
        """(B, D)."""
        kept = F.dropout(features_BF, self.dropout, self.training)
        hidden = F.dropout(F.relu(self.image[0](kept)), self.dropout, self.training)
        return F.normalize(self.image[1](hidden), dim=1)

    def phrases(self, words_K100: Tensor, change: Tensor | float = 0.0) -> Tensor:
        """(K, D)."""
        return F.normalize(self.phrase[1](F.relu(self.phrase[0](words_K100))) + change, dim=1)


def losses(
    network: TextNetwork, batch: Batch, vocabulary: Vocabulary, noise: float, forget: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The losses on the names of the data, on ImageNet's names, and on more general ones.

    network: the network.
    batch: masks.
    vocabulary: all names.
    noise: see `TextConfig`.
    forget: see `TextConfig`.
    """
    things_BD, scale = network.things(batch.features_BF), network.scale

    def logits(words_K100: Tensor, change: Tensor | float = 0.0) -> Tensor:
        jittered = words_K100 + noise * torch.randn_like(words_K100)
        return scale * things_BD @ network.phrases(jittered, change).T

    remembered = (torch.rand(len(network.known), 1) >= forget) * network.known
    names_BV = logits(vocabulary.names_V100, remembered)
    named, imagenet_BI = batch.name_B.clamp(min=0), logits(vocabulary.imagenet_I100)
    none_B1 = network.none.expand(len(things_BD), 1)
    told = batch.name_B >= 0
    also_BV = vocabulary.together_VV[named] & ~F.one_hot(named, names_BV.shape[1]).bool()
    by_name = F.cross_entropy(
        torch.cat([names_BV.masked_fill(also_BV, FAR), none_B1], 1), named, reduction="none"
    )
    others_BV = names_BV.masked_fill(~batch.own_BV, FAR)
    nothing = F.cross_entropy(torch.cat([none_B1, others_BV], 1), torch.zeros_like(named), reduction="none")
    main = torch.where(told, by_name, torch.where(batch.name_B == -2, nothing, 0.0)).mean()
    alike_BV = batch.imagenet_BI @ vocabulary.seen_VI.T > UNLIKE
    unlike_BV = names_BV.masked_fill(alike_BV | (told[:, None] & vocabulary.together_VV[named]), FAR)
    seen = torch.cat([imagenet_BI, unlike_BV], 1).log_softmax(1)[:, : imagenet_BI.shape[1]]
    classes = -(batch.imagenet_BI * seen).sum(1).mean()
    return main, classes, _general(logits(vocabulary.general_G100), unlike_BV, batch, vocabulary)


def _general(general_BG: Tensor, unlike_BV: Tensor, batch: Batch, vocabulary: Vocabulary) -> Tensor:
    """The loss on the likeliest general name, weighted by its probability; likely others are left out."""
    share_BG = batch.imagenet_BI @ vocabulary.members_GI.T
    best, name = share_BG.max(1)
    rest = (share_BG > 0.15 * best[:, None]) & ~F.one_hot(name, share_BG.shape[1]).bool()
    found = torch.cat([general_BG.masked_fill(rest, FAR), unlike_BV], 1)
    return (F.cross_entropy(found, name, reduction="none") * best).mean()
