"""Few-shot segmentation: a class is segmented in a query image from examples (measure of COCO-20i).

Protocol, for each class that occurs in at least two images of a data set:
- In an episode, the query is an image with the class; the examples are other such images, drawn at random but
  the same for every method. All masks of the class in an image form one mask. The examples of "shot_4" are
  the first four of "shot_8"; if a class has fewer, all are used.
- The IoU of a class is the sum of intersections divided by the sum of unions over its queries. The figure of
  a data set is the mean over its classes (mIoU), with a bootstrap interval over the queries of each class.
  The last row is the mean over the classes of all data sets.
- Baselines without weights: "copy_1" is the first example's mask, resized; "colour_1" gives each pixel the
  label of the example's pixel with the nearest colour and position.
Unlabelled pixels are ignored.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError, unknown_name
from anymask.evaluate.metrics import Interval, Mask, interval
from anymask.evaluate.records import Progress, Records, read_record
from anymask.evaluate.report import Report, SetResult, machine, model_hash
from anymask.files.reports.provenance import commit
from anymask.geometry import rle
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.segment import segment_like
from anymask.models.checkpoints.load import InContextNetwork
from anymask.types import Context, Masks, Record

COLOUR_SIDE = 48
"""Image side, in pixels, of the colour baseline, which compares all pairs of pixels."""
PLACE_WEIGHT = 40.0
"""Weight of the distance between opposite sides of the image, in units of Lab's lightness."""
CACHED_IMAGES = 8
"""Number of decoded images that are cached."""
EXAMPLE_BYTES = 2**28
"""Memory for cached examples, which are used in several episodes."""


@dataclass(frozen=True)
class FewshotConfig:
    """Options of the protocol; all of them are stored in the report."""

    shots: tuple[int, ...] = (1, 4, 8)
    """Numbers of examples."""
    ensemble: Literal["feature", "spatial"] = "feature"
    """How several examples are combined, see `anymask.paint`."""
    most_queries: int = 8
    """Maximum number of queries per class, drawn by `seed`."""
    min_share: float = 0.001
    """Minimum share of an image that a class must cover to be used."""
    baselines: bool = True
    """Whether the baselines are evaluated."""
    seed: int = 0
    """Seed of episodes and bootstrap."""
    resamples: int = 2000
    """Number of bootstrap samples."""

    def __post_init__(self) -> None:
        """Check the values."""
        if not self.shots or min(self.shots) < 1:
            raise InputError(
                f"shots must be one or more numbers from 1 on, got {self.shots}. Give (1, 4) or so."
            )
        if self.most_queries < 1:
            raise InputError(f"most_queries must be at least 1, got {self.most_queries}. Raise it.")
        if self.ensemble not in ("feature", "spatial"):
            raise unknown_name("ensemble", str(self.ensemble), ("feature", "spatial"))


@dataclass(frozen=True)
class Episode:
    """A class, the index of the query and the indices of the examples."""

    category: str
    query: int
    examples: tuple[int, ...]


@dataclass
class _Overlap:
    """Intersection and union of each query: (class, method) -> pairs."""

    pairs: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, category: str, method: str, found: Mask, truth: Mask, ignore: Mask | None) -> None:
        labelled = np.ones_like(truth) if ignore is None else ~ignore
        both, either = (found & truth & labelled).sum(), ((found | truth) & labelled).sum()
        self.pairs.setdefault((category, method), []).append((int(both), int(either)))

    def figures(self, config: FewshotConfig) -> dict[str, Interval]:
        """The figure of every method."""
        generator = np.random.default_rng(config.seed)
        methods = dict.fromkeys(method for _, method in self.pairs)
        return {one: self._figure(one, generator, config.resamples) for one in methods}

    def _figure(self, method: str, generator: np.random.Generator, resamples: int) -> Interval:
        """The mean over classes with its interval."""
        of_class = [np.array(pairs, float) for (_, name), pairs in self.pairs.items() if name == method]
        draws = np.mean([_ratios(pairs, generator, resamples) for pairs in of_class], axis=0)
        return interval(float(np.mean([_ratio(pairs.sum(0)) for pairs in of_class])), draws)


def _ratio(pair: NDArray[np.float64]) -> float:
    return float(pair[0] / pair[1]) if pair[1] else 1.0


