"""What the store accepts: finite numbers, valid text, JSON of bounded depth. The same for both databases."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from typing import Any

from anymask.errors import FormatError, InputError

__all__ = ["RESERVED", "clipped", "is_plain", "new_name", "plain_text"]

LONGEST_NAME = 64
"""Letters of the name of a user."""
LONGEST_LABEL = 200
"""Letters of the name of a label."""
DEEPEST, MOST_VALUES, LONGEST_TEXT = 32, 100_000, 16 << 20
RESERVED = frozenset({"admin", "administrator", "local", "system"})
"""Names that no user may have: they stand for the owner of the server's own token and for this machine."""
_LARGEST = 1 << 53
"""Whole numbers up to here are the same in Python, JavaScript and both databases."""
_WORST = 1e300


def is_plain(value: Any) -> bool:
    """Whether JSON can be stored: finite numbers, valid text, not too deep and not too much of it."""
    count = 0
    try:
        for one in _leaves(value, 0):
            count += 1
            if count > MOST_VALUES or not _is_plain_leaf(one):
                return False
    except RecursionError:
        return False
    return True


def _leaves(value: Any, depth: int) -> Iterator[Any]:
    """Every value and every key in a value, containers as their length; the depth is checked on the way."""
    if depth > DEEPEST:
        raise RecursionError
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _leaves(item, depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item, depth + 1)
        yield len(value)
    else:
        yield value


def _is_plain_leaf(value: Any) -> bool:
    if isinstance(value, str):
        return is_text(value) and len(value) <= LONGEST_TEXT
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int):
        return abs(value) <= _LARGEST
    return isinstance(value, float) and abs(value) <= _WORST


def is_text(text: str) -> bool:
    """Whether a text can be sent and stored: no halves of surrogate pairs and no NUL."""
    return ("\0" not in text and text.isascii()) or not any(
        c == "\0" or "\ud800" <= c <= "\udfff" for c in text
    )


def plain_text(text: str, most: int = LONGEST_LABEL) -> str:
    """A text without control characters and halves of surrogate pairs, at most `most` letters."""
    return "".join(one for one in text if unicodedata.category(one) not in ("Cc", "Cs")).strip()[:most]


def clipped(score: float | None) -> float | None:
    """A score from 0 to 1. Raises FormatError for NaN and infinity."""
    if score is None:
        return None
    if not math.isfinite(score):
        raise FormatError(f"score must be a finite number, got {score}. Leave it out.")
    return min(1.0, max(0.0, float(score)))


def new_name(name: str) -> str:
    """The name of a new user as it is stored. Raises InputError for a reserved, empty or overlong one."""
    plain = unicodedata.normalize("NFKC", plain_text(name, LONGEST_NAME + 1))
    if not plain or len(plain) > LONGEST_NAME:
        raise InputError(f"name must have 1 to {LONGEST_NAME} letters, got {len(name)}. Shorten it.")
    if plain.casefold() in RESERVED:
        raise InputError(
            f"name must not be one of {', '.join(sorted(RESERVED))}, got '{plain}'. Choose another."
        )
    return plain
