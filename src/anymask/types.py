"""The values that cross the borders of the package: Prompt, Masks, Embedding, Record.

All are immutable: their arrays cannot be written to, and nothing is computed behind their back.
Points are original-image pixels, x right, y down; the centre of the pixel in column i is at i + 0.5.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask.errors import FormatError
from anymask.files import read_tensors, write_atomic
from anymask.geometry import rle
from anymask.geometry.frame import Frame
from anymask.images.read import read_image
from anymask.prompt import MASK_LOGIT, MOST_POINTS, Prompt

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MASK_LOGIT", "MOST_POINTS", "PER_MASK", "Embedding", "Masks", "Prompt", "Record", "Source"]

Floats: TypeAlias = NDArray[np.float32]
Source: TypeAlias = Literal["human", "auto", "import"]


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A view of `array` that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False, init=False)
class Masks:
    """Masks of one image, kept as run-length codes, with a score each."""

    size: tuple[int, int]
    """(H, W) of the image."""
    rles: tuple[rle.Runs, ...]
    """Runs of each mask, see `anymask.geometry.rle`."""
    scores: Floats
    """(N,) predicted IoU; 1 where nobody gave one."""
    stability: Floats | None
    """(N,) IoU between the mask cut a little lower and a little higher."""
    labels: NDArray[np.int64] | None
    """(N,) class numbers."""
    prompt: NDArray[np.int64] | None
    """(N,) index of the prompt that each mask answers."""
    logits: Floats | None
    """(N, gh, gw) in the model's grid; a mask prompt for the next call."""
    points: Floats | None
    """(N, 2) xy of the click that each mask answers, where `automatic` chose it."""
    crops: Floats | None
    """(N, 4) xyxy of the part of the image that the model looked at."""

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
        """Take the parts as read-only arrays; raise FormatError where their lengths differ."""
        runs = tuple(_frozen(np.asarray(one, np.uint32)) for one in rles)
        object.__setattr__(self, "size", (int(size[0]), int(size[1])))
        object.__setattr__(self, "rles", runs)
        values = {"stability": stability, "labels": labels, "prompt": prompt, "logits": logits}
        values |= {"points": points, "crops": crops}
        values["scores"] = np.ones(len(runs)) if scores is None else scores
        for name, value in values.items():
            array = None if value is None else _frozen(np.asarray(value, _KINDS[name]))
            if array is not None and array.shape[:1] != (len(runs),):
                raise FormatError(
                    f"{name} must have one entry for each of {len(runs)} masks, got shape {array.shape}. "
                    "Give as many."
                )
            object.__setattr__(self, name, array)

    @classmethod
    def from_dense(cls, masks: ArrayLike, scores: ArrayLike | None = None, **fields: ArrayLike) -> Masks:
        """Encode masks (N, H, W), bool or numbers (non-zero is inside); `fields` are those of the class."""
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
        """Pick masks by number, slice, array of numbers or of bool: always `Masks`. IndexError outside."""
        chosen = np.arange(len(self))[_as_index(which)].reshape(-1)
        return Masks(self.size, [self.rles[i] for i in chosen], **_joined([self], chosen))

    def __repr__(self) -> str:
        """A short description."""
        extra = "".join(f", {name}" for name in list(_KINDS)[1:] if getattr(self, name) is not None)
        return f"Masks({len(self)} of {self.size[0]} x {self.size[1]}{extra})"

    @classmethod
    def concat(cls, parts: Sequence[Masks]) -> Masks:
        """Join masks of one image. An optional field is kept where every part has it."""
        if not parts:
            raise FormatError(
                "parts must hold at least one Masks, got none. Make an empty Masks(size, ()) yourself."
            )
        sizes = {part.size for part in parts}
        if len(sizes) > 1:
            raise FormatError(
                f"parts must be masks of one size, got {sorted(sizes)}. Join masks of one image."
            )
        return cls(parts[0].size, [runs for part in parts for runs in part.rles], **_joined(parts))

    def with_runs(self, rles: Iterable[rle.Runs]) -> Masks:
        """The same fields with other masks, one for each."""
        return Masks(self.size, rles, **_joined([self]))

    @property
    def quality(self) -> Floats:
        """What ranks hypotheses, (N,): the score times the stability where that is known."""
        return self.scores if self.stability is None else self.scores * self.stability

    def dense(self) -> NDArray[np.bool_]:
        """Decode to (N, H, W) bool."""
        out = np.zeros((len(self), *self.size), np.bool_)
        for i, runs in enumerate(self.rles):
            out[i] = rle.decode(runs, self.size)
        return out

    @property
    def boxes(self) -> Floats:
        """Tight half-open boxes (N, 4) xyxy float32; zeros for an empty mask."""
        return np.array([rle.box(runs, self.size) for runs in self.rles], np.float32).reshape(-1, 4)

    @property
    def areas(self) -> NDArray[np.int64]:
        """Pixels inside, (N,)."""
        return np.array([rle.area(runs) for runs in self.rles], np.int64)


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
    """The fields beside the runs, of all parts in a row or of those chosen; without those a part lacks."""
    columns = {name: [getattr(part, name) for part in parts] for name in _KINDS}
    whole = {name: values for name, values in columns.items() if all(value is not None for value in values)}
    if which is not None:
        return {name: values[0][which] for name, values in whole.items()}
    return {name: np.concatenate(values) for name, values in whole.items()}