def _ratios(
    pairs_Q2: NDArray[np.float64], generator: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    count = len(pairs_Q2)
    sums_R2 = generator.multinomial(count, np.full(count, 1 / count), size=resamples) @ pairs_Q2
    return np.asarray(sums_R2[:, 0] / np.maximum(sums_R2[:, 1], 1))


def run(
    model: InContextNetwork,
    datasets: Mapping[str, Records],
    config: FewshotConfig | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate a model on named data sets (protocol: see the module).

    Corrupt images are skipped. Raises `InputError` if no data set has a class in two images.
    """
    config = config or FewshotConfig()
    start = time.perf_counter()
    sets, total = [], _Overlap()
    for name, records in datasets.items():
        result, overlap = _evaluate_set(model, name, records, config, progress)
        if result.masks:
            sets.append(result)
            total.pairs |= {(f"{name}/{one}", how): pairs for (one, how), pairs in overlap.pairs.items()}
    if not sets:
        given = ", ".join(sorted(datasets))
        raise InputError(
            f"datasets must hold a class that occurs in two images, got none in {given}. Classes are the "
            "categories of the masks: those of COCO have some, folders of PNG masks none."
        )
    seconds = time.perf_counter() - start
    return Report(
        protocol="fewshot",
        config=asdict(config),
        model=model_hash(model),
        sets=tuple(sets),
        mean=_pooled(sets, total, config, seconds),
        seconds=seconds,
        commit=commit(),
        machine=machine(),
    )


def _pooled(sets: Sequence[SetResult], total: _Overlap, config: FewshotConfig, seconds: float) -> SetResult:
    """The mean over the classes of all data sets."""
    images, queries = sum(one.images for one in sets), sum(one.masks for one in sets)
    return SetResult("mean of classes", images, queries, total.figures(config), seconds)


def _evaluate_set(
    model: InContextNetwork, name: str, records: Records, config: FewshotConfig, progress: Progress | None
) -> tuple[SetResult, _Overlap]:
    start, overlap = time.perf_counter(), _Overlap()
    generator = np.random.default_rng([config.seed, zlib.crc32(name.encode())])
    drawn = episodes(_readable(records), config, generator)
    cache = _RecordCache(model, records)
    for done, episode in enumerate(drawn):
        if progress is not None:
            progress(name, done, len(drawn))
        _evaluate_episode(model, cache, episode, config, overlap)
    if progress is not None:
        progress(name, len(drawn), len(drawn))
    queries = len({episode.query for episode in drawn})
    numbers = overlap.figures(config) if overlap.pairs else {}
    return SetResult(name, queries, len(drawn), numbers, time.perf_counter() - start), overlap


class _RecordCache:
    """The records of a data set and their examples, with the last used ones cached."""

    def __init__(self, model: InContextNetwork, records: Records) -> None:
        self.size = model.config.size
        self.record = lru_cache(CACHED_IMAGES)(records.__getitem__)
        self.example = lru_cache(max(1, EXAMPLE_BYTES // (24 * self.size**2)))(self._example)

    def _example(self, index: int, category: str) -> Context:
        """An example from all masks of a class in an image."""
        record = self.record(index)
        shown = Masks(record.masks.size, [_class_runs(record, category)])
        return context(replace(record, masks=shown), size=self.size)


def _readable(records: Records) -> Iterator[tuple[int, Record]]:
    for index in range(len(records)):
        found = read_record(records, index)
        if found is not None:
            yield index, found[0]


def episodes(
    records: Iterable[tuple[int, Record]], config: FewshotConfig, generator: np.random.Generator
) -> list[Episode]:
    """Draw the episodes of a data set from its records with their indices."""
    holders: dict[str, list[int]] = {}
    for index, record in records:
        for category in dict.fromkeys(record.meta.get("categories") or ()):
            if rle.area(_class_runs(record, category)) >= config.min_share * np.prod(record.masks.size):
                holders.setdefault(category, []).append(index)
    drawn = []
    for category, holding in sorted(holders.items()):
        if len(holding) < 2:
            continue
        for query in generator.permutation(holding)[: config.most_queries]:
            others = generator.permutation([one for one in holding if one != query])[: max(config.shots)]
            drawn.append(Episode(category, int(query), tuple(int(one) for one in others)))
    return drawn


def _class_runs(record: Record, category: str) -> rle.Runs:
    """The union of all masks of a class."""
    named = record.meta["categories"]
    chosen = [runs for runs, one in zip(record.masks.rles, named, strict=True) if one == category]
    return rle.union(chosen, record.masks.size)


def _evaluate_episode(
    model: InContextNetwork,
    cache: _RecordCache,
    episode: Episode,
    config: FewshotConfig,
    overlap: _Overlap,
) -> None:
    query = cache.record(episode.query)
    size = query.masks.size
    truth = rle.decode(_class_runs(query, episode.category), size)
    ignore = None if query.ignore is None else rle.decode(query.ignore, size)
    contexts = [cache.example(one, episode.category) for one in episode.examples]
    for count in config.shots:
        masks = segment_like(model, query.read(), contexts[:count], kind="semantic", ensemble=config.ensemble)
        found = rle.decode(masks.rles[0], size) if len(masks) else np.zeros(size, np.bool_)
        overlap.add(episode.category, f"shot_{count}", found, truth, ignore)
    if config.baselines:
        example = cache.record(episode.examples[0])
        shown = rle.decode(_class_runs(example, episode.category), example.masks.size)
        overlap.add(episode.category, "copy_1", copy_mask(shown, size), truth, ignore)
        found = colour_mask(example.read(), shown, query.read())
        overlap.add(episode.category, "colour_1", found, truth, ignore)


def copy_mask(shown: Mask, size_hw: tuple[int, int]) -> Mask:
    """The example's mask resized to the query's size."""
    resized = cv2.resize(
        shown.view(np.uint8), (size_hw[1], size_hw[0]), interpolation=cv2.INTER_NEAREST_EXACT
    )
    return np.asarray(resized > 0)


def colour_mask(example: NDArray[np.uint8], shown: Mask, query: NDArray[np.uint8]) -> Mask:
    """Label each pixel of the query (H, W, 3) as the example's pixel nearest in Lab colour and position."""
    side = (COLOUR_SIDE, COLOUR_SIDE)
    labels = cv2.resize(shown.view(np.uint8), side, interpolation=cv2.INTER_NEAREST_EXACT).ravel()
    known, wanted = _colour_features(example), _colour_features(query)
    square = (known**2).sum(1) - 2 * wanted @ known.T
    small = labels[square.argmin(1)].reshape(side)
    resized = cv2.resize(small, (query.shape[1], query.shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized > 0)


def _colour_features(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(COLOUR_SIDE squared, 5): Lab colour and weighted position."""
    small = cv2.resize(image, (COLOUR_SIDE, COLOUR_SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    y, x = np.mgrid[:COLOUR_SIDE, :COLOUR_SIDE].reshape(2, -1) / COLOUR_SIDE
    return np.column_stack([lab, PLACE_WEIGHT * x, PLACE_WEIGHT * y]).astype(np.float32)
