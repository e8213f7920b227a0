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
from anymask.train.sam import ClickTask, Objects

__all__ = ["ObjectCrops", "TextObjects", "TextTask", "object_crop", "with_text"]


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


@dataclass(frozen=True)
class TextObjects(Objects):
    """Objects with CLIP's view of each.

    crop_NSS3: uint8.
    inside_Nhw: patches that the object touches, bool.
    """

    crop_NSS3: Tensor
    inside_Nhw: Tensor


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


class TextTask(ClickTask):
    """Simulated clicks after a first prompt that is the embedding of a crop, by a frozen CLIP."""

    def __init__(self, clip: Clip, crops: ObjectCrops, *arguments: Any, **options: Any) -> None:
        """clip: embeds the crops. crops: how it sees an object. The others are those of `ClickTask`."""
        super().__init__(*arguments, **options)
        self.clip: Clip | None = clip.eval().requires_grad_(False)
        self.crops, self.clip_config = crops, clip.config

    def __getstate__(self) -> dict[str, Any]:
        """As `ClickTask`, without CLIP."""
        return super().__getstate__() | {"clip": None}

    def prepare(self, sample: Sample, rng: np.random.Generator) -> TextObjects:
        """A batch of one image, with a crop of each object."""
        objects = super().prepare(sample, rng)
        masks = [mask for _ in range(self.rounds.repeat) for mask in sample.masks]
        side, patch = self.clip_config.image_size, self.clip_config.patch
        crops = np.zeros((len(masks), side, side, 3), np.uint8)
        covers = np.zeros((len(masks), side, side), np.float32)
        for number, mask in enumerate(masks):
            grow, zeroed = rng.uniform(*self.crops.grow), bool(rng.random() < self.crops.zeroed)
            crops[number], covers[number] = object_crop(sample.image, mask, grow, side, zeroed=zeroed)
        cells = (side // patch, patch, side // patch, patch)
        inside = covers.reshape(len(masks), *cells).max((2, 4)) > 0
        return TextObjects(
            **vars(objects), crop_NSS3=torch.from_numpy(crops), inside_Nhw=torch.from_numpy(inside)
        )

    @torch.no_grad()
    def texts(self, batch: Objects) -> Tensor:
        """The embeddings (N, D) of the crops; only what the object covers is described."""
        assert isinstance(batch, TextObjects)
        assert self.clip is not None, "not in a worker process"
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
