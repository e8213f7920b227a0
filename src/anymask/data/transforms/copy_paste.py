"""Cut-outs: single objects with an alpha channel, pasted on training images (Ghiasi et al., 2021)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from anymask.data.dataset import Collection
from anymask.data.parse import decode_rgba
from anymask.errors import FormatError, InputError

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

_MATCH = 0.3  # how far the object's mean colour moves towards the background's, 0 to 1
_MOST_GAIN = 1.35  # largest factor on a colour channel
_RETRIES = 20


class Cutouts:
    """Objects to paste, read from a data set of images with an alpha channel.

    Of an image without alpha, the largest mask is the object.
    """

    def __init__(self, dataset: Collection) -> None:
        """dataset: must hold at least one item. Raises InputError."""
        if len(dataset) == 0:
            raise InputError(f"cutouts must hold at least one image, got none in {dataset.name}.")
        self.dataset = dataset

    def __len__(self) -> int:
        """Number of images, including damaged ones."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> ByteArray:
        """An object cropped to its alpha: (h, w, 4) uint8 RGBA. Raises FormatError."""
        rgba = decode_rgba(self.dataset.image_bytes(index))
        if rgba is None:
            rgba = self._largest_mask(index)
        x, y, w, h = cv2.boundingRect((rgba[:, :, 3] > 0).view(np.uint8))
        if w == 0 or h == 0:
            raise FormatError(f"cut-out {index} must have an opaque pixel, got none. Remove it.")
        return rgba[y : y + h, x : x + w]

    def draw(self, rng: np.random.Generator) -> ByteArray:
        """A random object; damaged ones are skipped. Raises FormatError after too many in a row."""
        for _ in range(_RETRIES):
            try:
                return self[int(rng.integers(len(self)))]
            except FormatError:
                continue
        raise FormatError(f"cutouts must hold readable images, got {_RETRIES} damaged ones in a row.")

    def _largest_mask(self, index: int) -> ByteArray:
        record = self.dataset[index]
        if not len(record.masks):
            raise FormatError(
                f"cut-out {record.id} must have an alpha channel or a mask, got neither. Remove it."
            )
        mask = record.masks[int(np.argmax(record.masks.areas))].dense()[0]
        return np.dstack([record.read(), mask.view(np.uint8) * np.uint8(255)])


def paste(
    canvas: ByteArray,
    rgba: ByteArray,
    longest: float,
    frame: tuple[int, int, int, int],
    rng: np.random.Generator,
) -> tuple[ByteArray, BoolArray]:
    """Paste an object on an image: mirrored at random, with a soft edge and its colour slightly matched.

    canvas: (H, W, 3) uint8. rgba: (h, w, 4) uint8. longest: longest side of the pasted object, in pixels of
    the canvas. frame: xyxy of the canvas region that holds the object's centre and to which it is clipped.
    Returns the new canvas, and (H, W) bool where the object's alpha is over one half.
    """
    colour, alpha = _scaled(rgba[:, ::-1] if rng.random() < 0.5 else rgba, longest)
    h, w = alpha.shape
    x = int(rng.uniform(frame[0], frame[2]) - w / 2)
    y = int(rng.uniform(frame[1], frame[3]) - h / 2)
    on = _overlap(x, y, w, h, frame)
    top = np.zeros(canvas.shape[:2], dtype=np.bool_)
    if on is None:
        return canvas, top
    target, source = on
    colour, alpha = colour[source], alpha[source]
    below = canvas[target].astype(np.float32)
    out = canvas.copy()
    out[target] = np.clip(below * (1 - alpha[..., None]) + _matched(colour, alpha, below), 0, 255).astype(
        np.uint8
    )
    top[target] = alpha > 0.5
    return out, top


def _scaled(rgba: ByteArray, longest: float) -> tuple[FloatArray, FloatArray]:
    """Resize an object and soften its edge.

    Returns colour times alpha (h, w, 3) float32 in 0..255 and alpha (h, w) float32 in 0..1. The outermost
    pixel is removed, as it often holds the old background, and colours are multiplied by alpha before
    interpolation, so that no dark or bright seam appears.
    """
    alpha = (
        cv2.erode(np.ascontiguousarray(rgba[:, :, 3]), np.ones((3, 3), dtype=np.uint8)).astype(np.float32)
        / 255
    )
    layers = np.empty(rgba.shape, dtype=np.float32)
    np.multiply(rgba[:, :, :3], alpha[..., None], out=layers[:, :, :3])
    layers[:, :, 3] = alpha
    scale = longest / max(alpha.shape)
    size = (max(1, round(alpha.shape[1] * scale)), max(1, round(alpha.shape[0] * scale)))
    small = cv2.resize(layers, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    soft = np.asarray(cv2.GaussianBlur(small, (3, 3), 0.6, borderType=cv2.BORDER_CONSTANT), dtype=np.float32)
    return soft[:, :, :3], soft[:, :, 3]


def _matched(colour: FloatArray, alpha: FloatArray, below: FloatArray) -> FloatArray:
    """Move the object's mean colour (premultiplied) part of the way to that of the background under it."""
    total = float(alpha.sum()) + 1e-6
    own = colour.sum(axis=(0, 1)) / total + 1
    background = (below * alpha[..., None]).sum(axis=(0, 1)) / total + 1
    gain = np.clip(1 + _MATCH * (background / own - 1), 1 / _MOST_GAIN, _MOST_GAIN)
    return np.asarray(colour * gain, dtype=np.float32)


def _overlap(
    x: int, y: int, w: int, h: int, frame: tuple[int, int, int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """The overlap of a w x h patch at (x, y) with the frame, as slices of the canvas and of the patch."""
    x0, y0, x1, y1 = max(x, frame[0]), max(y, frame[1]), min(x + w, frame[2]), min(y + h, frame[3])
    if x0 >= x1 or y0 >= y1:
        return None
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
