"""Few-shot evaluation: who is asked what, the two baselines, a model that knows and one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.errors import ImageError, InputError, UnknownNameError
from anymask.evaluate import fewshot
from anymask.evaluate.fewshot import FewshotConfig, colour_mask, copy_mask, episodes
from anymask.geometry import rle
from anymask.models import build
from anymask.models.config import CONTEXT_DEBUG
from anymask.types import Masks, Record


def scene(seed: int, size=(48, 64)) -> Record:
    """A red and a green square on blue, at places of their own."""
    rng = np.random.default_rng(seed)
    image = np.full((*size, 3), (30, 40, 200), np.uint8)
    masks, names = [], []
    for name, colour, left in (("red", (220, 30, 30), 0), ("green", (30, 200, 40), 32)):
        mask = np.zeros(size, bool)
        y, x = rng.integers(0, 24), left + rng.integers(0, 8)
        mask[y : y + 20, x : x + 20] = True
        image[mask] = colour
        masks.append(mask)
        names.append(name)
    return Record(str(seed), image, Masks.from_dense(np.stack(masks)), meta={"categories": tuple(names)})


@pytest.fixture
def model():
    return build(CONTEXT_DEBUG).eval()


def test_episodes_ask_each_class_with_other_images() -> None:
    records = {i: scene(i) for i in range(5)}
    config = FewshotConfig(shots=(1, 3), most_queries=4)
    drawn = episodes(records.items(), config, np.random.default_rng(0))
    assert [one.category for one in drawn] == ["green"] * 4 + ["red"] * 4
    for one in drawn:
        assert one.query not in one.examples
        assert len(set(one.examples)) == 3
    assert drawn == episodes(records.items(), config, np.random.default_rng(0))


def test_rare_and_tiny_classes_are_not_asked() -> None:
    records = {i: scene(i) for i in range(3)}
    config = FewshotConfig(min_share=0.2)
    assert episodes(records.items(), config, np.random.default_rng(0)) == []
    assert episodes([(0, scene(0))], FewshotConfig(), np.random.default_rng(0)) == []


def test_baselines() -> None:
    a, b = scene(1), scene(2)
    shown = rle.decode(a.masks.rles[0], a.masks.size)
    assert np.array_equal(copy_mask(shown, a.masks.size), shown)
    assert copy_mask(shown, (10, 12)).shape == (10, 12)
    found = colour_mask(a.read(), shown, b.read())
    truth = rle.decode(b.masks.rles[0], b.masks.size)
    assert (found & truth).sum() / (found | truth).sum() > 0.7


def test_a_report(model) -> None:
    records = [scene(i) for i in range(4)]
    told: list[tuple[str, int, int]] = []
    report = fewshot.run(
        model,
        {"squares": records},
        FewshotConfig(shots=(1, 2), most_queries=2, resamples=50),
        lambda *what: told.append(what),
    )
    assert report.protocol == "fewshot"
    (found,) = report.sets
    assert list(found.numbers) == ["shot_1", "shot_2", "copy_1", "colour_1"]
    assert found.masks == 4
    assert told[-1] == ("squares", 4, 4)
    assert 0.7 < found.numbers["colour_1"].value <= 1
    assert found.numbers["shot_1"].low <= found.numbers["shot_1"].value <= found.numbers["shot_1"].high


def test_who_knows_the_answer_scores_one(model, monkeypatch) -> None:
    records = [scene(i) for i in range(3)]
    known = {record.read().tobytes(): record for record in records}

    def perfect(_, image, contexts, **rest):
        record = known[image.tobytes()]
        shown = contexts[0].image.transpose(1, 2, 0)[contexts[0].target[0] > 0].mean(0)
        return record.masks[[int(shown[0] < 0)]]  # red is bright in the first channel

    monkeypatch.setattr(fewshot, "segment_like", perfect)
    report = fewshot.run(model, {"squares": records}, FewshotConfig(shots=(1,), resamples=10))
    assert report.mean.numbers["shot_1"].value == pytest.approx(1.0)


def test_the_last_row_is_over_classes_not_sets() -> None:
    one, two = fewshot._Overlap(), fewshot._Overlap()
    full, none = np.ones((2, 2), bool), np.zeros((2, 2), bool)
    one.add("a", "shot_1", full, full, None)
    one.add("b", "shot_1", none, full, None)
    one.add("b", "shot_1", full, full, None)
    two.add("c", "shot_1", full, full, None)
    config = FewshotConfig(resamples=10)
    assert one.figures(config)["shot_1"].value == pytest.approx(0.75)
    total = fewshot._Overlap(one.pairs | two.pairs)
    assert total.figures(config)["shot_1"].value == pytest.approx((1 + 0.5 + 1) / 3)


def test_pixels_without_a_label_do_not_count(model, monkeypatch) -> None:
    every = rle.encode(np.ones((48, 64), bool))
    records = [Record(**{**vars(scene(i)), "ignore": every}) for i in range(3)]
    report = fewshot.run(model, {"squares": records}, FewshotConfig(shots=(1,), resamples=10))
    assert report.mean.numbers["shot_1"].value == 1.0


def test_damaged_images_are_left_out(model) -> None:
    class Broken(list):
        def __getitem__(self, index):
            if index == 0:
                raise ImageError("image must be whole, got half. Copy it again.")
            return super().__getitem__(index)

    records = Broken(scene(i) for i in range(4))
    report = fewshot.run(model, {"squares": records}, FewshotConfig(shots=(1,), resamples=10))
    assert report.sets[0].images == 3


def test_the_ensemble_is_that_of_the_options(model, monkeypatch) -> None:
    asked: list[str] = []

    def answer(_, image, contexts, *, kind, ensemble):
        asked.append(ensemble)
        return Masks(image.shape[:2], ())

    monkeypatch.setattr(fewshot, "segment_like", answer)
    config = FewshotConfig(shots=(2,), ensemble="spatial", resamples=10)
    fewshot.run(model, {"squares": [scene(i) for i in range(3)]}, config)
    assert set(asked) == {"spatial"}


def test_examples_are_made_once_and_few_images_are_held(model, monkeypatch) -> None:
    records = [scene(i) for i in range(12)]
    held: list[int] = []
    made: list[str] = []

    class Counted(list):
        def __getitem__(self, index):
            held.append(index)
            return super().__getitem__(index)

    def counted(record, **rest):
        made.append(record.id)
        return context(record, **rest)

    context = fewshot.context
    monkeypatch.setattr(fewshot, "context", counted)
    monkeypatch.setattr(fewshot, "CACHED_IMAGES", 2)
    config = FewshotConfig(shots=(4,), most_queries=8, baselines=False, resamples=10)
    fewshot.run(model, {"squares": Counted(records)}, config)
    assert len(made) <= 24 < 16 * 4, "one for each class of a scene, not one for each question"
    assert held[:12] == list(range(12))
    assert len(held) <= 12 + len(made) + 16, "a scene is read again, not kept"


def test_bad_input(model) -> None:
    with pytest.raises(InputError, match="shots must be one or more numbers from 1 on, got"):
        FewshotConfig(shots=(0,))
    with pytest.raises(InputError, match="most_queries must be at least 1, got 0"):
        FewshotConfig(most_queries=0)
    with pytest.raises(UnknownNameError, match="ensemble must be a known name, got 'temporal'"):
        FewshotConfig(ensemble="temporal")
    with pytest.raises(InputError, match="datasets must hold a class that occurs in two images, got none"):
        fewshot.run(model, {"one": [scene(0)]})
