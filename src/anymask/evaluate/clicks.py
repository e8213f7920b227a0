"""Interactive segmentation by a simulated person: mean IoU after some clicks (SAM paper, 7.1 and D.1).

Protocol, for every mask on its own:
- The first click is the pixel of the mask that is farthest from its edge; the picture's border is an edge.
  The model gives three masks and its own choice, the one of the best `Masks.quality` (predicted IoU times
  stability), counts ("click_1"). "oracle_1" is the best of the three by real IoU, "random_1" the same as
  click_1 from a pixel drawn uniformly from the mask.
- Each further click lies at the centre (farthest from the edge) of the largest component of the error:
  foreground where the object was missed, background where too much was covered. All clicks so far and the
  logits of the last answer are the prompt; the model's single output counts.
- "box": the tight box of the mask, single output. "grabcut_box": OpenCV's GrabCut from the same box.
- "noc_85", "noc_90": mean number of clicks until the IoU is that high, `most_clicks` when it never is.
Pixels that nobody labelled are left out of every IoU, click and box. Figures are means over the masks of a
set with a bootstrap interval over its images; the last row is the mean over sets.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.evaluate.grabcut import GrabCut
from anymask.evaluate.metrics import Floats, Mask, bootstrap_ci, clicks_to_reach, iou, mean_over_sets
from anymask.evaluate.report import Report, SetResult, commit, machine, model_hash
from anymask.evaluate.success_images import Image, Progress, Records, drawn, pictures
from anymask.geometry import rle
from anymask.geometry.regions import inner_point, largest_component
from anymask.inference.promptable.predict import embed, predict
from anymask.models.sam import Sam
from anymask.types import Masks, Prompt, Record

Numbers = dict[str, Floats]
"""One value per mask of a picture, (M,), by name."""
AREA_SIDE = 512
"""Areas are compared as if the longest side of the picture had this many pixels."""


class Session(Protocol):
    """One picture opened for prompting: a model, a baseline, anything that answers as `predict` does.

    `logits` of an answer, where it has them, come back as the mask of the next prompt.
    """

    def __call__(self, prompts: Sequence[Prompt], *, multimask: bool) -> Masks:
        """One mask per prompt, or several with `Masks.prompt` telling whose they are."""


OpenSession = Callable[[Image], Session]


@dataclass(frozen=True)
class ClicksConfig:
    """Options of the protocol; all of them are stored in the report.

    `clicks`: after how many clicks the mean IoU is taken. `noc`: IoUs to be reached, none skips the rounds
    after the last of `clicks`. `kinds`: which masks count; empty means things (kinds "instance" and "part")
    where a picture has any, all masks where not. `min_area`: pixels at a longest side of 512. Caps are on the
    pictures of a set and the masks of a picture, drawn by `seed`, the same for every model; None: no cap.
    `grabcut_masks` caps the (slow) baseline separately, 0 leaves it out. `zoom` is as in `predict`.
    """

    clicks: tuple[int, ...] = (1, 2, 3, 5, 9)
    noc: tuple[float, ...] = (0.85, 0.90)
    most_clicks: int = 20
    box: bool = True
    random_click: bool = True
    grabcut_masks: int | None = None
    grabcut_side: int = 384
    grabcut_iterations: int = 5
    kinds: tuple[str, ...] = ()
    min_area: float = 100.0
    most_images: int | None = None
    most_masks: int | None = 32
    zoom: bool | None = None
    seed: int = 0
    resamples: int = 2000

    def __post_init__(self) -> None:
        """Refuse values that have no meaning."""
        if not self.clicks or min(self.clicks) < 1:
            raise InputError(
                f"clicks must be one or more numbers from 1 on, got {self.clicks}. Give (1, 3) or so."
            )
        if self.noc and self.most_clicks < 1:
            raise InputError(f"most_clicks must be at least 1, got {self.most_clicks}. Give 20, as is usual.")

    @property
    def rounds(self) -> int:
        """Clicks that a mask gets at most."""
        return max(*self.clicks, self.most_clicks if self.noc else 1)


@dataclass(frozen=True)
class Targets:
    """The masks of one picture to be found: (M, H, W) without ignored pixels; `ignore` (H, W) or None."""

    truths: NDArray[np.bool_]
    ignore: Mask | None


@dataclass
class _Tally:
    """Sums and counts per picture for every figure of a set."""

    name: str
    images: int = 0
    masks: int = 0
    skipped: int = 0
    seconds: float = 0.0
    rows: dict[str, list[tuple[float, int]]] = field(default_factory=dict)

    def add(self, numbers: Numbers, masks: int) -> None:
        self.images += 1
        self.masks += masks
        for name, values in numbers.items():
            self.rows.setdefault(name, []).append((float(values.sum()), len(values)))

    def sums(self, name: str) -> tuple[Floats, Floats]:
        pairs = np.array(self.rows.get(name, []), np.float64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]


def run(
    model: Sam,
    datasets: Mapping[str, Records],
    config: ClicksConfig | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate a model, in evaluation mode meanwhile, on data sets by name; the protocol is in the module."""
    config, training = config or ClicksConfig(), model.training
    model.eval()
    try:
        return run_sessions(
            model_sessions(model, config.zoom), datasets, config, progress, model=model_hash(model)
        )
    finally:
        model.train(training)


