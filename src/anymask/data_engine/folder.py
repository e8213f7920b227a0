"""The folder of a data set that grows: whose it is, and that one run at a time writes to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anymask.errors import OutputError
from anymask.files import locked, remove_partial, write_atomic

__all__ = ["SETTINGS", "taken"]

SETTINGS = "auto.settings"
"""The file that says what was asked for."""


@contextmanager
def taken(place: Path, settings: dict[str, Any], *, force: bool) -> Iterator[None]:
    """Make the folder, or take up the one that the same run left, and keep other runs out meanwhile.

    Raises OutputError for a folder that is no run's, or another run's without `force`, or in use.
    """
    _make(place)
    with locked(place, wait=False) as ours:
        if not ours:
            raise OutputError(
                f"output must be a folder that no other run writes to, got {place}, where one is at work. "
                "Wait for its end, or choose another name."
            )
        found = place / SETTINGS
        if any(place.iterdir()):
            _check_same(place, found, settings, force)
        if force and found.is_file():
            _clear(place, found)
        remove_partial(place)
        if not found.exists():
            write_atomic(found, json.dumps(settings, indent=1).encode())
        yield


def _make(place: Path) -> None:
    if place.exists() and not place.is_dir():
        raise OutputError(f"output must be a folder, got the file {place}. Choose another name.")
    if not place.parent.is_dir():
        raise OutputError(
            f"output must lie in a folder that exists, got {place}. Make the folder {place.parent} first."
        )
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"output must be writable, got {place} ({error.strerror}). Choose another place."
        ) from error


def _clear(place: Path, found: Path) -> None:
    """Remove a run's files; if that is stopped, what is left is still a run's, and no run's to go on with."""
    write_atomic(found, b"{}", force=True)
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != found:
            entry.unlink()
    found.unlink()


def _check_same(place: Path, found: Path, settings: dict[str, Any], force: bool) -> None:
    """Raise OutputError for a folder that is no run's, or another run's where that is not to be replaced."""
    names = [path.name for path in place.iterdir()]
    if not found.is_file():
        if all(name.endswith(".part") for name in names):
            return
        raise OutputError(
            f"output must be a new folder, got {place}, which holds files. Choose another name."
        )
    try:
        there = json.loads(found.read_bytes())
    except ValueError:
        there = {}
    differ = _differences(there, settings) if isinstance(there, dict) else [SETTINGS]
    if differ and not force:
        raise OutputError(
            f"output must be a new folder or hold this very run, got {place}, made with another "
            f"{', '.join(differ)}. Choose another name, or add --force to start over."
        )


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Names of the settings that differ, those of `auto` by their own."""
    names = []
    for name in sorted({*one, *other}):
        a, b = one.get(name), other.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            names += _differences(a, b)
        elif a != b:
            names.append(name)
    return names
