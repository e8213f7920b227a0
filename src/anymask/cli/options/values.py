"""Readers of the values of options. Standard library only."""

from __future__ import annotations

import argparse
from collections.abc import Callable

__all__ = ["any_of", "integer", "number", "one_of", "share", "whole"]


def number(text: str) -> float:
    """A reader of numbers."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got '{text}'") from None


def integer(text: str) -> int:
    """A reader of whole numbers."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got '{text}'") from None


def whole(least: int) -> Callable[[str], int]:
    """A reader of whole numbers that are `least` or more."""

    def read(text: str) -> int:
        try:
            found = int(text)
        except ValueError:
            found = least - 1
        if found < least:
            raise argparse.ArgumentTypeError(f"must be a whole number, {least} or more, got '{text}'")
        return found

    return read


def share(text: str) -> float:
    """A reader of numbers from 0 to below 1."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to below 1, got '{text}'")
    return found


def one_of(*known: str) -> Callable[[str], str]:
    """A reader of one of some words."""

    def read(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f"must be {' or '.join(known)}, got '{text}'")
        return text

    return read


def any_of(text: str) -> list[str]:
    """A reader of words separated by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]