def model_sessions(model: Sam, zoom: bool | None = None) -> OpenSession:
    """Open pictures with a promptable model: encoded once, prompted many times."""

    def open_session(image: Image) -> Session:
        embedding = embed(model, image)

        def answer(prompts: Sequence[Prompt], *, multimask: bool) -> Masks:
            return predict(model, embedding, prompts, multimask=multimask, logits=True, zoom=zoom)

        return answer

    return open_session


def run_sessions(
    open_session: OpenSession,
    datasets: Mapping[str, Records],
    config: ClicksConfig | None = None,
    progress: Progress | None = None,
    *,
    model: str = "",
) -> Report:
    """Evaluate anything that opens pictures as sessions; `model` is how the report calls it.

    Damaged pictures are left out. Raises `InputError` when no mask at all is left.
    """
    config = config or ClicksConfig()
    start = time.perf_counter()
    tallies = [
        _evaluate_set(name, records, open_session, config, progress) for name, records in datasets.items()
    ]
    if not any(tally.masks for tally in tallies):
        raise InputError(
            f"datasets must hold a mask that counts, got none in {sorted(datasets)}. "
            "Look at kinds and min_area of the configuration."
        )
    return _report(tallies, config, model, time.perf_counter() - start)


def _evaluate_set(
    name: str, records: Records, open_session: OpenSession, config: ClicksConfig, progress: Progress | None
) -> _Tally:
    tally, start = _Tally(name), time.perf_counter()
    for opened in pictures(name, records, config.most_images, config.seed, progress):
        if opened is None:
            tally.skipped += 1
            continue
        record, image = opened
        generator = np.random.default_rng([config.seed, zlib.crc32(record.id.encode())])
        targets = choose_targets(record, config, generator)
        if len(targets.truths):
            tally.add(picture_numbers(image, targets, open_session, config, generator), len(targets.truths))
    tally.seconds = time.perf_counter() - start
    return tally


def choose_targets(record: Record, config: ClicksConfig, generator: np.random.Generator) -> Targets:
    """The masks of a record that count, by kind, area and cap."""
    masks = record.masks
    ignore = None if record.ignore is None else rle.decode(record.ignore, masks.size)
    scale = (AREA_SIDE / max(masks.size)) ** 2
    large = [
        index for index in _of_kind(record, config.kinds) if masks.areas[index] * scale >= config.min_area
    ]
    truths = []
    for index in drawn(len(large), config.most_masks, generator):
        dense = rle.decode(masks.rles[large[index]], masks.size)
        truths.append(dense if ignore is None else dense & ~ignore)
    seen = [truth for truth in truths if truth.any()]
    return Targets(np.stack(seen) if seen else np.zeros((0, *masks.size), bool), ignore)


def _of_kind(record: Record, kinds: tuple[str, ...]) -> list[int]:
    count = len(record.masks)
    of_mask = list(record.meta.get("kinds") or ["instance"] * count)
    if kinds:
        return [index for index in range(count) if of_mask[index] in kinds]
    things = [index for index in range(count) if of_mask[index] in ("instance", "part")]
    return things or list(range(count))


