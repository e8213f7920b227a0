"""How good a project's model is on the held-back images, by clicks and boxes and by its detector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from anymask.data.dataset import open_dataset
from anymask.data_engine.retraining.snapshot import HELD
from anymask.evaluate import clicks, detections
from anymask.inference.mask_generation.objects import open_detector
from anymask.models.checkpoints import load as checkpoints
from anymask.models.checkpoints.hub import find
from anymask.models.checkpoints.load import Stored
from anymask.models.loading import load_detector, load_network, load_sam

__all__ = [
    "Figures",
    "deciding",
    "fits_detector",
    "measure_clicks",
    "measure_detector",
    "not_worse",
    "open_weights",
]

Figures: TypeAlias = "dict[str, float]"
Tell = Callable[[str, int, int], None]
CLICKS = ("click_1", "click_5", "box")
"""The mean IoU after one and five clicks, and from a box."""
MOST_IMAGES, MOST_MASKS = 100, 12
"""Held-back images, drawn at random but always the same, and masks of each."""
_DECIDES = {"clicks": "mean", "detector": "ar_100"}


def measure_clicks(model: str, data: Path, tell: Tell) -> Figures:
    """The figures CLICKS and their mean.

    model: as `anymask.load` takes it.
    data: a snapshot.
    tell: called with a name, the number of images done and the total.

    Raises InputError without a mask that counts.
    """
    config = clicks.ClicksConfig(
        clicks=(1, 5),
        noc=(),
        random_click=False,
        grabcut_masks=0,
        most_images=MOST_IMAGES,
        most_masks=MOST_MASKS,
        resamples=1,
    )
    network = load_sam(model, runtime="torch", dtype="float32")
    report = clicks.run(network, {"held back": open_dataset(data, split=HELD)}, config, tell)
    figures = {name: report.mean.numbers[name].value for name in CLICKS}
    return {**figures, "mean": sum(figures.values()) / len(CLICKS)}


def fits_detector(model: str, detector: str | None) -> bool:
    """Whether a detector reads the features of a model; without one, whether one could be trained for it."""
    network = load_sam(model)
    if not detector:
        return network.config.encoder.kind == "compact"
    return load_detector(detector).encoder == network.fingerprint


def open_weights(part: str, place: str) -> Stored:
    """A part of the model, "clicks" or "detector", as a network whose weights can be computed with."""
    if part == "detector":
        return checkpoints.load_detector(find(place))
    return load_network(place, device="cpu", dtype="float32")


def measure_detector(model: str, detector: str, data: Path, tell: Tell) -> Figures:
    """The figures of `evaluate.detections`; of no detector, "", they are 0.

    model, detector: as `anymask.load` and `load_detector` take them.
    data: a snapshot.
    tell: called once, before the work.
    """
    tell("held back", 0, 1)
    if not detector:
        return dict.fromkeys(detections.FIGURES, 0.0)
    network = load_sam(model)
    found = open_detector(network, detector)
    assert found is not None, "a detector was named"
    return detections.run(network, found, {"held": open_dataset(data, split=HELD)}, MOST_IMAGES)["mean"]


def deciding(part: str, figures: Mapping[str, float]) -> float:
    """The figure by which versions of a part of the model, "clicks" or "detector", are compared."""
    return figures[_DECIDES[part]]


def not_worse(part: str, before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Whether a part of the model is at least as good as before."""
    return deciding(part, after) >= deciding(part, before)
