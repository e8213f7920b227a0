"""Run the server on an address, and the sample project that opens if none is given."""

from __future__ import annotations

import errno
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from anymask.app.models import Models
from anymask.app.protocol import most_connections, protocol
from anymask.app.settings import Settings
from anymask.errors import AnymaskError, InputError
from anymask.files import data_dir
from anymask.images.bundled_photos import GALLERY, sample_photo

__all__ = ["gallery", "listen", "serve"]

PORT = 8321
"""The usual port."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def gallery() -> Path:
    """A folder with three sample photos, created on first use."""
    folder = data_dir() / "gallery"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in GALLERY:
            if not (folder / name).exists():
                shutil.copyfile(sample_photo(name), folder / name)
    except OSError as error:
        raise InputError(
            f"the data folder must be writable, got {folder} ({error.strerror}). "
            "Set ANYMASK_DATA to another folder."
        ) from error
    return folder


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InputError for a port in use and an address of another machine."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"--port must be free, got {port}, which is in use. Give another, or 0 for any."
            ) from error
        reason = (error.strerror or str(error)).partition(" (")[0]
        raise InputError(
            f"--host must be an address of this machine, got {host}:{port} ({reason}). Leave it out."
        ) from error


def _listen_anywhere(host: str) -> socket.socket:
    """A socket on the usual port, or on a free one if that is taken."""
    try:
        return listen(host, PORT)
    except InputError:
        return listen(host, 0)


def _prepare(models: Models, tell: Callable[[str], object]) -> None:
    """Make the files of all models, the default one first, before the page requests them."""
    for name in models.names:
        steps = list[str]()

        def say(step: str, name: str = name, steps: list[str] = steps) -> None:
            steps.append(step)
            tell(f"{name} for the browser: {step}")

        try:
            models.exported(name, say)
            if steps:
                tell(f"{name} for the browser: ready, with the same masks as the model")
        except AnymaskError as error:
            tell(f"error: {name} cannot be used in the browser: {error}")


def address(listening: socket.socket, host: str) -> str:
    """The URL to open."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{listening.getsockname()[1]}"


def serve(
    app: Starlette,
    settings: Settings,
    host: str,
    port: int | None,
    ready: Callable[[str], None],
    tell: Callable[[str], object] = str,
) -> None:
    """Serve an application until the process is stopped.

    app: of `create_app` or `create_projects_app`; its projects are closed at the end.
    settings: those that it was made with.
    host, port: where to listen; port 0 takes any free one, None the usual one or, if that is taken, any.
    ready: called with the URL when the server listens.
    tell: called with the steps of the first export of a model for the browser.

    Raises InputError for a host other than this machine without a token, the errors of `Models.check_places`
    for its models, and those of `listen`.
    """
    if host not in LOOPBACK and settings.token is None:
        raise InputError(
            f"--host must go with --token, got {host} alone. Without it anybody on the network could "
            "change masks."
        )
    app.state.models.check_places()
    listening = listen(host, port) if port is not None else _listen_anywhere(host)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        http=protocol(settings.limits.patience),
        limit_concurrency=most_connections(settings.limits.connections),
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_prepare, args=(app.state.models, tell), daemon=True).start()
    ready(address(listening, host))
    try:
        server.run(sockets=[listening])
    finally:
        listening.close()
