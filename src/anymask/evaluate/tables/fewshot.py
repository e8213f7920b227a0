"""SegGPT, tables 1, 2 and 4: few-shot segmentation on COCO-20i, PASCAL-5i and FSS-1000."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.evaluate.metrics import Mask
from anymask.evaluate.tables import episodes
from anymask.evaluate.tables.episodes import FOLDS, Episode
from anymask.evaluate.tables.table import Figures, Items, Row, TableSet, Weights
from anymask.geometry import rle
from anymask.images.read import read_image, read_map
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.segment import segment_like
from anymask.models import InContext
from anymask.types import Masks, Record

__all__ = ["ENSEMBLE_SETS", "FEWSHOT_SETS", "FSS_SETS", "figures"]

SIDE = 400
"""Masks are compared at this size, the default of HSNet's evaluation."""
NOBODY = 255


@dataclass(frozen=True)
class Shown:
    """An episode with the places of its files."""

    episode: Episode
    image: Callable[[str], Path]
    mask: Callable[[str], tuple[Mask, Mask | None]]
    """The class in an image (H, W), and the pixels that do not count."""


def measure_episode(
    model: InContext, one: Shown, *, ensemble: Literal["feature", "spatial"] = "feature"
) -> Row:
    """Pixels that prediction and truth share and have in all, of background and class."""
    episode = one.episode
    contexts = [
        context(_example(one, name), size=model.config.size) for name in episode.examples
    ]  # fmt: skip
    found = segment_like(
        model, read_image(one.image(episode.query)), contexts, kind="semantic", ensemble=ensemble
    )
    truth, ignored = _shown(one, episode.query)
    if truth.shape != found.size:
        raise FormatError(
            f"mask of {episode.query} must have the size {found.size} of its image, got {truth.shape}. "
            "Get the data set again."
        )
    predicted = rle.decode(found.rles[0], found.size) if len(found) else np.zeros(found.size, np.bool_)
    counted = np.ones((SIDE, SIDE), np.bool_) if ignored is None else ~_resized(ignored)
    pair = [_resized(mask)[counted] for mask in (predicted, truth)]
    shared = [int((a & b).sum()) for a, b in ((~pair[0], ~pair[1]), (pair[0], pair[1]))]
    either = [int((a | b).sum()) for a, b in ((~pair[0], ~pair[1]), (pair[0], pair[1]))]
    return {"fold": episode.fold, "category": episode.category, "shared": shared, "either": either}


def _shown(one: Shown, name: str) -> tuple[Mask, Mask | None]:
    """The class in an image, and what does not count. Raises FormatError where the class is not there."""
    shown, ignored = one.mask(name)
    if not shown.any():
        raise FormatError(
            f"mask of {name} must show class {one.episode.category}, got none. Use the original lists."
        )
    return shown, ignored


def _example(one: Shown, name: str) -> Record:
    shown, _ = _shown(one, name)
    return Record(name, one.image(name), Masks.from_dense(shown[None]))


