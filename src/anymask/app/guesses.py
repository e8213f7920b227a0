"""Slows down guessing of tokens: after some wrong ones an address has to wait."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict

from fastapi import HTTPException

__all__ = ["Guesses"]

FREE = 10
"""Wrong tokens that an address may give at once."""
PAUSE = 6.0
"""Seconds after which it may give another one."""
KEPT = 10_000
"""Addresses, and valid tokens, that are remembered."""


class Guesses:
    """Wrong tokens by address. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many, and when that was
        self._right: OrderedDict[bytes, None] = OrderedDict()

    def check(self, address: str, token: str) -> None:
        """Raise HTTPException 429 after too many wrong tokens of an address, unless this one was valid.

        So those who share an address with somebody who guesses can still sign in and work.
        """
        with self._lock:
            if self._left(address) + 1 <= FREE or _hash(token) in self._right:
                return
        raise HTTPException(
            429, "Too many wrong tokens came from this address. Wait a minute.", {"retry-after": "60"}
        )

    def wrong(self, address: str) -> None:
        """Count a wrong token."""
        with self._lock:
            self._wrong[address] = self._left(address) + 1, time.monotonic()
            self._wrong.move_to_end(address)
            while len(self._wrong) > KEPT:
                self._wrong.popitem(last=False)

    def right(self, token: str) -> None:
        """Remember a valid token."""
        with self._lock:
            self._right[_hash(token)] = None
            while len(self._right) > KEPT:
                self._right.popitem(last=False)

    def _left(self, address: str) -> float:
        """The wrong tokens of an address that have not been forgotten yet."""
        count, since = self._wrong.get(address, (0.0, 0.0))
        return max(0.0, count - (time.monotonic() - since) / PAUSE)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
