"""Named training runs, and `run`, which carries one out."""

from __future__ import annotations

from anymask.recipes.notes import RECIPES, recipe
from anymask.recipes.running import resume, run

from anymask.train.config import TrainConfig, change

__all__ = ["RECIPES", "TrainConfig", "change", "recipe", "resume", "run"]