def _resized(mask: Mask) -> Mask:
    """(SIDE, SIDE), each pixel from the nearest one above and left of it, as PyTorch's `interpolate`."""
    rows, columns = (np.arange(SIDE) * length // SIDE for length in mask.shape)
    return np.asarray(mask[np.ix_(rows, columns)])


def figures(rows: Sequence[Row]) -> Figures:
    """mIoU and FB-IoU of weighted episodes: means over folds.

    mIoU is the mean over classes of summed intersections by summed unions; FB-IoU that of background and
    foreground over all classes. Classes and folds without an episode are left out.
    """
    keys = np.array([(row["fold"], row["category"]) for row in rows])
    shared, either = (np.array([row[name] for row in rows], np.float64) for name in ("shared", "either"))
    pairs, group = np.unique(keys, axis=0, return_inverse=True)
    one_hot = np.equal.outer(np.arange(len(pairs)), group.ravel()).astype(np.float64)

    def of(weights: Weights) -> Mapping[str, float]:
        sums, totals = ((one_hot * weights) @ values for values in (shared, either))  # (classes, 2)
        known = (one_hot @ weights) > 0
        folds = [known & (pairs[:, 0] == fold) for fold in np.unique(pairs[known, 0])]
        miou = [(sums[fold, 1] / np.maximum(totals[fold, 1], 1)).mean() for fold in folds]
        fb = [(sums[fold].sum(0) / np.maximum(totals[fold].sum(0), 1)).mean() for fold in folds]
        return {"miou": float(np.mean(miou)), "fb_iou": float(np.mean(fb))}

    return of


def _items(shown: Sequence[Shown]) -> Items:
    return Items([f"{i}/{one.episode.query}" for i, one in enumerate(shown)], shown.__getitem__)


def _open_coco(root: Path, *, shots: int = 1) -> Items:
    base = root / "COCO2014"

    def mask(category: int, name: str) -> tuple[Mask, None]:
        return _class_map(base / "annotations" / Path(name).with_suffix(".png")) == category + 1, None

    return _items(
        [
            Shown(one, lambda name: base / name, partial(mask, one.category))
            for fold in range(FOLDS)
            for one in episodes.coco_episodes(
                episodes.read_coco_list(root / f"splits/coco/val/fold{fold}.pkl"), fold, shots
            )
        ]
    )


def _open_pascal(root: Path, *, shots: int = 1) -> Items:
    base = root / "VOC2012"

    def mask(category: int, name: str) -> tuple[Mask, Mask]:
        numbers = _class_map(base / "SegmentationClassAug" / f"{name}.png")
        return numbers == category + 1, numbers == NOBODY

    return _items(
        [
            Shown(one, lambda name: base / "JPEGImages" / f"{name}.jpg", partial(mask, one.category))
            for fold in range(FOLDS)
            for one in episodes.pascal_episodes(
                episodes.read_pascal_list(root / f"splits/pascal/val/fold{fold}.txt"), fold, shots
            )
        ]
    )


def _open_fss(root: Path, *, shots: int = 1) -> Items:
    names = episodes.read_lines(root / "splits/fss/test.txt")
    base = root / "FSS-1000"

    def mask(name: str) -> tuple[Mask, None]:
        return read_image(base / f"{name}.png")[..., 0] >= 128, None

    categories = [name.strip() for name in names if name.strip()]
    return _items(
        [
            Shown(one, lambda name: base / f"{name}.jpg", mask)
            for one in episodes.fss_episodes(categories, shots)
        ]
    )


@lru_cache(8)
def _class_map(path: Path) -> NDArray[np.uint8]:
    return read_map(path).astype(np.uint8)


_SPLITS = "the lists: data/splits of github.com/juhongm999/hsnet, in a folder splits"
_COCO = TableSet(
    name="COCO-20i",
    home=f"cocodataset.org (2014), masks and {_SPLITS}",
    size="20 GB",
    licence="CC BY 4.0; images of Flickr's terms",
    folders=("fewshot", "."),
    needs=("splits/coco/val/fold3.pkl", "COCO2014/val2014", "COCO2014/annotations/val2014"),
    open=_open_coco,
    measure=measure_episode,
    figures=figures,
    resamples=200,
)
_PASCAL = replace(
    _COCO,
    name="PASCAL-5i",
    home=f"host.robots.ox.ac.uk/pascal/VOC, SegmentationClassAug (SBD) and {_SPLITS}",
    size="2 GB",
    licence="images of Flickr's terms",
    needs=("splits/pascal/val/fold3.txt", "VOC2012/JPEGImages", "VOC2012/SegmentationClassAug"),
    open=_open_pascal,
)
_FSS = replace(
    _COCO,
    name="FSS-1000",
    home=f"github.com/HKUSTCV/FSS-1000, and {_SPLITS}",
    size="700 MB",
    licence="none stated",
    needs=("splits/fss/test.txt", "FSS-1000"),
    open=_open_fss,
)


_OPENERS = {_COCO.name: _open_coco, _PASCAL.name: _open_pascal, _FSS.name: _open_fss}


def _with(
    data: TableSet, shots: int, name: str, ensemble: Literal["feature", "spatial"] = "feature"
) -> TableSet:
    """A data set with this many examples."""
    return replace(
        data,
        name=f"{data.name}, {name}",
        open=partial(_OPENERS[data.name], shots=shots),
        measure=partial(measure_episode, ensemble=ensemble),
    )


FEWSHOT_SETS = tuple(_with(data, shots, f"{shots} shot") for data in (_COCO, _PASCAL) for shots in (1, 5))
FSS_SETS = (_with(_FSS, 1, "1 shot"), _with(_FSS, 5, "5 shots"))
ENSEMBLE_SETS = (
    _with(_FSS, 1, "1 example"),
    _with(_FSS, 4, "4 examples, spatial", "spatial"),
    _with(_FSS, 4, "4 examples, feature"),
    _with(_FSS, 8, "8 examples, feature"),
)
