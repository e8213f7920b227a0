"""Names as they are typed: "cat,dog,wine glass"."""

from __future__ import annotations

from anymask.errors import InputError

__all__ = ["read_names"]


def read_names(text: str, option: str = "--names") -> list[str]:
    """Names separated by commas. Raises PromptError for one that cannot be used, InputError for doubles."""
    from anymask.models.text.words import shipped_words

    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise InputError(f"{option} must hold a name, got '{text[:60]}'. Write \"cat,dog\", for example.")
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise InputError(f"{option} must hold each name once, got '{double}' twice. Leave one out.")
    for name in names:
        shipped_words().words(name)
    return names
