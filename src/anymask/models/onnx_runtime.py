"""The shipped models by onnxruntime, without PyTorch: `protocol.Promptable` and `protocol.InContext`.

The graphs lie beside the weights and point into their file; `python -m anymask.onnx_export.shipped` makes
them. Shape letters as in `anymask.models.protocol`; M masks of each prompt, U distinct prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError, WeightsError
from anymask.files import sha256_of
from anymask.models import onnx_session
from anymask.models.checkpoints.hub import CARDS, SHIPPED
from anymask.models.config import DetectorConfig, FeaturePainterConfig, SamConfig
from anymask.models.onnx_session import Arrays, Session
from anymask.models.protocol import Array, Encoded, Floats, Pixels, PromptBatch, slices

__all__ = [
    "DECODER",
    "ENCODER",
    "FINGERPRINT",
    "WEIGHTS",
    "OnnxDetector",
    "OnnxPainter",
    "OnnxSam",
    "graph_file",
    "open_detector",
    "open_graphs",
    "open_model",
]

ENCODER, DECODER = "encoder", "decoder"
"""The parts of a promptable model that the page runs; it runs the decoder in one step."""
WEIGHTS, FINGERPRINT = "weights", "fingerprint"
"""Keys of the graphs' metadata: the sha256 of the file that they point into, and `Promptable.fingerprint`.
That of a detector's encoder is under ENCODER."""
LOGITS = 4
"""Logit cells per side of a feature cell."""
TOGETHER = 8
"""Prompts per call of the decoder."""


class OnnxSam:
    """A promptable model: three graphs, of the encoder and of the two steps of the decoder."""

    training = False

    def __init__(self, name: str, folder: Path = SHIPPED, threads: int | None = None) -> None:
        config = CARDS[name].config
        assert isinstance(config, SamConfig)
        self.config: SamConfig = config
        parts = open_graphs(name, (ENCODER, "tokens", "masks"), folder, threads)
        self._encoder, self._tokens, self._masks = parts
        self.fingerprint = self._encoder.metadata[FINGERPRINT]

    def encode_images(self, images: Sequence[Pixels], padded_hw: tuple[int, int]) -> list[Encoded]:
        """As `Promptable.encode_images`; the graph pads."""
        found = [self._encoder({"image": image}) for image in images]
        return [(one["features"], (one["skip_0"], one["skip_1"])) for one in found]

    def decode_prompts(self, encoded: Sequence[Encoded], prompts: PromptBatch) -> OnnxPrompts:
        """As `Promptable.decode_prompts`; the prompts of each image apart, a few at once."""
        parts = []
        for image, one in enumerate(encoded):
            rows = np.flatnonzero(prompts.index_N == image)
            parts += [self._decode(one, prompts, rows[some]) for some in slices(len(rows), TOGETHER)]
        return OnnxPrompts(self._masks, parts, len(prompts.index_N))

    def _decode(self, encoded: Encoded, prompts: PromptBatch, rows: NDArray[np.intp]) -> _Part:
        """Decode the prompts `rows`, all on one image."""
        features, skips = encoded
        points, labels = prompts.coords_NK2[rows], prompts.labels_NK[rows]
        if not labels.shape[1]:  # the graph takes at least one point, and leaves out padding of no points
            points, labels = np.zeros((len(rows), 1, 2), np.float32), np.full((len(rows), 1), -1, np.int64)
        height, width = features.shape[2:]
        if prompts.masks_N1HW is None:
            mask = np.zeros((len(rows), 1, LOGITS * height, LOGITS * width), np.float32)
            has_mask = np.zeros(len(rows), np.bool_)
        else:
            assert prompts.has_mask_N is not None, "given with the masks"
            mask, has_mask = prompts.masks_N1HW[rows], prompts.has_mask_N[rows]
        given = {"features": features, "points": points, "labels": labels, "mask": mask, "has_mask": has_mask}
        found = self._tokens(given)
        return _Part(rows, points, labels, skips, max(height, width), **found)


