"""The names of the training data as phrases, and which of them may name one thing."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anymask.errors import PromptError
from anymask.models.text.words import WordTable

__all__ = ["ImageNetNames", "imagenet_names", "phrase_of", "together"]

_HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def _written() -> dict[str, str]:
    """The phrases of categories that data sets write in another way; empty: it names no kind of thing."""
    with (_HERE / "categories.tsv").open(encoding="utf-8", newline="") as file:
        return {row["category"]: row["phrase"] for row in csv.DictReader(file, delimiter="\t")}


def phrase_of(category: str, words: WordTable) -> str | None:
    """The phrase for a category of a data set, such as "tv monitor" for "tvmonitor"; None if it has none."""
    plain = re.sub(r"[-_]+", " ", category.lower()).strip()
    written = _written()
    phrase = written.get(category, written.get(category.lower(), written.get(plain, plain)))
    try:
        return " ".join(words.words(phrase))
    except PromptError:  # a category in another language, a number
        return None


def together(phrases: Sequence[str], words: WordTable) -> NDArray[np.bool_]:
    """Which phrases (V, V) may name the same thing, each with itself: "mug" and "coffee mug".

    The first name of a line of together.txt goes with every other name of the line. A phrase also goes with
    one that has all of its words.
    """
    place = {phrase: row for row, phrase in enumerate(phrases)}
    out = np.eye(len(phrases), dtype=np.bool_)
    for line in (_HERE / "together.txt").read_text("utf-8").splitlines():
        first, *others = (place.get(phrase_of(name, words) or "") for name in line.split(", "))
        for other in others:
            if first is not None and other is not None:
                out[first, other] = out[other, first] = True
    parts = [frozenset(phrase.split()) for phrase in phrases]
    for row, mine in enumerate(parts):
        alike = [mine <= other or other <= mine for other in parts]
        out[row] |= alike
    return out


@dataclass(frozen=True)
class ImageNetNames:
    """ImageNet's 1,000 classes: the phrase of each, and more general phrases with their classes."""

    phrases: Sequence[str]
    general: Sequence[str]
    members: NDArray[np.float32]
    """(G, 1000): 1 where a class is one of what a general phrase names."""


def imagenet_names(words: WordTable, without: Collection[str] = ()) -> ImageNetNames:
    """ImageNet's names as the word table has them; general phrases of `without` are left out."""
    with (_HERE / "imagenet.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    members: dict[str, set[int]] = {}
    for number, row in enumerate(rows):
        for general in filter(None, row["general"].split(", ")):
            members.setdefault(" ".join(words.words(general)), set()).add(number)
    kept = sorted(set(members) - set(without))
    matrix = np.zeros((len(kept), len(rows)), np.float32)
    for place, general in enumerate(kept):
        matrix[place, sorted(members[general])] = 1
    return ImageNetNames([_known(row["name"], row["general"], words) for row in rows], kept, matrix)


def _known(name: str, general: str, words: WordTable) -> str:
    """A class name without the words that the table lacks; a general name if it lacks all."""
    kept = [word for word in re.findall(r"[a-z]+", name) if words.known(word)]
    return " ".join(kept) or general.split(", ")[0] or "thing"
