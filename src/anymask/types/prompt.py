"""Prompt: what to segment.

Points are original-image pixels, x right, y down; the centre of the pixel in column i is at i + 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask.errors import PromptError
from anymask.geometry.frame import Frame

__all__ = ["MASK_LOGIT", "MOST_POINTS", "Prompt"]

MASK_LOGIT = 10.0
"""The logit of a pixel inside a boolean mask that is given as a prompt."""
MOST_POINTS = 10_000
"""Maximum number of points in one prompt."""

_HUGE = 1e30  # larger numbers, infinity and NaN are refused

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, eq=False, init=False)
class Prompt:
    """What to segment: any mix of points, a box and a mask; `Prompt()` leaves the choice to the model.

    Lists are converted to arrays. Raises PromptError for invalid values.
    """

    points: Floats
    """(N, 2) float32 xy, original pixels."""
    labels: NDArray[np.int64]
    """(N,): 1 for foreground, 0 for background. All 1 by default."""
    box: Floats | None
    """(4,) float32 xyxy, half-open, original pixels."""
    mask: NDArray[Any] | None
    """(H, W) bool, a mask of the image; or (gh, gw) float32 logits of an earlier prediction."""
    text: str | None
    """What to segment in words: answered by `anymask.find`, or by `predict` of a model trained for text."""

    def __init__(
        self,
        points: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        box: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        text: str | None = None,
    ) -> None:
        """Check the values and convert them to arrays; see the fields for their shapes."""
        read_points = _read_points(points)
        parts = {
            "points": read_points,
            "labels": _read_labels(labels, len(read_points)),
            "box": None if box is None else _read_box(box),
            "mask": None if mask is None else _read_mask(mask),
            "text": None if text is None else _read_text(text),
        }
        if points is not None and not len(read_points) and all(v is None for v in (box, mask, text)):
            raise PromptError("points must hold at least one point, got none. Omit them for an empty prompt.")
        for name, value in parts.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    @classmethod
    def point(cls, x: float, y: float, label: int = 1) -> Prompt:
        """One click at (x, y)."""
        return cls(points=[(x, y)], labels=[label])

    @classmethod
    def named(cls, text: str) -> Prompt:
        """Everything that a phrase names, such as "a red cup"; see `anymask.find`."""
        return cls(text=text)

    @classmethod
    def from_scribbles(
        cls, foreground: ArrayLike, background: ArrayLike | None = None, most: int = 12
    ) -> Prompt:
        """Turn strokes, masks (H, W) bool, into at most `most` foreground and `most` background points.

        The points are pixel centres, chosen by farthest-point sampling that starts at the middle of the
        stroke; it is deterministic. Raises PromptError if the foreground is empty.
        """
        if most < 1:
            raise PromptError(f"most must be at least 1, got {most}. Raise it.")
        front = _read_stroke(foreground, "foreground")
        back = np.zeros_like(front) if background is None else _read_stroke(background, "background")
        if not front.any():
            raise PromptError("foreground must contain a stroke, got an empty mask. Draw on the object.")
        if back.shape != front.shape:
            raise PromptError(
                f"background must have the size of the foreground, {front.shape}, got {back.shape}. "
                "Give both at the image size."
            )
        inside, outside = _spread(front, most), _spread(back, most)
        labels = np.repeat(np.array([1, 0]), [len(inside), len(outside)])
        return cls(points=np.concatenate([inside, outside]), labels=labels)

    @property
    def ambiguous(self) -> bool:
        """Whether this is a single click: exactly one point, no box, no mask, no text."""
        return len(self.points) == 1 and self.box is None and self.mask is None and self.text is None

    def check(self, size_hw: tuple[int, int]) -> None:
        """Raise PromptError unless the prompt fits an image of size (H, W)."""
        h, w = size_hw
        outside = np.flatnonzero(~((self.points >= 0) & (self.points <= (w, h))).all(axis=1))
        if outside.size:
            x, y = self.points[outside[0]]
            raise PromptError(
                f"points must lie in the image, 0 to {w} by 0 to {h}, got ({x:g}, {y:g}). "
                "Give x, y in original pixels."
            )
        if self.box is not None and not ((self.box[:2] < (w, h)).all() and (self.box[2:] > 0).all()):
            raise PromptError(
                f"box must overlap the image, 0 to {w} by 0 to {h}, got {_plain(self.box)}. "
                "Give x0, y0, x1, y1 in original pixels."
            )
        if self.mask is not None and self.mask.dtype == np.bool_ and self.mask.shape != (h, w):
            raise PromptError(
                f"mask must have the image's size {h} x {w} (height x width), got "
                f"{self.mask.shape[0]} x {self.mask.shape[1]}. Resize it to the image."
            )

    def arrays(self, frame: Frame) -> tuple[Floats, NDArray[np.int64], Floats | None]:
        """Input of the prompt encoder: coordinates (K, 2), labels (K,), mask logits `frame.grid_hw` or None.

        Coordinates are model pixels plus half a pixel, except for the padding point. Labels: 0 and 1 for
        points, 2 and 3 for the corners of the box, -1 for the padding point (0, 0) of a prompt with points or
        a text but without a box; K may be 0 (released code, `PromptEncoder`). A boolean mask becomes logits
        from -10 to 10 by the share of each cell that it covers, -10 in the padding.
        Raises PromptError if the prompt does not fit the frame.
        """
        self.check(frame.size_hw)
        coords, labels = frame.to_model_xy(self.points) + np.float32(0.5), self.labels
        if self.box is not None:
            h, w = frame.size_hw
            corners = np.clip(self.box, 0, np.array([w, h, w, h], np.float32))
            coords = np.vstack([coords, frame.to_model_xy(corners) + np.float32(0.5)])
            labels = np.append(labels, [2, 3])
        elif len(coords) or self.text is not None:
            coords, labels = np.vstack([coords, np.zeros((1, 2), np.float32)]), np.append(labels, -1)
        return coords.astype(np.float32), labels.astype(np.int64), self._mask_grid(frame)

    def _mask_grid(self, frame: Frame) -> Floats | None:
        """The mask as logits in the frame's grid."""
        if self.mask is None:
            return None
        if self.mask.dtype == np.bool_:
            return ((2 * frame.mask_to_grid(self.mask) - 1) * MASK_LOGIT).astype(np.float32)
        if self.mask.shape != frame.grid_hw:
            raise PromptError(
                f"mask must be logits of the model's grid {frame.grid_hw}, got shape {self.mask.shape}. "
                "Give the logits that the same model returned for this image, or a boolean mask of the image."
            )
        return cast(Floats, self.mask)


