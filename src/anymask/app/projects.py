"""Several projects on one server: every subfolder of a folder is a project, with members of its own.

The page of a project is at /p/NAME/, and a list of them at /. A member has a token for each project. The
server's own token is that of an admin in all of them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, unquote

from anyio.to_thread import run_sync
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from starlette.applications import Starlette
from starlette.routing import Mount

from anymask.app import people_schemas
from anymask.app.dependencies import COOKIE, Server, Shared, person_of
from anymask.app.error_handlers import add_handlers
from anymask.app.guesses import Guesses
from anymask.app.project_schemas import Projects, ProjectSummary
from anymask.app.routes.project import YEAR, set_token
from anymask.app.security import Guard
from anymask.app.server import STATIC, allow_threads, create_app, static_files
from anymask.app.settings import Settings
from anymask.data_engine.project import images, open_project
from anymask.errors import InputError, UnknownNameError
from anymask.images.bands import Bands

__all__ = ["create_projects_app", "project_folders"]

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")
_TOKENS = "anymask_tokens"
"""The cookie with the tokens that were given at the list of projects."""
MOST_TOKENS = 16


def project_folders(folder: str | Path) -> tuple[list[Path], list[str]]:
    """The subfolders that become projects, and the names of those that cannot: names are part of addresses.

    Raises InputError for a folder that does not exist or has no such subfolder.
    """
    place = Path(folder).resolve()
    if not place.is_dir():
        raise InputError(f"--projects must be a folder that exists, got {folder}. Check the name.")
    inner = sorted(one for one in place.iterdir() if one.is_dir() and not one.name.startswith("."))
    good = [one for one in inner if _NAME.fullmatch(one.name)]
    if not good:
        raise InputError(
            f"--projects must be a folder with a subfolder for each project, got {folder}, which has none. "
            "Make one, named by letters, digits, - and _."
        )
    return good, [one.name for one in inner if one not in good]


def create_projects_app(
    folders: list[Path], settings: Settings, *, bands: Bands | None = None, scan: bool = True
) -> Starlette:
    """An ASGI application for several projects, which are closed on shutdown.

    folders: of the projects; their names are part of the addresses.
    settings: of the server.
    bands: how images other than 8-bit RGB are shown.
    scan: whether to search the folders for images at the start.

    Raises the errors of `open_project`.
    """
    shared = Shared(settings)
    apps = {
        folder.name: create_app(open_project(folder, bands=bands), settings, scan=scan, shared=shared)
        for folder in folders
    }
    servers: dict[str, Server] = {name: app.state.server for name, app in apps.items()}

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        allow_threads()
        yield
        for server in servers.values():
            server.close()
        shared.models.close()

    mounts = [Mount(f"/p/{name}", app) for name, app in apps.items()]
    app = Starlette(routes=[*mounts, Mount("/", _list_app(servers, settings))], lifespan=lifespan)
    app.state.models = shared.models
    return app


class _Hub:
    """The projects, and which of them a request may see."""

    def __init__(self, servers: Mapping[str, Server], settings: Settings) -> None:
        self.servers, self.settings, self.guesses = servers, settings, Guesses()

    def open_to(self, tokens: list[str]) -> Iterator[ProjectSummary]:
        """The projects that at least one of the tokens opens; without a token of the server all of them."""
        for name, server in self.servers.items():
            people = (person_of(server, token) for token in tokens or [""])
            person = next((one for one in people if one is not None), None)
            if person is not None:
                counts = images.count(server.project.db)
                yield ProjectSummary(
                    name=name, person=person.name, role=person.role, **{key: counts[key] for key in _COUNTS}
                )


_COUNTS = ("images", "done", "masks", "suggestions")


async def _hub(request: Request) -> _Hub:
    hub: _Hub = request.app.state.hub
    return hub


CurrentHub = Annotated[_Hub, Depends(_hub)]


def _tokens(request: Request) -> list[str]:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return [value.strip()]
    kept = request.cookies.get(_TOKENS, "").split("|")
    return [unquote(one) for one in kept if one][:MOST_TOKENS]


def _list_app(servers: Mapping[str, Server], settings: Settings) -> FastAPI:
    app = FastAPI(title="anymask", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.hub = _Hub(servers, settings)
    app.add_api_route("/", _page)
    app.add_api_route("/p/{name}", _to_project)
    app.add_api_route("/api/projects", _get_projects, methods=["GET"])
    app.add_api_route("/api/session", _sign_in, methods=["POST"])
    app.add_api_route("/api/session", _sign_out, methods=["DELETE"])
    app.mount("/static", static_files())
    add_handlers(app)
    app.add_middleware(Guard, settings=settings)
    return app


async def _page() -> FileResponse:
    return FileResponse(STATIC / "projects.html")


async def _to_project(hub: CurrentHub, name: str) -> RedirectResponse:
    """The address of a project without its last slash."""
    if name not in hub.servers:
        raise UnknownNameError(f"project must be one of this server, got '{name:.64}'. See /.")
    return RedirectResponse(f"/p/{name}/")


def _get_projects(hub: CurrentHub, request: Request) -> Projects:
    """The projects that the tokens given here open."""
    return Projects(projects=list(hub.open_to(_tokens(request))), token=hub.settings.token is not None)


async def _sign_in(hub: CurrentHub, request: Request, body: people_schemas.SignIn) -> Response:
    """Sign in to all projects that a token opens."""
    address = request.client.host if request.client else ""
    hub.guesses.check(address, body.token)
    opened = await run_sync(lambda: list(hub.open_to([body.token])))
    if not opened:
        hub.guesses.wrong(address)
        raise HTTPException(401, "This token is not valid in any project. Ask an admin for yours.")
    hub.guesses.right(body.token)
    answer = Response(status_code=204)
    for one in opened:
        set_token(answer, request, body.token, f"/p/{one.name}")
    kept = list(dict.fromkeys([body.token, *_tokens(request)]))[:MOST_TOKENS]
    secure = request.url.scheme == "https"
    value = "|".join(quote(one, safe="") for one in kept)
    answer.set_cookie(_TOKENS, value, max_age=YEAR, httponly=True, samesite="strict", secure=secure)
    return answer


async def _sign_out(hub: CurrentHub) -> Response:
    """Sign out of the list and of all projects."""
    answer = Response(status_code=204)
    answer.delete_cookie(_TOKENS, httponly=True, samesite="strict")
    for name in hub.servers:
        answer.delete_cookie(COOKIE, path=f"/p/{name}/", httponly=True, samesite="strict")
    return answer
