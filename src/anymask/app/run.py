"""Run the application on an address, and the project that opens where none is given."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import uvicorn

from anymask.app.server import create_app
from anymask.app.settings import Settings
from anymask.engine.store import Project
from anymask.errors import InputError
from anymask.files import data_dir

__all__ = ["gallery", "listen", "serve"]

PHOTOS = ("cat.jpg", "coffee.jpg", "flower.jpg")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def gallery() -> Path:
    """A folder with three photos to try, made on first use."""
    folder = data_dir() / "gallery"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in PHOTOS:
            if not (folder / name).exists():
                shutil.copyfile(str(files("anymask") / "assets" / "photos" / name), folder / name)
    except OSError as error:
        raise InputError(
            f"the data folder must be writable, got {folder} ({error.strerror}). Set ANYMASK_DATA to another."
        ) from error
    return folder


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises InputError for a port that is taken and a host that is not ours."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        found = socket.socket(family)
        if sys.platform != "win32":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(512)
    except OSError as error:
        raise InputError(
            f"address must be free and this machine's own, got {host}:{port} ({error.strerror}). "
            "Give another --port, or 0 for any."
        ) from error
    return found


def address(listening: socket.socket, host: str) -> str:
    """The address to open."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{listening.getsockname()[1]}"


def serve(project: Project, settings: Settings, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve a project until the process is stopped; `ready` is called with the address.

    Raises InputError for another host than this machine's without a token, and as `listen`.
    """
    if host not in LOOPBACK and settings.token is None:
        raise InputError(
            f"--host must go with --token, got {host} alone. Anybody who reaches it could change masks."
        )
    listening = listen(host, port)
    config = uvicorn.Config(
        create_app(project, settings),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)
    ready(address(listening, host))
    try:
        server.run(sockets=[listening])
    finally:
        listening.close()
