"""Disable Pillow's pixel limit where anymask checks its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

__all__ = ["without_limit"]

_LOCK = threading.RLock()


@contextmanager
def without_limit() -> Iterator[None]:
    """Let Pillow open an image of any size; it warns from 89 megapixels and refuses at 179.

    The limit is one value for the process, so that only one thread at a time is in here. Whoever opens an
    image checks its size before decoding.
    """
    with _LOCK:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
