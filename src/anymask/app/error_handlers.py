"""From an exception to a status and a sentence."""

from __future__ import annotations

import errno
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from anymask.app import schemas as wire
from anymask.errors import (
    AnymaskError,
    ConflictError,
    InputError,
    OutputError,
    StoreError,
    UnknownNameError,
)

__all__ = ["ERRORS", "add_handlers", "busy"]

_MEANINGS = {
    400: "Something in the request cannot be used.",
    401: "A token must be given.",
    403: "The person's role, or the page that asks, may not do this.",
    404: "There is no such thing in the project.",
    409: "Somebody else changed it meanwhile; `current` is the mask as it is now.",
    413: "The request is too large.",
    422: "A field is missing or has another type than documented.",
    503: "The project's database or folder cannot be used now; nothing was saved.",
    507: "The disk is full; nothing was saved.",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": wire.Error, "description": meaning} for status, meaning in _MEANINGS.items()
}
"""For the OpenAPI document."""
_PLACES = ("body", "query", "path", "header")


def add_handlers(app: FastAPI) -> None:
    """Let an application answer every exception with {"error": sentence}."""
    app.add_exception_handler(AnymaskError, _ours)
    app.add_exception_handler(OSError, _system)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)


def busy(sentence: str) -> HTTPException:
    """The answer to somebody who may come again soon."""
    return HTTPException(503, sentence, {"retry-after": "5"})


def _answer(status: int, sentence: str, **more: Any) -> JSONResponse:
    return JSONResponse({"error": " ".join(sentence.split()), **more}, status)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, ConflictError):
        current = None if error.current is None else wire.Mask.of(error.current).model_dump(mode="json")
        return _answer(409, str(error), current=current)
    return _answer(_status(error), str(error))


def _status(error: Exception) -> int:
    if isinstance(error, UnknownNameError):
        return 404
    if isinstance(error, OutputError):
        return 507 if _is_full(error.__cause__) else 503
    if isinstance(error, StoreError):
        return 507 if "disk is full" in str(error) else 503
    return 400 if isinstance(error, InputError) else 503


def _is_full(error: object) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


async def _system(request: Request, error: Exception) -> JSONResponse:
    """The disk refused."""
    if _is_full(error):
        return _answer(
            507, "the disk must have room, got none left. Make room and try again; nothing was lost."
        )
    reason = getattr(error, "strerror", None) or type(error).__name__
    return _answer(
        503, f"the project's folder must be usable, got: {reason}. Look whether it is still there."
    )


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if error.status_code == 404 and sentence == "Not Found":
        sentence = (
            f"address must be one of this server, got {request.url.path!r:.200}. See /api/openapi.json."
        )
    if error.status_code == 405:
        sentence = f"method must be one that this address takes, got {request.method}. See /api/openapi.json."
    return JSONResponse({"error": sentence}, error.status_code, headers=error.headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in _PLACES) or "body"
    given = f"got {first.get('input')!r:.60}"
    return _answer(422, f"{place} must be valid, {given}: {first['msg']}. See /api/openapi.json.")
