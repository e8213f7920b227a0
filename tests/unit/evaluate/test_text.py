"""The protocol of `anymask eval text`, on made scenes with a made text model."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.errors import InputError
from anymask.evaluate import text
from anymask.evaluate.text import TextEvalConfig, phrases_of, run
from anymask.geometry import rle
from anymask.models.text.words import shipped_words
from anymask.types import Masks, Record

COLOURS = {"apple": 0, "frog": 1, "whale": 2}


class ByColour:
    """Apples are red, frogs green, whales blue; a frog looks a little like an apple."""

    words, fingerprint = shipped_words(), "0123456789abcdef"

    def features(self, image, runs):
        masks = Masks(image.shape[:2], runs).dense()
        return np.reshape([image[mask].mean(axis=0) / 255 for mask in masks], (-1, 3)).astype(np.float32)

    def logits(self, features, phrases, *, apart):
        own = 8 * features[:, [COLOURS[phrase] for phrase in phrases]]
        return own, np.full_like(own, 4.0)


def square(x: int, side: int = 20) -> np.ndarray:
    mask = np.zeros((40, 120), np.bool_)
    mask[10 : 10 + side, x : x + side] = True
    return mask


def scene(*things: tuple[str, int, tuple[int, int, int]]) -> Record:
    image = np.full((40, 120, 3), 10, np.uint8)
    masks = [square(x) for _, x, _ in things]
    for mask, (_, _, colour) in zip(masks, things, strict=True):
        image[mask] = colour
    meta = {"categories": [name for name, _, _ in things], "kinds": ["instance"] * len(things)}
    return Record("scene", image, Masks.from_dense(np.array(masks)), meta=meta)


RED, GREEN = (250, 0, 0), (0, 250, 0)


@pytest.fixture
def records():
    return [scene(("apple", 5, RED), ("apple", 40, RED), ("frog", 80, GREEN)), scene(("frog", 30, RED))]


@pytest.fixture(autouse=True)
def proposals(monkeypatch, records):
    """The masks of both scenes are proposed in each, and the whole image; ImageNet's weights are missing."""
    dense = [square(5), square(40), square(80), square(30), np.ones((40, 120), np.bool_)]
    masks = Masks.from_dense(np.array(dense), [0.9, 0.9, 0.9, 0.8, 0.9])
    monkeypatch.setattr(text, "embed", lambda model, image: image)
    monkeypatch.setattr(text, "find_regions", lambda model, image, config: masks)
    monkeypatch.setattr(text.ImageNetNamer, "load", staticmethod(lambda words: None))


def figures(found):
    return {name: number.value for name, number in found.numbers.items()}


def test_figures_of_names_and_of_searches(records):
    names = ["apple", "frog", "whale"]
    report = run(None, ByColour(), {"made": records}, {"made": names}, TextEvalConfig(new=("frog",)))
    found = figures(report.sets[0])
    assert (report.sets[0].images, report.sets[0].masks) == (2, 4)
    assert found["top_1"] == 0.75, "the red frog is taken for an apple"
    assert found["top_5"] == 1
    assert found["new_1"] == 0.5
    assert (found["majority"], found["chance"]) == (0.5, pytest.approx(1 / 3))
    assert found["iou"] == pytest.approx((1 + 1 + 0) / 3), "both apples, the first frog, not the second"
    assert found["false_alarms"] == pytest.approx(1 / 3), "an apple in the second image, whales in none"
    assert 0 < found["ap_50"] < 1
    assert report.model == ByColour.fingerprint
    assert "imagenet" not in found


def test_ignored_pixels_do_not_count(records):
    half = square(30)
    half[:, :40] = False
    odd = Record(
        "odd", records[1].image, Masks.from_dense(half[None]), meta={"categories": ["apple"]},
        ignore=rle.encode(square(30) & ~half),
    )  # fmt: skip
    report = run(None, ByColour(), {"made": [odd]}, {"made": ["apple"]})
    assert figures(report.sets[0])["iou"] == 1


def test_only_names(records):
    report = run(None, ByColour(), {"made": records}, {"made": list(COLOURS)}, TextEvalConfig(search=False))
    assert set(figures(report.sets[0])) == {"top_1", "top_5", "majority", "chance"}
    assert report.mean.numbers["top_1"].value == 0.75


def test_the_phrases_of_a_data_set(records):
    assert phrases_of([*records, scene(("saga-don", 5, RED))], ByColour()) == ["apple", "frog"]


def test_masks_without_names_are_refused(records):
    with pytest.raises(InputError, match="must hold masks with names"):
        run(None, ByColour(), {"made": [scene(("saga-don", 5, RED))]}, {"made": ["apple"]})
