"""Exceptions become an HTTP status and {"error": sentence}."""

from __future__ import annotations

import errno
import reprlib
import tempfile
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from anymask.app import schemas
from anymask.data_engine.project import Project
from anymask.errors import (
    AnymaskError,
    ConflictError,
    InputError,
    OutputError,
    StoreError,
    UnknownNameError,
)
from anymask.files import cache_dir

__all__ = ["ERRORS", "add_handlers", "busy", "without_paths"]

_MEANINGS = {
    400: "A value in the request cannot be used.",
    401: "A valid token is needed.",
    403: "The user's role does not permit this, or the request comes from another site's page.",
    404: "The project has no such item.",
    408: "The request did not go on.",
    409: "Somebody else changed the mask in the meantime; `current` is the mask as it is now.",
    413: "The request is too large.",
    429: "Too many wrong tokens came from this address; `Retry-After` says how long to wait.",
    422: "A field is missing or does not have the documented type.",
    503: "The project's database or folder cannot be used now; nothing was saved.",
    507: "The disk is full; nothing was saved.",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.Error, "description": meaning} for status, meaning in _MEANINGS.items()
}
"""The error responses in the OpenAPI document."""
_SHORT = reprlib.Repr()  # of values of many megabytes
_SHORT.maxstring = _SHORT.maxother = 60
_PLACES = ("body", "query", "path", "header")


def add_handlers(app: FastAPI) -> None:
    """Make an application answer every exception with {"error": sentence}."""
    app.add_exception_handler(AnymaskError, _ours)
    app.add_exception_handler(OSError, _system)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)


def busy(sentence: str) -> HTTPException:
    """503: the client may try again in a few seconds."""
    return HTTPException(503, sentence, {"retry-after": "5"})


def _answer(status: int, sentence: str, **more: Any) -> JSONResponse:
    return JSONResponse({"error": " ".join(sentence.split()), **more}, status)


def without_paths(sentence: str, project: Project) -> str:
    """A sentence that does not say where the server keeps its files."""
    database = project.db.url
    names = {str(database.database): "the project's database"} if project.db.file else {}
    names |= {
        database.render_as_string(): "the project's database",
        str(project.folder): "the project's folder",
    }
    names |= {str(cache_dir()): "the cache", tempfile.gettempdir(): "a temporary folder"}
    for place in sorted(names, key=len, reverse=True):
        sentence = sentence.replace(place, names[place])
    return sentence


async def _ours(request: Request, error: Exception) -> JSONResponse:
    server = getattr(request.app.state, "server", None)  # the list of projects has none
    sentence = str(error) if server is None else without_paths(str(error), server.project)
    if isinstance(error, ConflictError):
        current = None if error.current is None else schemas.Mask.of(error.current).model_dump(mode="json")
        return _answer(409, sentence, current=current)
    return _answer(_status(error), sentence)


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
    """The operating system reported an error."""
    if _is_full(error):
        return _answer(507, "The disk is full. Make room and try again; nothing was lost.")
    reason = getattr(error, "strerror", None) or type(error).__name__
    return _answer(503, f"The project's folder cannot be used: {reason}. Check that it is still there.")


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if error.status_code == 404 and sentence == "Not Found":
        sentence = f"This server has no address {request.url.path!r:.200}. See /api/openapi.json."
    if error.status_code == 405:
        sentence = f"This address does not support the method {request.method}. See /api/openapi.json."
    return JSONResponse({"error": sentence}, error.status_code, headers=error.headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in _PLACES) or "body"
    given = f"got {_SHORT.repr(first.get('input')):.60}"
    return _answer(422, f"{place} must be valid, {given}: {first['msg']}. See /api/openapi.json.")
