"""The palette: different, stable, visible. Masks as colours and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymask.errors import InputError
from anymask.images.colours import check_palette, confidence, contrasting, decode, encode, log_odds, palette


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_longer_palette_begins_with_the_shorter(n, more):
    assert np.array_equal(palette(n + more)[:n], palette(n))


def test_colours_differ_and_none_is_black():
    colours = palette(5000)
    assert colours.shape == (5000, 3)
    assert colours.dtype == np.uint8
    assert len({tuple(colour) for colour in colours.tolist()}) == 5000
    assert colours.any(axis=1).all()


def test_the_first_are_far_apart():
    colours = palette(20).astype(int)
    distance = np.abs(colours[:, None] - colours[None]).sum(axis=-1) + 1000 * np.eye(20, dtype=int)
    assert distance.min() > 60


def test_the_first_stay_what_they_are():
    assert palette(4).tolist() == [[255, 0, 255], [0, 255, 0], [0, 102, 68], [255, 136, 34]]


def test_the_caller_may_write_to_it():
    palette(3)[:] = 0
    assert palette(3).any(axis=1).all()


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), max_size=60))
def test_colours_on_grounds_are_different_ones_of_the_palette(grounds):
    colours = contrasting(grounds)
    assert colours.shape == (len(grounds), 3)
    assert len({tuple(colour) for colour in colours.tolist()}) == len(grounds)
    assert np.array_equal(colours, contrasting(grounds))


def test_a_colour_shows_on_its_ground():
    on_dark = contrasting([[20, 20, 20]] * 3)
    assert np.array_equal(on_dark, palette(4)[[0, 1, 3]])  # but for the dark green
    for ground in palette(14):  # each on itself and on a shade of it
        for seen in (ground, ground * 0.8):
            (colour,) = contrasting([seen])
            assert np.abs(colour - seen.astype(float)).sum() > 150, ground


# Masks as colours


def random_colours(rng: np.random.Generator, count: int) -> np.ndarray:
    return palette(200)[rng.permutation(200)[:count]]


@given(seed=st.integers(0, 10**6), count=st.integers(1, 40))
def test_what_is_encoded_is_decoded(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    colours = random_colours(rng, count)
    labels = rng.integers(0, count + 1, (5, 7))
    image = encode(labels, colours)
    assert image.dtype == np.uint8
    assert (decode(image, colours) == labels).all()
    every = np.concatenate([[[0, 0, 0]], colours]).astype(int)
    apart = np.square(every[:, None] - every[None]).sum(-1)
    nearest = np.sqrt(apart[apart > 0].min())
    noise = rng.normal(size=image.shape)
    noise *= 0.49 * nearest / np.linalg.norm(noise, axis=2, keepdims=True)
    assert (decode(image + noise, colours) == labels).all(), "noise below half the distance changes nothing"


@given(seed=st.integers(0, 10**6), count=st.integers(1, 12))
def test_decoding_finds_the_nearest_colour(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    colours = random_colours(rng, count)
    image = rng.uniform(0, 255, (4, 6, 3)).astype(np.float32)
    every = np.concatenate([[[0, 0, 0]], colours]).astype(np.float64)
    distance = np.square(image[..., None, :] - every).sum(-1)
    labels = decode(image, colours)
    assert (labels == distance.argmin(-1)).all()
    ordered = np.sort(distance, axis=-1)
    expected = 1 - np.sqrt(ordered[..., 0] / ordered[..., 1])
    np.testing.assert_allclose(confidence(image, colours), expected, atol=1e-4)
    odds = log_odds(image, colours, range(count + 1))
    assert ((odds > 0) == (labels == np.arange(count + 1)[:, None, None])).all()


def test_without_a_palette_bright_pixels_are_inside() -> None:
    image = np.array([[[128, 128, 128], [129, 129, 129], [255, 130, 0], [255, 134, 0]]], np.float32)
    assert decode(image, None).tolist() == [[0, 1, 1, 1]]
    assert decode(image - 1, None).tolist() == [[0, 0, 0, 1]]
    odds = log_odds(image, None, [1, 0])
    assert ((odds[0] > 0) == [[False, True, True, True]]).all()
    assert (odds[0] == -odds[1]).all()
    assert encode(np.array([[0, 1]]), None).tolist() == [[[0, 0, 0], [255, 255, 255]]]
    sure = confidence(np.array([[[0, 0, 0], [128, 128, 128]]], np.float32), None)
    assert sure.tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("colours", "message"),
    [
        ([1, 2, 3], r"palette must be integers of shape \(K, 3\), got int64 of shape \(3,\)"),
        ([[0.5, 0, 0]], "palette must be integers"),
        (np.zeros((0, 3), int), "palette must have 1 to 255 colours, got 0"),
        (palette(256), "palette must have 1 to 255 colours, got 256. Join classes"),
        ([[1, 2, 256]], "palette must hold numbers from 0 to 255, got 1 to 256"),
        ([[1, 2, 3], [0, 0, 0]], "palette must hold different colours, none black"),
        ([[1, 2, 3], [1, 2, 3]], "palette must hold different colours, none black"),
    ],
)
def test_bad_palettes_are_refused(colours: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_palette(colours)


def test_good_palettes_come_back() -> None:
    assert (check_palette(palette(255).tolist()) == palette(255)).all()
