"""The application: `create_app`."""

from __future__ import annotations

import functools
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles

import anymask
from anymask.app.dependencies import Server, Shared
from anymask.app.error_handlers import ERRORS, add_handlers
from anymask.app.routes import (
    agreement,
    images,
    import_export,
    inference,
    masks,
    project,
    retraining,
    review,
    tiles,
)
from anymask.app.routes import models as model_files
from anymask.app.security import Guard
from anymask.app.settings import Settings
from anymask.data_engine.project import Project
from anymask.errors import UnknownNameError

__all__ = ["STATIC", "allow_threads", "create_app", "static_files"]

STATIC = Path(__file__).with_name("static")
THREADS = 40
"""Number of requests processed at once."""
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".css": "text/css",
}
_ABOUT = (
    'Images, masks with every revision, models. Errors are {"error": sentence}. Requests that change '
    "something must come from the server's own page or from a program. If the server has a token, send "
    "`Authorization: Bearer TOKEN`, or sign in at /api/session."
)


def create_app(
    project: Project, settings: Settings | None = None, *, scan: bool = True, shared: Shared | None = None
) -> FastAPI:
    """An ASGI application for a project, which is closed on shutdown.

    scan: whether to search the folder for images at the start. shared: what it shares with other projects,
    which then stays open.
    """
    settings = settings or Settings()
    server = Server(project, settings, shared or Shared(settings), alone=shared is None)
    app = FastAPI(
        title="anymask",
        version=anymask.__version__,
        description=_ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.server = server
    app.state.models = server.models
    app.router.routes.extend(_routes())
    app.add_api_route("/", _page, include_in_schema=False)
    app.mount("/static", static_files())
    add_handlers(app)
    app.add_middleware(Guard, settings=server.settings)
    if scan:
        server.scan()
    return app


def static_files() -> StaticFiles:
    """The files of the page, with the types that browsers need."""
    for suffix, type in _TYPES.items():
        mimetypes.add_type(type, suffix)
    return StaticFiles(directory=STATIC, check_dir=False)


@functools.cache
def _routes() -> list[BaseRoute]:
    """All routes but the page; they hold no project, and making them takes longer than all else of an app."""
    every = APIRouter()
    every.include_router(_api())
    every.include_router(model_files.router)
    return every.routes


def _api() -> APIRouter:
    api = APIRouter(prefix="/api", responses=ERRORS)
    for part in (
        masks,
        inference,
        images,
        review,
        tiles,
        project,
        import_export,
        agreement,
        retraining,
    ):  # the busiest first: routes are tried in order
        api.include_router(part.router)
    return api


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    allow_threads()
    yield
    app.state.server.close()
    app.state.models.close()


def allow_threads() -> None:
    """Set the number of requests processed at once, in the event loop's thread."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS


async def _page(request: Request) -> Response:
    page = STATIC / "index.html"
    if not page.is_file():
        raise UnknownNameError(f"The app's page {page.name} is missing. Install anymask again.")
    return FileResponse(page)
