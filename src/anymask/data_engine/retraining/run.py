"""One retraining of a project's model, from the accepted masks to a version in use: `retrain`.

A retraining lives in `.anymask/models/new` until it has ended: the copy of the data, the two training runs,
and `state.json` with its progress. It resumes from there, whatever stopped it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from anymask.data.dataset import open_dataset
from anymask.data_engine.project import Project, versions
from anymask.data_engine.project.versions import DETECTOR, INFO, SHIPPED, Version
from anymask.data_engine.retraining.measure import (
    Figures,
    deciding,
    fits_detector,
    measure_clicks,
    measure_detector,
    not_worse,
    open_weights,
)
from anymask.data_engine.retraining.snapshot import HELD, Counts, make_snapshot
from anymask.data_engine.retraining.state import LOCK, NEW, Tell, keep_state
from anymask.data_engine.suggest import judge_held, keep_held, least_worth
from anymask.errors import InputError, OutputError
from anymask.files import locked, write_atomic
from anymask.inference.mask_generation.config import AutoConfig
from anymask.models.checkpoints.between import save_between
from anymask.models.checkpoints.load import MODEL_FILE
from anymask.models.loading import load_sam
from anymask.train import recipes
from anymask.train.config import TrainConfig, first_change

__all__ = ["RetrainConfig", "Retrained", "retrain"]

PASSES = 6
"""How many times an image is seen at least, so that larger projects are trained longer."""
MOST_STEPS = 1500
SHARES = (0.5,)
"""Of the way from the weights in use to the new ones, which are tried besides the new ones."""
_PLAN = "plan.json"
Measure: TypeAlias = "Callable[[str, Path, Tell], Figures]"
"""Gives the figures of a model, by its place, on the held-back images of a snapshot."""


@dataclass(frozen=True)
class RetrainConfig:
    """How a project's model is retrained."""

    clicks: TrainConfig = field(default_factory=recipes.RECIPES["finetune_decoder"])
    """Of the model for prompts. Its encoder must stay as it is, since the detector reads its features."""
    detector: TrainConfig | None = field(default_factory=recipes.RECIPES["finetune_detector"])
    """Of the object detector; None leaves it as it is."""
    steps: int | None = None
    """Of both trainings; None: those of the recipes, more from a hundred images on."""
    held: float = 0.2
    """The share of the project's images that is held back."""
    model: str = SHIPPED
    """What the first version is trained from."""

    def __post_init__(self) -> None:
        """Check the values. Raises InputError."""
        if not 0 < self.held < 1:
            raise InputError(f"held must be over 0 and under 1, got {self.held}. The default is 0.2.")
        if self.clicks.tune not in ("decoder", "scores"):
            raise InputError(
                f"tune must be decoder or scores in a project, got {self.clicks.tune}. Others would change "
                "the features that its detector and its embeddings are made for."
            )


