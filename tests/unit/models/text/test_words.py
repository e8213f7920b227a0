"""The word table: phrases to vectors, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load

from anymask.errors import PromptError, WeightsError
from anymask.models.text.words import WordTable, disregarded, pack_words, shipped_words

WORDS = ["the", "red", "cup", "tea", "knife", "leaf", "woman", "glass", "box", "spatula", "earmuffs"]


@pytest.fixture(scope="module")
def table() -> WordTable:
    vectors = np.random.default_rng(0).integers(-100, 100, (len(WORDS), 50)).astype(np.int8)
    return WordTable(WORDS, vectors)


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("cup", ["cup"]),
        ("A red  CUP!", ["red", "cup"]),
        ("the cup of tea", ["cup"]),
        ("photos of cups", ["cup"]),
        ("boxes", ["box"]),
        ("women", ["woman"]),
        ("earmuff", ["earmuffs"]),
        ("red-cup", ["red", "cup"]),
        ("red_cup", ["red", "cup"]),
        ("a cup standing on a box", ["cup"]),
    ],
)
def test_the_words_of_a_phrase(table, phrase, words):
    assert table.words(phrase) == words


def test_a_vector_is_that_of_the_head_and_the_mean(table):
    red, cup, both = (table.vector(text) for text in ("red", "cup", "red cup"))
    np.testing.assert_allclose(both[:50], cup[:50])
    np.testing.assert_allclose(both[50:], (red[50:] + cup[50:]) / 2, rtol=1e-5)


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("", "must name a thing, got ''. Write a noun"),
        ("  ?!... ", "must name a thing"),
        ("the", "must name a thing"),
        ("x" * 10_000, "at most 200 characters, got 10,000"),
        ("red " * 9 + "cup", "at most 8 words, got 10"),
        ("кот", "must be in English, got the letter 'к'"),
        ("猫", "must be in English"),
        ("zzqy", "words that the model knows, got 'zzqy'. Use a more common"),
        ("spatla", "got 'spatla'. Nearest known words: spatula."),
        ("12", "must name a thing"),
    ],
)
def test_phrases_that_cannot_be_used_are_told_in_a_sentence(table, phrase, message):
    with pytest.raises(PromptError, match=message):
        table.vector(phrase)


def test_a_packed_table_is_standardised_and_keeps_rare_words(tmp_path):
    words = ["the", ",", "cat", "dog's", "dog", "axolotl"]
    vectors = np.random.default_rng(1).normal(3, 2, (6, 50)).astype(np.float32)
    data = pack_words(words, vectors, most=2, always=["axolotl"])
    (tmp_path / "words.safetensors").write_bytes(data)
    table = WordTable.read(tmp_path / "words.safetensors")
    assert list(table.place) == ["the", "cat", "axolotl"]
    letters = vectors[[0, 2, 4, 5]]
    expected = (vectors[2] - letters.mean(axis=0)) / letters.std(axis=0)
    np.testing.assert_allclose(table.vector("cat")[:50], expected, atol=4 / 127)
    assert load(data)["vectors"].dtype == np.int8


def test_another_file_is_refused(tmp_path):
    (tmp_path / "words.safetensors").write_bytes(b"not a table")
    with pytest.raises(WeightsError, match="must be a word table"):
        WordTable.read(tmp_path / "words.safetensors")


def test_the_shipped_table_knows_everyday_things():
    table = shipped_words()
    assert 60_000 <= len(table.place) < 62_000
    names = ["cup", "mug", "dog", "bicycle", "sofa", "couch", "spatula", "giraffe", "croissant"]
    vectors = np.stack([table.vector(name)[:50] for name in names])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert unit[4] @ unit[5] > unit[4] @ unit[2]


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("cat", []),
        ("a coffee cup", []),
        ("orange", []),
        ("a red cat", ["red"]),
        ("cat in the garden", ["in", "garden"]),
        ("the big cats", ["big"]),
    ],
)
def test_words_that_hardly_count_are_told(phrase: str, words: list[str]) -> None:
    assert disregarded(phrase) == words
