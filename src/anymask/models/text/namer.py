"""What masks are called: a vector for each mask and each phrase, and how likely they belong together.

The image is seen by the backbone of the in-context model, EfficientNet-Lite0 with its ImageNet weights: one
pass for all masks of an image. A mask's features are pooled inside it; a small network, trained on named
masks (`anymask.train.text`), turns them into a vector. Another turns a phrase, as `words` has it, into one of
the same space; names of the training data have a learned change besides. Their cosine is a logit.
Shape letters: N masks, K phrases, V names of the training data, F features, D the common space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from anymask.errors import WeightsError
from anymask.files import sha256_of
from anymask.geometry import rle
from anymask.geometry.frame import Frame
from anymask.images.colours import PIXEL_MEAN, PIXEL_STD
from anymask.models.checkpoints.hub import SHIPPED
from anymask.models.onnx_runtime import open_graphs
from anymask.models.text.words import WordTable, shipped_words

__all__ = ["BACKBONE", "LEVELS", "LONGEST", "TEXT_FILE", "MaskFeatures", "Namer", "open_namer", "read_namer"]

Floats: TypeAlias = NDArray[np.float32]

TEXT_FILE = "text.safetensors"
BACKBONE, LEVELS = "context", "levels"
"""The model whose backbone sees the image, and the graph of that backbone."""
Levels: TypeAlias = Callable[[Mapping[str, NDArray[Any]]], Mapping[str, NDArray[Any]]]
"""The backbone: a normalised "image" (1, 3, H, W) -> "stride_16", "stride_32", (1, C, h, w)."""

LONGEST = 448
"""Longest side of an image that the backbone sees, in pixels."""
CELL = 4
"""Pixels of the model frame for each cell of `Frame.mask_to_grid`."""
NEW = 1.0
"""What a phrase that is no name of the training data gets as a bonus on its logits.

