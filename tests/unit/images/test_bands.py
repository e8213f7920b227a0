"""Samples of any depth and number of bands to RGB."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.errors import InputError
from anymask.images.bands import Bands, find_limits, read_bands, to_rgb


@pytest.fixture
def samples(rng: np.random.Generator) -> np.ndarray:
    """(20, 30, 4) uint16 around 1000, 2000, 3000, 4000."""
    return (np.array([1000, 2000, 3000, 4000]) + rng.normal(0, 100, (20, 30, 4))).astype(np.uint16)


def test_percentiles_become_black_and_white(samples) -> None:
    rgb = to_rgb(samples, Bands((4, 3, 2), (10, 90)))
    assert rgb.dtype == np.uint8
    assert rgb.shape == (20, 30, 3)
    for channel, band in enumerate((3, 2, 1)):
        low, high = np.percentile(samples[..., band], (10, 90))
        expected = np.clip((samples[..., band] - low) / (high - low) * 255, 0, 255)
        assert np.abs(rgb[..., channel] - expected).max() <= 0.51


def test_limits_are_sample_values_of_every_band(samples) -> None:
    rgb = to_rgb(samples, Bands((1, 1, 3), limits=(0, 4000)))
    assert np.abs(rgb[..., 0] - samples[..., 0] / 4000 * 255).max() <= 0.51
    assert np.array_equal(rgb[..., 0], rgb[..., 1])
    assert find_limits(samples, Bands(limits=(0, 4000))).tolist() == [[0, 4000]] * 3


def test_parts_by_the_limits_of_the_whole_are_parts_of_the_image(samples) -> None:
    bands = Bands((3, 2, 1))
    limits = find_limits(samples, bands)
    assert np.array_equal(to_rgb(samples[5:9, 3:20], bands, limits), to_rgb(samples, bands)[5:9, 3:20])


def test_grey_of_one_band(samples) -> None:
    rgb = to_rgb(samples[..., 0], Bands((1,)))
    assert (rgb == rgb[..., :1]).all()
    assert rgb.min() == 0
    assert rgb.max() == 255


def test_nodata_and_nan_are_black_and_do_not_count() -> None:
    band = np.linspace(1, 2, 200).reshape(10, 20)
    band[0, 0], band[0, 1] = np.nan, -9999
    rgb = to_rgb(band, Bands((1,), (0, 100)), nodata=-9999)
    assert rgb[0, 0, 0] == rgb[0, 1, 0] == 0
    assert abs(int(rgb[5, 0, 0]) - 128) < 3


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_a_band_of_one_value_is_black(value: int) -> None:
    assert to_rgb(np.full((3, 4), value, np.uint16), Bands((1,))).sum() == 0


def test_no_usable_sample_is_black() -> None:
    assert to_rgb(np.full((3, 4), np.nan), Bands((1,))).sum() == 0


def test_without_an_order_the_first_three_bands_or_the_first_of_fewer(samples) -> None:
    assert Bands().among(7).order == (1, 2, 3)
    assert Bands().among(2).order == (1,)
    assert Bands((2,)).among(7).order == (2,)
    grey = to_rgb(samples[..., :2], Bands())
    assert np.array_equal(grey, to_rgb(samples[..., 0], Bands((1,))))


BAD = {
    "bands must be one or three numbers from 1 on, got [1, 2]": lambda: Bands((1, 2)),
    "bands must be one or three numbers from 1 on, got [0, 1, 2]": lambda: Bands((0, 1, 2)),
    "stretch must be two rising percentiles, 0 to 100, got 98, 2": lambda: Bands(stretch=(98, 2)),
    "limits must be two rising sample values, got 5, 5": lambda: Bands(limits=(5, 5)),
    "bands must be numbers from 1 to 2, as many as the image has, got [1, 2, 3]": lambda: to_rgb(
        np.zeros((3, 4, 2)), Bands((1, 2, 3))
    ),
    "image must be numbers of shape (H, W) or (H, W, bands), got <U1": lambda: to_rgb(
        np.array([["a"]]), Bands((1,))
    ),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_values(message: str) -> None:
    with pytest.raises(InputError) as caught:
        BAD[message]()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "bands", [Bands(), Bands((4, 3, 2)), Bands((1,), (0.5, 99.9)), Bands(None, limits=(-0.25, 4000.0))]
)
def test_bands_come_back_from_options_of_the_command_line(bands: Bands) -> None:
    given = dict(option.removeprefix("--").split("=") for option in bands.as_options())
    assert read_bands(given.get("bands"), given.get("stretch"), given.get("limits")) == bands
