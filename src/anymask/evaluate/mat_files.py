"""Reading MATLAB's .mat files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.evaluate.edge_matching import require_scipy

__all__ = ["read_mat"]


def read_mat(path: Path, name: str) -> NDArray[Any]:
    """The variable `name` of a file. Raises FormatError without it, and MissingExtraError without SciPy."""
    reader = require_scipy("io", "reading .mat files")
    try:
        return np.asarray(reader.loadmat(path)[name])
    except (
        KeyError, ValueError, IndexError, TypeError, NotImplementedError, OSError, reader.matlab.MatReadError,
    ) as error:  # fmt: skip
        raise FormatError(
            f"{path} must be a .mat file with {name}, got another file ({type(error).__name__}: {error}). "
            "Download the data set again."
        ) from error
