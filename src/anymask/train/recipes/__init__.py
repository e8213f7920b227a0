"""Named training configurations (recipes), and `run`, which trains with one."""

from __future__ import annotations

from anymask.models.checkpoints.load import RUN
from anymask.train.config import TrainConfig, change
from anymask.train.recipes.catalog import RECIPES, recipe
from anymask.train.recipes.run import resume, run

__all__ = ["RECIPES", "RUN", "TrainConfig", "change", "recipe", "resume", "run"]
