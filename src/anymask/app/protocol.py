"""HTTP connections that are closed when a request does not come, or does not go on, in time."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["most_connections", "protocol"]

RESERVED = 24
"""Open files that are kept for the database, images and libraries."""
SHARE = 2
"""Open files for each connection: its socket, and a file or a connection to the database."""


def protocol(seconds: float) -> type[HttpToolsProtocol]:
    """uvicorn's protocol, with at most `seconds` for the head of each request."""

    class Impatient(HttpToolsProtocol):
        """Closes a connection whose request does not begin, or whose head does not end, in time."""

        _waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._go_on()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._wait()

        def on_headers_complete(self) -> None:
            self._go_on()
            super().on_headers_complete()

        def _wait(self) -> None:
            self._go_on()
            self._waiting = self.loop.call_later(seconds, self._give_up)

        def _go_on(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

        def _give_up(self) -> None:
            if not self.transport.is_closing():
                self.transport.close()

    return Impatient


def most_connections(wanted: int) -> int:
    """How many connections the system's limit of open files allows, at most `wanted`; the limit is raised."""
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = RESERVED + SHARE * wanted
    if soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
        soft = max(soft, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(4, min(wanted, (soft - RESERVED) // SHARE))
