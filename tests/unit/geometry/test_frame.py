"""The frame: round trips of coordinates, the resize rule, masks to logits and back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional as F

from anymask.geometry import rle
from anymask.geometry.frame import Frame

side = st.one_of(st.integers(1, 12), st.integers(13, 400), st.sampled_from([1499, 2001, 4000]))
frames = st.builds(
    lambda h, w, longest, square: Frame.fit((h, w), longest, square=square),
    side,
    side,
    st.sampled_from([64, 224, 256, 1000, 1024]),
    st.booleans(),
)
small_frames = st.builds(
    lambda h, w, longest, square: Frame.fit((h, w), longest, square=square),
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from([32, 64, 96]),
    st.booleans(),
)
seeds = st.integers(0, 2**32 - 1)


def blobs(seed, shape):
    """Smooth or coarse logits, some of them exactly 0."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape).astype(np.float32) + rng.normal()
    kind = seed % 4
    if kind < 2:
        values = np.stack([cv2.GaussianBlur(one, (0, 0), 1 + kind) for one in values])
    return np.round(values * 2) / 2 if kind == 3 else values


@given(side, side, st.sampled_from([64, 256, 1024]))
def test_square_frames_follow_the_released_rule(h, w, longest):
    frame = Frame.fit((h, w), longest, square=True)
    scale = longest * 1.0 / max(h, w)
    assert frame.scaled_hw == (max(1, int(h * scale + 0.5)), max(1, int(w * scale + 0.5)))
    assert frame.padded_hw == (longest, longest)
    assert frame.grid_hw == (longest // 4, longest // 4)
    assert max(frame.scaled_hw) == longest


@given(frames)
def test_content_lies_in_the_padding(frame):
    for scaled, padded in zip(frame.scaled_hw, frame.padded_hw, strict=True):
        assert 1 <= scaled <= padded


def test_free_frames_pad_to_a_multiple():
    frame = Frame.fit((480, 640), 512, square=False)
    assert (frame.scaled_hw, frame.padded_hw) == ((384, 512), (384, 512))
    assert Frame.fit((300, 640), 500, square=False).padded_hw == (256, 512)
    assert Frame.fit((300, 640), 500, square=False, multiple=100).padded_hw == (300, 500)


def test_a_hair_thin_image_keeps_a_pixel():
    assert Frame.fit((1, 5000), 1024, square=True).scaled_hw == (1, 1024)
    assert Frame.fit((5000, 1), 64, square=False).scaled_hw == (64, 1)


@given(frames, seeds)
def test_points_come_back(frame, seed):
    h, w = frame.size_hw
    points = np.random.default_rng(seed).uniform(0, 1, (20, 2)) * (w, h)
    model = frame.to_model_xy(points)
    assert model.dtype == np.float32
    assert np.abs(frame.to_image_xy(model) - points).max() < 1e-3
    assert (model <= np.array(frame.scaled_hw[::-1]) + 1e-3).all()


@given(frames, seeds)
def test_boxes_come_back(frame, seed):
    h, w = frame.size_hw
    boxes = np.random.default_rng(seed).uniform(0, 1, (5, 4)) * (w, h, w, h)
    assert np.abs(frame.to_image_box(frame.to_model_box(boxes)) - boxes).max() < 1e-3
    assert frame.to_model_box(boxes[0]).shape == (4,)
    assert frame.to_model_box([0, 0, w, h]).tolist() == [0, 0, *frame.scaled_hw[::-1]]


def test_no_points():
    frame = Frame.fit((30, 40), 64, square=True)
    assert frame.to_model_xy(np.zeros((0, 2))).shape == (0, 2)
    assert frame.to_model_box(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("size", [(37, 53), (200, 120), (1, 1), (1, 300), (64, 48)])
def test_resize_is_pillows_bilinear(size, rng):
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    frame = Frame.fit(size, 64, square=True)
    expected = np.asarray(Image.fromarray(image).resize(frame.scaled_hw[::-1], Image.Resampling.BILINEAR))
    assert np.array_equal(frame.resize(image), expected)
    assert frame.resize(np.asfortranarray(image)).shape == (*frame.scaled_hw, 3)


def test_resize_leaves_an_image_of_the_right_size_alone(rng):
    image = rng.integers(0, 256, (64, 64, 3), np.uint8)
    assert Frame.fit((64, 64), 64, square=True).resize(image) is image


def test_frames_are_held_to_their_image(rng):
    frame = Frame.fit((30, 40), 64, square=True)
    with pytest.raises(AssertionError, match="another image"):
        frame.resize(np.zeros((40, 30, 3), np.uint8))
    with pytest.raises(AssertionError, match="another image"):
        frame.mask_to_grid(np.zeros((40, 30), bool))


@given(small_frames, seeds)
def test_grid_keeps_the_area(frame, seed):
    h, w = frame.size_hw
    mask = np.random.default_rng(seed).random((h, w)) < 0.4
    coverage = frame.mask_to_grid(mask)
    assert coverage.shape == frame.grid_hw
    assert coverage.min() >= 0
    assert coverage.max() <= 1
    cell = 16 * h * w / (frame.scaled_hw[0] * frame.scaled_hw[1])
    assert coverage.sum() * cell == pytest.approx(mask.sum(), abs=1e-3 * h * w)


def test_grid_of_a_full_mask_ends_at_the_padding():
    frame = Frame.fit((50, 100), 64, square=True)  # 32 x 64 model pixels
    coverage = frame.mask_to_grid(np.ones((50, 100), bool))
    np.testing.assert_allclose(coverage[:8], 1, atol=1e-6)
    assert not coverage[8:].any()
    partial = Frame.fit((30, 64), 64, square=True).mask_to_grid(np.ones((30, 64), bool))
    np.testing.assert_allclose(partial[7], 0.5, atol=1e-6)  # 30 rows are 7.5 cells


def test_grid_of_bools_that_are_255_inside():
    odd = np.full((8, 8), 255, np.uint8).view(np.bool_)  # as Pillow gives a 1-bit image
    odd[:4] = False
    assert Frame.fit((8, 8), 32, square=True).mask_to_grid(odd).sum() == 32


def test_grid_by_hand():
    frame = Frame.fit((8, 8), 32, square=True)  # a cell is one pixel
    mask = np.zeros((8, 8), bool)
    mask[2, 5] = True
    assert np.array_equal(frame.mask_to_grid(mask), mask.astype(np.float32))


def reference(frame, logits, size):
    """Bilinear sampling in plain Python, a pixel at a time."""
    cells = [-(-scaled // 4) for scaled in frame.scaled_hw]
    out = np.empty(size)
    for y in range(size[0]):
        for x in range(size[1]):
            gy = min(max((y + 0.5) * frame.scaled_hw[0] / (4 * size[0]) - 0.5, 0), cells[0] - 1)
            gx = min(max((x + 0.5) * frame.scaled_hw[1] / (4 * size[1]) - 0.5, 0), cells[1] - 1)
            y0, x0 = int(gy), int(gx)
            y1, x1 = min(y0 + 1, cells[0] - 1), min(x0 + 1, cells[1] - 1)
            top = logits[y0, x0] * (1 - gx + x0) + logits[y0, x1] * (gx - x0)
            bottom = logits[y1, x0] * (1 - gx + x0) + logits[y1, x1] * (gx - x0)
            out[y, x] = top * (1 - gy + y0) + bottom * (gy - y0)
    return out


@pytest.mark.parametrize("size", [(23, 31), (1, 1), (1, 40), (90, 70), (100, 3)])
def test_upsampling_is_bilinear(size, rng):
    frame = Frame.fit(size, 64, square=True)
    logits = rng.normal(size=(2, *frame.grid_hw)).astype(np.float32)
    dense = frame.logits_to_image(logits)
    assert dense.shape == (2, *size)
    np.testing.assert_allclose(dense[1], reference(frame, logits[1], size), atol=1e-4)
    other = frame.logits_to_image(logits, (12, 17))
    np.testing.assert_allclose(other[0], reference(frame, logits[0], (12, 17)), atol=1e-4)


def test_upsampling_equals_opencv_without_padding(rng):
    frame = Frame.fit((200, 200), 64, square=True)
    logits = rng.normal(size=(1, 16, 16)).astype(np.float32)
    expected = cv2.resize(logits[0], (200, 200), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(frame.logits_to_image(logits)[0], expected, atol=1e-4)


def test_padding_takes_no_part(rng):
    frame = Frame.fit((50, 100), 64, square=True)
    logits = rng.normal(size=(1, 16, 16)).astype(np.float32)
    other = logits.copy()
    other[:, 8:] = 1e6
    assert np.array_equal(frame.logits_to_image(logits), frame.logits_to_image(other))
    assert np.array_equal(frame.masks_rle(logits)[0], frame.masks_rle(other)[0])


@given(small_frames, seeds, st.sampled_from([0.0, 0.0, 0.5, -0.3, 1.7]))
@example(Frame.fit((8, 4), 32, square=False), 0, 0.0)  # pixels lie on cells
@example(Frame.fit((3, 90), 64, square=True), 1, 0.0)  # one cell high
@example(Frame.fit((1, 1), 32, square=True), 2, 0.5)
def test_runs_equal_those_of_the_full_size_mask(frame, seed, threshold):
    logits = blobs(seed, (3, *frame.grid_hw))
    dense = frame.logits_to_image(logits) > threshold
    for runs, mask in zip(frame.masks_rle(logits, threshold), dense, strict=True):
        assert np.array_equal(runs, rle.encode(mask))


@given(small_frames, seeds, st.sampled_from(["far apart", "steps", "next to one"]))
@example(
    Frame.fit((66, 118), 128, square=True), 2, "far apart"
)  # places that rounding moves to the next cell
def test_runs_where_rounding_decides(frame, seed, kind):
    noise = np.random.default_rng(seed).standard_normal((2, *frame.grid_hw))
    logits = {
        "far apart": np.sign(noise) * 10.0 ** (6 * noise),
        "steps": np.round(2 * noise) / 2,
        "next to one": 1 + np.round(noise) * 2.0**-23,
    }[kind].astype(np.float32)
    full = frame.logits_to_image(logits)
    for threshold in (0.0, 1.0):
        for runs, mask in zip(frame.masks_rle(logits, threshold), full > threshold, strict=True):
            assert np.array_equal(runs, rle.encode(mask))
    areas = [one[:2] for one in frame.masks_and_areas(logits, 1.0)]
    assert areas == [((mask > 1).sum(), (mask > -1).sum()) for mask in full]


def test_runs_of_logits_that_are_not_finite(rng):
    frame = Frame.fit((50, 70), 64, square=True)
    logits = rng.standard_normal((1, 16, 16)).astype(np.float32)
    logits[0, 3:6, 3:6], logits[0, 8, 8], logits[0, 2, 9] = np.inf, -np.inf, np.nan
    with np.errstate(all="ignore"):
        (runs,) = frame.masks_rle(logits)
    assert 0 < rle.area(runs) < 50 * 70


@pytest.mark.parametrize("sign", [-1, 1])
def test_runs_of_empty_and_full(sign):
    frame = Frame.fit((30, 50), 64, square=True)
    runs = frame.masks_rle(np.full((1, 16, 16), sign, np.float32))[0]
    assert runs.tolist() == ([1500] if sign < 0 else [0, 1500])


def test_runs_of_no_masks():
    assert Frame.fit((30, 50), 64, square=True).masks_rle(np.zeros((0, 16, 16), np.float32)) == []


def test_a_mask_survives_the_way_to_the_grid_and_back():
    mask = np.zeros((150, 220), np.uint8)
    cv2.ellipse(mask, (100, 70), (60, 40), 20, 0, 360, 1, -1)
    frame = Frame.fit(mask.shape, 256, square=True)
    back = frame.logits_to_image(frame.mask_to_grid(mask > 0)[None])[0] > 0.5
    assert (back & (mask > 0)).sum() / (back | (mask > 0)).sum() > 0.98


@given(small_frames, seeds)
def test_logits_seen_in_their_own_frame_are_themselves(frame, seed):
    (logits,) = blobs(seed, (1, *frame.grid_hw))
    np.testing.assert_allclose(frame.logits_in(frame, (0, 0), logits), logits, atol=1e-4)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(20, 90), st.integers(20, 90))
def test_a_ramp_seen_in_a_part_has_its_values_there(x, y, w, h):
    whole = Frame((200, 200), (400, 400), (400, 400))
    part = Frame.fit((h, w), 96, square=False)
    columns = (np.arange(whole.grid_hw[1]) + 0.5) * 4 / 2
    ramp = np.tile(columns.astype(np.float32), (whole.grid_hw[0], 1))
    seen = whole.logits_in(part, (x, y), ramp)
    expected = part.to_image_xy(np.stack([(np.arange(part.grid_hw[1]) + 0.5) * 4] * 2, axis=1))[:, 0] + x
    inside = expected < columns[-1]
    np.testing.assert_allclose(seen[0, inside], expected[inside], atol=0.1)


@pytest.mark.parametrize(("size", "padded"), [((60, 90), 64), ((300, 200), 128), ((1, 50), 64)])
@pytest.mark.parametrize("blur", [0.0, 4.0])
def test_masks_and_areas_are_those_of_three_thresholds(size, padded, blur) -> None:
    frame = Frame.fit(size, padded, square=True)
    logits = np.random.default_rng(0).standard_normal((3, *frame.grid_hw)).astype(np.float32)
    if blur:
        logits = np.stack([cv2.GaussianBlur(grid, (0, 0), blur) * 2 * blur for grid in logits])
    logits[2] = -9.0
    found = list(frame.masks_and_areas(logits, 0.7))
    inner, whole, outer = (frame.masks_rle(logits, threshold) for threshold in (0.7, 0.0, -0.7))
    assert [one[0] for one in found] == [rle.area(runs) for runs in inner]
    assert [one[1] for one in found] == [rle.area(runs) for runs in outer]
    assert all(np.array_equal(one[2](), runs) for one, runs in zip(found, whole, strict=True))


def resized_twice(frame, logits):
    """What the released `postprocess_masks` does, in float64."""
    tensor = torch.tensor(logits, dtype=torch.float64)[:, None]
    wide = F.interpolate(tensor, frame.padded_hw, mode="bilinear")[..., : frame.scaled_hw[0], :]
    return F.interpolate(wide[..., : frame.scaled_hw[1]], frame.size_hw, mode="bilinear")[:, 0].numpy()


def check_resized_twice(frame, logits, offset):
    """Masks and areas, but for pixels whose value is the threshold up to rounding."""
    full, slack = resized_twice(frame, logits), 1e-6 * (np.abs(logits).max() + offset)
    found = list(frame.masks_and_areas(logits, offset, twice=True))
    for (inner, outer, make), values in zip(found, full, strict=True):
        for area, threshold in ((inner, offset), (outer, -offset)):
            assert (values > threshold + slack).sum() <= area <= (values > threshold - slack).sum()
        mask = rle.decode(make(), frame.size_hw)
        assert not (mask != (values > 0))[np.abs(values) > slack].any()


@given(small_frames, seeds, st.sampled_from([0.0, 0.5, 1.7]))
@example(Frame.fit((90, 60), 32, square=True), 0, 0.5)  # pixels pass over samples of the frame
@example(Frame.fit((1, 1), 32, square=True), 2, 0.5)
@example(Frame.fit((3, 2), 96, square=True), 1, 0.5)
@example(Frame.fit((64, 63), 64, square=True), 1, 0.5)  # a cut before the last sample
@example(Frame.fit((90, 32), 32, square=False), 5, 0.5)
def test_resized_twice_as_released(frame, seed, offset):
    check_resized_twice(frame, blobs(seed, (3, *frame.grid_hw)), offset)


@pytest.mark.parametrize("size", [(1, 10_000), (10_000, 1), (7, 3), (683, 1024), (2003, 1301), (2, 2)])
def test_resized_twice_in_the_released_frame(size, rng):
    frame = Frame.fit(size, 1024, square=True)
    noise = rng.normal(size=frame.grid_hw).astype(np.float32)
    logits = np.stack([noise, 9 * cv2.GaussianBlur(noise, (0, 0), 5), noise - 9])
    check_resized_twice(frame, logits, 1.0)


def test_resized_twice_reads_one_cell_of_the_padding(rng):
    frame = Frame.fit((50, 100), 64, square=True)
    logits = rng.normal(size=(1, *frame.grid_hw)).astype(np.float32)
    rows, columns = (cells + 1 for cells in frame.content_hw)
    whole, cut = (
        next(frame.masks_and_areas(grids, 0.5, twice=True)) for grids in (logits, logits[:, :rows, :columns])
    )
    assert whole[:2] == cut[:2]
    assert np.array_equal(whole[2](), cut[2]())
