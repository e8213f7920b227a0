"""Crop refinement: position of the crops, their prompts, and the way back to the image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anymask.errors import InputError
from anymask.geometry import rle
from anymask.geometry.frame import Frame
from anymask.geometry.outlines import guide, outline
from anymask.inference.promptable import refine
from anymask.inference.promptable.crops import Crop, click_crop, distinct, mask_crop, merge_similar
from anymask.inference.promptable.predict import embed, predict, predict_batch
from anymask.models import build
from anymask.models.config import DEBUG
from anymask.types import Embedding, Prompt

H, W = 300, 400
NOTHING = rle.encode(np.zeros((H, W), bool))


def same(runs_a, runs_b):
    return runs_a.tolist() == runs_b.tolist()


def blob(x0, y0, x1, y1, shape=(H, W)):
    mask = np.zeros(shape, bool)
    mask[y0:y1, x0:x1] = True
    return rle.encode(mask)


@given(
    size=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    corner=st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)),
    extent=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
    click=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_crop_contains_mask_and_prompt_and_lies_in_the_image(size, corner, extent, click):
    h, w = size
    x0, y0 = int(corner[0] * w), int(corner[1] * h)
    x1, y1 = min(w, x0 + 1 + int(extent[0] * w / 3)), min(h, y0 + 1 + int(extent[1] * h / 3))
    prompt = Prompt.point(click[0] * w, click[1] * h)
    close = mask_crop(prompt, blob(x0, y0, x1, y1, size), size)
    if close is None:
        return
    left, top, right, bottom = close.xyxy
    assert 0 <= left <= min(x0, prompt.points[0, 0])
    assert max(x1, prompt.points[0, 0]) <= right <= w
    assert 0 <= top <= min(y0, prompt.points[0, 1])
    assert max(y1, prompt.points[0, 1]) <= bottom <= h
    assert max(close.crop_hw) < 0.9 * max(size) + 1


def test_a_crop_is_a_square_twice_as_long_as_the_mask():
    assert mask_crop(Prompt.point(210, 160), blob(200, 150, 240, 180), (H, W)) == Crop(
        (H, W), (180, 125, 260, 205)
    )


def test_a_close_up_at_the_border_is_moved_into_the_image():
    close = mask_crop(Prompt.point(2, 2), blob(0, 0, 50, 20), (H, W))
    assert close == Crop((H, W), (0, 0, 100, 100))


def test_a_box_says_where_to_look_whatever_the_answer():
    prompt = Prompt(box=(100, 100, 150, 140))
    assert mask_crop(prompt, NOTHING, (H, W)) == mask_crop(prompt, blob(0, 0, 300, 300), (H, W))


@pytest.mark.parametrize("runs", [NOTHING, blob(0, 0, 390, 290), blob(50, 50, 250, 100)])
def test_nothing_and_what_fills_the_image_get_no_second_look(runs):
    assert mask_crop(Prompt.point(60, 60), runs, (H, W)) is None


def test_crops_have_a_minimum_size():
    assert mask_crop(Prompt.point(100, 100), blob(99, 99, 102, 102), (H, W)).crop_hw == (48, 48)


def test_similar_crops_are_replaced_by_the_largest():
    small, large, far = (Crop((H, W), box) for box in [(10, 10, 90, 90), (0, 0, 100, 100), (50, 0, 200, 150)])
    assert merge_similar([small, None, large, far]) == [large, None, large, far]
    assert merge_similar([None]) == [None]


def test_the_crop_around_a_click_is_half_the_image():
    assert click_crop(Prompt.point(200, 150), (H, W)) == Crop((H, W), (100, 50, 300, 250))
    assert click_crop(Prompt.point(0, 300), (H, W)) == Crop((H, W), (0, 100, 200, 300))
    assert click_crop(Prompt.point(10, 90), (100, 1000)) == Crop((100, 1000), (0, 0, 500, 100))


@pytest.mark.parametrize(
    "prompt",
    [Prompt(box=(1, 1, 9, 9)), Prompt(points=[(1, 1), (2, 2)], labels=[1, 0])],
)
def test_only_a_single_click_has_a_click_crop(prompt):
    assert click_crop(prompt, (H, W)) is None
    assert click_crop(Prompt.point(5, 5), (90, 95)) is None  # too small to see more


def test_masks_that_continue_beyond_the_crop_are_cut_off():
    close = Crop((H, W), (0, 50, 200, 250))

    def cut(x0, y0, x1, y1):
        return close.cuts_off(blob(x0, y0, x1, y1, (200, 200)))

    assert cut(150, 40, 200, 80)  # at the right
    assert cut(40, 0, 80, 50)  # at the top
    assert cut(40, 150, 80, 200)  # at the bottom
    assert not cut(0, 40, 50, 80)  # at the image's own border
    assert not cut(40, 40, 160, 160)
    assert not cut(100, 95, 200, 105)  # touches with its narrow side
    assert not close.cuts_off(rle.encode(np.zeros((200, 200), bool)))


def test_the_best_distinct_masks_come_first():
    runs = [blob(0, 0, 100, 100), blob(0, 0, 98, 100), blob(0, 0, 40, 40), blob(200, 200, 210, 210)]
    quality = np.array([0.8, 0.9, 0.1, 0.3], np.float32)
    assert distinct(runs, quality, 3) == [1, 3, 2]
    assert distinct(runs, quality, 4) == [1, 3, 2, 0]
    assert distinct(runs[:2], quality[:2], 2) == [1, 0]


def test_the_prompt_moves_into_the_crop():
    whole, close = Frame.fit((H, W), 64, square=False), Crop((H, W), (100, 50, 200, 150))
    part = Frame.fit(close.crop_hw, 64, square=False)
    given = Prompt(points=[(120, 70), (180, 90)], labels=[1, 0], box=(110, 60, 190, 140))
    logits = np.full(whole.grid_hw, 2.0, np.float32)
    moved = close.prompt(given, logits, whole, part)
    assert moved.points.tolist() == [[20, 20], [80, 40]]
    assert moved.labels.tolist() == [1, 0]
    assert moved.box.tolist() == [10, 10, 90, 90]
    assert moved.mask.tolist() == np.full(part.grid_hw, 2.0).tolist()


def test_masks_return_to_their_place_in_the_image():
    close = Crop((H, W), (100, 50, 200, 150))
    mask = np.zeros((100, 100), bool)
    mask[10:30, 20:60] = True
    assert same(close.runs(rle.encode(mask)), blob(120, 60, 160, 80))


def test_logits_replace_those_inside_the_crop():
    whole, close = Frame.fit((H, W), 400, square=False), Crop((H, W), (100, 40, 200, 140))
    part = Frame.fit(close.crop_hw, 320, square=False)
    known = np.full(whole.grid_hw, -3.0, np.float32)
    back = close.logits(known, np.full(part.grid_hw, 5.0, np.float32), whole, part)
    assert (back[10:35, 25:50] == 5).all()
    assert np.count_nonzero(back == 5) == 25 * 25
    assert np.count_nonzero(back == -3) == back.size - 25 * 25


NO_CLICKS = (np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return build(replace(DEBUG, zoom=DEBUG.size)).eval()


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)


def test_refinement_is_the_same_prompt_on_the_crop(model, image):
    prompt = Prompt(box=(20, 30, 60, 70))
    embedding = embed(model, image)
    first = predict(model, embedding, [prompt], multimask=False, logits=True, zoom=False)
    close = mask_crop(prompt, first.rles[0], (150, 200))
    part = Frame.fit(close.crop_hw, DEBUG.size, square=False)
    again = close.prompt(prompt, first.logits[0], embedding.frame, part)
    by_hand = predict(model, close.pixels(image), [again], multimask=False, logits=True, zoom=False)
    seen = predict(model, embedding, [prompt], multimask=False)
    outlined = outline(guide(part, close.pixels(image)), by_hand.logits[0], NO_CLICKS)
    assert same(seen.rles[0], close.runs(outlined))
    assert not same(outlined, by_hand.rles[0])
    assert not same(seen.rles[0], first.rles[0])
    assert seen.scores[0] == pytest.approx(by_hand.scores[0], abs=1e-5)


def test_masks_that_fill_the_image_have_outlines_too(model, image):
    prompt = Prompt(box=(2, 2, 198, 148))
    embedding = embed(model, image)
    first = predict(model, embedding, [prompt], multimask=False, logits=True, zoom=False)
    assert mask_crop(prompt, first.rles[0], (150, 200)) is None
    seen = predict(model, embedding, [prompt], multimask=False)
    assert same(seen.rles[0], outline(embedding.guide, first.logits[0], NO_CLICKS))
    assert not same(seen.rles[0], first.rles[0])


def test_a_single_click_is_predicted_from_the_click_crop_too(model, image):
    click = Prompt.point(150, 100)
    near = click_crop(click, (150, 200))
    whole = predict(model, image, [click], zoom=False)
    part = predict(model, near.pixels(image), [Prompt.point(150 - near.xy[0], 100 - near.xy[1])], zoom=False)
    kept = [row for row in range(3) if not near.cuts_off(part.rles[row])]
    runs = [*whole.rles, *(near.runs(part.rles[row]) for row in kept)]
    quality = np.concatenate([whole.quality, part.quality[kept]])
    seen = []

    def note(*args):
        seen.extend(args[3])
        return args[3]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refine, "_refine_small_masks", note)
        predict(model, image, [click])
    expected = [runs[row] for row in distinct(runs, quality, 3)]
    assert kept
    assert all(same(got, want) for got, want in zip(seen[0].runs, expected, strict=True))


def test_batches_are_refined_as_single_prompts_are(model, image):
    other = image[::-1, 20:].copy()
    asked = [[Prompt(box=(20, 30, 60, 70)), Prompt.point(100, 80)], [Prompt(box=(100, 10, 140, 40))]]
    together = predict_batch(model, [image, other], asked, multimask=False)
    for one, prompts, got in zip([image, other], asked, together, strict=True):
        for number, prompt in enumerate(prompts):
            alone = predict(model, one, [prompt], multimask=False)
            assert rle.iou([alone.rles[0]], [got.rles[number]])[0, 0] > 0.999


def test_a_single_click_takes_the_best_refined_mask(model, image):
    all_three = predict(model, image, [Prompt.point(100, 80)])
    one = predict(model, image, [Prompt.point(100, 80)], multimask=False)
    assert same(one.rles[0], all_three.rles[int(all_three.quality.argmax())])


def test_an_embedding_of_a_file_has_no_pixels(model, image, tmp_path):
    embed(model, image).save(tmp_path / "a.safetensors")
    read = Embedding.load(tmp_path / "a.safetensors")
    assert read.image is None
    prompts = [Prompt(box=(20, 30, 60, 70))]
    (plain,) = predict(model, read, prompts, multimask=False, zoom=False).rles
    assert same(predict(model, read, prompts, multimask=False).rles[0], plain)
    with pytest.raises(InputError, match="zoom must not be True for an Embedding without its image"):
        predict(model, read, prompts, zoom=True)
    again = predict(model, replace(read, image=image), prompts, multimask=False, zoom=True)
    assert not same(again.rles[0], plain)
