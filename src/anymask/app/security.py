"""Middleware that checks the host, origin and size of requests and adds security headers to responses."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anymask.app.settings import Settings

__all__ = ["Guard"]

_ADDED = {
    # the first two isolate the page, which gives it threads (SharedArrayBuffer)
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
    "worker-src 'self' blob:; img-src 'self' data: blob:; connect-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
HEADERS = [(name.encode(), value.encode()) for name, value in _ADDED.items()]
"""Headers of every response, encoded."""
_SAFE = ("GET", "HEAD", "OPTIONS")
_UPLOADS = ("/api/images", "/api/import")
_FAULT = "The server met an unexpected error. This request saved nothing; see the server's output."
_log = logging.getLogger("anymask.app")


class Guard:
    """ASGI middleware, see the module."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Wrap an application."""
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(message, _path(scope))
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, answer)
            return
        try:
            await self.app(scope, self._bounded(scope, receive), answer)
        except Exception:
            _log.error("%s %s\n%s", scope["method"], scope["path"], traceback.format_exc())
            if started:
                raise
            await JSONResponse({"error": _FAULT}, 500)(scope, receive, answer)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if len(headers.getlist("host")) > 1:
            return _refused(400, "A request must have one Host header, not several. Leave the others out.")
        host = headers.get("host", "")
        if self.settings.token is None and _hostname(host) not in self.settings.hosts:
            return _refused(
                403, f"Open this server as {_list(self.settings.hosts)}, not as '{host}', or give it a token."
            )
        if scope["method"] not in _SAFE and not _is_same_origin(headers, host):
            return _refused(
                403, "Changes must come from this server's own page, not from another site. Open the app."
            )
        length, most = headers.get("content-length", "0"), self._most(scope)
        if not length.isdecimal() or int(length) > most:
            return _refused(413, _too_large(most))
        return None

    def _most(self, scope: Scope) -> int:
        limits = self.settings.limits
        return limits.upload_bytes if _path(scope) in _UPLOADS else limits.json_bytes

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Limit the size and the pauses of a request's body, and the number of values in JSON."""
        limits, most = self.settings.limits, self._most(scope)
        is_json = _path(scope) not in _UPLOADS
        total, ended, parts = 0, False, list[bytes]()

        async def counted() -> Message:
            nonlocal total, ended
            if ended:
                return await receive()  # waits until the client goes away
            try:
                message = await asyncio.wait_for(receive(), limits.patience)
            except asyncio.TimeoutError:
                raise HTTPException(
                    408, "The request did not go on. Send it again.", {"connection": "close"}
                ) from None
            body = message.get("body", b"")
            total, ended = total + len(body), not message.get("more_body", False)
            if total > most:
                raise HTTPException(413, _too_large(most))
            if is_json:
                parts.append(body)
                if ended and total > limits.values and count_values(b"".join(parts)) > limits.values:
                    raise HTTPException(
                        413, f"The request holds more than {limits.values} values. Send less."
                    )
            return message

        return counted


def _path(scope: Scope) -> str:
    """The path within the application, which may be one of several projects."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


_TEXTS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def count_values(data: bytes) -> int:
    """About how many values JSON has: its commas, brackets and braces outside of texts."""
    bare = _TEXTS.sub(b"", data)
    return bare.count(b",") + bare.count(b"[") + bare.count(b"{")


def _add_headers(message: MutableMapping[str, Any], path: str) -> None:
    headers = MutableHeaders(raw=[*message["headers"], *HEADERS])
    headers.setdefault("cache-control", "no-store" if path.startswith("/api/") else "no-cache")
    message["headers"] = headers.raw


def _refused(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, headers={"connection": "close"})


def _too_large(most: int) -> str:
    return f"The request is larger than {most >> 20} MiB. Send less at once."


def _hostname(host: str) -> str:
    """The name in a Host header, without the port."""
    return re.sub(r":\d+$", "", host).lower()


def _is_same_origin(headers: Headers, host: str) -> bool:
    """Whether a request comes from the server's own page, or from a program, which sends neither header."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or re.sub(r"^https?://", "", origin.lower()) == host.lower()


def _list(names: frozenset[str]) -> str:
    return " or ".join(sorted(names))