@dataclass(frozen=True)
class _Part:
    """Some decoded prompts on one image."""

    rows: NDArray[np.intp]
    points: Floats
    labels: NDArray[np.int64]
    skips: tuple[Floats, ...]
    side: int
    """The longest side of the feature grid."""
    iou: Floats
    """(N, 4)."""
    kernels: Floats
    """(N, 4, c)."""
    image: Floats
    """(N, h, w, C)."""

    def feed(self, which: NDArray[np.intp] | slice, outputs: Any, cells_hw: tuple[int, int]) -> Arrays:
        """The input of the second graph for some prompts, outputs and cells."""
        h, w = (-(-cells // LOGITS) for cells in cells_hw)
        skips = zip(self.skips, (LOGITS, LOGITS // 2), strict=True)
        cropped = {f"skip_{i}": skip[:, :, : n * h, : n * w] for i, (skip, n) in enumerate(skips)}
        return {
            "kernels": self.kernels[which][:, outputs],
            "image": self.image[which, :h, :w],
            "points": self.points[which],
            "labels": self.labels[which],
            "side": np.array(self.side),
            **cropped,
        }


class OnnxPrompts:
    """Prompts decoded by an `OnnxSam`."""

    def __init__(self, masks: Session, parts: Sequence[_Part], count: int) -> None:
        """masks: the second graph. count: the number of prompts of all parts."""
        self._masks, self._parts = masks, parts
        self.scores: Floats = np.zeros((count, 4), np.float32)
        for part in parts:
            self.scores[part.rows] = part.iou

    def logits(self, outputs: slice, cells_hw: tuple[int, int]) -> Floats:
        """As `DecodedPrompts.logits`."""
        found = [self._masks(part.feed(slice(None), outputs, cells_hw))["logits"] for part in self._parts]
        if len(found) == 1:
            return found[0]
        order = np.argsort(np.concatenate([part.rows for part in self._parts]))
        return np.asarray(np.concatenate(found)[order])

    def logits_of(
        self, rows_R: NDArray[np.intp], outputs_R: NDArray[np.intp], cells_hw: tuple[int, int]
    ) -> Floats:
        """As `DecodedPrompts.logits_of`; every prompt is upscaled once."""
        height, width = (-(-cells // LOGITS) * LOGITS for cells in cells_hw)
        out_Rhw = np.empty((len(rows_R), height, width), np.float32)
        for part in self._parts:
            mine = np.flatnonzero(np.isin(rows_R, part.rows))
            if len(mine):
                prompts_U, place = np.unique(rows_R[mine], return_inverse=True)
                outputs, output = np.unique(outputs_R[mine], return_inverse=True)
                feed = part.feed(np.searchsorted(part.rows, prompts_U), outputs, cells_hw)
                out_Rhw[mine] = self._masks(feed)["logits"][place, output]
        return out_Rhw


class OnnxPainter:
    """An in-context model: one graph."""

    training = False

    def __init__(self, name: str, folder: Path = SHIPPED) -> None:
        config = CARDS[name].config
        assert isinstance(config, FeaturePainterConfig)
        self.config: FeaturePainterConfig = config
        (self._painter,) = open_graphs(name, ("painter",), folder)
        self.fingerprint = self._painter.metadata[FINGERPRINT]

    def paint(
        self, examples_N3PP: Floats, targets_N3PP: Floats, query_3PP: Floats, *, instance: bool
    ) -> Floats:
        """As `InContext.paint`; it has no type tokens."""
        given = {"examples": examples_N3PP, "targets": targets_N3PP, "query": query_3PP}
        painted: Floats = self._painter(given)["painted"]
        return painted


class OnnxDetector:
    """An object detector: one graph."""

    def __init__(self, name: str, folder: Path = SHIPPED) -> None:
        (self._detector,) = open_graphs(name, ("detector",), folder)
        self.encoder = self._detector.metadata[ENCODER]

    def detect(self, encoded: Encoded) -> tuple[Floats, Floats]:
        """As `ObjectDetector.detect`; the features may be tensors."""
        features, skips = encoded
        found = self._detector({"features": _floats(features), "skip": _floats(skips[1])})
        return found["scores"], found["boxes"]


def _floats(array: Array) -> Floats:
    if isinstance(array, np.ndarray):
        return np.asarray(array, np.float32)
    out: Floats = array.detach().float().cpu().numpy()
    return out


def open_model(name: str) -> OnnxSam | OnnxPainter:
    """A shipped model by its name. Raises WeightsError for files that are missing or do not fit."""
    config = CARDS[name].config
    if isinstance(config, DetectorConfig):
        raise InputError(f"model must give masks, got {name}, which finds boxes. Use compact.")
    return OnnxSam(name) if isinstance(config, SamConfig) else OnnxPainter(name)


def open_detector(name: str) -> OnnxDetector:
    """A shipped detector by its name. Raises as `open_model`."""
    if not isinstance(CARDS[name].config, DetectorConfig):
        raise InputError(f"detector must be one of objects, got {name}. Use object.")
    return OnnxDetector(name)


def graph_file(name: str, part: str, folder: Path = SHIPPED) -> Path:
    """The graph of a part of a shipped model."""
    return folder / f"{name}-{part}.onnx"


def open_graphs(
    name: str, parts: Sequence[str], folder: Path = SHIPPED, threads: int | None = None
) -> list[Session]:
    """The graphs of a model, which must have been made from the weights that they point into.

    `threads`: by default `onnx_session.threads()`. Raises WeightsError for files that are missing or do not
    fit.
    """
    weights = folder / CARDS[name].file
    graphs = [graph_file(name, part, folder) for part in parts]
    for file in (weights, *graphs):
        if not file.is_file():
            raise WeightsError(f"'{name}' must be in the package, got no file {file}. Install anymask again.")
    found = sha256_of(weights)
    count = threads or onnx_session.threads()
    sessions = [Session(graph, count) for graph in graphs]
    for graph, session in zip(graphs, sessions, strict=True):
        if session.metadata.get(WEIGHTS) != found:
            raise WeightsError(
                f"{graph} must have been made from {weights.name}, got one of other weights. "
                "Install anymask again."
            )
    return sessions
