"""Examples in, masks out, with a tiny random model, and with a stand-in that paints what it is told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from anymask.errors import InputError, UnknownNameError
from anymask.images.colours import encode, palette
from anymask.inference.in_context import segment as incontext
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.segment import paint, segment_like, sharpen
from anymask.inference.promptable.predict import predict
from anymask.models import Painter, build
from anymask.models.config import DEBUG, PAINTER_DEBUG
from anymask.types import Context, Masks, Prompt, Record
from anymask.types.context import denormalise, normalise

SIDE = PAINTER_DEBUG.size


@pytest.fixture(scope="module")
def model() -> Painter:
    torch.manual_seed(0)
    model = build(PAINTER_DEBUG).eval()
    torch.nn.init.normal_(model.decoder_pred[3].weight, std=0.5)  # strong colours
    return model


class Parrot(Painter):
    """Paints each query with the target of the first example; notes what it was asked."""

    def __init__(self) -> None:
        super().__init__(PAINTER_DEBUG)
        self.asked: list[tuple[int, bool]] = []

    def inpaint(self, examples, targets, query, *, instance):
        self.asked.append((len(examples), instance))
        return targets[0].float()


@pytest.fixture
def parrot() -> Painter:
    return Parrot().eval()


def record(size: tuple[int, int] = (50, 70), count: int = 2, labels: list[int] | None = None) -> Record:
    rng = np.random.default_rng(0)
    masks = np.zeros((count, *size), bool)
    for i in range(count):
        masks[i, 5 : size[0] - 5, 3 + i * size[1] // count : (i + 1) * size[1] // count - 3] = True
    return Record("one", rng.integers(0, 256, (*size, 3), np.uint8), Masks.from_dense(masks, labels=labels))


def at(size: int = SIDE, **settings: object) -> Context:
    return context(record(), size=size, **settings)


# Contexts


def test_without_a_palette_all_masks_are_white() -> None:
    one = at()
    colours = denormalise(one.target).round()
    assert one.palette is None
    assert {tuple(colour) for colour in colours.reshape(-1, 3)} == {(0, 0, 0), (255, 255, 255)}
    inside = colours[..., 0] > 0
    assert 0.5 < inside.mean() < 0.9


@pytest.mark.parametrize(("labels", "expected"), [(None, (0, 1)), ([2, 0], (2, 0)), ([1, 1], (1, 1))])
def test_masks_have_the_colours_of_their_labels(labels: list[int] | None, expected: tuple[int, int]) -> None:
    colours = palette(3)
    target = denormalise(context(record(labels=labels), colours, size=SIDE).target).round()
    assert (target[SIDE // 2, SIDE // 4] == colours[expected[0]]).all()
    assert (target[SIDE // 2, 3 * SIDE // 4] == colours[expected[1]]).all()
    assert (target[0, 0] == 0).all()


def test_smaller_masks_lie_on_top() -> None:
    masks = np.zeros((2, 50, 70), bool)
    masks[0, 20:30, 20:30] = True
    masks[1] = True
    nested = record().with_masks(Masks.from_dense(masks))
    target = denormalise(context(nested, palette(2), size=SIDE).target).round()
    assert (target[SIDE // 2, 22] == palette(2)[0]).all()
    assert (target[0, 0] == palette(2)[1]).all()


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (Masks((50, 70), ()), "record must show what to segment, got no mask for one"),
        (Masks.from_dense(np.zeros((1, 50, 70))), "got an empty mask for one"),
        (Masks.from_dense(np.ones((1, 70, 50))), r"masks must have the image's size 50 x 70 .*got 70 x 50"),
        (
            Masks.from_dense(np.ones((1, 50, 70)), labels=[3]),
            "labels must be 0 to 1 for a palette of 2 colours",
        ),
    ],
)
def test_examples_that_show_nothing_are_refused(masks: Masks, message: str) -> None:
    with pytest.raises(InputError, match=message):
        context(record().with_masks(masks), palette(2), size=SIDE)


# Answers


@pytest.mark.parametrize("size", [(50, 70), (64, 64), (20, 200)])
def test_an_image_comes_back_at_its_own_size(size: tuple[int, int], model: Painter) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    painted = paint(model, image, [at()])
    assert (painted.shape, painted.dtype) == ((*size, 3), np.uint8)
    masks = segment_like(model, image, [at(palette=palette(2))], logits=True)
    assert masks.size == size
    assert len(masks) > 0
    assert masks.logits is not None
    assert masks.logits.shape == (len(masks), SIDE, SIDE)
    assert ((masks.scores >= 0) & (masks.scores <= 1)).all()
    assert masks.labels is not None
    assert set(masks.labels) <= {0, 1}


def test_what_is_painted_is_read(parrot: Painter) -> None:
    for colours, wanted in ((None, [0]), (palette(2), [0, 1])):
        masks = segment_like(parrot, record().read(), [context(record(), colours, size=SIDE)])
        assert masks.labels is not None
        assert masks.labels.tolist() == wanted
        np.testing.assert_allclose(masks.scores, 1, atol=1e-3)
        truth = record().masks.dense() if colours is not None else record().masks.dense().any(0)[None]
        overlap = (masks.dense() & truth).sum((1, 2)) / (masks.dense() | truth).sum((1, 2))
        assert (overlap > 0.93).all()


def test_colours_between_two_masks_are_no_third_one(parrot: Painter) -> None:
    """Enlarged as colours, the edge from red to blue would cross purple."""
    colours = np.array([[255, 0, 0], [0, 0, 255], [128, 0, 128]])
    halves = np.ones((SIDE, SIDE), int)
    halves[:, SIDE // 2 :] = 2
    target = normalise(encode(halves, colours.astype(np.uint8)))
    one = Context(np.zeros((3, SIDE, SIDE), np.float32), target, colours.astype(np.uint8))
    masks = segment_like(parrot, np.zeros((300, 500, 3), np.uint8), [one])
    assert masks.labels is not None
    assert masks.labels.tolist() == [0, 1]
    assert masks.areas.sum() == 300 * 500
    assert abs(int(masks.areas[0]) - 75_000) < 3_000


def test_the_query_counts(model: Painter) -> None:
    rng = np.random.default_rng(2)
    first, second = (paint(model, rng.integers(0, 256, (64, 64, 3), np.uint8), [at()]) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize(
    ("ensemble", "kind", "asked"),
    [("feature", "instance", (3, True)), ("spatial", "semantic", (1, False))],
)
def test_ensembles(ensemble: str, kind: str, asked: tuple[int, bool], parrot: Painter) -> None:
    segment_like(parrot, record().read(), [at()] * 3, ensemble=ensemble, kind=kind)
    assert parrot.asked == [asked]


def test_equal_examples_answer_as_one(model: Painter) -> None:
    image = record().read()
    one, many = (paint(model, image, [at()] * count, ensemble="feature") for count in (1, 4))
    assert np.abs(one.astype(int) - many).max() <= 1


# Tiles


def test_tiles_cover_the_image_with_soft_seams(parrot: Painter) -> None:
    one = replace(at(), target=np.full((3, SIDE, SIDE), 0.5, np.float32))
    image = np.zeros((100, 333, 3), np.uint8)
    whole, tiled = (paint(parrot, image, [one], tile=tile) for tile in (None, 64))
    assert tiled.shape == whole.shape == (100, 333, 3)
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert len(parrot.asked) > 8
    spans = incontext._spans(333, 64)
    covered = np.zeros(333, int)
    for span in spans:
        assert span.stop - span.start == 64
        covered[span] += 1
    assert covered.min() == 1
    overlaps = [before.stop - after.start for before, after in pairwise(spans)]
    assert min(overlaps) >= 64 * incontext.OVERLAP - 1


def test_tiles_of_the_image_s_size_change_nothing(model: Painter) -> None:
    image = record().read()
    whole, tiled = (paint(model, image, [at()], tile=tile) for tile in (None, 70))
    assert np.abs(whole.astype(int) - tiled).max() <= 1
    masks = segment_like(model, image, [at()], tile=70)
    assert masks.size == (50, 70)


# What is refused


@pytest.mark.parametrize(
    ("contexts", "settings", "message"),
    [
        ([], {}, "contexts must be a list of at least one Context, got none"),
        (at(), {}, "contexts must be a list of at least one Context"),
        ([at(), at()], {"ensemble": None}, "contexts must be a single one without an ensemble, got 2"),
        ([at(32)], {}, r"contexts must have the model's size 64, got 32. Make them with size=64"),
        ([at(), at(palette=palette(2))], {}, "contexts must have one palette, got different ones"),
        ([at(palette=palette(2)), at(palette=palette(3))], {}, "contexts must have one palette"),
        ([at()], {"tile": 8}, "tile must be at least 16 pixels, got 8"),
    ],
)
def test_contexts_that_do_not_fit_are_refused(
    contexts: list[Context], settings: dict[str, object], message: str, model: Painter
) -> None:
    with pytest.raises(InputError, match=message):
        segment_like(model, record().read(), contexts, **settings)


def test_too_many_tiles_are_refused(model: Painter) -> None:
    with pytest.raises(InputError, match="tile must split the image into at most 256 tiles, got 6889 of 16"):
        paint(model, np.zeros((1000, 1000, 3), np.uint8), [at()], tile=16)


@pytest.mark.parametrize("settings", [{"ensemble": "spatical"}, {"kind": "instances"}])
def test_unknown_words_name_the_nearest(settings: dict[str, str], model: Painter) -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean '(spatial|instance)'"):
        paint(model, record().read(), [at()], **settings)


def test_contexts_of_another_model_are_refused(model: Painter) -> None:
    learned = replace(at(), model=model.fingerprint)
    assert paint(model, record().read(), [learned]).any()
    with pytest.raises(
        InputError, match=r"contexts must be learned with this model \(\w{16}\), got one of abc"
    ):
        paint(model, record().read(), [replace(at(), model="abc")])


def test_models_in_training_are_refused() -> None:
    with pytest.raises(InputError, match="model must be in evaluation mode"):
        paint(build(PAINTER_DEBUG), record().read(), [at()])


def test_models_of_the_other_kind_are_refused(model: Painter) -> None:
    with pytest.raises(InputError, match="model must work by examples, got one that answers prompts"):
        segment_like(build(DEBUG).eval(), record().read(), [at()])
    with pytest.raises(InputError, match="model must answer prompts, got one that works by examples"):
        predict(model, record().read(), [Prompt.point(1, 1)])


# Sharpening


def test_sharpening_keeps_labels_and_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sam = build(DEBUG).eval()
    image, masks = record().read(), record(labels=[4, 2]).masks
    prompts = []

    def redraw(model, image, given, *, multimask):
        prompts.extend(given)
        dense = masks.dense()
        dense[0, 10:12, 10:12] = False  # nearly the same
        dense[1] = False
        dense[1, :3, :3] = True  # another thing
        return Masks.from_dense(dense)

    monkeypatch.setattr(incontext, "predict", redraw)
    sharp = sharpen(sam, image, masks)
    assert sharp.labels is not None
    assert sharp.labels.tolist() == [4, 2]
    assert sharp.areas.tolist() == [masks.areas[0] - 4, masks.areas[1]]
    assert all((prompt.box == box).all() for prompt, box in zip(prompts, masks.boxes, strict=True))
    assert (prompts[1].mask == masks.dense()[1]).all()
    monkeypatch.undo()
    assert len(sharpen(sam, image, masks)) == 2
