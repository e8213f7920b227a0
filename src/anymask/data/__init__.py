"""Data sets of Records, a weighted stream from several of them, and training samples drawn from it."""

from __future__ import annotations

from anymask.data.dataset import (
    Collection,
    Dataset,
    Faults,
    OnError,
    is_voc,
    of_category,
    open_dataset,
    readable,
)
from anymask.data.mixture import Draw, Mixture, MixtureState
from anymask.data.published.sets import open_published
from anymask.data.sa1b import is_sa1b
from anymask.data.summary import Check, Stats, check, stats
from anymask.data.synthetic import shapes
from anymask.data.transforms.augment import Augment, Sample, plain, sample
from anymask.data.transforms.copy_paste import Cutouts
from anymask.data.transforms.prompts import (
    error_point,
    error_points,
    noisy_box,
    noisy_boxes,
    random_point,
    random_points,
)

__all__ = [
    "Augment",
    "Check",
    "Collection",
    "Cutouts",
    "Dataset",
    "Draw",
    "Faults",
    "Mixture",
    "MixtureState",
    "OnError",
    "Sample",
    "Stats",
    "check",
    "error_point",
    "error_points",
    "is_sa1b",
    "is_voc",
    "noisy_box",
    "noisy_boxes",
    "of_category",
    "open_dataset",
    "open_published",
    "plain",
    "random_point",
    "random_points",
    "readable",
    "sample",
    "shapes",
    "stats",
]
