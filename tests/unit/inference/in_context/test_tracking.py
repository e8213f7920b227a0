"""Tracking through videos, with a toy model that goes by colours."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.errors import InputError
from anymask.images.colours import palette
from anymask.inference.in_context import tracking
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.tracking import segment_video
from anymask.types import Context, Masks, Record

COLOURS = palette(2)
RED, BLUE, GREEN = (220, 20, 20), (20, 20, 220), (20, 160, 20)


def scene(step: int, things: dict[tuple[int, int, int], int]) -> np.ndarray:
    """A grey frame 64 x 96 with squares that move to the right; `things` maps a colour to its row."""
    image = np.full((64, 96, 3), 128, np.uint8)
    for colour, row in things.items():
        image[row : row + 16, 8 + 4 * step : 24 + 4 * step] = colour
    return image


def masks_of(image: np.ndarray, colours: list[tuple[int, int, int]]) -> Masks:
    return Masks.from_dense(
        np.stack([(image == colour).all(-1) for colour in colours]), labels=list(range(len(colours)))
    )


FILM = [scene(step, {RED: 4, BLUE: 40}) for step in range(6)]


def first(image: np.ndarray = FILM[0], colours: tuple = (RED, BLUE)) -> Context:
    record = Record("first", image, masks_of(image, list(colours)))
    return context(record, COLOURS[: len(colours)], size=64)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


def test_objects_are_followed_under_their_labels(toy_painter) -> None:
    tracked = list(segment_video(toy_painter, FILM, [first()], memory=2))
    assert [one.index for one in tracked] == list(range(6))
    assert toy_painter.asked == [1, 2, 3, 3, 3, 3], "the example and at most two frames"
    for one, image in zip(tracked, FILM, strict=True):
        assert (one.image == image).all()
        assert one.masks.labels is not None
        assert one.masks.labels.tolist() == [0, 1]
        truth = masks_of(image, [RED, BLUE]).dense()
        assert all(iou(*pair) > 0.8 for pair in zip(one.masks.dense(), truth, strict=True))
        assert one.drift < 0.01


def test_frames_are_read_one_by_one(toy_painter) -> None:
    taken: list[int] = []

    def frames():
        for index, image in enumerate(FILM):
            taken.append(index)
            yield image

    stream = segment_video(toy_painter, frames(), [first()])
    assert taken == []
    next(stream)
    assert taken == [0]


def test_no_memory_asks_the_example_alone(toy_painter) -> None:
    assert len(list(segment_video(toy_painter, FILM, [first()], memory=0))) == 6
    assert toy_painter.asked == [1] * 6
    with pytest.raises(InputError, match="memory must be at least 0 frames, got -1"):
        next(segment_video(toy_painter, FILM, [first()], memory=-1))


def test_lost_objects_drift(toy_painter) -> None:
    film = [FILM[0], scene(1, {RED: 4}), scene(2, {})]
    tracked = list(segment_video(toy_painter, film, [first()]))
    assert [round(one.drift, 1) for one in tracked] == [0.0, 0.5, 1.0]
    assert [len(one.masks) for one in tracked] == [2, 1, 0]


def test_an_object_is_added_corrected_and_removed(toy_painter) -> None:
    film = [scene(step, {RED: 4, GREEN: 24}) for step in range(6)]
    added = masks_of(film[2], [RED, GREEN])
    removed = masks_of(film[4], [RED, GREEN])[1]  # green stays
    start = Record("first", film[0], masks_of(film[0], [RED]))
    contexts = [context(start, COLOURS, size=64)]
    tracked = list(segment_video(toy_painter, film, contexts, edits={2: added, 4: removed}))
    labels = [one.masks.labels.tolist() for one in tracked]
    assert labels == [[0], [0], [0, 1], [0, 1], [1], [1]]
    assert tracked[2].masks is added
    assert iou(tracked[5].masks.dense()[0], (film[5] == GREEN).all(-1)) > 0.8
    assert toy_painter.asked == [1, 2, 1, 1], "an edit makes a new beginning"


def test_an_edit_without_masks_ends_the_search(toy_painter) -> None:
    nothing = Masks((64, 96), ())
    tracked = list(segment_video(toy_painter, FILM, [first()], edits={2: nothing}))
    assert [len(one.masks) for one in tracked] == [2, 2, 0, 0, 0, 0]
    assert [one.drift for one in tracked[2:]] == [0] * 4
    assert len(toy_painter.asked) == 2


def test_a_resumed_run_is_the_whole_one(toy_painter) -> None:
    whole = list(segment_video(toy_painter, FILM, [first()], memory=3))
    known = {one.index: one.masks for one in whole[:4]}
    toy_painter.asked.clear()
    again = list(segment_video(toy_painter, FILM, [first()], memory=3, known=known))
    assert toy_painter.asked == [4, 4]
    for one, two in zip(whole, again, strict=True):
        assert (one.masks.dense() == two.masks.dense()).all()


def test_white_examples_and_single_frames(toy_painter) -> None:
    record = Record("first", FILM[0], masks_of(FILM[0], [RED, BLUE]))
    (one,) = segment_video(toy_painter, FILM[:1], [context(record, size=64)])
    assert len(one.masks) == 1
    assert one.drift < 0.01
    assert list(segment_video(toy_painter, [], [first()])) == []
    with pytest.raises(InputError, match="contexts must be a list of at least one"):
        next(segment_video(toy_painter, FILM, []))


def test_a_promptable_model_redraws_each_frame_before_it_is_remembered(toy_painter, monkeypatch) -> None:
    half = masks_of(FILM[0], [RED, BLUE]).dense()
    half[:, :, 16:] = False
    drawn = Masks.from_dense(half, labels=[0, 1])
    given: list[tuple[object, Masks]] = []

    def sharpen(model: object, image: np.ndarray, masks: Masks) -> Masks:
        given.append((model, masks))
        return drawn

    monkeypatch.setattr(tracking, "sharpen", sharpen)
    remembered: list[Masks] = []
    make = tracking.context
    monkeypatch.setattr(
        tracking,
        "context",
        lambda record, *rest, **named: remembered.append(record.masks) or make(record, *rest, **named),
    )
    tracked = list(segment_video(toy_painter, FILM[:2], [first()], refine="sam"))  # type: ignore[arg-type]
    assert [one.masks for one in tracked] == [drawn, drawn]
    assert remembered == [drawn, drawn]
    assert [model for model, _ in given] == ["sam", "sam"]


# Files
