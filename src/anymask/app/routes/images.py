"""Pictures: their list, files, small pictures, uploads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from fastapi.responses import FileResponse
from PIL import Image as Pillow

from anymask.app import schemas as wire
from anymask.app.dependencies import Annotator, Here, Server
from anymask.data_engine.project import Image, images
from anymask.data_engine.project.project import upload
from anymask.errors import ImageError
from anymask.images.read import read_image
from anymask.images.write import encode_jpeg, encode_png

__all__ = ["router"]

router = APIRouter(tags=["images"])
THUMB = 320
"""Longest side of a small image."""
_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}


@router.get("/images")
def list_images(
    server: Here,
    person: Annotator,
    after: wire.Id | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> wire.Images:
    """Pictures by name, some at a time."""
    found = images.listed(server.project.db, after, limit + 1)
    more = len(found) > limit
    return wire.Images(
        images=[wire.Image.of(one) for one in found[:limit]], next=found[limit - 1].id if more else None
    )


@router.post("/images", status_code=201)
def upload_images(
    server: Here, person: Annotator, files: Annotated[list[UploadFile], File(max_length=1000)]
) -> wire.Images:
    """Upload pictures. One that is there already, by its content, is not kept twice."""
    limits = server.settings.limits
    kept = []
    for file in files:
        name = file.filename or ""
        data = file.file.read()
        try:
            image, _ = upload(server.project, name, data, limits.pixels)
        except ImageError as error:
            raise ImageError(f"{_short(name)}: {error}") from error
        kept.append(wire.Image.of(image))
    return wire.Images(images=kept, next=None)


@router.get("/images/{id}")
def get_image(server: Here, person: Annotator, id: wire.Id) -> wire.Image:
    """An image."""
    return wire.Image.of(images.find(server.project.db, id))


@router.get("/images/{id}/file", response_class=Response)
def get_file(server: Here, person: Annotator, request: Request, id: wire.Id) -> Response:
    """The file of a picture; as PNG where browsers cannot show it."""
    image = images.find(server.project.db, id)
    file = server.project.file(image)
    server.project.sha256(image)  # so that its masks follow it when it moves
    etag = f'"{image.bytes:x}-{file.stat().st_mtime_ns:x}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=_cached(etag))
    with Pillow.open(file) as opened:
        type = _TYPES.get(str(opened.format))
    if type is None:
        return Response(encode_png(read_image(file)), media_type="image/png", headers=_cached(etag))
    return FileResponse(file, media_type=type, headers=_cached(etag))


@router.get("/images/{id}/thumb", response_class=Response)
def get_thumb(server: Here, person: Annotator, request: Request, id: wire.Id) -> Response:
    """A small image, JPEG, 320 pixels on its longest side."""
    image = images.find(server.project.db, id)
    file = server.project.file(image)
    key = f"{image.id}-{file.stat().st_mtime_ns:x}"
    if request.headers.get("if-none-match") == f'"{key}"':
        return Response(status_code=304, headers=_cached(f'"{key}"'))
    data = server.thumbs.get(f"{key}.jpg", lambda: _small(server, image, file))
    return Response(data, media_type="image/jpeg", headers=_cached(f'"{key}"'))


def _small(server: Server, image: Image, file: Path) -> bytes:
    with server.decoding:
        pixels = read_image(file)
    scale = min(1.0, THUMB / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return encode_jpeg(np.asarray(small, np.uint8))


def _cached(etag: str) -> dict[str, str]:
    return {"etag": etag, "cache-control": "private, no-cache"}


def _short(name: str) -> str:
    """A name for a message, whatever it holds."""
    clean = "".join(one for one in name if one.isprintable())[:80]
    return clean or "a file without a name"
