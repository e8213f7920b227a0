"""Which proposals are found for phrases, and which names masks get, with a made text model."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.errors import InputError, PromptError
from anymask.inference.text import find as find_module
from anymask.inference.text.find import FindConfig, choose, find
from anymask.inference.text.names import name_masks, without_parts
from anymask.models.text.words import content_words
from anymask.types import Masks, Prompt


class ByColour:
    """A text model for which "red" things are red: the mean colour of a mask is its vector."""

    def phrases(self, phrases):
        for phrase in phrases:
            content_words(phrase)
        return np.eye(3, dtype=np.float32)[[["red", "green", "blue"].index(phrase) for phrase in phrases]]

    def features(self, image, runs):
        masks = Masks(image.shape[:2], runs).dense()
        return np.stack([image[mask].mean(axis=0) / 255 for mask in masks]).astype(np.float32)

    def logits(self, features, phrases, *, apart):
        own = 8 * features @ self.phrases(phrases).T
        return own, np.full_like(own, 4.0)


@pytest.fixture
def scene():
    """A red square, in it a smaller one, a green square, and masks of all and of the whole image."""
    image = np.full((60, 90, 3), 20, np.uint8)
    image[10:40, 10:40], image[10:40, 50:80] = (250, 0, 0), (0, 250, 0)
    dense = np.zeros((4, 60, 90), np.bool_)
    dense[0, 10:40, 10:40] = dense[1, 15:25, 15:25] = dense[2, 10:40, 50:80] = dense[3] = True
    return image, Masks.from_dense(dense, [0.9, 0.7, 0.8, 0.95])


def test_every_thing_is_found_once_with_its_likeliest_phrase(scene, monkeypatch):
    image, masks = scene
    monkeypatch.setattr(find_module, "find_regions", lambda model, seen, config: masks)
    monkeypatch.setattr(find_module, "embed", lambda model, pixels: pixels)
    found = find(None, image, ["green", Prompt.named("red")], namer=ByColour())
    assert found.prompt.tolist() == found.labels.tolist() == [1, 0]
    assert found.areas.tolist() == [900, 900], "not the small square in the red one"
    assert (found.scores > 0.9).all()


def test_what_is_absent_gives_no_mask_and_never_the_whole_image(scene, monkeypatch):
    image, masks = scene
    monkeypatch.setattr(find_module, "find_regions", lambda model, seen, config: masks)
    monkeypatch.setattr(find_module, "embed", lambda model, pixels: pixels)
    assert len(find(None, image, ["blue"], namer=ByColour())) == 0


def test_the_threshold_decides(scene):
    _, masks = scene
    likely = np.array([[0.3], [0.1], [0.6], [0.0]], np.float32)
    assert len(choose(masks, likely, FindConfig(threshold=0.2, near_best=0)).masks) == 2
    assert len(choose(masks, likely, FindConfig(threshold=0.2)).masks) == 1, "0.3 is far below 0.6"
    assert len(choose(masks, likely, FindConfig(threshold=0.5, near_best=0)).masks) == 1
    assert len(choose(Masks(masks.size, ()), np.zeros((0, 1), np.float32), FindConfig()).masks) == 0


def test_overlapping_masks_of_two_phrases_become_the_likelier_one(scene):
    _, masks = scene
    likely = np.array([[0.6, 0.2], [0.3, 0.9], [0, 0], [0, 0]], np.float32)
    found = choose(masks, likely, FindConfig())
    assert found.masks.areas.tolist() == [100]
    assert found.masks.labels.tolist() == [1]
    assert found.masks.scores.tolist() == pytest.approx([0.7]), "the mask's own"
    assert found.probability.tolist() == found.best.tolist()[1:] == pytest.approx([0.9])


@pytest.mark.parametrize(
    ("phrases", "message"),
    [
        ([], "phrases must be 1 to 200, got 0"),
        (["cup"] * 201, "phrases must be 1 to 200, got 201"),
        ([Prompt.point(1, 2)], "phrases must be texts or prompts with nothing but a text"),
        ([Prompt(points=[(1, 2)], text="red")], "nothing but a text"),
        (["?!"], "text must name a thing"),
    ],
)
def test_other_phrases_are_refused_before_the_image_is_read(phrases, message):
    with pytest.raises(PromptError, match=message):
        find(None, "no-such-image.jpg", phrases, namer=ByColour())


@pytest.mark.parametrize("name", ["threshold", "near_best", "overlap"])
def test_settings_are_shares(name):
    with pytest.raises(InputError, match=f"{name} must be from 0 to 1, got 1.5"):
        FindConfig(**{name: 1.5})


def test_masks_get_the_likeliest_name_or_none(scene):
    image, masks = scene
    found = name_masks(image, masks, ["red", "green"], namer=ByColour())
    assert found.names == ("red", "red", "green", None)
    assert (found.all.sum(axis=1) <= 1).all()
    assert found.probability[0] == found.all[0, 0] > 0.9
    assert name_masks(image, masks, ["red"], least=0.0, namer=ByColour()).names[3] == "red"
    assert name_masks(image, masks[:0], ["red"], namer=_Empty()).names == ()


class _Empty(ByColour):
    def features(self, image, runs):
        return np.zeros((0, 3), np.float32)


def test_names_need_names_and_masks_of_the_image(scene):
    image, masks = scene
    with pytest.raises(PromptError, match="names must hold at least one name"):
        name_masks(image, masks, [], namer=ByColour())
    with pytest.raises(PromptError, match="masks must have the image's size 30 x 90, got 60 x 90"):
        name_masks(image[:30], masks, ["red"], namer=ByColour())


def test_a_part_of_a_thing_is_not_one_more(scene):
    _, masks = scene
    assert without_parts(["cat", "cat", "cat", None], masks) == ("cat", None, "cat", None)
    assert without_parts(["cat", "eye", "dog", "sofa"], masks) == ("cat", "eye", "dog", "sofa")
    assert without_parts(["cat", "cat", "cat", "cat"], masks) == (None, None, None, "cat")
