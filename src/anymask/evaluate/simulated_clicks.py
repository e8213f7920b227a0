"""Simulated clicks: the masks to be found, and the clicks of an annotator on the errors of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.evaluate.metrics import Floats, Mask, iou
from anymask.evaluate.records import Image, Records, read_record, sample
from anymask.geometry import rle
from anymask.geometry.regions import deepest, inner_point
from anymask.types import Masks, Prompt, Record

AREA_SIDE = 512
"""Areas are compared at an image size whose longest side has this many pixels."""


class Session(Protocol):
    """An image opened for prompting by a model or a baseline, called as `predict`.

    The `logits` of a prediction, if any, become the mask of the next prompt.
    """

    def __call__(self, prompts: Sequence[Prompt], *, multimask: bool) -> Masks:
        """One mask per prompt, or several with `Masks.prompt`."""


OpenSession = Callable[[Image], Session]


@dataclass(frozen=True)
class ClicksConfig:
    """Options of the protocol of `evaluate.clicks`; all of them are stored in the report."""

    clicks: tuple[int, ...] = (1, 2, 3, 5, 9)
    """Numbers of clicks after which the mean IoU is reported."""
    noc: tuple[float, ...] = (0.85, 0.90)
    """IoUs for the number of clicks; if empty, no mask gets more clicks than the last of `clicks`."""
    most_clicks: int = 20
    """Maximum number of clicks for `noc`."""
    box: bool = True
    """Whether boxes are evaluated."""
    random_click: bool = True
    """Whether random first clicks are evaluated."""
    grabcut_masks: int | None = None
    """Maximum number of masks per image for the slow GrabCut baseline; 0 leaves it out, None: no limit."""
    grabcut_side: int = 384
    """See `GrabCut`."""
    grabcut_iterations: int = 5
    """See `GrabCut`."""
    kinds: tuple[str, ...] = ()
    """Kinds of masks to evaluate; if empty, "instance" and "part" if an image has any, else all."""
    min_area: float = 100.0
    """Minimum area of a mask in pixels, at a longest side of the image of 512."""
    most_images: int | None = None
    """Maximum number of images per data set, drawn by `seed`, the same for every model; None: no limit."""
    most_masks: int | None = 32
    """Maximum number of masks per image, drawn by `seed`; None: no limit."""
    zoom: bool | None = None
    """Crop refinement, as in `predict`."""
    seed: int = 0
    """Seed of the samples, random clicks and bootstrap."""
    resamples: int = 2000
    """Number of bootstrap samples."""

    def __post_init__(self) -> None:
        """Check the values."""
        if not self.clicks or min(self.clicks) < 1:
            raise InputError(
                f"clicks must be one or more numbers from 1 on, got {self.clicks}. Give (1, 3) or so."
            )
        if self.noc and self.most_clicks < 1:
            raise InputError(f"most_clicks must be at least 1, got {self.most_clicks}. Give 20, as is usual.")

    @property
    def rounds(self) -> int:
        """Maximum number of clicks on a mask."""
        return max(*self.clicks, self.most_clicks if self.noc else 1)


@dataclass(frozen=True)
class Targets:
    """The masks of one image to be found: (M, H, W) without ignored pixels; `ignore` (H, W) or None."""

    truths: NDArray[np.bool_]
    ignore: Mask | None


def choose_targets(record: Record, config: ClicksConfig, generator: np.random.Generator) -> Targets:
    """The masks of a record to be evaluated, by kind, area and maximum number."""
    masks = record.masks
    ignore = None if record.ignore is None else rle.decode(record.ignore, masks.size)
    scale = (AREA_SIDE / max(masks.size)) ** 2
    large = [
        index for index in _of_kind(record, config.kinds) if masks.areas[index] * scale >= config.min_area
    ]
    truths = []
    for index in sample(len(large), config.most_masks, generator):
        dense = rle.decode(masks.rles[large[index]], masks.size)
        truths.append(dense if ignore is None else dense & ~ignore)
    visible = [truth for truth in truths if truth.any()]
    return Targets(np.stack(visible) if visible else np.zeros((0, *masks.size), bool), ignore)


def read_targets(records: Records, index: int) -> tuple[Record, Image, Targets] | None:
    """A record, its pixels and all of its masks that count; None for a corrupt record and for one without."""
    found = read_record(records, index)
    if found is None:
        return None
    record, image = found
    targets = choose_targets(record, ClicksConfig(most_masks=None), np.random.default_rng(0))  # none is drawn
    return (record, image, targets) if len(targets.truths) else None


def _of_kind(record: Record, kinds: tuple[str, ...]) -> list[int]:
    count = len(record.masks)
    of_mask = list(record.meta.get("kinds") or ["instance"] * count)
    if kinds:
        return [index for index in range(count) if of_mask[index] in kinds]
    objects = [index for index in range(count) if of_mask[index] in ("instance", "part")]
    return objects or list(range(count))


def click_ious(
    session: Session,
    targets: Targets,
    config: ClicksConfig,
    first_points: Sequence[NDArray[np.float32]] | None = None,
) -> tuple[Floats, Floats]:
    """IoU of every mask after 1, 2, ... clicks, (M, rounds), and the oracle of the first click, (M,).

    The first clicks are `first_points`, (2,) xy each, or the inner points of the masks.

    A mask without any error gets no more clicks and keeps its IoU. Rounds after the last of `config.clicks`
    are for `config.noc` only and skip masks that have reached its highest IoU.
    """
    truths = targets.truths
    points = [inner_point(truth) for truth in truths] if first_points is None else first_points
    states = [_State([point], [1]) for point in points]
    first = first_round(session, targets, [state.points[0] for state in states])
    ious_MK = np.zeros((len(truths), config.rounds))
    _keep(states, first, range(len(truths)))
    ious_MK[:, 0] = first.ious
    for column in range(1, config.rounds):
        ious_MK[:, column] = ious_MK[:, column - 1]
        best_M = ious_MK[:, :column].max(axis=1)
        wanted = [m for m in range(len(truths)) if column < max(config.clicks) or best_M[m] < max(config.noc)]
        active = [m for m in wanted if states[m].click(truths[m], targets.ignore)]
        if not active:
            continue
        found = _next_round(session, targets, states, active)
        _keep(states, found, active)
        ious_MK[active, column] = found.ious
    return ious_MK, first.oracle


@dataclass
class _State:
    """The clicks on one mask so far and the last prediction."""

    points: list[NDArray[np.float32]]
    labels: list[int]
    prediction: Mask | None = None
    logits: NDArray[np.float32] | None = None

    def click(self, truth: Mask, ignore: Mask | None) -> bool:
        """Add the next click; False if there is no error left."""
        assert self.prediction is not None
        found = next_click(self.prediction, truth, ignore, np.stack(self.points))
        if found is None:
            return False
        self.points.append(found[0])
        self.labels.append(found[1])
        return True

    def prompt(self) -> Prompt:
        return Prompt(points=np.stack(self.points), labels=np.array(self.labels), mask=self.logits)


@dataclass(frozen=True)
class _Round:
    """Per mask: the chosen prediction, its logits if any, its IoU, and the best IoU of all hypotheses."""

    predictions: list[Mask]
    logits: list[NDArray[np.float32] | None]
    ious: Floats
    oracle: Floats


def _keep(states: list[_State], found: _Round, active: Sequence[int]) -> None:
    for m, prediction, logits in zip(active, found.predictions, found.logits, strict=True):
        states[m].prediction, states[m].logits = prediction, logits


def first_round(session: Session, targets: Targets, points: Sequence[NDArray[np.float32]]) -> _Round:
    """Predict each mask from one click."""
    prompts = [Prompt(points=point[None], labels=np.array([1])) for point in points]
    return _judge(session(prompts, multimask=True), targets, range(len(points)))


def _next_round(session: Session, targets: Targets, states: list[_State], active: list[int]) -> _Round:
    return _judge(session([states[m].prompt() for m in active], multimask=False), targets, active)


def _judge(masks: Masks, targets: Targets, active: Sequence[int]) -> _Round:
    """Choose the mask of the best predicted IoU for each prompt, compare it with mask `active[prompt]`."""
    owner = np.arange(len(masks)) if masks.prompt is None else masks.prompt
    picks, ious, oracle = [], [], []
    for prompt, m in enumerate(active):
        rows = np.flatnonzero(owner == prompt)
        dense = [rle.decode(masks.rles[row], masks.size) for row in rows]
        found = [iou(mask, targets.truths[m], targets.ignore) for mask in dense]
        best = int(np.argmax(masks.scores[rows]))
        picks.append((dense[best], None if masks.logits is None else masks.logits[rows[best]]))
        ious.append(found[best])
        oracle.append(max(found))
    return _Round([pick[0] for pick in picks], [pick[1] for pick in picks], np.array(ious), np.array(oracle))


def box_ious(session: Session, targets: Targets) -> Floats:
    """IoU of every mask, (M,), predicted from its tight box, single output."""
    prompts = [Prompt(box=tight_box(truth)) for truth in targets.truths]
    return _judge(session(prompts, multimask=False), targets, range(len(prompts))).ious


def tight_box(mask: Mask) -> NDArray[np.float32]:
    """The tight half-open box xyxy of a non-empty mask."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return np.array([x, y, x + width, y + height], np.float32)


