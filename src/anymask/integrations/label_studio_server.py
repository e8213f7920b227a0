"""A machine-learning backend for Label Studio: clicks and boxes become brush masks, images get prelabels.

```sh
python -m anymask.integrations.label_studio_server --label-studio http://localhost:8080 --token TOKEN
```

Add its address under *Settings, Model*; switch on *Interactive preannotations*. Images are fetched from Label
Studio alone, and from hosts that `--allow` names.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import threading
import time
import urllib.request
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import URLError
from urllib.parse import urljoin, urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import anymask
from anymask.errors import AnymaskError, FormatError, ImageError, InputError
from anymask.images.display import read_display
from anymask.integrations.label_studio import Config, prompt_of, read_config, regions
from anymask.types import Masks

__all__ = ["Backend", "create_app", "main"]

MOST_BYTES = 128 << 20
MOST_PIXELS = 100_000_000
SECONDS = 30
ACCESS_SECONDS = 60.0
"""For which access is used again; Label Studio gives it for five minutes."""
KEPT = 8
"""Encoded images that are kept, so that a second click is answered at once."""


@dataclass
class Backend:
    """What the server answers with. Thread-safe: one image is encoded at a time."""

    model: Any
    version: str
    label_studio: str
    """The address of Label Studio."""
    token: str = ""
    """Of a user of Label Studio, to fetch images: a personal access token, or a legacy token."""
    allowed: frozenset[str] = frozenset()
    """Further hosts (with their port, if any) that images are fetched from."""
    automatic: bool = False
    """Whether tasks without clicks get all objects as prelabels."""
    _access: tuple[float, str] = (0.0, "")
    """Until when a personal access token gives access, and by what."""
    _kept: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def predict(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A prediction for each task. Raises FormatError for a message that cannot be read, ImageError for an
        image that cannot be fetched or read."""
        config = read_config(str(body.get("label_config") or ""))
        params = body.get("params") or {}
        context = ((params.get("context") or {}) if isinstance(params, dict) else {}).get("result") or []
        tasks = body.get("tasks")
        if not isinstance(tasks, list) or not isinstance(context, list):
            raise FormatError("tasks must be a list, got other. Update Label Studio.")
        with self._lock:
            return [self._task(task, config, context) for task in tasks]

    def _task(self, task: Any, config: Config, context: list[Any]) -> dict[str, Any]:
        data = task.get("data") if isinstance(task, dict) else None
        address = data.get(config.key) if isinstance(data, dict) else None
        if not isinstance(address, str) or not address:
            raise FormatError(f"task must have the address of an image in '{config.key}', got none. Add it.")
        if not context and not self.automatic:
            return {"result": [], "score": 0.0, "model_version": self.version}
        embedding = self._embedding(address)
        size = embedding.frame.size_hw
        if context:
            prompt, label = prompt_of(context, size)
            found = Masks(size, []) if prompt is None else self._masks(embedding, prompt)
            return regions(found, config, label, self.version)
        return regions(anymask.automatic(self.model, embedding), config, None, self.version)

    def _masks(self, embedding: Any, prompt: Any) -> Masks:
        return anymask.predict(self.model, embedding, [prompt], multimask=False)

    def _embedding(self, address: str) -> Any:
        if address not in self._kept:
            pixels = read_display(self.fetch(address), max_pixels=MOST_PIXELS)
            self._kept[address] = anymask.embed(self.model, pixels)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(address)
        return self._kept[address]

    def fetch(self, address: str) -> bytes:
        """The bytes of an image: from Label Studio, an allowed host, or the address itself (data:).

        Raises ImageError for another host, and for an image that cannot be fetched.
        """
        if address.startswith("data:"):
            return _from_data(address)
        url = urljoin(self.label_studio.rstrip("/") + "/", address)
        parts, own = urlsplit(url), urlsplit(self.label_studio)
        at_home = (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
        if not at_home and (parts.scheme not in ("http", "https") or parts.netloc not in self.allowed):
            raise ImageError(
                f"image must be at {own.netloc} or an allowed host, got {parts.netloc or parts.scheme}. "
                f"Allow it with: --allow {parts.netloc or 'HOST'}"
            )
        headers = {"Authorization": self._authorization()} if at_home and self.token else {}
        data = _open(urllib.request.Request(url, headers=headers))
        if len(data) > MOST_BYTES:
            raise ImageError(f"image must have at most {MOST_BYTES >> 20} MiB, got more. Make it smaller.")
        return data

    def _authorization(self) -> str:
        """The header of the token; a personal access token, a JWT, is exchanged for an access token."""
        if self.token.count(".") != 2:
            return f"Token {self.token}"
        until, access = self._access
        if time.monotonic() >= until:
            url = urljoin(self.label_studio.rstrip("/") + "/", "api/token/refresh/")
            body = json.dumps({"refresh": self.token}).encode()
            answer = _open(urllib.request.Request(url, body, {"Content-Type": "application/json"}))
            access = str(json.loads(answer)["access"])
            self._access = (time.monotonic() + ACCESS_SECONDS, access)
        return f"Bearer {access}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect could lead to a host that is not allowed, with the token."""

    def redirect_request(self, *given: Any) -> None:
        """Do not follow."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _open(request: urllib.request.Request) -> bytes:
    """What is answered, at most a byte more than MOST_BYTES. Raises ImageError."""
    try:
        with _OPENER.open(request, timeout=SECONDS) as answer:
            return bytes(answer.read(MOST_BYTES + 1))
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ImageError(f"image must be fetched, got {reason}. Check --label-studio and --token.") from error


def _from_data(address: str) -> bytes:
    try:
        return base64.b64decode(address.partition(";base64,")[2], validate=True)
    except binascii.Error as error:
        raise ImageError("image must be a data address in base64, got other. Upload the file.") from error


def create_app(backend: Backend) -> Starlette:
    """The HTTP application that Label Studio speaks to."""

    async def health(request: Request) -> JSONResponse:
        return JSONResponse({"status": "UP", "model_class": "anymask", "model_version": backend.version})

    async def setup(request: Request) -> JSONResponse:
        body = await _json(request)
        read_config(str(body.get("schema") or ""))  # what does not fit is said now, not at the first click
        return JSONResponse({"model_version": backend.version})

    async def predict(request: Request) -> JSONResponse:
        body = await _json(request)
        return JSONResponse({"results": await run_in_threadpool(backend.predict, body)})

    async def versions(request: Request) -> JSONResponse:
        return JSONResponse({"versions": [backend.version]})

    async def nothing(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"}, status_code=201)

    async def failed(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=400)

    routes = [
        Route("/", health),
        Route("/health", health),
        Route("/setup", setup, methods=["POST"]),
        Route("/predict", predict, methods=["POST"]),
        Route("/versions", versions),
        Route("/train", nothing, methods=["POST"]),
        Route("/webhook", nothing, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={AnymaskError: failed})


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise FormatError("body must be JSON, got other. Update Label Studio.") from error
    if not isinstance(body, dict):
        raise FormatError("body must be a JSON object, got other. Update Label Studio.")
    return body


def main(arguments: list[str] | None = None) -> None:
    """Load the model and serve until the process is stopped."""
    parser = argparse.ArgumentParser(description="A machine-learning backend for Label Studio.")
    parser.add_argument("--label-studio", required=True, help="address of Label Studio")
    parser.add_argument("--token", default="", help="token of a user of Label Studio, to fetch images")
    parser.add_argument("--model", default="compact", help="a model's name or its file")
    parser.add_argument(
        "--automatic", action="store_true", help="all objects as prelabels (seconds an image)"
    )
    parser.add_argument("--allow", action="append", default=[], help="further host that images come from")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9090)
    given = parser.parse_args(arguments)
    if urlsplit(given.label_studio).scheme not in ("http", "https"):
        raise InputError(f"--label-studio must be an address, got '{given.label_studio}'. Write http://...")
    model = anymask.load(given.model)
    backend = Backend(
        model,
        f"anymask-{given.model}",
        given.label_studio,
        given.token,
        frozenset(given.allow),
        given.automatic,
    )
    uvicorn.run(create_app(backend), host=given.host, port=given.port)


if __name__ == "__main__":
    main()
