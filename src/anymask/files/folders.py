"""The folders of anymask"s cache and data."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["INNER", "cache_dir", "data_dir"]

INNER = ".anymask"
"""The folder in a project for anymask's files: project.db, and images/ with the uploaded images."""


def cache_dir() -> Path:
    """The folder of files that can be rebuilt or downloaded again: `ANYMASK_CACHE`, or the system's cache."""
    return _folder("ANYMASK_CACHE", "XDG_CACHE_HOME", ".cache", "LOCALAPPDATA", "AppData/Local", "Caches")


def data_dir() -> Path:
    """The folder of anymask's projects: `ANYMASK_DATA`, or the system's folder for user data."""
    return _folder(
        "ANYMASK_DATA", "XDG_DATA_HOME", ".local/share", "APPDATA", "AppData/Roaming", "Application Support"
    )


def _folder(variable: str, xdg: str, unix: str, windows: str, profile: str, library: str) -> Path:
    """The folder that an environment variable names, else the system's usual one.

    variable: anymask's own environment variable.
    xdg: the XDG variable, on Linux and other Unix systems.
    unix: the folder in the home directory where `xdg` is not set.
    windows: the environment variable on Windows.
    profile: the folder in the home directory where `windows` is not set.
    library: the folder in `~/Library` on macOS.
    """
    given = os.environ.get(variable)
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = os.environ.get(windows) or Path.home() / profile
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / library
    else:
        base = os.environ.get(xdg) or Path.home() / unix
    return Path(base) / "anymask"
