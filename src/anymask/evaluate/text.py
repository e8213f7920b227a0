"""Text prompts: names for true masks, and masks for names.

Protocol, for each data set: its names are the phrases of all its categories, `names`. For each annotated
mask the names are ranked: "top_1" and "top_5" are the shares of masks whose name is first, or among the first
five.
Beside them "majority", the share of the most frequent name, "chance", one over the number of names, and
"imagenet", the top-1 of ImageNet's own head on the box of the mask, without training: the mean of the word
vectors of its ten likeliest classes, weighted, against those of the names (as in "Zero-Shot Learning by
Convex Combination of Semantic Embeddings", 2014); it needs the extra `train`.
Then each image is searched for each name by itself, by the proposals, probabilities and threshold of
`anymask.find`: "iou" is the IoU of the union of what is found with the union of the annotated masks, mean
over the names that an image has; "false_alarms" the share of the other names for which anything is found;
"ap_50" the average precision of instances at IoU 0.5, mean over names, from a threshold of 0.02 on (COCO's
rules).
Figures of data sets are over masks or names, with bootstraps over images. "new_1" and "new_imagenet" are as
"top_1" and "imagenet", over the masks of the names and data sets in `TextEvalConfig.new`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.evaluate.coco_ap import AveragePrecision, Detections, Matches, Truths, match
from anymask.evaluate.imagenet_names import ImageNetNamer
from anymask.evaluate.metrics import Floats, Interval, bootstrap_ci, mean_over_sets
from anymask.evaluate.records import Image, Progress, Records, read_record
from anymask.evaluate.report import Report, SetResult, machine
from anymask.files.reports.provenance import commit
from anymask.geometry import rle
from anymask.inference.promptable.predict import embed
from anymask.inference.text.find import FindConfig, choose
from anymask.inference.text.names import probabilities
from anymask.inference.text.regions import find_regions
from anymask.models.protocol import Promptable
from anymask.models.text.namer import Namer
from anymask.models.text.vocabulary import phrase_of
from anymask.types import Masks, Record

__all__ = ["TextEvalConfig", "phrases_of", "run"]

Pair = tuple[float, int]
"""Sum and count of a figure in an image."""


@dataclass(frozen=True)
class TextEvalConfig:
    """Settings of `run`. Raises InputError for invalid values."""

    find: FindConfig = field(default_factory=FindConfig)
    """Proposals and threshold."""
    search: bool = True
    """Whether images are searched for names, which takes most of the time."""
    most_images: int | None = None
    """Maximum number of images per data set, the first ones; None for all."""
    new: Sequence[str] = ()
    """Names, or names of data sets, that the text model was not trained on."""
    seed: int = 0
    """Seed of the bootstrap."""


def phrases_of(records: Records, namer: Namer) -> list[str]:
    """The phrases of all categories of a data set that can be searched for, sorted."""
    found: set[str] = set()
    for index in range(len(records)):
        try:
            found.update(filter(None, records[index].meta.get("categories") or ()))
        except InputError:
            continue
    return sorted({phrase for one in found if (phrase := phrase_of(one, namer.words)) is not None})


def run(
    model: Promptable,
    namer: Namer,
    datasets: Mapping[str, Records],
    names: Mapping[str, Sequence[str]],
    config: TextEvalConfig | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate (protocol: see the module). Corrupt images and those without a name are skipped.

    model: proposes masks.
    namer: the text model.
    datasets: records by name.
    names: the phrases of each data set, see `phrases_of`.
    config: settings.
    progress: called with the name of the data set and how much is done.

    Raises InputError if no mask with a name remains.
    """
    config, start = config or TextEvalConfig(), time.perf_counter()
    imagenet = ImageNetNamer.load(namer.words)
    results = []
    for name, records in datasets.items():
        one = _Set(name, names[name], namer, imagenet, config)
        total = len(records) if config.most_images is None else min(len(records), config.most_images)
        for index in range(total):
            found = read_record(records, index)
            if found is not None:
                one.add(model, *found)
            if progress is not None:
                progress(name, index + 1, total)
        if one.masks:
            results.append(one)
    if not results:
        raise InputError(
            f"datasets must hold masks with names, got none in {', '.join(sorted(datasets))}. Give others."
        )
    return Report(
        protocol="text",
        config=asdict(replace(config, find=replace(config.find, regions=None)))  # type: ignore[arg-type]
        | {"names": {one.name: list(one.phrases) for one in results}},
        model=namer.fingerprint,
        sets=tuple(one.result() for one in results),
        mean=_mean(results, config),
        seconds=time.perf_counter() - start,
        commit=commit(),
        machine=machine(),
    )


