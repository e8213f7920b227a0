"""SAM, figure 13: several models on the 23 data sets, by their training data or their encoder.

The models are those that you give: checkpoints of runs with other data or another encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from anymask.evaluate.tables.models import PromptModel
from anymask.evaluate.tables.point_sets import POINT_SETS
from anymask.evaluate.tables.points import CONFIG, record_points
from anymask.evaluate.tables.table import Row
from anymask.types import Record

__all__ = ["RUN_SETS", "measure_runs"]

_ONE_CLICK = replace(CONFIG, clicks=(1,))


def measure_runs(models: Mapping[str, PromptModel], record: Record) -> Row:
    """The IoUs of all masks of an image from one point, for each model by its name."""
    return {name: record_points(model, record, _ONE_CLICK)["click_1"] for name, model in models.items()}


RUN_SETS = tuple(replace(one, measure=measure_runs) for one in POINT_SETS)