def _as_index(which: object) -> int | slice | NDArray[Any]:
    """What NumPy takes as an index: an empty list is no float array."""
    if isinstance(which, slice):
        return which
    if isinstance(which, (int, np.integer)):
        return int(which)
    array = np.asarray(which)
    return array.astype(np.int64) if array.size == 0 and array.dtype != np.bool_ else array


_EMBEDDING_FORMAT = "anymask-embedding-1"


@dataclass(frozen=True, eq=False)
class Embedding:
    """An image as a model sees it: made once, prompted many times, kept on disk at will."""

    features: Tensor
    """(1, C, h, w) from the image encoder."""
    skips: tuple[Tensor, ...]
    """Finer features (1, c, h', w') for the upscaling; empty for SAM."""
    frame: Frame
    """How the image lies in the model's input."""
    model: str
    """The fingerprint of the model that made it; no other can use it."""
    picture: NDArray[np.uint8] | None = None
    """The image itself, (H, W, 3) RGB, for second looks (`anymask.zoom`). It is not saved."""

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write to a safetensors file in float16. Raises OutputError as `files.write_atomic` does."""
        write_atomic(path, self.to_bytes(), force=force)

    def to_bytes(self) -> bytes:
        """What `save` writes: features, skip0, skip1, ... in float16."""
        from safetensors.torch import save

        tensors = {"features": self.features, **{f"skip{i}": skip for i, skip in enumerate(self.skips)}}
        meta = {
            "format": _EMBEDDING_FORMAT,
            "model": self.model,
            "frame": json.dumps(_frame_sizes(self.frame)),
        }
        small = {name: tensor.detach().cpu().half().contiguous() for name, tensor in tensors.items()}
        return bytes(save(small, meta))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embedding:
        """Read a file of `save`, as float32 on the CPU, without its picture.

        `dataclasses.replace(embedding, picture=image)` gives it back. Raises FormatError for another file.
        """
        words = {"what": "embedding", "writer": "Embedding.save", "advice": "Embed again."}
        read, meta = read_tensors(path, _EMBEDDING_FORMAT, **words, framework="pt")
        tensors = {  # laid out as the encoders do it, so that no decoder has to
            name: tensor.float().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
            for name, tensor in read.items()
        }
        frame = Frame(*(tuple(sizes) for sizes in json.loads(meta["frame"])))
        skips = tuple(tensors[f"skip{i}"] for i in range(len(tensors) - 1))
        return cls(tensors["features"], skips, frame, meta["model"])


def _frame_sizes(frame: Frame) -> list[tuple[int, int]]:
    """A frame as its three sizes, in the order of its fields."""
    return [frame.size_hw, frame.scaled_hw, frame.padded_hw]


PER_MASK = ("ids", "categories", "kinds", "parents", "crop_boxes", "point_coords")
"""Notes in `Record.meta` that hold an entry for each mask."""


@dataclass(frozen=True, eq=False)
class Record:
    """An image with its masks, as data sets and annotation files hold them."""

    id: str
    """A name that is unique in its set."""
    image: NDArray[np.uint8] | Path
    """(H, W, 3) uint8 RGB, or the file that is read when asked for."""
    masks: Masks
    """The annotated masks, of the image's size."""
    source: Source = "import"
    """Who made the masks."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else is known; the lists of `PER_MASK` hold an entry for each mask, "dataset" one for all."""
    ignore: rle.Runs | None = None
    """Runs of the pixels that nobody labelled; they count in no loss and no score."""

    def __repr__(self) -> str:
        """A short description."""
        return f"Record({self.id!r}, {self.masks!r}, source={self.source!r})"

    def read(self) -> NDArray[np.uint8]:
        """The image (H, W, 3) uint8 RGB. Raises ImageError where the file cannot be read."""
        return read_image(self.image) if isinstance(self.image, Path) else self.image

    def with_masks(self, masks: Masks, **meta: object) -> Record:
        """The same image with other masks; the notes on single masks go unless given anew."""
        kept = {k: v for k, v in self.meta.items() if k not in PER_MASK}
        return replace(self, masks=masks, meta={**kept, **meta})