class _Set:
    """The figures of a data set, image by image."""

    def __init__(
        self,
        name: str,
        phrases: Sequence[str],
        namer: Namer,
        imagenet: ImageNetNamer | None,
        config: TextEvalConfig,
    ) -> None:
        self.name, self.phrases, self.namer, self.imagenet = name, tuple(phrases), namer, imagenet
        self.config, self.masks, self.seconds = config, 0, 0.0
        self.figures: list[dict[str, Pair]] = []
        self.matches: list[list[Matches]] = []
        self.counts: Counter[str] = Counter()
        self._place = {phrase: row for row, phrase in enumerate(self.phrases)}

    def add(self, model: Promptable, record: Record, image: Image) -> None:
        """Measure one image."""
        start = time.perf_counter()
        categories = record.meta.get("categories") or [""] * len(record.masks)
        named = [phrase_of(one or "", self.namer.words) for one in categories]
        rows = [i for i, one in enumerate(named) if one in self._place and record.masks.areas[i]]
        if not rows:
            return
        truth = np.array([self._place[str(named[row])] for row in rows])
        masks = record.masks[rows]
        self.masks += len(rows)
        self.counts.update(self.phrases[place] for place in truth.tolist())
        self.figures.append(self._naming(image, masks, truth))
        if self.config.search:
            kinds = record.meta.get("kinds") or ["instance"] * len(record.masks)
            things = np.array([kinds[row] != "semantic" for row in rows])
            self._search(model, record, image, masks, truth, things)
        self.seconds += time.perf_counter() - start

    def _naming(self, image: Image, masks: Masks, truth: NDArray[np.int64]) -> dict[str, Pair]:
        own, _ = self.namer.logits(self.namer.features(image, masks.rles), self.phrases, apart=True)
        first = np.argsort(-own, axis=1, kind="stable")[:, :5] == truth[:, None]
        new = np.array([bool({self.phrases[place], self.name} & set(self.config.new)) for place in truth])
        out = {"top_1": _pair(first[:, 0]), "top_5": _pair(first.any(axis=1))}
        if new.any():
            out["new_1"] = _pair(first[new, 0])
        if self.imagenet is not None:
            right = self.imagenet(image, masks, self.phrases).argmax(axis=1) == truth
            out["imagenet"] = _pair(right)
            if new.any():
                out["new_imagenet"] = _pair(right[new])
        return out

    def _search(
        self,
        model: Promptable,
        record: Record,
        image: Image,
        masks: Masks,
        truth: NDArray[np.int64],
        things: NDArray[np.bool_],
    ) -> None:
        found = find_regions(model, embed(model, image), self.config.find.regions)
        likely_NK = probabilities(self.namer, image, found, self.phrases)
        ious, alarms = [], []
        for place in range(len(self.phrases)):
            answer = choose(found, likely_NK[:, [place]], self.config.find).masks
            mine = truth == place
            if mine.any():
                ious.append(_union_iou(answer, masks[np.flatnonzero(mine)], record.ignore))
            else:
                alarms.append(len(answer) > 0)
        self.figures[-1] |= {"iou": _pair(ious), "false_alarms": _pair(alarms)}
        self.matches.append(self._match(found, likely_NK, masks, truth, things))

    def _match(
        self,
        found: Masks,
        likely_NK: NDArray[np.float32],
        masks: Masks,
        truth: NDArray[np.int64],
        things: NDArray[np.bool_],
    ) -> list[Matches]:
        anything = replace(self.config.find, threshold=0.02, near_best=0.0)
        parts = [choose(found, likely_NK[:, [place]], anything) for place in range(len(self.phrases))]
        detections = Detections(
            [runs for part in parts for runs in part.masks.rles],
            np.repeat(np.arange(len(parts)), [len(part.masks) for part in parts]),
            np.concatenate([part.probability for part in parts]).astype(np.float64),
        )
        whole = np.flatnonzero(things)
        areas = masks.areas[whole].astype(np.float64)
        crowds = np.zeros(len(whole), np.bool_)
        return match(Truths([masks.rles[row] for row in whole], truth[whole], areas, crowds), detections)

    def pairs(self, figure: str) -> tuple[Floats, Floats]:
        """Sums and counts of a figure per image."""
        found = np.array([one.get(figure, (0.0, 0)) for one in self.figures], np.float64)
        return found[:, 0], found[:, 1]

    def result(self) -> SetResult:
        """The figures with their intervals."""
        generator = np.random.default_rng(self.config.seed)
        numbers = {figure: bootstrap_ci(*self.pairs(figure), generator) for figure in _figures([self])}
        most = self.counts.most_common(1)[0][1] / self.masks
        numbers |= {"majority": _exact(most), "chance": _exact(1 / len(self.phrases))}
        if self.matches:
            numbers["ap_50"] = _exact(AveragePrecision(self.matches)()["ap_50"])
        return SetResult(self.name, len(self.figures), self.masks, numbers, self.seconds)


def _mean(results: Sequence[_Set], config: TextEvalConfig) -> SetResult:
    generator = np.random.default_rng(config.seed)
    numbers = {
        figure: mean_over_sets({one.name: one.pairs(figure) for one in results}, generator)
        for figure in _figures(results)
    }
    rest = [one.result().numbers for one in results]
    for figure in ("majority", "chance", "ap_50"):
        known = [one[figure].value for one in rest if figure in one and np.isfinite(one[figure].value)]
        if known:
            numbers[figure] = _exact(float(np.mean(known)))
    images, masks = sum(len(one.figures) for one in results), sum(one.masks for one in results)
    return SetResult("mean", images, masks, numbers, sum(one.seconds for one in results))


def _figures(results: Sequence[_Set]) -> list[str]:
    return list(dict.fromkeys(figure for one in results for image in one.figures for figure in image))


def _pair(values: Sequence[float] | NDArray[np.bool_]) -> Pair:
    return float(np.sum(values)), len(values)


def _exact(value: float) -> Interval:
    return Interval(value, float("nan"), float("nan"))


def _union_iou(answer: Masks, truths: Masks, ignore: rle.Runs | None) -> float:
    """IoU of the unions; pixels of `ignore` do not count."""
    size = truths.size
    found, true = (rle.decode(rle.union(one.rles, size), size) for one in (answer, truths))
    if ignore is not None:
        found, true = (mask & ~rle.decode(ignore, size) for mask in (found, true))
    both, either = np.count_nonzero(found & true), np.count_nonzero(found | true)
    return both / either if either else 1.0
