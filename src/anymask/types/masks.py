"""Masks: the masks of one image as run lengths, with a score each.

Immutable: the arrays are read-only. Points are original-image pixels, x right, y down; the centre of the
pixel in column i is at i + 0.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask.errors import FormatError
from anymask.files import budget
from anymask.geometry import rle

__all__ = ["Masks"]

Floats: TypeAlias = NDArray[np.float32]


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view of `array`."""
    if not array.flags.writeable:
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def _is_kept(runs: rle.Runs) -> bool:
    """Whether runs are kept as they are: a read-only array of uint32."""
    return type(runs) is np.ndarray and runs.dtype is _UINT32 and not runs.flags.writeable


_UINT32 = np.dtype(np.uint32)


@dataclass(frozen=True, eq=False, init=False)
class Masks:
    """Masks of one image, stored as run-length codes, with a score each."""

    size: tuple[int, int]
    """(H, W) of the image."""
    rles: tuple[rle.Runs, ...]
    """Runs of each mask, see `anymask.geometry.rle`."""
    scores: Floats
    """(N,) predicted IoU; 1 if none was given."""
    stability: Floats | None
    """(N,) IoU between the mask at a slightly lower and at a slightly higher logit threshold."""
    labels: NDArray[np.int64] | None
    """(N,) class numbers."""
    prompt: NDArray[np.int64] | None
    """(N,) index of the prompt that each mask belongs to."""
    logits: Floats | None
    """(N, gh, gw) in the model's grid; can be the mask prompt of the next call."""
    points: Floats | None
    """(N, 2) xy of the grid point that each mask of `automatic` was predicted from."""
    crops: Floats | None
    """(N, 4) xyxy of the crop of the image that each mask of `automatic` was predicted from."""

    def __init__(
        self,
        size: tuple[int, int],
        rles: Iterable[rle.Runs],
        scores: ArrayLike | None = None,
        *,
        stability: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        prompt: ArrayLike | None = None,
        logits: ArrayLike | None = None,
        points: ArrayLike | None = None,
        crops: ArrayLike | None = None,
    ) -> None:
        """Store the fields as read-only arrays; raise FormatError if their lengths differ.

        size: (H, W) of the image.
        rles: runs of each mask, see `anymask.geometry.rle`.
        scores: (N,) predicted IoU; 1 for every mask by default.
        stability, labels, prompt: (N,) each, see the fields.
        logits: (N, gh, gw).
        points: (N, 2) xy, pixels.
        crops: (N, 4) xyxy, pixels.
        """
        runs = tuple([one if _is_kept(one) else _frozen(np.asarray(one, np.uint32)) for one in rles])
        object.__setattr__(self, "size", (int(size[0]), int(size[1])))
        object.__setattr__(self, "rles", runs)
        values = {"stability": stability, "labels": labels, "prompt": prompt, "logits": logits}
        values |= {"points": points, "crops": crops}
        values["scores"] = np.ones(len(runs), np.float32) if scores is None else scores
        for name, value in values.items():
            array = None if value is None else _frozen(np.asarray(value, _KINDS[name]))
            if array is not None and array.shape[:1] != (len(runs),):
                raise FormatError(
                    f"{name} must have one entry for each of {len(runs)} masks, got shape {array.shape}. "
                    "Give one entry per mask."
                )
            object.__setattr__(self, name, array)

    @classmethod
    def from_dense(cls, masks: ArrayLike, scores: ArrayLike | None = None, **fields: ArrayLike) -> Masks:
        """Encode masks (N, H, W), bool or numbers (non-zero is inside); `fields` as in the constructor."""
        dense = np.asarray(masks)
        if dense.ndim != 3:
            raise FormatError(
                f"masks must have shape (N, H, W), got {dense.shape}. Add an axis for a single mask."
            )
        return cls((dense.shape[1], dense.shape[2]), [rle.encode(mask) for mask in dense], scores, **fields)

    def __len__(self) -> int:
        """The number of masks."""
        return len(self.rles)

    def __iter__(self) -> Iterator[Masks]:
        """Masks of length 1, in order."""
        return (self[i] for i in range(len(self)))

    def __getitem__(self, which: int | slice | ArrayLike) -> Masks:
        """Select masks by index, slice, index array or bool array; always `Masks`. Raises IndexError."""
        chosen = np.arange(len(self))[_as_index(which)].reshape(-1)
        return Masks(self.size, [self.rles[i] for i in chosen], **_joined([self], chosen))

    def __repr__(self) -> str:
        """A short description."""
        extra = "".join(f", {name}" for name in list(_KINDS)[1:] if getattr(self, name) is not None)
        return f"Masks({len(self)} of {self.size[0]} x {self.size[1]}{extra})"

    @classmethod
    def concat(cls, parts: Sequence[Masks]) -> Masks:
        """Concatenate masks of one image. An optional field is kept if every part has it."""
        if not parts:
            raise FormatError(
                "parts must hold at least one Masks, got none. Create an empty one with Masks(size, ())."
            )
        sizes = {part.size for part in parts}
        if len(sizes) > 1:
            raise FormatError(
                f"parts must be masks of one size, got {sorted(sizes)}. Concatenate masks of one image only."
            )
        return cls(parts[0].size, [runs for part in parts for runs in part.rles], **_joined(parts))

    def with_runs(self, rles: Iterable[rle.Runs]) -> Masks:
        """The same scores and other fields with replaced masks, one for each."""
        return Masks(self.size, rles, **_joined([self]))

    def with_scores(self, scores: ArrayLike) -> Masks:
        """The same masks and other fields with replaced scores, one for each."""
        return Masks(self.size, self.rles, **{**_joined([self]), "scores": np.asarray(scores, np.float32)})

    @property
    def quality(self) -> Floats:
        """(N,) the score times the stability if known; ranks the hypotheses of a prompt."""
        return self.scores if self.stability is None else self.scores * self.stability

    def dense(self) -> NDArray[np.bool_]:
        """Decode to (N, H, W) bool. Raises FormatError for a mask beyond the budget."""
        budget.check("mask", "pixels", self.size[0] * self.size[1])
        out = np.zeros((len(self), *self.size), np.bool_)
        for i, runs in enumerate(self.rles):
            rle.decode(runs, self.size, out[i])
        return out

    @property
    def boxes(self) -> Floats:
        """Tight half-open boxes (N, 4) xyxy float32; zeros for an empty mask."""
        return np.array([rle.box(runs, self.size) for runs in self.rles], np.float32).reshape(-1, 4)

    @property
    def areas(self) -> NDArray[np.int64]:
        """(N,) number of pixels of each mask."""
        return rle.areas(self.rles)


_KINDS: dict[str, Any] = {
    "scores": np.float32,
    "stability": np.float32,
    "labels": np.int64,
    "prompt": np.int64,
    "logits": np.float32,
    "points": np.float32,
    "crops": np.float32,
}


def _joined(parts: Sequence[Masks], which: NDArray[np.int64] | None = None) -> dict[str, NDArray[Any]]:
    """The fields other than the runs, concatenated over the parts or of the masks `which` of a single part.

    Fields that a part does not have are left out.
    """
    columns = {name: [getattr(part, name) for part in parts] for name in _KINDS}
    whole = {name: values for name, values in columns.items() if all(value is not None for value in values)}
    if which is not None:
        return {name: values[0][which] for name, values in whole.items()}
    return {name: np.concatenate(values) for name, values in whole.items()}


def _as_index(which: object) -> int | slice | NDArray[Any]:
    """An index that NumPy accepts; an empty list becomes an integer array instead of a float one."""
    if isinstance(which, slice):
        return which
    if isinstance(which, (int, np.integer)):
        return int(which)
    array = np.asarray(which)
    return array.astype(np.int64) if array.size == 0 and array.dtype != np.bool_ else array
