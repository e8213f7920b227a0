"""Edges compared with annotated edges: ODS, OIS, AP and R50 (BSDS500; SAM, section 7.2).

Protocol, for each image: edges of the model, 0 to 1 in 256 steps, are thinned at each of 99 thresholds and
matched with the edges of each annotator within 0.0075 of the image diagonal, at the least total distance.
- precision: share of the model's pixels that match any annotator's; recall: share of all annotators' pixels
  that are matched. Both are computed from sums over images; F is their harmonic mean.
- "ods": the best F with one threshold for all images, on the precision-recall curve interpolated between
  thresholds, as in the benchmark; "ois": with the best threshold for each image; "ap": the mean precision at
  the recalls 0, 0.01, .. 1; "r50": the recall at a precision of 0.5.
Intervals are bootstraps over images. The baseline, a thinned Sobel gradient, needs no weights and checks the
measure.
Source of the rules: the benchmark of BSDS500 (Arbelaez et al., 2011), `boundaryPR` and `collect_eval_bdry`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError, InputError
from anymask.evaluate.edge_matching import correspond, skeleton
from anymask.evaluate.mat_files import read_mat
from anymask.evaluate.metrics import Interval, interval
from anymask.evaluate.report import Report, SetResult, machine, model_hash
from anymask.files.reports.provenance import commit
from anymask.images.read import read_image
from anymask.inference.mask_generation.edges import EdgeConfig, edges, thin
from anymask.models.sam import Sam

__all__ = ["PUBLISHED", "AnnotatedEdges", "EdgeFolder", "EdgesConfig", "counts", "figures", "run"]

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]

PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "SAM ViT-H, BSDS500 test": {"ods": 0.768, "ois": 0.786, "ap": 0.794, "r50": 0.928},
    "HED, BSDS500 test": {"ods": 0.788, "ois": 0.808, "ap": 0.840, "r50": 0.923},
    "Canny, BSDS500 test": {"ods": 0.600, "ois": 0.640, "ap": 0.580},
    "Sobel, BSDS500 test": {"ods": 0.539},
}
"""Figures of the papers (SAM, table 3)."""
_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class EdgesConfig:
    """Settings of `run`. Raises InputError for invalid values."""

    points_per_side: int = 16
    """Number of grid points along each side, see `anymask.edges`."""
    thresholds: int = 99
    """Number of thresholds, evenly spaced between 0 and 1."""
    reach: float = 0.0075
    """Maximum distance of matched pixels, as a share of the image diagonal."""
    most_images: int | None = None
    """Maximum number of images, the first by name; None for all."""
    seed: int = 0
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        """Check the values."""
        if self.thresholds < 1:
            raise InputError(f"thresholds must be 1 or more, got {self.thresholds}. The benchmark has 99.")
        if not 0 < self.reach < 0.1:
            raise InputError(f"reach must be above 0 and below 0.1, got {self.reach}. Use 0.0075.")


@dataclass(frozen=True)
class AnnotatedEdges:
    """An image with its annotated edges."""

    name: str
    image: NDArray[np.uint8]
    annotated: tuple[Mask, ...]
    """An edge map (H, W) for each annotator."""


class EdgeFolder:
    """A folder in the layout of BSDS500: `images/<split>/<id>.jpg` and `groundTruth/<split>/<id>.mat`."""

    def __init__(self, path: str | Path, split: str = "test") -> None:
        """Raises InputError if no image of the split has edges."""
        root = Path(path)
        root = root / "data" if (root / "data" / "images").is_dir() else root
        self.name = Path(path).name
        truths = {file.stem: file for file in sorted((root / "groundTruth" / split).glob("*.mat"))}
        images = (file for file in sorted((root / "images" / split).glob("*")) if file.suffix in _SUFFIXES)
        self.pairs = [(file, truths[file.stem]) for file in images if file.stem in truths]
        if not self.pairs:
            raise InputError(
                f"data must hold images/{split}/*.jpg with groundTruth/{split}/*.mat, got none in {path}. "
                "Give the folder of BSDS500, or another --split."
            )

    def __len__(self) -> int:
        """The number of images."""
        return len(self.pairs)

    def __getitem__(self, index: int) -> AnnotatedEdges:
        """Read an image. Raises ImageError, FormatError and MissingExtraError."""
        image, truth = self.pairs[index]
        pixels, annotated = read_image(image), read_annotated(truth)
        for one in annotated:
            if one.shape != pixels.shape[:2]:
                raise FormatError(
                    f"Boundaries of {truth} must have the size {pixels.shape[:2]} of {image.name}, got "
                    f"{one.shape}. Download the data set again."
                )
        return AnnotatedEdges(image.stem, pixels, annotated)

    def __iter__(self) -> Iterator[AnnotatedEdges]:
        """The images, read one by one. Raises as reading one does."""
        return (self[index] for index in range(len(self)))


def read_annotated(path: Path) -> tuple[Mask, ...]:
    """The edge maps of a MATLAB file: the field "Boundaries" of each structure in the cell "groundTruth".

    Raises FormatError for another file and for one without an annotator.
    """
    cells = read_mat(path, "groundTruth").reshape(-1)
    if not cells.size:
        raise FormatError(
            f"groundTruth must hold Boundaries of each annotator, got none at {path}. Get the data set again."
        )
    try:
        return tuple(np.asarray(cell["Boundaries"][0, 0]) != 0 for cell in cells)
    except (ValueError, IndexError, TypeError) as error:
        raise FormatError(
            f"groundTruth must hold Boundaries of each annotator, got another file at {path}. "
            "Download the data set again."
        ) from error


def counts(strength: NDArray[np.float32], annotated: Sequence[Mask], config: EdgesConfig) -> Floats:
    """(T, 4) pixel counts per threshold: matched and all of the annotators, matched and all of the model.

    `strength` (H, W), 0 to 1, is rounded to 256 levels, as the benchmark reads it from 8-bit PNG.
    """
    levels = np.rint(255 * np.asarray(strength, np.float64)) / 255
    reach, step = config.reach * float(np.hypot(*strength.shape)), 1 / (config.thresholds + 1)
    rows = []
    for threshold in np.linspace(step, 1 - step, config.thresholds):
        predicted, matched = skeleton(levels >= threshold), np.zeros(strength.shape, np.bool_)
        recalled = 0
        for truth in annotated:
            found, covered = correspond(predicted, truth, reach)
            matched |= found
            recalled += int(np.count_nonzero(covered))
        total = sum(np.count_nonzero(truth) for truth in annotated)
        rows.append((recalled, total, np.count_nonzero(matched), np.count_nonzero(predicted)))
    return np.array(rows, np.float64)


def figures(counts_IT4: Floats, weights_I: Floats | None = None) -> dict[str, float]:
    """The figures of I images, from their `counts`; an image counts as often as its weight says."""
    weights = np.ones(len(counts_IT4)) if weights_I is None else weights_I
    recall_T, precision_T, _ = _curve(np.tensordot(weights, counts_IT4, 1))
    _, _, f_IT = _curve(counts_IT4)
    best_I4 = counts_IT4[np.arange(len(counts_IT4)), f_IT.argmax(axis=1)]
    return {
        "ods": _best_f(recall_T, precision_T),
        "ois": float(_curve(weights @ best_I4)[2]),
        "ap": _mean_precision(recall_T, precision_T),
        "r50": _recall_at_half(recall_T, precision_T),
    }


def _curve(counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Recall, precision and F of counts (..., 4); without any pixel they are 0."""
    recalled, annotated, matched, predicted = np.moveaxis(counts, -1, 0)
    recall, precision = recalled / np.maximum(annotated, 1), matched / np.maximum(predicted, 1)
    return recall, precision, 2 * recall * precision / np.maximum(recall + precision, 1e-9)


