"""The output folder of a run: which run it belongs to, and a lock so that only one run writes to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anymask.errors import OutputError
from anymask.files import locked, make_folder, remove_partial, write_atomic

__all__ = ["SETTINGS", "check_settings", "differences", "run_folder"]

SETTINGS = "auto.settings"
"""The file with the settings of the run."""
SAID_BY = {"refine": "--one-pass", "crop_layers": "--crops"}
"""Options that set what has another name in the settings."""


@contextmanager
def run_folder(place: Path, settings: dict[str, Any], *, force: bool) -> Iterator[None]:
    """Make the folder of a run, or reopen it to resume the run, and lock it against other runs.

    settings: JSON-able values that tell whether a run is the same. force: replace another run. Raises
    OutputError for a folder that no run made, that another run made (without `force`), or that is in use.
    """
    make_folder(place)
    with locked(place, wait=False) as ours:
        if not ours:
            raise OutputError(
                f"output must be a folder that no other run writes to, got {place}, which is in use. "
                "Wait until that run ends, or choose another name."
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


def _clear(place: Path, found: Path) -> None:
    """Remove the files of a run. If this is interrupted, the rest is a run that cannot be resumed."""
    write_atomic(found, b"{}", force=True)
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != found:
            entry.unlink()
    found.unlink()


def _check_same(place: Path, found: Path, settings: dict[str, Any], force: bool) -> None:
    """Raise OutputError for a folder that no run made, or without `force` another run."""
    names = [path.name for path in place.iterdir()]
    if not found.is_file():
        if all(name.endswith(".part") for name in names):
            return
        raise OutputError(
            f"output must be a new folder, got {place}, which holds files. Choose another "
            "name; a run writes to a folder of its own."
        )
    check_settings(str(place), found.read_bytes(), settings, force)


def check_settings(address: str, found: bytes, settings: Mapping[str, Any], force: bool) -> None:
    """Raise OutputError unless the settings in a file are those of this run, or `force` replaces them."""
    try:
        there = json.loads(found)
    except ValueError:
        there = {}
    differ = differences(there, settings) if isinstance(there, dict) else [SETTINGS]
    if differ and not force:
        others = ", ".join(SAID_BY.get(name, name) for name in differ)
        raise OutputError(
            f"output must be a new folder or hold the same run, got {address}, made with another {others}. "
            "Choose another name, or add --force to restart from scratch."
        )


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Names of the settings that differ; of nested settings the inner names."""
    names = []
    for name in sorted({*one, *other}):
        a, b = one.get(name), other.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            names += differences(a, b)
        elif a != b:
            names.append(name)
    return names