def picture_numbers(
    image: Image,
    targets: Targets,
    open_session: OpenSession,
    config: ClicksConfig,
    generator: np.random.Generator,
) -> Numbers:
    """Every figure of one picture."""
    session = open_session(image)
    numbers = click_numbers(session, targets, config)
    if config.random_click:
        points = [random_click(truth, generator) for truth in targets.truths]
        numbers["random_1"] = _first_round(session, targets, points).ious
    if config.box:
        numbers["box"] = box_ious(session, targets)
    if config.grabcut_masks != 0:
        some = Targets(targets.truths[: config.grabcut_masks], targets.ignore)
        cutter = GrabCut(image, side=config.grabcut_side, iterations=config.grabcut_iterations)
        numbers["grabcut_box"] = box_ious(cutter, some)
    return numbers


def click_numbers(session: Session, targets: Targets, config: ClicksConfig) -> Numbers:
    """IoU per mask after each of `config.clicks`, the oracle of the first click, clicks needed."""
    ious_MK, oracle_M = click_ious(session, targets, config)
    numbers = {f"click_{count}": ious_MK[:, count - 1] for count in config.clicks}
    numbers["oracle_1"] = oracle_M
    for threshold in config.noc:
        needed = clicks_to_reach(ious_MK, threshold, config.most_clicks)
        numbers[f"noc_{round(threshold * 100)}"] = needed.astype(np.float64)
    return numbers


def click_ious(session: Session, targets: Targets, config: ClicksConfig) -> tuple[Floats, Floats]:
    """IoU of every mask after 1, 2, ... clicks, (M, rounds), and the oracle of the first click, (M,).

    A mask without an error left gets no more clicks and keeps its IoU. Rounds after the last of
    `config.clicks` serve the number of clicks only: masks that have reached the highest are done.
    """
    truths = targets.truths
    states = [_State([inner_point(truth)], [1]) for truth in truths]
    first = _first_round(session, targets, [state.points[0] for state in states])
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
        answer = _next_round(session, targets, states, active)
        _keep(states, answer, active)
        ious_MK[active, column] = answer.ious
    return ious_MK, first.oracle


@dataclass
class _State:
    """The clicks on one mask so far and the last answer."""

    points: list[NDArray[np.float32]]
    labels: list[int]
    prediction: Mask | None = None
    logits: NDArray[np.float32] | None = None

    def click(self, truth: Mask, ignore: Mask | None) -> bool:
        """Add the next click; False when there is no error left."""
        assert self.prediction is not None
        found = next_click(self.prediction, truth, ignore)
        if found is None:
            return False
        self.points.append(found[0])
        self.labels.append(found[1])
        return True

    def prompt(self) -> Prompt:
        return Prompt(points=np.stack(self.points), labels=np.array(self.labels), mask=self.logits)


@dataclass(frozen=True)
class _Round:
    """One answer per mask: what counts, its logits if any, its IoU, and the best IoU of all offered."""

    predictions: list[Mask]
    logits: list[NDArray[np.float32] | None]
    ious: Floats
    oracle: Floats


def _keep(states: list[_State], answer: _Round, active: Sequence[int]) -> None:
    for m, prediction, logits in zip(active, answer.predictions, answer.logits, strict=True):
        states[m].prediction, states[m].logits = prediction, logits


def _first_round(session: Session, targets: Targets, points: Sequence[NDArray[np.float32]]) -> _Round:
    prompts = [Prompt(points=point[None], labels=np.array([1])) for point in points]
    return _judge(session(prompts, multimask=True), targets, range(len(points)))


def _next_round(session: Session, targets: Targets, states: list[_State], active: list[int]) -> _Round:
    return _judge(session([states[m].prompt() for m in active], multimask=False), targets, active)