In training every name was a wrong answer for most masks, but no other phrase was (calibrated stacking, Chao
et al., 2016; docs/log.md).
"""
NEAR = 0.6
"""A name of the training data whose phrase has a higher cosine than this may name the same thing."""


class MaskFeatures:
    """Pools the features of masks, (N, 2677), from one pass of the backbone.

    1,280 features of ImageNet's last convolution inside the mask, and over the whole image; 112 at stride 16
    inside the mask; box xyxy and the root of the area, as shares of the image.
    """

    def __init__(self, head_weight: Floats, head_bias: Floats, levels: Levels | None = None) -> None:
        """head_weight: (1280, 320). head_bias: (1280,). levels: the graph of the backbone."""
        self._weight, self._bias = head_weight, head_bias
        self._levels = levels or open_graphs(BACKBONE, (LEVELS,))[0]

    def __call__(self, image: NDArray[np.uint8], masks: Sequence[rle.Runs]) -> Floats:
        """The features of masks, runs of the image's size, of an image (H, W, 3) uint8 RGB."""
        size = (image.shape[0], image.shape[1])
        frame = Frame.fit(size, LONGEST, square=False)
        coarse, fine = self._maps(image, frame)
        cover = _cover(masks, frame)
        scaled = np.zeros((1, *frame.grid_hw), np.float32)
        scaled[:, : frame.content_hw[0], : frame.content_hw[1]] = 1
        inside = _pool(coarse, _shrink(cover, 32 // CELL))
        whole = np.broadcast_to(_pool(coarse, _shrink(scaled, 32 // CELL)), inside.shape)
        return np.concatenate(
            [inside, whole, _pool(fine, _shrink(cover, 16 // CELL)), _place(masks, size)], axis=1
        )

    def _maps(self, image: NDArray[np.uint8], frame: Frame) -> tuple[Floats, Floats]:
        """Maps (C, h, w) at strides 32 and 16."""
        height, width = frame.scaled_hw
        padded = np.zeros((1, 3, *frame.padded_hw), np.float32)
        plain = (frame.resize(image) - np.array(PIXEL_MEAN, np.float32)) / np.array(PIXEL_STD, np.float32)
        padded[0, :, :height, :width] = plain.transpose(2, 0, 1)
        found = self._levels({"image": padded})
        last = np.tensordot(self._weight, found["stride_32"][0], 1) + self._bias[:, None, None]
        return np.clip(last, 0, 6), found["stride_16"][0]


class Namer:
    """Scores phrases for masks. `names` are those of the training data."""

    def __init__(
        self,
        weights: Mapping[str, NDArray[Any]],
        names: Sequence[str],
        words: WordTable,
        fingerprint: str = "",
        levels: Levels | None = None,
    ) -> None:
        """weights: as `anymask train text_compact` writes them.

        names: the names of the training data.
        words: the word table.
        fingerprint: of the weights.
        levels: the backbone; None for the one in the package.
        """
        self.names, self.words, self.fingerprint = tuple(names), words, fingerprint
        self._weights = {key: np.asarray(value, np.float32) for key, value in weights.items()}
        self._place = {name: place for place, name in enumerate(self.names)}
        self._together_VV = self._weights["together"] > 0
        self.known_VD = self._weights["known"]
        """The learned change of each name."""
        self._parts = [frozenset(words.words(name)) for name in self.names]
        self.features = MaskFeatures(self._weights["head.weight"], self._weights["head.bias"], levels)
        self._names_VD = self.phrases(self.names)

    def phrases(self, phrases: Sequence[str]) -> Floats:
        """Unit vectors (K, D). Raises PromptError for a phrase that `WordTable.words` refuses."""
        plain = [self._name(phrase) for phrase in phrases]
        vectors = np.stack([self.words.vector(phrase) for phrase in plain])
        change = np.zeros((len(plain), self.known_VD.shape[1]), np.float32)
        for row, phrase in enumerate(plain):
            if phrase in self._place:
                change[row] = self.known_VD[self._place[phrase]]
        return self._network("phrase", vectors, change)

    def things(self, features_NF: Floats) -> Floats:
        """Unit vectors (N, D) of the features of masks."""
        plain = (features_NF - self._weights["mean"]) / self._weights["std"]
        return self._network("image", plain)

    def logits(self, features_NF: Floats, phrases: Sequence[str], *, apart: bool) -> tuple[Floats, Floats]:
        """Logits (N, K) of the phrases, and (N, K) of everything else that a mask may be.

        The latter are those of all names of the training data that cannot name what the phrase names, and
        of no name at all, added as probabilities. `apart`: each phrase by itself; otherwise names that fit
        any of the phrases are left out, and all columns are the same.
        """
        phrases_KD = self.phrases(phrases)
        things_ND = self.things(features_NF)
        scale, none = float(self._weights["scale"][0]), float(self._weights["none"][0])
        known_NV = scale * things_ND @ self._names_VD.T
        near_KV = self._near(phrases, phrases_KD)
        if not apart:
            near_KV = np.broadcast_to(near_KV.any(axis=0), near_KV.shape)
        rest = [
            np.logaddexp.reduce(np.where(near, -np.inf, known_NV), axis=1, initial=none) for near in near_KV
        ]
        new_K = np.array([self._name(phrase) not in self._place for phrase in phrases])
        own_NK = np.asarray(scale * things_ND @ phrases_KD.T + NEW * new_K, np.float32)
        return own_NK, np.stack(rest, axis=1).astype(np.float32)

    def _near(self, phrases: Sequence[str], phrases_KD: Floats) -> NDArray[np.bool_]:
        """The names (K, V) that may name what a phrase names."""
        near = phrases_KD @ self._names_VD.T > NEAR
        for row, phrase in enumerate(map(self._name, phrases)):
            mine = frozenset(phrase.split())
            near[row] |= [mine <= other or other <= mine for other in self._parts]
            if phrase in self._place:
                near[row] |= self._together_VV[self._place[phrase]]
        return near

    def _name(self, phrase: str) -> str:
        """A phrase as a name of the training data if it is one or the plural of one."""
        *before, head = self.words.words(phrase)
        forms = [" ".join([*before, one]) for one in (head, *self.words.singulars(head))]
        return next((form for form in forms if form in self._place), forms[0])

    def _network(self, name: str, x: Floats, change: Floats | float = 0.0) -> Floats:
        """Two layers and a change of their output, normalised."""
        w = self._weights
        hidden = np.maximum(x @ w[f"{name}.0.weight"].T + w[f"{name}.0.bias"], 0)
        out = hidden @ w[f"{name}.1.weight"].T + w[f"{name}.1.bias"] + change
        return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6), np.float32)


def read_namer(path: Path, words: WordTable) -> Namer:
    """Read the weights that `anymask train text_compact` wrote. Raises WeightsError for other files."""
    try:
        with safe_open(path, "numpy") as file:
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            names = file.metadata()["names"].split("\n")
        return Namer(weights, names, words, sha256_of(path)[:16])
    except WeightsError:
        raise
    except Exception as error:  # safetensors' own error has no common base
        raise WeightsError(
            f"{path} must be the weights of a text model, got {' '.join(str(error).split())[:100]}. "
            "Train one with: anymask train text_compact"
        ) from error


@lru_cache(maxsize=1)
def open_namer() -> Namer:
    """The text model in the package, opened once. Raises WeightsError for a missing file."""
    return read_namer(SHIPPED / TEXT_FILE, shipped_words())


def _cover(masks: Sequence[rle.Runs], frame: Frame) -> Floats:
    """The share (N, gh, gw) of each cell of the grid that a mask covers."""
    found = [frame.mask_to_grid(rle.decode(runs, frame.size_hw)) for runs in masks]
    return np.reshape(np.asarray(found, np.float32), (len(masks), *frame.grid_hw))


def _shrink(cover_Ngg: Floats, by: int) -> Floats:
    n, h, w = cover_Ngg.shape
    return np.asarray(cover_Ngg.reshape(n, h // by, by, w // by, by).mean(axis=(2, 4)), np.float32)


def _pool(map_Chw: Floats, weights_Nhw: Floats) -> Floats:
    """Weighted means (N, C)."""
    n, h, w = weights_Nhw.shape
    flat_NL = weights_Nhw.reshape(n, h * w)
    total = np.maximum(flat_NL.sum(axis=1, keepdims=True), 1e-6)
    return np.asarray(flat_NL @ map_Chw.reshape(len(map_Chw), -1).T / total, np.float32)


def _place(masks: Sequence[rle.Runs], size: tuple[int, int]) -> Floats:
    """Box xyxy and root of the area of each mask, (N, 5), as shares of the image."""
    height, width = size
    found = [rle.box(runs, size) for runs in masks]
    boxes = np.reshape(found, (-1, 4)) / np.array([width, height, width, height])
    return np.column_stack([boxes, np.sqrt(rle.areas(masks) / (height * width))]).astype(np.float32)
