"""The floor for names: ImageNet's own head, without training, see `anymask.evaluate.text`."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from anymask.errors import MissingExtraError
from anymask.images.colours import PIXEL_MEAN, PIXEL_STD
from anymask.models.onnx_runtime import open_graphs
from anymask.models.text.imagenet_head import ImageNetHead
from anymask.models.text.vocabulary import imagenet_names
from anymask.models.text.words import WordTable
from anymask.types import Masks

__all__ = ["ImageNetNamer"]

Floats = NDArray[np.float32]

SIDE = 224
LIKELIEST = 10
"""Classes whose names are averaged."""
GROWN = 1.15
"""Side of the crop, as a multiple of the longer side of the box."""


class ImageNetNamer:
    """Similarities of phrases to what ImageNet's head sees in the box of each mask."""

    def __init__(self, head: ImageNetHead, words: WordTable) -> None:
        self._head, self._words = head, words
        self._levels = open_graphs("context", ("levels",))[0]
        self._classes = np.stack([_vector(name, words) for name in imagenet_names(words).phrases])

    @staticmethod
    def load(words: WordTable) -> ImageNetNamer | None:
        """None without the package of ImageNet's weights."""
        try:
            return ImageNetNamer(ImageNetHead.load(), words)
        except MissingExtraError:
            return None

    def __call__(self, image: NDArray[np.uint8], masks: Masks, phrases: Sequence[str]) -> Floats:
        """Cosines (N, K)."""
        phrases_K50 = np.stack([_vector(phrase, self._words) for phrase in phrases])
        found = np.stack([self._seen(_crop(image, box)) for box in masks.boxes])
        return np.asarray(_unit(found) @ _unit(phrases_K50).T, np.float32)

    def _seen(self, crop_SS3: NDArray[np.uint8]) -> Floats:
        """The mean vector of the likeliest classes of a crop, (50,)."""
        plain = (crop_SS3 - np.array(PIXEL_MEAN, np.float32)) / np.array(PIXEL_STD, np.float32)
        found = self._levels({"image": plain.transpose(2, 0, 1)[None].astype(np.float32)})["stride_32"][0]
        last = np.tensordot(self._head.weight.numpy(), found, 1) + self._head.bias.numpy()[:, None, None]
        pooled = torch.from_numpy(np.clip(last, 0, 6).mean(axis=(1, 2))[None])
        shares = self._head.probabilities(pooled)[0].numpy()
        best = np.argsort(-shares)[:LIKELIEST]
        return np.asarray(shares[best] @ self._classes[best], np.float32)


def _vector(phrase: str, words: WordTable) -> Floats:
    """The mean of the words of a phrase, (50,)."""
    return words.vector(phrase)[50:]


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), np.float32)


def _crop(image: NDArray[np.uint8], box: Floats) -> NDArray[np.uint8]:
    """A square crop around a box, ImageNet's mean outside the image: (SIDE, SIDE, 3)."""
    x0, y0, x1, y1 = box.tolist()
    side = max(x1 - x0, y1 - y0) * GROWN
    scale = SIDE / side
    to_crop = np.array(
        [[scale, 0, SIDE / 2 - (x0 + x1) / 2 * scale], [0, scale, SIDE / 2 - (y0 + y1) / 2 * scale]],
        np.float32,
    )
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(
        cv2.warpAffine(image, to_crop, (SIDE, SIDE), flags=how, borderValue=PIXEL_MEAN), np.uint8
    )