def _plain(numbers: NDArray[Any]) -> str:
    """Numbers in a short form, for messages."""
    return "(" + ", ".join(f"{number:g}" for number in numbers.tolist()) + ")"


def _numbers(value: object, name: str, shape: str) -> NDArray[np.float64]:
    """Convert the argument `name` to finite numbers; raise PromptError for strings, ragged lists, NaN."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise ValueError
        numbers = array.astype(np.float64)
    except (ValueError, TypeError):
        raise PromptError(
            f"{name} must be numbers of shape {shape}, got {_short(value)}. Give pixels."
        ) from None
    if not (np.abs(numbers) < _HUGE).all():
        raise PromptError(f"{name} must be finite numbers, got {_short(value)}. Remove NaN and infinity.")
    return numbers


def _short(value: object) -> str:
    """A value shortened to 60 characters, for messages."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _read_points(value: object) -> Floats:
    """Points (N, 2)."""
    if value is None:
        return np.zeros((0, 2), np.float32)
    points = _numbers(value, "points", "(N, 2)")
    if points.size == 0:
        points = points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise PromptError(f"points must have shape (N, 2), got {points.shape}. Give a list of (x, y).")
    if len(points) > MOST_POINTS:
        raise PromptError(f"points must be at most {MOST_POINTS}, got {len(points)}. Give a mask instead.")
    return points.astype(np.float32)


def _read_labels(value: object, count: int) -> NDArray[np.int64]:
    """Labels (N,) for `count` points."""
    if value is None:
        return np.ones(count, np.int64)
    labels = _numbers(value, "labels", "(N,)")
    if labels.shape != (count,) and not labels.size == count == 0:
        raise PromptError(
            f"labels must be one for each of {count} points, got shape {labels.shape}. Give 0 or 1 for each."
        )
    if not np.isin(labels, (0, 1)).all():
        raise PromptError(
            f"labels must be 1 (the object) or 0 (not the object), got {_short(value)}. Give 0 or 1."
        )
    return labels.astype(np.int64).reshape(count)


def _read_box(value: object) -> Floats:
    """A box (4,) xyxy."""
    box = _numbers(value, "box", "(4,)")
    if box.shape != (4,):
        raise PromptError(
            f"box must be 4 numbers x0, y0, x1, y1, got shape {box.shape}. Give one box per prompt."
        )
    if box[0] >= box[2] or box[1] >= box[3]:
        raise PromptError(
            f"box must have x0 < x1 and y0 < y1, got {_plain(box)}. Give the top left corner first."
        )
    return box.astype(np.float32)


def _read_text(value: object) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise PromptError(f"text must be a non-empty string, got {_short(value)}. Omit it for no text.")
    return value


def _read_mask(value: object) -> NDArray[Any]:
    """A mask (H, W), bool, or logits, float32."""
    try:
        mask = np.asarray(value)
    except ValueError:
        mask = np.asarray("ragged")
    if mask.ndim != 2 or mask.dtype.kind not in "bf" or 0 in mask.shape:
        raise PromptError(
            f"mask must be (H, W) of bool or (h, w) of float logits, got {mask.dtype} of shape {mask.shape}. "
            "Compare it with a number (mask > 0) to get a bool mask."
        )
    if mask.dtype == np.bool_:
        bits = np.ascontiguousarray(mask).view(np.uint8)  # Pillow gives bools that are 255 inside
        return np.asarray(bits != 0)
    if not (np.abs(mask) < _HUGE).all():
        raise PromptError(
            "mask must be finite logits, got NaN or infinity. Give the logits of an earlier prediction."
        )
    return mask.astype(np.float32)


def _read_stroke(value: ArrayLike, name: str) -> NDArray[np.bool_]:
    """Strokes, (H, W) bool."""
    stroke = np.asarray(value)
    if stroke.ndim != 2 or stroke.dtype.kind not in "bui":
        raise PromptError(
            f"{name} must be (H, W) of bool, got {stroke.dtype} of shape {stroke.shape}. "
            "Give a mask of the image size."
        )
    return np.asarray(stroke != 0)


_MOST_CANDIDATES = 20_000  # pixels of a stroke that are considered; more are subsampled evenly


def _spread(stroke: NDArray[np.bool_], most: int) -> Floats:
    """At most `most` pixel centres (N, 2) spread over a stroke by farthest-point sampling."""
    y, x = np.nonzero(stroke)
    places = np.stack([x, y], axis=1).astype(np.float32) + np.float32(0.5)
    places = places[:: max(1, -(-len(places) // _MOST_CANDIDATES))]
    if len(places) <= most:
        return places
    chosen = [int(((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin())]
    distance = np.full(len(places), np.inf, np.float32)
    while len(chosen) < most:
        distance = np.minimum(distance, ((places - places[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(distance.argmax()))
    return cast(Floats, places[chosen])