def _best_f(recall_T: Floats, precision_T: Floats) -> float:
    """The best F on the curve, with 98 points interpolated between two thresholds (`maxF`)."""
    places = np.arange(len(recall_T))
    fine = np.linspace(0, len(recall_T) - 1, 99 * (len(recall_T) - 1) + 1)
    recall, precision = (np.interp(fine, places, values) for values in (recall_T, precision_T))
    return float((2 * recall * precision / np.maximum(recall + precision, 1e-9)).max())


def _mean_precision(recall_T: Floats, precision_T: Floats) -> float:
    """The area under the curve: precision interpolated between recalls, 0 beyond them."""
    recall, first = np.unique(recall_T, return_index=True)
    wanted = np.linspace(0, 1, 101)
    return float(np.interp(wanted, recall, precision_T[first], left=0.0, right=0.0).sum() * 0.01)


def _recall_at_half(recall_T: Floats, precision_T: Floats) -> float:
    precision, first = np.unique(precision_T, return_index=True)
    return float(np.interp(max(0.5, precision[0]), precision, recall_T[first]))


def sobel(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Baseline without a model: the thinned Sobel gradient of the smoothed grey image, (H, W) in [0, 1]."""
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 2.0)
    dx, dy = (cv2.Sobel(grey, cv2.CV_32F, i, 1 - i, borderType=cv2.BORDER_REPLICATE) for i in (1, 0))
    lines = thin(np.asarray(np.hypot(dx, dy), np.float32))
    return np.asarray(lines / max(float(lines.max()), 1e-12), np.float32)


def canny(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Baseline without a model: (H, W), the highest of 32 thresholds at which Canny's detector has an edge.

    The image is smoothed by sigma 1.4; the lower threshold is 0.4 of the higher one, as in MATLAB's `edge`.
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 2**0.5)
    dx, dy = (cv2.Sobel(grey, cv2.CV_16S, i, 1 - i) for i in (1, 0))
    top = max(float(np.hypot(dx.astype(np.float64), dy).max()), 1.0)
    strength = np.zeros(grey.shape, np.float32)
    for level in np.arange(1, 33) / 33:
        strength[cv2.Canny(dx, dy, 0.4 * level * top, level * top, L2gradient=True) > 0] = level
    return strength


def run(
    model: Sam, data: EdgeFolder, config: EdgesConfig | None = None, progress: Progress | None = None
) -> Report:
    """Evaluate a model (protocol: see the module). Raises the errors of reading the images."""
    config, start = config or EdgesConfig(), time.perf_counter()
    settings = EdgeConfig(points_per_side=config.points_per_side)
    total = len(data) if config.most_images is None else min(len(data), config.most_images)
    found: dict[str, list[Floats]] = {"sobel": [], data.name: []}
    for done, truth in zip(range(1, total + 1), data, strict=False):
        found["sobel"].append(counts(sobel(truth.image), truth.annotated, config))
        found[data.name].append(counts(edges(model, truth.image, settings), truth.annotated, config))
        if progress is not None:
            progress(data.name, done, total)
    seconds = time.perf_counter() - start
    baseline, mean = (_result(name, np.stack(some), config, seconds) for name, some in found.items())
    facts: dict[str, Any] = {"commit": commit(), "machine": machine(), "published": PUBLISHED}
    return Report("edges", asdict(config), model_hash(model), (baseline,), mean, seconds, **facts)


def _result(name: str, counts_IT4: Floats, config: EdgesConfig, seconds: float) -> SetResult:
    """The figures with intervals."""
    generator = np.random.default_rng(config.seed)
    images = len(counts_IT4)
    draws = [figures(counts_IT4[generator.integers(0, images, images)]) for _ in range(200 * (images > 1))]
    numbers: dict[str, Interval] = {
        key: interval(value, np.array([draw[key] for draw in draws]))
        for key, value in figures(counts_IT4).items()
    }
    return SetResult(name, images, 0, numbers, seconds)
