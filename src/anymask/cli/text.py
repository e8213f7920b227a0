"""Names as they are typed: "cat,dog,wine glass"."""

from __future__ import annotations

from collections.abc import Sequence

from anymask.cli.console import note
from anymask.errors import InputError

__all__ = ["read_names"]


def read_names(texts: Sequence[str], option: str = "--names") -> list[str]:
    """The names of one or more texts, each of names separated by commas.

    Raises PromptError for a name that cannot be used, InputError for none, doubles and other separators.
    """
    from anymask.models.text.words import disregarded, shipped_words

    names = [name for text in texts for name in _split(text, option)]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise InputError(f"{option} must hold each name once, got '{double}' twice. Leave one out.")
    for name in names:
        shipped_words().words(name)
        if words := disregarded(name):
            note(f"'{name}' is searched for without regard to '{' '.join(words)}'")
    return names


def _split(text: str, option: str) -> list[str]:
    if ";" in text:
        raise InputError(
            f"{option} must be names with commas between them, got ';' in '{text[:60]}'. Write ','."
        )
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise InputError(f"{option} must hold a name, got '{text[:60]}'. Write \"cat,dog\", for example.")
    return names
