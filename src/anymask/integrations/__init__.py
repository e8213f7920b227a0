"""Ways into the tools that teams already run: Label Studio, CVAT, napari, FiftyOne, supervision.

Each module imports its tool on first use, and says how to install it where it is missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from anymask.errors import InputError

__all__ = ["needed"]


def needed(module: str, package: str) -> Any:
    """Import a module of another tool. Raises InputError with the command that installs it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] != module.split(".")[0]:
            raise  # it is there, and misses something itself
        raise InputError(
            f"{package} must be installed, got none. Install it with: pip install '{package}'"
        ) from error