def random_click(mask: Mask, generator: np.random.Generator) -> NDArray[np.float32]:
    """The centre of a pixel drawn uniformly from a non-empty mask, (2,) xy."""
    pixels = np.flatnonzero(mask)
    y, x = divmod(int(pixels[generator.integers(len(pixels))]), mask.shape[1])
    return np.array([x + 0.5, y + 0.5], np.float32)


def next_click(
    prediction: Mask, truth: Mask, ignore: Mask | None = None, clicked: NDArray[np.float32] | None = None
) -> tuple[NDArray[np.float32], int] | None:
    """The next click on the errors of a prediction, (2,) xy, and its label: 1 foreground, 0 background.

    The click is the centre of the pixel that lies deepest in the missed or in the false pixels, whichever is
    deeper; of equal depths it is a background click. None if there is no error, or only under `clicked`
    (N, 2). The rule of RITM (Sofiiuk et al., "Reviving Iterative Training with Mask Guidance", section 4) and
    of SAM 2's evaluation.
    """
    error = prediction ^ truth
    if ignore is not None:
        error &= ~ignore
    missed, missed_point = deepest(error & truth, clicked)
    false, false_point = deepest(error & prediction, clicked)
    if missed > false:
        return missed_point, 1
    return (false_point, 0) if false else None
