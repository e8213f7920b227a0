"""Masks, Embedding and Record."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anymask.errors import FormatError, ImageError, OutputError
from anymask.formats import sa1b
from anymask.geometry import rle
from anymask.geometry.frame import Frame
from anymask.images.write import write_png
from anymask.types import PER_MASK, Embedding, Masks, Record

stacks = arrays(np.bool_, st.tuples(st.integers(0, 4), st.integers(1, 9), st.integers(1, 9)))


def full_masks(n=4):
    """Masks with every field."""
    dense = np.zeros((n, 6, 8), bool)
    for i in range(n):
        dense[i, i : i + 2, i : i + 3] = True
    return Masks.from_dense(
        dense,
        np.linspace(0.5, 0.9, n),
        stability=np.linspace(0, 1, n),
        labels=np.arange(n) + 7,
        prompt=np.arange(n) // 2,
        logits=np.arange(n)[:, None, None] * np.ones((n, 2, 2)),
    )


@given(stacks)
def test_dense_gives_the_masks_back(dense):
    masks = Masks.from_dense(dense)
    assert len(masks) == len(dense)
    assert masks.size == dense.shape[1:]
    assert masks.dense().dtype == np.bool_
    assert np.array_equal(masks.dense(), dense)
    assert masks.areas.tolist() == dense.sum(axis=(1, 2)).tolist()
    assert masks.scores.tolist() == [1] * len(dense)


@given(stacks)
def test_boxes_are_tight_and_half_open(dense):
    boxes = Masks.from_dense(dense).boxes
    assert boxes.shape == (len(dense), 4)
    for mask, (x0, y0, x1, y1) in zip(dense, boxes.astype(int), strict=True):
        y, x = np.nonzero(mask)
        expected = (x.min(), y.min(), x.max() + 1, y.max() + 1) if x.size else (0, 0, 0, 0)
        assert (x0, y0, x1, y1) == expected


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (1, [8]),
        (-1, [10]),
        (np.int64(2), [9]),
        (slice(1, 3), [8, 9]),
        (slice(None, None, -1), [10, 9, 8, 7]),
        ([2, 0, 0], [9, 7, 7]),
        (np.array([3]), [10]),
        ([True, False, False, True], [7, 10]),
        (np.zeros(4, bool), []),
        ([], []),
        (np.zeros(0), []),
    ],
)
def test_picking(which, expected):
    masks = full_masks()
    picked = masks[which]
    assert isinstance(picked, Masks)
    assert picked.labels.tolist() == expected
    index = [label - 7 for label in expected]
    assert np.array_equal(picked.dense(), masks.dense()[index])
    for name in ("scores", "stability", "prompt", "logits"):
        assert np.array_equal(getattr(picked, name), getattr(masks, name)[index])


def test_picking_outside():
    with pytest.raises(IndexError):
        full_masks()[4]
    with pytest.raises(IndexError):
        full_masks()[[0, 9]]


def test_iterating_gives_single_masks():
    assert [one.labels.tolist() for one in full_masks()] == [[7], [8], [9], [10]]


def test_concat():
    masks = full_masks()
    joined = Masks.concat([masks[:1], masks[1:3], masks[3:]])
    assert np.array_equal(joined.dense(), masks.dense())
    assert np.array_equal(joined.logits, masks.logits)
    bare = Masks(masks.size, masks.rles)
    assert Masks.concat([masks, bare]).labels is None
    assert len(Masks.concat([masks, bare])) == 8
    assert len(Masks.concat([Masks((6, 8), ()), masks])) == 4


def test_concat_refuses():
    with pytest.raises(FormatError, match=r"parts must hold at least one Masks, got none"):
        Masks.concat([])
    with pytest.raises(FormatError, match=r"parts must be masks of one size, got \[\(2, 3\), \(6, 8\)\]"):
        Masks.concat([full_masks(), Masks((2, 3), ())])


def test_lengths_must_agree():
    with pytest.raises(
        FormatError, match=r"scores must have one entry for each of 0 masks, got shape \(1,\)"
    ):
        Masks((2, 3), (), [0.5])
    with pytest.raises(
        FormatError, match=r"labels must have one entry for each of 1 masks, got shape \(2,\)"
    ):
        Masks((2, 3), [np.array([6])], labels=[1, 2])
    with pytest.raises(FormatError, match=r"masks must have shape \(N, H, W\), got \(2, 3\)"):
        Masks.from_dense(np.zeros((2, 3), bool))


def test_no_masks_with_fields():
    empty = Masks((2, 3), (), [], labels=[], prompt=[])
    assert empty.dense().shape == (0, 2, 3)
    assert empty.boxes.shape == (0, 4)
    assert empty.labels.dtype == np.int64


def test_masks_cannot_be_changed():
    masks = full_masks()
    for array in (masks.scores, masks.labels, masks.logits, masks.rles[0]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        masks.scores = None


def test_masks_pickle_and_replace():
    masks = full_masks()
    again = pickle.loads(pickle.dumps(masks))
    assert np.array_equal(again.dense(), masks.dense())
    assert dataclasses.replace(masks, logits=None).logits is None
    assert np.array_equal(dataclasses.replace(masks, logits=None).labels, masks.labels)


def test_masks_describe_themselves():
    assert repr(full_masks()) == "Masks(4 of 6 x 8, stability, labels, prompt, logits)"
    assert repr(Masks((2, 3), ())) == "Masks(0 of 2 x 3)"


@pytest.fixture
def embedding():
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
    frame = Frame.fit((100, 200), 64, square=True)
    return Embedding(draw(1, 8, 4, 4), (draw(1, 2, 16, 16), draw(1, 4, 8, 8)), frame, "abc")


def test_embedding_file(tmp_path, embedding):
    embedding.save(tmp_path / "a.safetensors")
    again = Embedding.load(tmp_path / "a.safetensors")
    assert (again.frame, again.model, len(again.skips)) == (embedding.frame, "abc", 2)
    for ours, theirs in zip(
        (again.features, *again.skips), (embedding.features, *embedding.skips), strict=True
    ):
        assert ours.dtype == np.float32
        assert np.abs(ours - theirs.numpy()).max() < 2e-3  # float16


def test_embedding_file_is_small_and_safe(tmp_path, embedding):
    embedding.save(tmp_path / "a.safetensors")
    with pytest.raises(OutputError, match="which exists"):
        embedding.save(tmp_path / "a.safetensors")
    embedding.save(tmp_path / "a.safetensors", force=True)
    numbers = sum(t.numel() for t in (embedding.features, *embedding.skips))
    assert (tmp_path / "a.safetensors").stat().st_size < 2 * numbers + 1000


def test_embedding_of_another_file(tmp_path):
    (tmp_path / "a").write_bytes(b"nonsense")
    for path in (tmp_path / "a", tmp_path / "missing"):
        with pytest.raises(
            FormatError, match=r"embedding must be a whole safetensors file, got .*Embed again\."
        ):
            Embedding.load(path)
    numpy_files = pytest.importorskip("safetensors.numpy")
    numpy_files.save_file({"features": np.zeros(3, np.float32)}, tmp_path / "b")
    with pytest.raises(FormatError, match=r"embedding must be a file that Embedding\.save wrote"):
        Embedding.load(tmp_path / "b")


def test_record_reads_its_image_late(tmp_path, rng):
    image = rng.integers(0, 256, (6, 8, 3), np.uint8)
    held = Record("a", image, full_masks())
    assert held.read() is image
    lazy = Record("a", tmp_path / "a.png", full_masks())
    with pytest.raises(ImageError, match="must be a file that exists"):
        lazy.read()
    write_png(image, tmp_path / "a.png")
    assert np.array_equal(lazy.read(), image)


def test_notes_on_single_masks_go_with_the_masks():
    assert set(PER_MASK) == {*sa1b._FIELDS, "crowds", "areas", "attributes"}  # which SA-1B does not have
    record = Record("a", Path("a.png"), full_masks(), meta={name: list("abcd") for name in PER_MASK})
    fewer = record.with_masks(full_masks()[:1])
    assert fewer.meta == {}
    assert len(sa1b.to_document(fewer)["annotations"]) == 1


def test_record_with_other_masks():
    record = Record("a", Path("a.png"), full_masks(), meta={"categories": list("abcd"), "dataset": "voc"})
    changed = record.with_masks(full_masks()[:1], categories=["x"])
    assert changed.meta == {"categories": ["x"], "dataset": "voc"}
    assert len(record.with_masks(full_masks()[:1]).masks) == 1
    assert repr(changed) == (
        "Record('a', Masks(1 of 6 x 8, stability, labels, prompt, logits), source='import')"
    )


def test_record_ignore_is_kept():
    hidden = rle.encode(np.eye(6, 8, dtype=bool))
    assert Record("a", Path("a.png"), full_masks(), ignore=hidden).ignore is hidden
