"""SAM, figure 9 and table 7: mean IoU from 1, 2, 3, 5 and 9 points on 23 data sets.

All masks of the drawn images count, of any kind and size. Images of sets with more than 15,000 masks are
drawn at random until they have 10,000; which ones the paper drew was never published.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from anymask.errors import FormatError
from anymask.evaluate.clicks import click_numbers
from anymask.evaluate.records import Image
from anymask.evaluate.simulated_clicks import (
    ClicksConfig,
    Session,
    choose_targets,
    first_round,
    random_click,
)
from anymask.evaluate.tables.models import PromptModel
from anymask.evaluate.tables.table import Row
from anymask.types import Record

__all__ = ["COLUMNS", "CONFIG", "measure_points", "read_pixels", "record_points"]

CONFIG = ClicksConfig(
    noc=(),
    box=False,
    grabcut_masks=0,
    kinds=("instance", "part", "semantic"),
    min_area=0,
    most_masks=None,
)
COLUMNS = ("click_1", "oracle_1", "random_1", "click_2", "click_3", "click_5", "click_9")
AT_ONCE = 32
"""Masks that are held as pixels together."""


def measure_points(model: PromptModel, record: Record) -> Row:
    """IoUs of all masks of an image, by number of points. Raises FormatError for masks of another size."""
    return record_points(model, record, CONFIG)


def record_points(model: PromptModel, record: Record, config: ClicksConfig) -> dict[str, list[float]]:
    """As `measure_points`, for any numbers of clicks."""
    image = read_pixels(record)
    session, generator = model.open(image), np.random.default_rng(zlib.crc32(record.id.encode()))
    found: dict[str, list[float]] = {name: [] for name in _names(config)}
    for first in range(0, len(record.masks), AT_ONCE):
        kinds = list(record.meta.get("kinds") or [])[first : first + AT_ONCE]
        part = record.with_masks(record.masks[first : first + AT_ONCE], **({"kinds": kinds} if kinds else {}))
        for name, values in _part(session, part, config, generator).items():
            found[name] += values
    return found


def read_pixels(record: Record) -> Image:
    """The image of a record. Raises FormatError for masks of another size."""
    image = record.read()
    if image.shape[:2] != record.masks.size:
        raise FormatError(
            f"masks of {record.id} must have the size {image.shape[:2]} of {record.image}, got "
            f"{record.masks.size}. Get the data set again."
        )
    return image


def _names(config: ClicksConfig) -> Sequence[str]:
    return ["click_1", "oracle_1", "random_1", *(f"click_{count}" for count in config.clicks if count > 1)]


def _part(
    session: Session, record: Record, config: ClicksConfig, generator: np.random.Generator
) -> dict[str, list[float]]:
    """The IoUs of a few masks."""
    targets = choose_targets(record, config, generator)
    if not len(targets.truths):
        return {}
    numbers = click_numbers(session, targets, config)
    points = [random_click(truth, generator) for truth in targets.truths]
    numbers["random_1"] = first_round(session, targets, points).ious
    return {name: values.tolist() for name, values in numbers.items()}
