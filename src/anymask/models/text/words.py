"""English phrases as vectors, by a table of words that is included in the package.

The vectors are the 50-dimensional GloVe vectors of 6 billion words (Pennington, Socher and Manning, 2014),
public domain: the 60,000 most frequent words of letters alone, standardised in each dimension over the 20,000
most frequent, so that the mean that all words share is gone, and stored as 8-bit integers.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain, takewhile
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from anymask.errors import PromptError, WeightsError
from anymask.models.checkpoints.hub import SHIPPED

__all__ = [
    "MOST_LETTERS",
    "WORDS_FILE",
    "WordTable",
    "content_words",
    "disregarded",
    "pack_words",
    "shipped_words",
]

Floats: TypeAlias = NDArray[np.float32]

WORDS_FILE = "words.safetensors"
MOST_LETTERS = 200
"""Maximum length of a phrase, in characters."""
MOST_WORDS = 8
"""Maximum number of words in a phrase besides articles, prepositions and the like."""
_STEP = 4 / 127  # of the stored integers: four standard deviations are the largest
_ARTICLES = (
    "a an the my your his her its our their this that these those some any every all each there is are"
)
_ASKING = "image images photo photos picture pictures please find show segment"
_NO_CONTENT = frozenset([*_ARTICLES.split(), *_ASKING.split()])
_COLOURS = "red green blue yellow orange purple pink brown black white grey gray"
_SIZES = "big small large little tiny huge left right upper lower old new young tall short"
_PROPERTIES = frozenset([*_COLOURS.split(), *_SIZES.split()])
_AFTER_HEAD = re.compile(r"\b(?:of|with|in|on|at|from|for|by|near|under|over|behind|next|that|which|who)\b")
_POSTURES = "sitting standing lying sleeping resting waiting hanging growing looking facing"
_ACTIONS = (
    "walking running jumping climbing swimming flying playing eating drinking holding carrying wearing "
    "riding driving pulling pushing"
)
_DOING = frozenset([*_POSTURES.split(), *_ACTIONS.split()])
_ENDINGS = (("ies", "y"), ("ves", "f"), ("es", ""), ("s", ""), ("men", "man"))


class WordTable:
    """Words and their vectors, the most frequent first."""

    def __init__(self, words: Iterable[str], vectors_N50: NDArray[np.int8]) -> None:
        self.place = {word: place for place, word in enumerate(words)}
        if len(self.place) != len(vectors_N50):
            raise WeightsError(
                f"a word table must have a vector for each of {len(self.place)} words, got "
                f"{len(vectors_N50)}. Install anymask again."
            )
        self._vectors_N50 = vectors_N50

    @staticmethod
    def read(path: Path) -> WordTable:
        """Read a table of `pack_words`. Raises WeightsError for a file that is none."""
        try:
            found = load_file(path)
            words = found["words"].tobytes().decode("ascii").split("\n")
            vectors = found["vectors"]
            if vectors.dtype != np.int8 or vectors.ndim != 2:
                raise ValueError(f"vectors of {vectors.dtype}")
        except Exception as error:  # safetensors' own error has no common base
            raise WeightsError(
                f"{path} must be a word table of anymask, got {' '.join(str(error).split())[:100]}. "
                "Install anymask again."
            ) from error
        return WordTable(words, vectors)

    def known(self, word: str) -> str | None:
        """The word as the table has it, or its singular or plural if only that is there; None if none is."""
        forms = (word, *self.singulars(word), f"{word}s")
        return next((form for form in forms if form in self.place), None)

    def singulars(self, word: str) -> list[str]:
        """The words of the table whose plural a word may be."""
        stems = [word[: -len(ending)] + other for ending, other in _ENDINGS if word.endswith(ending)]
        return [stem for stem in stems if stem in self.place]

    def words(self, phrase: str) -> list[str]:
        """The words of a phrase that carry its meaning, as the table has them; the last is the head.

        Articles and what follows the thing ("of tea", "sitting on a chair") are left out. Raises PromptError
        for a phrase without such words, in another script, too long, or with an unknown word: then with the
        nearest ones.
        """
        found = []
        for word in content_words(phrase):
            known = self.known(word)
            if known is None:
                raise PromptError(
                    f"text must be English words that the model knows, got '{word}'. {self._advice(word)}"
                )
            found.append(known)
        return found

    def vector(self, phrase: str) -> Floats:
        """The vector of a phrase, (100,): that of its head, and the mean of all its words."""
        rows = self._vectors_N50[[self.place[word] for word in self.words(phrase)]] * np.float32(_STEP)
        return np.concatenate([rows[-1], rows.mean(axis=0)])

    def nearest(self, word: str, most: int = 3) -> list[str]:
        """Known words that are spelled alike, the most alike first."""
        alike = [
            one
            for one in self.place
            if one[:1] == word[:1] and abs(len(one) - len(word)) <= 2 and one != word
        ]
        return difflib.get_close_matches(word, alike, n=most, cutoff=0.6)

    def _advice(self, word: str) -> str:
        near = self.nearest(word)
        return f"Nearest known words: {', '.join(near)}." if near else "Use a more common English noun."


def content_words(phrase: str) -> list[str]:
    """The words of a phrase in small letters, without articles and what follows the thing that it names.

    That is what follows a preposition, "that", or what the thing does ("a cat sitting on a chair").

    Raises PromptError for a phrase that has none, is too long or is not in Latin letters.
    """
    if len(phrase) > MOST_LETTERS:
        raise PromptError(
            f"text must be at most {MOST_LETTERS} characters, got {len(phrase):,}. Name one thing, such as "
            "'a red cup'."
        )
    foreign = next((letter for letter in phrase if letter.isalpha() and not letter.isascii()), None)
    if foreign is not None:
        raise PromptError(f"text must be in English, got the letter '{foreign}'. Name the thing in English.")
    small = re.sub(r"[-_/]+", " ", phrase.lower())
    parts = [
        [word for word in re.findall(r"[a-z]+", part) if word not in _NO_CONTENT]
        for part in _AFTER_HEAD.split(small)
    ]
    count = sum(map(len, parts))
    if count > MOST_WORDS:
        raise PromptError(
            f"text must be at most {MOST_WORDS} words, got {count}. Name one thing, such as 'a red cup'."
        )
    for words in parts:
        if words:
            return list(chain(words[:1], takewhile(lambda word: word not in _DOING, words[1:])))
    raise PromptError(f"text must name a thing, got '{phrase.strip()}'. Write a noun, such as 'cup'.")


def disregarded(phrase: str) -> list[str]:
    """Words of a phrase that hardly change what is found: colours, sizes, and all that follows the thing.

    Raises PromptError as `content_words`.
    """
    words = content_words(phrase)
    beside = [word for word in re.findall(r"[a-z]+", phrase.lower()) if word not in (*words, *_NO_CONTENT)]
    return [word for word in words if word in _PROPERTIES and len(words) > 1] + beside


def pack_words(words: Iterable[str], vectors_N50: Floats, most: int, always: Iterable[str] = ()) -> bytes:
    """The bytes of a table of the first `most` words of letters alone, and of the words `always`.

    words: the most frequent first.
    vectors_N50: their vectors.
    most: number of words.
    always: words that are kept however rare they are.
    """
    wanted = set(always)
    plain = [(row, word) for row, word in enumerate(words) if re.fullmatch(r"[a-z]+", word)]
    kept = [pair for place, pair in enumerate(plain) if place < most or pair[1] in wanted]
    common = vectors_N50[[row for row, _ in plain[:20_000]]]
    chosen = (vectors_N50[[row for row, _ in kept]] - common.mean(axis=0)) / common.std(axis=0)
    text = np.frombuffer("\n".join(word for _, word in kept).encode("ascii"), np.uint8)
    return save({"words": text, "vectors": np.clip(np.rint(chosen / _STEP), -127, 127).astype(np.int8)})


@lru_cache(maxsize=1)
def shipped_words() -> WordTable:
    """The table in the package, read once. Raises WeightsError if it is missing."""
    return WordTable.read(SHIPPED / WORDS_FILE)
