"""Training text prompts without texts (SAM, appendix D.5).

CLIP embeds images and texts in one space, so that a model that is prompted with embeddings of image crops in
training can be prompted with those of texts afterwards. The first prompt of every object is the embedding of
a crop around it; error clicks follow.
Shape letters: N objects, S side of CLIP's images, h w its patches, D the width of its space.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anymask.data.transforms.augment import Sample
from anymask.errors import InputError
from anymask.models.clip import Clip
from anymask.models.sam import Sam
from anymask.train.sam import Objects

__all__ = ["CropPrompts", "ObjectCrops", "object_crop", "with_text"]


@dataclass(frozen=True)
class ObjectCrops:
    """How CLIP sees an object.

    grow: range of the side of the square crop, in longest sides of the object's box (paper: 1 to 2).
    zeroed: share of crops whose background is black (paper: one half).
    """

    grow: tuple[float, float] = (1.0, 2.0)
    zeroed: float = 0.5

    def __post_init__(self) -> None:
        """Check the values. Raises `InputError`."""
        low, high = self.grow
        if not (1 <= low <= high <= 10 and 0 <= self.zeroed <= 1):
            raise InputError(
                f"crops must have grow within 1 to 10 and zeroed within 0 to 1, got {vars(self)}. "
                "The paper has grow=[1,2] and zeroed=0.5."
            )


def object_crop(
    image: NDArray[np.uint8], mask: NDArray[np.bool_], grow: float, side: int, *, zeroed: bool
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A square crop (side, side, 3) around an object, and the object's share of each pixel, (side, side).

    Beyond the image the crop is black.

    image: (H, W, 3).
    mask: (H, W), not empty.
    grow: side of the crop, in longest sides of the mask's box.
    side: of the crop after resizing, in pixels.
    zeroed: black outside of the mask.
    """
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    longest = max(1, round(max(width, height) * grow))
    left, top = round(x + (width - longest) / 2), round(y + (height - longest) / 2)
    shown = np.where(mask[..., None], image, 0).astype(np.uint8) if zeroed else image
    return (
        _resized(_window(shown, left, top, longest), side),
        _resized(_window(mask.astype(np.float32), left, top, longest), side),
    )


def _window(array: NDArray[Any], left: int, top: int, side: int) -> NDArray[Any]:
    """A square window, zero outside of the array."""
    out = np.zeros((side, side, *array.shape[2:]), array.dtype)
    part = array[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    y, x = max(-top, 0), max(-left, 0)
    out[y : y + part.shape[0], x : x + part.shape[1]] = part
    return out


def _resized(square: NDArray[Any], side: int) -> NDArray[Any]:
    kind = cv2.INTER_AREA if len(square) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (side, side), interpolation=kind))


class CropPrompts:
    """First prompts of objects: the embeddings of crops around them, by a frozen CLIP."""

    def __init__(self, clip: Clip, crops: ObjectCrops) -> None:
        self.clip: Clip | None = clip.eval().requires_grad_(False)
        self.crops, self.side, self.patch = crops, clip.config.image_size, clip.config.patch

    def __getstate__(self) -> dict[str, Any]:
        """The state that a worker process needs to make crops: not CLIP."""
        return vars(self) | {"clip": None}

    def add(self, objects: Objects, sample: Sample, rng: np.random.Generator) -> Objects:
        """The batch of one image with a crop of each object; a mask is used for several objects in turn."""
        side, count = self.side, len(objects.index_N)
        crops, covers = np.zeros((count, side, side, 3), np.uint8), np.zeros((count, side, side), np.float32)
        for number in range(count):
            mask = sample.masks[number % len(sample.masks)]
            grow, zeroed = rng.uniform(*self.crops.grow), bool(rng.random() < self.crops.zeroed)
            crops[number], covers[number] = object_crop(sample.image, mask, grow, side, zeroed=zeroed)
        cells = (side // self.patch, self.patch, side // self.patch, self.patch)
        inside = covers.reshape(count, *cells).max((2, 4)) > 0
        return replace(objects, crop_NSS3=torch.from_numpy(crops), inside_Nhw=torch.from_numpy(inside))

    @torch.no_grad()
    def embed(self, batch: Objects) -> Tensor:
        """The embeddings (N, D) of the crops; only what the object covers is described."""
        assert self.clip is not None, "not in a worker process"
        assert batch.crop_NSS3 is not None
        clip = self.clip = self.clip.to(batch.crop_NSS3.device)
        return clip.encode_images(clip.normalise(batch.crop_NSS3), batch.inside_Nhw)


def with_text(model: Sam, clip: Clip) -> Sam:
    """A network that takes embeddings of this CLIP: the same weights, with a new projection if needed."""
    if model.config.text_encoder == clip.fingerprint:
        return model
    made = Sam(replace(model.config, text=clip.config.embed, text_encoder=clip.fingerprint))
    kept = {name: tensor for name, tensor in model.state_dict().items() if "text_projection" not in name}
    made.load_state_dict(made.state_dict() | kept)
    return made
