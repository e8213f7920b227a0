"""The canvas: what goes in comes out, nothing is invented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymask.errors import FormatError, InputError, OutputError
from anymask.images.colours import palette
from anymask.types import Context
from anymask.types.context import denormalise, grid, normalise, split, squash, stitch

seeds = st.integers(0, 10**6)


def draw(seed: int, size: int, count: int = 1) -> list[Context]:
    """Contexts whose image is one grey and whose target one colour, each its own."""
    colours = palette(count)
    rng = np.random.default_rng(seed)
    return [
        Context(
            np.full((3, size, size), rng.normal(), np.float32),
            normalise(np.broadcast_to(colours[i], (size, size, 3)).copy()),
            colours,
        )
        for i in range(count)
    ]


@given(seed=seeds, height=st.integers(1, 20), width=st.integers(1, 20))
def test_normalising_and_back(seed: int, height: int, width: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    values = normalise(pixels)
    assert (values.shape, values.dtype) == ((3, height, width), np.float32)
    np.testing.assert_allclose(denormalise(values), pixels, atol=1e-3)
    assert denormalise(values * 100).max() <= 255
    assert denormalise(values * 100).min() >= 0


def test_the_scale_is_that_of_imagenet() -> None:
    values = normalise(np.full((1, 1, 3), 255, np.uint8))[:, 0, 0]
    np.testing.assert_allclose(
        values, (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225], rtol=1e-5
    )


@given(seed=seeds, size=st.integers(1, 24))
def test_stitching_and_splitting(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    image, target, query, answer = rng.normal(size=(4, 3, size, size)).astype(np.float32)
    example = Context(image, target)
    images, targets = stitch(example, query, answer)
    assert images.shape == (3, 2 * size, size)
    for canvas, halves in ((images, (image, query)), (targets, (target, answer))):
        assert all((half == one).all() for half, one in zip(split(canvas), halves, strict=True))
    assert (split(stitch(example, query)[1])[1] == target).all(), "the example's target lies below, hidden"


@given(seed=seeds, height=st.integers(1, 40), width=st.integers(1, 40), size=st.integers(1, 40))
def test_squashing_invents_no_colour_in_targets(seed: int, height: int, width: int, size: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    small = squash(pixels, size, nearest=True)
    assert small.shape == squash(pixels, size).shape == (size, size, 3)
    known = {tuple(colour) for colour in pixels.reshape(-1, 3)}
    assert {tuple(colour) for colour in small.reshape(-1, 3)} <= known
    if (height, width) == (size, size):
        assert (small == pixels).all()


@given(seed=seeds, size=st.integers(8, 40), count=st.integers(1, 9))
def test_a_grid_holds_every_example_in_its_cell(seed: int, size: int, count: int) -> None:
    contexts = draw(seed, size, count)
    joined = grid(contexts)
    side = int(np.ceil(np.sqrt(count)))
    assert joined.size == size
    assert joined.palette is not None
    for cell in range(side * side):
        row, column = divmod(cell, side)
        y, x = int((row + 0.5) * size / side), int((column + 0.5) * size / side)
        expected = contexts[cell % count]
        np.testing.assert_allclose(joined.image[:, y, x], expected.image[:, 0, 0], atol=1e-6)
        assert (joined.target[:, y, x] == expected.target[:, 0, 0]).all()
    known = {tuple(one.target[:, 0, 0]) for one in contexts}
    assert {tuple(colour) for colour in joined.target.reshape(3, -1).T} == known, "no colour in between"


def test_a_grid_of_one_is_the_example() -> None:
    (one,) = draw(0, 8)
    assert grid([one]) is one


def test_contexts_cannot_be_written_to() -> None:
    (one,) = draw(0, 8)
    with pytest.raises(ValueError, match="read-only"):
        one.image[0, 0, 0] = 1
    assert repr(one) == "Context(8 px, 1 colours)"
    assert repr(Context(one.image, one.target, None, "abc")) == "Context(8 px, white, learned)"


@pytest.mark.parametrize("shapes", [((3, 8, 9), (3, 8, 9)), ((3, 8, 8), (3, 9, 9)), ((1, 8, 8), (1, 8, 8))])
def test_contexts_are_square(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(InputError, match=r"image and target must have one shape \(3, S, S\), got"):
        Context(*(np.zeros(shape, np.float32) for shape in shapes))


@pytest.mark.parametrize("colours", [None, palette(3)])
def test_contexts_are_kept_in_files(colours: np.ndarray | None, tmp_path: Path) -> None:
    image, target = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype(np.float32)
    path = tmp_path / "context.safetensors"
    Context(image, target, colours, "0123").save(path)
    loaded = Context.load(path)
    assert (loaded.image == image).all()
    assert (loaded.target == target).all()
    assert loaded.model == "0123"
    assert (loaded.palette is None) if colours is None else (loaded.palette == colours).all()
    with pytest.raises(OutputError, match="exists"):
        loaded.save(path)
    loaded.save(path, force=True)


def test_other_files_are_no_contexts(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    (tmp_path / "text").write_text("no context")
    with pytest.raises(FormatError, match=r"context must be a whole safetensors file, got .*text"):
        Context.load(tmp_path / "text")
    with pytest.raises(FormatError, match=r"context must be a whole safetensors file, got .*missing"):
        Context.load(tmp_path / "missing")
    save_file({"image": np.zeros(3, np.float32)}, tmp_path / "other")
    with pytest.raises(FormatError, match=r"context must be a file that Context.save wrote, got .*other"):
        Context.load(tmp_path / "other")
