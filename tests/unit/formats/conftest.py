"""What tests of several formats share."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anymask.images import write

from .folders import SIZE


@pytest.fixture
def make(tmp_path):
    """Makes files: images as blank images, JSON from values, text as it is."""

    def files(**content: object) -> Path:
        for name, what in content.items():
            path = tmp_path / "set" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if what is None:
                path.write_bytes(write.encode_png(np.zeros((*SIZE, 3), np.uint8)))
            else:
                path.write_text(what if isinstance(what, str) else json.dumps(what), encoding="utf-8")
        return tmp_path / "set"

    return lambda content: files(**content)
