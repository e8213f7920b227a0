"""Training canvases: shared colours, hidden patches, pairs of one category."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymask.data.synthetic import shapes
from anymask.data.transforms.canvas import CanvasConfig, hide_blocks, hide_half, make_canvas, random_colours
from anymask.errors import InputError
from anymask.geometry import rle
from anymask.types import Masks, Record

CONFIG = CanvasConfig(size=32, mix=0)
GRID = (4, 2)
seeds = st.integers(0, 10**6)


def flat(name: str, colour: int, categories: list[str]) -> Record:
    """Left and right half are masks, on an image of one grey each."""
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :30], image[:, 30:] = colour, colour + 100
    masks = np.stack([image[..., 0] == colour, image[..., 0] == colour + 100])
    return Record(name, image, Masks.from_dense(masks), meta={"categories": categories})


def never() -> Record:
    raise AssertionError("no other record is needed")


@given(seed=seeds, rows=st.integers(2, 20), columns=st.integers(1, 20), share=st.floats(0, 1))
def test_blocks_hide_exactly_their_share(seed: int, rows: int, columns: int, share: float) -> None:
    hidden = hide_blocks(np.random.default_rng(seed), (rows, columns), share)
    assert hidden.sum() == round(share * rows * columns)


def test_blocks_hang_together() -> None:
    hidden = hide_blocks(np.random.default_rng(0), (56, 28), 0.5)
    beside = (hidden[1:] == hidden[:-1]).mean()
    assert beside > 0.8, "patches drawn one by one would agree in half of the cases"


def test_the_query_is_the_lower_half() -> None:
    assert hide_half((4, 2)).tolist() == [[False, False]] * 2 + [[True, True]] * 2


@given(seed=seeds, count=st.integers(0, 12))
def test_random_colours_can_be_told_apart(seed: int, count: int) -> None:
    chosen = np.concatenate([[[0, 0, 0]], random_colours(np.random.default_rng(seed), count)]).astype(int)
    apart = np.linalg.norm(chosen[:, None] - chosen[None], axis=2) + 1000 * np.eye(count + 1)
    assert apart.min() >= 50


@given(seed=seeds)
def test_things_have_one_colour_in_both_halves(seed: int) -> None:
    rng = np.random.default_rng(seed)
    record = flat("a", 20, [])
    jitter = replace(CONFIG.jitter, brightness=0, contrast=0, saturation=0, hue=0, grey=0)
    one = make_canvas(record, never, rng, replace(CONFIG, jitter=jitter), GRID)
    assert one.instance
    assert one.images.shape == one.targets.shape == (64, 32, 3)
    assert one.valid.all()
    assert one.hidden.shape == GRID
    shown = {}
    for grey in (20, 120):
        found = {tuple(colour) for colour in one.targets[one.images[..., 0] == grey]}
        assert len(found) <= 1, "one colour for one thing, wherever it is"
        shown[grey] = found
    assert shown[20].isdisjoint(shown[120])


def test_categories_are_coloured_alike_across_images() -> None:
    first, second = flat("a", 20, ["cat", "dog"]), flat("b", 60, ["dog", "cow"])
    for seed in range(5):
        rng = np.random.default_rng(seed)
        jitter = replace(CONFIG.jitter, brightness=0, contrast=0, saturation=0, hue=0, grey=0)
        one = make_canvas(first, lambda: second, rng, replace(CONFIG, jitter=jitter, flip=0), GRID)
        assert not one.instance
        upper, lower = one.targets[:32], one.targets[32:]
        dogs = {tuple(c) for c in upper[one.images[:32, :, 0] == 120]}
        dogs |= {tuple(c) for c in lower[one.images[32:, :, 0] == 60]}
        assert len(dogs) == 1
        assert not upper[one.images[:32, :, 0] == 20].any(), "only what both images hold is painted"


def test_without_a_partner_the_image_is_its_own() -> None:
    one = make_canvas(
        flat("a", 20, ["cat", "dog"]),
        lambda: flat("b", 9, ["cow", "cow"]),
        np.random.default_rng(0),
        CONFIG,
        GRID,
    )
    assert one.instance


def test_unlabelled_pixels_do_not_count() -> None:
    record = flat("a", 20, [])
    ignore = np.zeros((40, 60), bool)
    ignore[:, 30:] = True
    one = make_canvas(
        replace(record, ignore=rle.encode(ignore)), never, np.random.default_rng(1), CONFIG, GRID
    )
    assert 0 < one.valid.mean() < 1


@given(seed=seeds)
def test_mixed_canvases_have_the_canvas_size(seed: int) -> None:
    rng = np.random.default_rng(seed)
    record = shapes(rng, (48, 64), 4)
    one = make_canvas(record, lambda: record, rng, replace(CONFIG, mix=1), GRID)
    assert one.images.shape == one.targets.shape == (64, 32, 3)
    assert one.valid.shape == (64, 32)
    colours = np.unique(one.targets.reshape(-1, 3), axis=0)
    assert len(colours) <= 5


def test_a_cut_out_is_found_in_two_images(tmp_path) -> None:
    thing = np.full((20, 30, 4), 255, np.uint8)
    thing[..., 1:3] = 0

    class Cutouts:
        def draw(self, _):
            return thing

    config = replace(CONFIG, paste=1.0, whole=1.0, size=64)
    one = make_canvas(
        flat("a", 20, ["x", "y"]),
        lambda: flat("b", 60, ["z", "z"]),
        np.random.default_rng(3),
        config,
        GRID,
        Cutouts(),
    )
    assert one.instance
    for half in (slice(0, 64), slice(64, 128)):
        shown = one.targets[half].any(-1)
        assert shown.any()
        red = one.images[half][shown].astype(int)
        assert (red[:, 0] > red[:, 1]).mean() > 0.9


def test_an_image_without_masks_paints_nothing() -> None:
    empty = Record("empty", np.zeros((40, 60, 3), np.uint8), Masks((40, 60), ()))
    one = make_canvas(empty, never, np.random.default_rng(0), CONFIG, GRID)
    assert not one.targets.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": 1.5}, "hidden must be between 0 and 1, got 1.5"),
        ({"scale": (0.5, 2.0)}, "scale must be two shares with 0 < low <= high <= 1"),
        ({"paste": -0.5}, "paste must be between 0 and 1, got -0.5"),
        ({"most": 0}, "size and most must be at least 1, got 448 and 0"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CanvasConfig(**change)