@dataclass(frozen=True)
class Retrained:
    """What came of a retraining."""

    version: Version | None
    """The new version, which is in use; None where nothing became better."""
    counts: Counts
    scores: dict[str, Figures]
    """By "clicks before", "clicks after", and the same with "detector" where there is one. After: the best of
    the weights that were tried, with their "share" of the way to the new ones."""
    least: float
    """Predicted IoU from which on masks are suggested now, see `suggest.least_worth`."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "version": None if self.version is None else self.version.name,
            **asdict(self.counts),
            "scores": self.scores,
            "least": self.least,
        }


def retrain(
    project: Project,
    config: RetrainConfig | None = None,
    *,
    restart: bool = False,
    tell: Tell = lambda what, done, total: None,
) -> Retrained:
    """Fine-tune the model in use on the accepted masks; use the new version where it is not worse.

    Of the new weights, and of those half-way to them, the better ones on the held-back images are taken, if
    the mean IoU of the model for prompts, or the AR@100 of the detector, has not fallen there. Each is taken
    by itself. The limit of suggestions follows the version in use, see `suggest.least_worth`.

    project: the project.
    config: the settings, which must be those of a retraining that is resumed.
    restart: start anew where one was stopped.
    tell: called with what is being done, how much of it is done and the total.

    Raises InputError for a project with too few masks and for other settings than the stopped retraining
    had, OutputError if another process retrains it, and the errors of training.
    """
    config = config or RetrainConfig()
    folder = versions.models_folder(project)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK, wait=False) as free:
        if not free:
            raise OutputError(f"PROJECT must not be in retraining already, got {project.name}. Wait for it.")
        new = folder / NEW
        if restart:
            shutil.rmtree(new, ignore_errors=True)
        new.mkdir(exist_ok=True)
        with keep_state(folder, tell) as told:
            result = _Retraining(project, config, new, told.tell).run()
            told.ended(result.to_dict())
        shutil.rmtree(new, ignore_errors=True)
    return result


class _Retraining:
    """A retraining in its folder."""

    def __init__(self, project: Project, config: RetrainConfig, new: Path, tell: Tell) -> None:
        self.project, self.config, self.new, self.tell = project, config, new, tell
        self.plan = _planned(project, config, new)
        self.data = new / "data"
        self.scores: dict[str, Figures] = {}

    def run(self) -> Retrained:
        """Copy, train, measure and take. What is done already is not done again."""
        counts = make_snapshot(
            self.project, self.data, self.config.held, lambda done, total: self.tell("images", done, total)
        )
        version = self._version(counts, self._clicks(counts), self._detector(counts))
        if fits_detector(self._base, None):  # a compact encoder: others take minutes for an image
            self._judge_held()
        return Retrained(version, counts, self.scores, least_worth(self.project))

    def _version(self, counts: Counts, model: Path | None, detector: Path | None) -> Version | None:
        """The new version, in use, of the parts that became better; None where neither did."""
        plan = self.plan
        if model is None and detector is None:
            return None
        version = Version(
            name=plan["name"],
            made=time.time(),
            base=plan["base"],
            model=plan["model"] if model is None else plan["name"],
            detector=plan["detector"] if detector is None else plan["name"],
            images=counts.images,
            masks=counts.masks,
            scores=self.scores,
        )
        self._take(version, model, detector)
        return version

    def _judge_held(self) -> None:
        """Compare automatic masks of the version in use with people's in the held-back images."""
        model, detector = versions.places_in_use(self.project)
        found = judge_held(
            load_sam(model if versions.in_use(self.project) else self._base),
            open_dataset(self.data, split=HELD),
            AutoConfig(detector=detector),
            lambda done, total: self.tell("judging suggestions", done, total),
        )
        keep_held(self.project, found)

    @property
    def _base(self) -> str:
        """The model that is trained on."""
        return versions.model_place(self.project, self.plan["model"])

    def _clicks(self, counts: Counts) -> Path | None:
        """Train the model for prompts; its run where it is not worse."""
        config = replace(self.config.clicks, init=self._base)
        return self._part("clicks", self._base, self._sized(config, counts), measure_clicks)

    def _detector(self, counts: Counts) -> Path | None:
        """Train the detector; its run where it is not worse, None also where there is none to train."""
        config, place = self.config.detector, versions.detector_place(self.project, self.plan["detector"])
        if config is None or not fits_detector(self._base, place):
            return None
        config = replace(config, encoder=self._base, init=config.init if place is None else place)
        measure = partial(measure_detector, self._base)
        return self._part("detector", place or "", self._sized(config, counts), measure)

    def _part(self, name: str, before: str, config: TrainConfig, measure: Measure) -> Path | None:
        """Train a part and measure it before and after; the folder of its weights where they are not worse.

        name: "clicks" or "detector".
        before: what is in use.
        config: of the training.
        measure: gives its figures.
        """
        run, steps = self.new / name, config.loop.steps
        old = self.scores[f"{name} before"] = self._measured(f"{name} before", before, measure)
        recipes.run(
            config, [self.data], run, lambda line: self.tell(f"training {name}", int(line["step"]), steps)
        )
        places = {1.0: run} | {share: self._between(name, before, share) for share in SHARES if before}
        tried = {
            share: self._measured(f"{name} at {share:g}", str(place), measure)
            for share, place in places.items()
        }
        best = max(tried, key=lambda share: deciding(name, tried[share]))
        self.scores[f"{name} after"] = {**tried[best], "share": best}
        return places[best] if not_worse(name, old, tried[best]) else None

    def _between(self, name: str, before: str, share: float) -> Path:
        """The folder of weights on the way from those in use to those of the run."""
        place = self.new / f"{name}-{share:g}"
        if not (place / MODEL_FILE).is_file():
            after = open_weights(name, str(self.new / name))
            save_between(open_weights(name, before), after, share, place)
        return place

    def _measured(self, name: str, place: str, measure: Measure) -> Figures:
        """Figures on the held-back images, from the file that an earlier try left, or new."""
        file = self.new / f"{name.replace(' ', '-')}.json"
        if not file.is_file():
            figures = measure(
                place, self.data, lambda _, done, total: self.tell(f"measuring {name}", done, total)
            )
            write_atomic(file, json.dumps(figures).encode())
        found: Figures = json.loads(file.read_text("utf-8"))
        return found

    def _sized(self, config: TrainConfig, counts: Counts) -> TrainConfig:
        """The configuration with its number of steps, saved often enough to be resumed."""
        loop = config.loop
        enough = min(MOST_STEPS, counts.images * PASSES // loop.batch)
        steps = max(loop.steps, enough) if self.config.steps is None else self.config.steps
        return replace(config, loop=replace(loop, steps=steps, every_save=min(loop.every_save, 50)))

    def _take(self, version: Version, model: Path | None, detector: Path | None) -> None:
        """Write the version under another name, rename it, and use it."""
        final, part = self.new.parent / version.name, self.new / "version"
        if not final.exists():  # else it was stopped right after
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            for run, place in ((model, part), (detector, part / DETECTOR)):
                if run is not None:
                    place.mkdir(exist_ok=True)
                    shutil.copyfile(run / MODEL_FILE, place / MODEL_FILE)
            write_atomic(part / INFO, versions.to_json(version))
            os.replace(part, final)
        versions.use(self.project, version.name)


def _planned(project: Project, config: RetrainConfig, new: Path) -> dict[str, Any]:
    """What the retraining in a folder starts from, written down where it is new."""
    file, settings = new / _PLAN, json.loads(json.dumps(asdict(config)))
    if not file.is_file():
        plan = {"name": versions.new_name(project), **_start(project, config), "settings": settings}
        write_atomic(file, json.dumps(plan, indent=1).encode())
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    changed = first_change(found["settings"], settings)
    if changed:
        key, old, now = changed
        raise InputError(
            f"{key} must be {old!r} as in the retraining that was stopped, got {now!r}. Add --restart for a "
            "new one."
        )
    return found


def _start(project: Project, config: RetrainConfig) -> dict[str, Any]:
    """The version in use and its parts; before the first one those that the configuration names."""
    used = versions.in_use(project)
    if used is not None:
        return {"base": used.name, "model": used.model, "detector": used.detector}
    own = config.detector
    detector = None if own is None or own.init == "scratch" else own.init
    return {"base": config.model, "model": config.model, "detector": detector}
