"""Readers of the values of options. Standard library only."""

from __future__ import annotations

import argparse
from collections.abc import Callable

__all__ = ["one_of", "whole", "words"]


def whole(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from `least` on."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} on, got '{text}'")
        return number

    return read


def one_of(*known: str) -> Callable[[str], str]:
    """A reader of one of some words."""

    def read(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f"must be {' or '.join(known)}, got '{text}'")
        return text

    return read


def words(text: str) -> list[str]:
    """A reader of words with commas between."""
    return [word.strip() for word in text.split(",") if word.strip()]
