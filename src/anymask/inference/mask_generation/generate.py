"""Automatic mask generation: predict masks for every point of a grid and filter them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.geometry import rle
from anymask.geometry.frame import Frame
from anymask.images.read import ImageSource, read_image
from anymask.inference.mask_generation.candidates import Candidates
from anymask.inference.mask_generation.close_ups import agreeing_masks
from anymask.inference.mask_generation.config import AutoConfig, Resize
from anymask.inference.mask_generation.filters import select
from anymask.inference.mask_generation.grids import Window, windows
from anymask.inference.mask_generation.hypotheses import Hypotheses, box_hypotheses, click_hypotheses
from anymask.inference.mask_generation.memory import points_at_once
from anymask.inference.mask_generation.objects import open_detector, window_objects
from anymask.inference.promptable.decode import HYPOTHESES, cell_stability
from anymask.inference.promptable.predict import check_embedding, embed
from anymask.models import Progress
from anymask.models.protocol import (
    DecodedPrompts,
    ObjectDetector,
    Promptable,
    PromptBatch,
    check_finite,
    slices,
)
from anymask.types import Embedding, Masks

__all__ = ["Grid", "automatic", "candidates", "grid_hypotheses"]

MARGIN = 0.15
"""Masks whose stability on the logit grid is this far below the floor are discarded early: it differs from
the stability in pixels by at most 0.07 (docs/log.md)."""

Floats = NDArray[np.float32]


def automatic(
    model: Promptable,
    image: ImageSource | Embedding,
    config: AutoConfig | None = None,
    progress: Progress | None = None,
) -> Masks:
    """Generate masks of all objects in an image, best predicted IoU first (SAM, section 5 and appendix B).

    Predicts masks for every point of a grid, keeps those with a high predicted IoU and stability, and removes
    duplicates. With `AutoConfig.refine`, masks on which points agree are refined in close-up crops. The masks
    have scores (predicted IoU), stability, points and crops; `progress(done, total)` counts points. Equals
    `select` of `candidates`, which raise the same errors.
    """
    return select(candidates(model, image, config, progress), config)


def candidates(
    model: Promptable,
    image: ImageSource | Embedding,
    config: AutoConfig | None = None,
    progress: Progress | None = None,
) -> Candidates:
    """All masks above the floors of `config`, for `select` and `explain`.

    `image` is what `read_image` accepts, or an Embedding, with its pixels if crops are used.
    Raises ImageError, InputError for a point or region outside the image, crops of an Embedding without
    pixels or an Embedding of another model, WeightsError for weights that give no finite scores.
    """
    opened = check_embedding(model, image) if isinstance(image, Embedding) else read_image(image)
    pixels = opened.image if isinstance(opened, Embedding) else opened
    config = config or AutoConfig()
    detector = _detector(model, config)
    config = config.for_model(model, pixels=pixels is not None, detector=detector is not None)
    if pixels is None and config.crop_layers:
        raise InputError(
            "image must be an image if crop_layers is set, got an Embedding without pixels. Give the image."
        )
    h, w = opened.frame.size_hw if isinstance(opened, Embedding) else opened.shape[:2]
    parts = windows((h, w), config)
    grid = Grid(model, opened, parts, config, progress)
    masks = _agreeing(grid, (h, w), detector) if config.refine else _independent(grid, (h, w))
    return _collected(model, masks, config, asked=grid.total * HYPOTHESES)


def _detector(model: Promptable, config: AutoConfig) -> ObjectDetector | None:
    """The detector whose boxes are prompts too; none by default where the points are given."""
    refine = bool(model.config.zoom) if config.refine is None else config.refine
    wanted = config.points is None or config.detector is not None
    return open_detector(model, config.detector) if refine and wanted else None


class Grid:
    """The points of all windows of an image, in batches, with the embedding of their window."""

    def __init__(
        self,
        model: Promptable,
        image: NDArray[np.uint8] | Embedding,
        parts: Sequence[Window],
        config: AutoConfig,
        progress: Progress | None,
    ) -> None:
        self.model, self.image, self.parts, self.config, self.progress = model, image, parts, config, progress
        self.total = sum(len(part.points) for part in parts)

    def __iter__(self) -> Iterator[tuple[Embedding, Window, Floats]]:
        done = 0
        for part in self.parts:
            embedding = self.embedding(part)
            for batch in self.batches(len(part.points), embedding):
                yield embedding, part, part.points[batch]
                done += len(part.points[batch])
                if self.progress is not None:
                    self.progress(done, self.total)

    def batches(self, prompts: int, embedding: Embedding) -> list[slice]:
        """Slices of the prompts on a window that may be decoded at once."""
        return slices(prompts, points_at_once(self.model, embedding.frame, self.config.max_memory))

    def embedding(self, part: Window) -> Embedding:
        """The embedding of a window."""
        if part.layer == 0 and isinstance(self.image, Embedding):
            return self.image
        pixels = self.image.image if isinstance(self.image, Embedding) else self.image
        assert pixels is not None
        x0, y0, x1, y1 = part.xyxy
        return embed(self.model, pixels[y0:y1, x0:x1])


def _independent(grid: Grid, size: tuple[int, int]) -> Masks:
    """The masks of all points, each by itself."""
    found = [_point_masks(grid.model, *some, size, grid.config) for some in grid]
    return Masks.concat([_empty(size), *found])


def _agreeing(grid: Grid, size: tuple[int, int], detector: ObjectDetector | None) -> Masks:
    """The masks on which points and boxes agree, refined, above the floors."""
    masks = agreeing_masks(grid.model, *grid_hypotheses(grid, size, detector))
    floor_iou, floor_stability = _floors(grid.config)
    assert masks.stability is not None
    return masks[(masks.scores >= np.float32(floor_iou)) & (masks.stability >= np.float32(floor_stability))]


def grid_hypotheses(
    grid: Grid, size: tuple[int, int], detector: ObjectDetector | None = None
) -> tuple[Embedding, Hypotheses]:
    """The embedding of the image, and the masks of all points and of the boxes that a detector finds."""
    whole, found, last = None, list[Hypotheses](), None
    for embedding, part, points in grid:
        if part is not last and detector is not None:
            objects = window_objects(detector, embedding, part, size)
            for batch in grid.batches(len(objects), embedding):
                found.append(box_hypotheses(grid.model, embedding, part, objects[batch], size))
        found.append(click_hypotheses(grid.model, embedding, part, points, size))
        whole, last = embedding if part.layer == 0 else whole, part
    if whole is None:  # all points lie in crops
        whole = grid.embedding(Window((0, 0, size[1], size[0]), 0, np.zeros((0, 2), np.float32)))
    return whole, Hypotheses.concat(found)


def _empty(size: tuple[int, int]) -> Masks:
    return Masks(size, (), stability=[], points=np.zeros((0, 2)), crops=np.zeros((0, 4)))


def _collected(model: Promptable, masks: Masks, config: AutoConfig, *, asked: int) -> Candidates:
    areas = masks.areas
    return Candidates(
        masks,
        boxes=masks.boxes,
        areas=areas,
        inside=_shares(masks, areas, config.roi),
        thresholds=(cast(float, config.min_iou), cast(float, config.min_stability)),
        floors=_floors(config),
        resize=cast(Resize, config.resize),
        refine=bool(config.refine),
        asked=asked,
        model=model.fingerprint,
    )


def _floors(config: AutoConfig) -> tuple[float, float]:
    return cast(float, config.floor_iou), cast(float, config.floor_stability)


def _shares(masks: Masks, areas: NDArray[np.int64], roi: Any) -> Floats:
    """The share (N,) of each mask inside the region of interest; 0 for an empty mask."""
    if roi is None or not len(masks):
        return np.ones(len(masks), np.float32)
    region = _region_runs(np.asarray(roi), masks.size)
    shared = rle.intersection(masks.rles, [region], masks.size)[:, 0]
    return np.asarray(shared / np.maximum(areas, 1), np.float32)


def _region_runs(roi: NDArray[Any], size: tuple[int, int]) -> rle.Runs:
    if roi.ndim == 2:
        return rle.encode(roi)
    h, w = size
    x0, y0, x1, y1 = np.clip(np.rint(roi), 0, [w, h, w, h]).astype(int)
    return rle.encode_region(np.ones((y1 - y0, x1 - x0), np.bool_), (x0, y0), size)


def _point_masks(
    model: Promptable,
    embedding: Embedding,
    part: Window,
    points: Floats,
    size: tuple[int, int],
    config: AutoConfig,
) -> Masks:
    """The masks above the floors for clicks in one window.

    Logits are computed only for outputs with a sufficient score, and resized only if likely stable.

    model: the model.
    embedding: of the window.
    part: the window.
    points: (N, 2) xy in pixels of the image.
    size: (H, W) of the image.
    config: with all thresholds set.
    """
    floor_iou, floor_stability = _floors(config)
    frame, corner = embedding.frame, np.array(part.xyxy[:2], np.float32)
    decoded = _decode(model, embedding, points - corner)
    scores_N4 = decoded.scores
    check_finite(scores_N4)
    rows, outputs = np.nonzero(scores_N4[:, -HYPOTHESES:] >= floor_iou)
    outputs = outputs + scores_N4.shape[1] - HYPOTHESES
    rows_cells, column_cells = frame.content_hw
    more = config.resize == "twice"  # it reads one cell of padding
    logits_Mhw = decoded.logits_of(rows, outputs, (rows_cells + more, column_cells + more))
    check_finite(logits_Mhw.sum((-1, -2)))
    content = logits_Mhw[:, :rows_cells, :column_cells]
    likely = cell_stability(content, config.stability_offset) >= floor_stability - MARGIN
    grids = logits_Mhw[likely]
    stability, runs = _stable(grids, frame, config)
    stable = stability >= np.float32(floor_stability)
    return Masks(
        size,
        [rle.paste(one, frame.size_hw, part.xyxy[:2], size) for one in runs],
        scores_N4[rows, outputs][likely][stable],
        stability=stability[stable],
        points=points[rows[likely][stable]],
        crops=np.tile(np.array(part.xyxy, np.float32), (len(runs), 1)),
    )


def _decode(model: Promptable, embedding: Embedding, points: Floats) -> DecodedPrompts:
    """Decode single clicks, xy in the embedding's image, without computing their masks."""
    coords_NK2 = np.zeros((len(points), 2, 2), np.float32)  # the second is the padding point
    coords_NK2[:, 0] = embedding.frame.to_model_xy(points) + np.float32(0.5)
    labels_NK = np.tile(np.array([1, -1], np.int64), (len(points), 1))
    batch = PromptBatch(np.zeros(len(points), np.intp), coords_NK2, labels_NK)
    return model.decode_prompts([(embedding.features, embedding.skips)], batch)


def _stable(logits_Mhw: Floats, frame: Frame, config: AutoConfig) -> tuple[Floats, list[rle.Runs]]:
    """The stability (M,) of all masks in pixels, and the runs of those not below the floor."""
    stability, runs = np.zeros(len(logits_Mhw), np.float32), []
    resized = frame.masks_and_areas(logits_Mhw, config.stability_offset, twice=config.resize == "twice")
    for i, (inner, outer, make) in enumerate(resized):
        stability[i] = _ratio(inner, outer)
        if stability[i] >= np.float32(_floors(config)[1]):
            runs.append(make())
    return stability, runs


def _ratio(inner: int, outer: int) -> np.float32:
    """IoU of the masks at the thresholds plus and minus the offset, from their areas; 0 if empty."""
    return np.float32(inner / max(outer, 1))