def _judge(masks: Masks, targets: Targets, active: Sequence[int]) -> _Round:
    """For each prompt the answer of the best quality counts; compare it with mask `active[prompt]`."""
    owner = np.arange(len(masks)) if masks.prompt is None else masks.prompt
    picks, ious, oracle = [], [], []
    for prompt, m in enumerate(active):
        rows = np.flatnonzero(owner == prompt)
        dense = [rle.decode(masks.rles[row], masks.size) for row in rows]
        found = [iou(mask, targets.truths[m], targets.ignore) for mask in dense]
        best = int(np.argmax(masks.quality[rows]))
        picks.append((dense[best], None if masks.logits is None else masks.logits[rows[best]]))
        ious.append(found[best])
        oracle.append(max(found))
    return _Round([pick[0] for pick in picks], [pick[1] for pick in picks], np.array(ious), np.array(oracle))


def box_ious(session: Session, targets: Targets) -> Floats:
    """IoU of every mask, (M,), from its tight box and the single output."""
    prompts = [Prompt(box=tight_box(truth)) for truth in targets.truths]
    return _judge(session(prompts, multimask=False), targets, range(len(prompts))).ious


def tight_box(mask: Mask) -> NDArray[np.float32]:
    """Half-open xyxy of the set pixels of a mask that has some."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return np.array([x, y, x + width, y + height], np.float32)


def random_click(mask: Mask, generator: np.random.Generator) -> NDArray[np.float32]:
    """The centre of a pixel drawn uniformly from a mask that has some, (2,) xy."""
    pixels = np.flatnonzero(mask)
    y, x = divmod(int(pixels[generator.integers(len(pixels))]), mask.shape[1])
    return np.array([x + 0.5, y + 0.5], np.float32)


def next_click(
    prediction: Mask, truth: Mask, ignore: Mask | None = None
) -> tuple[NDArray[np.float32], int] | None:
    """The centre of the largest error component, (2,) xy, and 1 if missed, 0 if covered; None if none."""
    error = prediction ^ truth
    if ignore is not None:
        error &= ~ignore
    found = [(_largest(error & side), label) for side, label in ((truth, 1), (prediction, 0))]
    (area, point), label = max(found, key=lambda item: item[0][0])
    return (point, label) if area else None


def _largest(error: Mask) -> tuple[int, NDArray[np.float32]]:
    """Area and inner point of the largest component, (0, any) without a pixel."""
    x, y, width, height = cv2.boundingRect(error.view(np.uint8))
    if width == 0:
        return 0, np.zeros(2, np.float32)
    part = largest_component(np.ascontiguousarray(error[y : y + height, x : x + width]))
    return int(np.count_nonzero(part)), inner_point(part) + np.array([x, y], np.float32)


def _report(tallies: Sequence[_Tally], config: ClicksConfig, model: str, seconds: float) -> Report:
    names = list(dict.fromkeys(name for tally in tallies for name in _ordered(tally.rows)))
    sets = tuple(_set_result(tally, names, config) for tally in tallies)
    generator = np.random.default_rng(config.seed)
    means = {
        name: mean_over_sets({t.name: t.sums(name) for t in tallies}, generator, resamples=config.resamples)
        for name in names
    }
    images, masks = sum(tally.images for tally in tallies), sum(tally.masks for tally in tallies)
    return Report(
        protocol="clicks",
        config={**asdict(config), "skipped": {t.name: t.skipped for t in tallies if t.skipped}},
        model=model,
        sets=sets,
        mean=SetResult("mean of sets", images, masks, means, seconds),
        seconds=seconds,
        commit=commit(),
        machine=machine(),
    )


def _ordered(names: Mapping[str, object]) -> Iterator[str]:
    """Column order: what a single click gives, more clicks, clicks needed, boxes."""
    groups = ("click_1", "oracle_1", "random_1", "click_", "noc_", "box", "grabcut_box")
    return iter(sorted(names, key=lambda name: [not name.startswith(group) for group in groups]))


def _set_result(tally: _Tally, names: Sequence[str], config: ClicksConfig) -> SetResult:
    generator = np.random.default_rng([config.seed, zlib.crc32(tally.name.encode())])
    numbers = {name: bootstrap_ci(*tally.sums(name), generator, resamples=config.resamples) for name in names}
    return SetResult(tally.name, tally.images, tally.masks, numbers, tally.seconds)
