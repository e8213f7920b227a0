"""Candidates: all masks of an image before filtering, kept so that filters can be changed later."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError, InputError
from anymask.files import read_tensors, write_atomic
from anymask.inference.mask_generation.config import Resize
from anymask.types import Masks

__all__ = ["Candidates"]

_FORMAT = "anymask-candidates-3"
_KINDS = {
    "runs": np.uint32,
    "counts": np.int64,
    "scores": np.float32,
    "stability": np.float32,
    "points": np.float32,
    "crops": np.float32,
    "boxes": np.float32,
    "areas": np.int64,
    "inside": np.float32,
}


@dataclass(frozen=True, eq=False)
class Candidates:
    """All masks of an image above the floors of a configuration, before any other filter."""

    masks: Masks
    """With scores (predicted IoU), stability, points and crops; in the order of crops and points."""
    boxes: NDArray[np.float32]
    """(N, 4) xyxy half-open: `masks.boxes`, computed once."""
    areas: NDArray[np.int64]
    """(N,) number of pixels of each mask."""
    inside: NDArray[np.float32]
    """(N,) share of each mask inside the region of interest; 1 without one."""
    thresholds: tuple[float, float]
    """Minimum predicted IoU and stability for filters whose thresholds are None."""
    floors: tuple[float, float]
    """Predicted IoU and stability below which no mask was kept."""
    resize: Resize
    """How logits were resized to the image size, see `AutoConfig`."""
    refine: bool
    """Whether they were refined, see `AutoConfig`."""
    asked: int
    """Number of masks predicted: three for each point."""
    model: str
    """The fingerprint of the model that made them."""

    def __len__(self) -> int:
        """The number of candidates."""
        return len(self.masks)

    def __repr__(self) -> str:
        """A short description."""
        h, w = self.masks.size
        return f"Candidates({len(self)} of {self.asked} for an image of {h} x {w})"

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write to a safetensors file. Raises OutputError as `files.write_atomic` does."""
        from safetensors.numpy import save

        masks = self.masks
        columns = {name: getattr(masks, name) for name in ("scores", "stability", "points", "crops")}
        columns |= {"boxes": self.boxes, "areas": self.areas, "inside": self.inside}
        columns["runs"] = np.concatenate([np.zeros(0, np.uint32), *masks.rles])
        columns["counts"] = np.array([runs.size for runs in masks.rles], np.int64)
        tensors = {name: np.ascontiguousarray(columns[name], kind) for name, kind in _KINDS.items()}
        facts = {
            "size": masks.size,
            "thresholds": self.thresholds,
            "floors": self.floors,
            "resize": self.resize,
            "refine": self.refine,
            "asked": self.asked,
        }
        meta = {"format": _FORMAT, "model": self.model, "facts": json.dumps(facts)}
        write_atomic(path, save(tensors, {**meta, "checksum": _checksum(tensors, meta)}), force=force)

    @classmethod
    def load(cls, path: str | os.PathLike[str], model: str | None = None) -> Candidates:
        """Read a file of `save`; with the fingerprint of a model, only one of that model.

        Raises FormatError for another or a corrupt file, InputError for candidates of another model.
        """
        tensors, meta = _read(Path(path))
        if model is not None and meta["model"] != model:
            raise InputError(
                f"candidates must be made by this model ({model}), got a file made by {meta['model']}. "
                "Compute them again."
            )
        facts = json.loads(meta["facts"])
        runs = np.split(tensors["runs"], np.cumsum(tensors["counts"])[:-1]) if len(tensors["counts"]) else []
        extra = {name: tensors[name] for name in ("stability", "points", "crops")}
        return cls(
            Masks(facts["size"], runs, tensors["scores"], **extra),
            boxes=tensors["boxes"],
            areas=tensors["areas"],
            inside=tensors["inside"],
            thresholds=tuple(facts["thresholds"]),
            floors=tuple(facts["floors"]),
            resize=facts["resize"],
            refine=facts["refine"],
            asked=facts["asked"],
            model=meta["model"],
        )


def _read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The arrays and the metadata of a file with a valid checksum."""
    tensors, meta = read_tensors(
        path, _FORMAT, what="candidates", writer="Candidates.save", advice="Compute them again."
    )
    if tensors.keys() != _KINDS.keys() or meta.get("checksum") != _checksum(tensors, meta):
        raise FormatError(
            f"candidates must match their checksum, got a corrupt file {path}. Compute them again."
        )
    return tensors, meta


def _checksum(tensors: Mapping[str, NDArray[Any]], meta: Mapping[str, str]) -> str:
    value = zlib.crc32(f"{meta['format']} {meta['model']} {meta['facts']}".encode())
    for name in _KINDS:
        value = zlib.crc32(tensors[name].tobytes(), value)
    return f"{value:08x}"
