"""Interactive segmentation with simulated clicks: mean IoU per number of clicks (SAM, sections 7.1 and D.1).

Protocol, for each mask separately:
- The first click is the pixel of the mask farthest from its edge; the image border counts as an edge. Of the
  three predicted masks the one with the highest predicted IoU is evaluated ("click_1"). "oracle_1" is the
  best of the three by true IoU; "random_1" is as click_1, but from a pixel drawn uniformly from the mask.
- Each further click is the pixel that lies deepest in the error, over all missed pixels and all false ones:
  a foreground click if the missed pixels are strictly deeper, else a background click. The prompt consists of
  all clicks so far and the logits of the last prediction; the model's single output is evaluated.
- "box": the tight box of the mask, single output. "grabcut_box": OpenCV's GrabCut from the same box.
- "noc_85", "noc_90": mean number of clicks until this IoU is reached, `most_clicks` if it never is.
- "gain_...": the same figure minus that of another model on the same masks, where two are compared; the
  interval is that of the difference, so it is narrower than those of the two figures.
Unlabelled pixels are excluded from every IoU, click and box. Figures are means over the masks of a data set
with a bootstrap interval over its images; the last row is the mean over data sets.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field

import numpy as np

from anymask.errors import InputError
from anymask.evaluate.grabcut import GrabCut
from anymask.evaluate.metrics import Floats, bootstrap_ci, clicks_to_reach, mean_over_sets
from anymask.evaluate.records import Image, Progress, Records, read_records
from anymask.evaluate.report import Report, SetResult, machine, model_hash
from anymask.evaluate.simulated_clicks import (
    ClicksConfig,
    OpenSession,
    Session,
    Targets,
    box_ious,
    choose_targets,
    click_ious,
    first_round,
    random_click,
)
from anymask.files.reports.provenance import commit
from anymask.inference.promptable.predict import embed, predict
from anymask.models.sam import Sam
from anymask.types import Masks, Prompt

__all__ = ["GAIN", "ClicksConfig", "model_sessions", "run", "run_sessions"]

GAIN = "gain_"
"""Prefix of the differences from another model."""
Numbers = dict[str, Floats]
"""One value per mask of an image, (M,), by name."""


@dataclass
class _Tally:
    """Sums and counts per image for every figure of a data set."""

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
    *,
    against: Sam | None = None,
) -> Report:
    """Evaluate a model on named data sets (protocol: see the module). Its training mode is restored.

    against: another model, from which the differences are reported too.
    """
    config, training = config or ClicksConfig(), model.training
    model.eval()
    other = None if against is None else model_sessions(against.eval(), config.zoom)
    try:
        return run_sessions(
            model_sessions(model, config.zoom),
            datasets,
            config,
            progress,
            model=model_hash(model),
            against=other,
        )
    finally:
        model.train(training)


def model_sessions(model: Sam, zoom: bool | None = None) -> OpenSession:
    """Open images with a promptable model: encoded once, prompted many times."""

    def open_session(image: Image) -> Session:
        embedding = embed(model, image)

        def session(prompts: Sequence[Prompt], *, multimask: bool) -> Masks:
            return predict(model, embedding, prompts, multimask=multimask, logits=True, zoom=zoom)

        return session

    return open_session


def run_sessions(
    open_session: OpenSession,
    datasets: Mapping[str, Records],
    config: ClicksConfig | None = None,
    progress: Progress | None = None,
    *,
    model: str = "",
    against: OpenSession | None = None,
) -> Report:
    """Evaluate any method that opens images as sessions, or two and their differences.

    open_session: the method.
    datasets: records by the name of their data set.
    config: the protocol's options.
    progress: called with the data set, and how many of its images are done.
    model: the method's name in the report.
    against: another method, which is prompted for the same masks.

    Corrupt images are skipped. Raises `InputError` if no mask remains.
    """
    config = config or ClicksConfig()
    start = time.perf_counter()
    methods = [open_session] if against is None else [open_session, against]
    tallies = [_evaluate_set(name, records, methods, config, progress) for name, records in datasets.items()]
    if not any(tally.masks for tally in tallies):
        raise InputError(
            f"datasets must hold a mask that counts, got none in {', '.join(sorted(datasets))}. "
            "Check kinds and min_area of the configuration."
        )
    return _report(tallies, config, model, time.perf_counter() - start)


def _evaluate_set(
    name: str,
    records: Records,
    methods: Sequence[OpenSession],
    config: ClicksConfig,
    progress: Progress | None,
) -> _Tally:
    """The figures of the first method, and their differences from those of the second if there is one."""
    tally, start = _Tally(name), time.perf_counter()
    for opened in read_records(name, records, config.most_images, config.seed, progress):
        if opened is None:
            tally.skipped += 1
            continue
        record, image = opened
        generator = np.random.default_rng([config.seed, zlib.crc32(record.id.encode())])
        targets = choose_targets(record, config, generator)
        if len(targets.truths):
            found = [image_numbers(image, targets, method, config, deepcopy(generator)) for method in methods]
            gains = {
                f"{GAIN}{name}": found[0][name] - value
                for other in found[1:]
                for name, value in other.items()
            }
            tally.add(found[0] | gains, len(targets.truths))
    tally.seconds = time.perf_counter() - start
    return tally


def image_numbers(
    image: Image,
    targets: Targets,
    open_session: OpenSession,
    config: ClicksConfig,
    generator: np.random.Generator,
) -> Numbers:
    """All figures of one image."""
    session = open_session(image)
    numbers = click_numbers(session, targets, config)
    if config.random_click:
        points = [random_click(truth, generator) for truth in targets.truths]
        numbers["random_1"] = first_round(session, targets, points).ious
    if config.box:
        numbers["box"] = box_ious(session, targets)
    if config.grabcut_masks != 0:
        some = Targets(targets.truths[: config.grabcut_masks], targets.ignore)
        cutter = GrabCut(image, side=config.grabcut_side, iterations=config.grabcut_iterations)
        numbers["grabcut_box"] = box_ious(cutter, some)
    return numbers


def click_numbers(session: Session, targets: Targets, config: ClicksConfig) -> Numbers:
    """IoU per mask after each of `config.clicks`, the oracle of the first click, and numbers of clicks."""
    ious_MK, oracle_M = click_ious(session, targets, config)
    numbers = {f"click_{count}": ious_MK[:, count - 1] for count in config.clicks}
    numbers["oracle_1"] = oracle_M
    for threshold in config.noc:
        needed = clicks_to_reach(ious_MK, threshold, config.most_clicks)
        numbers[f"noc_{round(threshold * 100)}"] = needed.astype(np.float64)
    return numbers


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
    """Column order: a single click, more clicks, numbers of clicks, boxes; then the differences."""
    groups = ("click_1", "oracle_1", "random_1", "click_", "noc_", "box", "grabcut_box")

    def place(name: str) -> list[bool]:
        return [name.startswith(GAIN), *(not name.removeprefix(GAIN).startswith(group) for group in groups)]

    return iter(sorted(names, key=place))


def _set_result(tally: _Tally, names: Sequence[str], config: ClicksConfig) -> SetResult:
    generator = np.random.default_rng([config.seed, zlib.crc32(tally.name.encode())])
    numbers = {name: bootstrap_ci(*tally.sums(name), generator, resamples=config.resamples) for name in names}
    return SetResult(tally.name, tally.images, tally.masks, numbers, tally.seconds)
