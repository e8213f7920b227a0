"""Images: list, files, thumbnails, uploads."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated

import cv2
import numpy as np
from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from fastapi.responses import FileResponse

from anymask.app import schemas
from anymask.app.dependencies import Annotator, CurrentServer, Server
from anymask.data_engine.project import Image, images
from anymask.data_engine.project.project import current, upload
from anymask.errors import ImageError, StoreError, UnknownNameError, unknown_name
from anymask.images.bands import read_bands
from anymask.images.bundled_photos import GALLERY, sample_photo
from anymask.images.display import read_display, shown_format
from anymask.images.read import read_stored
from anymask.images.write import encode_jpeg, encode_png

__all__ = ["router"]

router = APIRouter(tags=["images"])
THUMB = 320
"""Longest side of a thumbnail, in pixels."""
_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}


@router.get("/images")
def list_images(
    server: CurrentServer,
    person: Annotator,
    after: schemas.Id | None = None,
    limit: Annotated[int, Query(ge=1, le=schemas.IMAGES_AT_ONCE)] = 100,
    search: Annotated[str, Query(max_length=schemas.TEXT_LENGTH)] = "",
    show: Annotated[images.Show, Query()] = "all",
    tag: Annotated[str, Query(max_length=schemas.TEXT_LENGTH)] = "",
    assignee: Annotated[str, Query(max_length=64)] = "",
    sort: Annotated[images.Sort, Query()] = "name",
) -> schemas.Images:
    """A page of the images: those whose name contains `search`, in the state `show`.

    With `tag` or `assignee` only those with this tag, or of this user. Annotators do not see copies given to
    others, nor images of which they have a copy. Sorted by name, or by the place in the queue of
    `anymask engine queue`.
    """
    viewer = person.name if person.role == "annotator" else None
    found = images.listed(
        server.project.db,
        after,
        limit + 1,
        search=search,
        show=show,
        tag=tag,
        assignee=assignee,
        viewer=viewer,
        sort=sort,
    )
    more = len(found) > limit
    return schemas.Images(
        images=[schemas.Image.of(one) for one in found[:limit]], next=found[limit - 1].id if more else None
    )


@router.post("/images", status_code=201)
def upload_images(
    server: CurrentServer,
    person: Annotator,
    files: Annotated[list[UploadFile], File(max_length=schemas.IMAGES_AT_ONCE)],
) -> schemas.Images:
    """Upload images. An image with the same content is stored only once."""
    kept = []
    for file in files:
        name = file.filename or ""
        try:
            image, _ = server.decode(partial(_store, server, file))
        except ImageError as error:
            raise ImageError(f"{_short(name)}: {error}") from error
        kept.append(schemas.Image.of(image))
    return schemas.Images(images=kept, next=None)


@router.get("/samples/{name}", response_class=Response)
def get_sample(person: Annotator, name: schemas.Id) -> Response:
    """A photo that comes with anymask, to try it with: cat.jpg, coffee.jpg or flower.jpg."""
    if name not in GALLERY:
        raise unknown_name("sample", name, GALLERY)
    return FileResponse(sample_photo(name), media_type="image/jpeg")


@router.get("/images/{id}")
def get_image(server: CurrentServer, person: Annotator, id: schemas.Id) -> schemas.Image:
    """An image, as its file is now."""
    image = images.find(server.project.db, id)
    try:
        image = current(server.project, image)
    except UnknownNameError:  # what is known is told all the same
        image = replace(image, missing=True)
    except (StoreError, ImageError):
        pass
    return schemas.Image.of(image)


@router.get("/images/{id}/bands")
def get_bands(server: CurrentServer, person: Annotator, id: schemas.Id) -> schemas.Bands:
    """How many bands an image has, where some can be chosen by `bands` of its file; else 0."""
    file = server.project.file(current(server.project, images.find(server.project.db, id)))
    if _TYPES.get(shown_format(file, None)) is not None:
        return schemas.Bands(bands=0)
    return schemas.Bands(bands=server.decode(lambda: int(read_stored(file).array.shape[2])))


@router.get("/images/{id}/file", response_class=Response)
def get_file(
    server: CurrentServer,
    person: Annotator,
    request: Request,
    id: schemas.Id,
    bands: Annotated[str | None, Query(pattern=r"^[0-9]{1,4}(,[0-9]{1,4}){0,2}$")] = None,
    stretch: Annotated[str | None, Query(pattern=r"^[0-9.]{1,8},[0-9.]{1,8}$")] = None,
) -> Response:
    """The file of an image, converted to PNG if browsers cannot show its format.

    bands: PNG of these bands, numbers from 1 as "4,3,2" or "1", between the percentiles `stretch`.
    """
    image = current(server.project, images.find(server.project.db, id))
    if bands is not None:
        chosen, file = read_bands(bands, stretch, None), server.project.file(image)
        data = server.decode(lambda: encode_png(read_display(file, chosen)))
        return Response(data, media_type="image/png", headers={"cache-control": "private, no-cache"})
    file = server.project.file(image)
    server.project.sha256(image)  # by which the image is recognised after its file was moved
    etag = f'"{image.bytes:x}-{file.stat().st_mtime_ns:x}{server.project.view}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=_cached(etag))
    type = _TYPES.get(shown_format(file, server.project.bands))
    if type is None:
        name = f"{image.id}-{file.stat().st_mtime_ns:x}{server.project.view}.png"
        shown = server.decode(
            lambda: server.thumbs.file(name, lambda: encode_png(server.project.pixels(image)))
        )
        if isinstance(shown, bytes):
            return Response(shown, media_type="image/png", headers=_cached(etag))
        return FileResponse(shown, media_type="image/png", headers=_cached(etag))
    return FileResponse(file, media_type=type, headers=_cached(etag))


@router.get("/images/{id}/thumb", response_class=Response)
def get_thumb(server: CurrentServer, person: Annotator, request: Request, id: schemas.Id) -> Response:
    """A thumbnail: JPEG, 320 pixels on the longest side."""
    image = current(server.project, images.find(server.project.db, id))
    file = server.project.file(image)
    key = f"{image.id}-{file.stat().st_mtime_ns:x}{server.project.view}"
    if request.headers.get("if-none-match") == f'"{key}"':
        return Response(status_code=304, headers=_cached(f'"{key}"'))
    data = server.thumbs.get(f"{key}.jpg", lambda: _thumbnail(server, image))
    return Response(data, media_type="image/jpeg", headers=_cached(f'"{key}"'))


def _store(server: Server, file: UploadFile) -> tuple[Image, bool]:
    return upload(server.project, file.filename or "", file.file.read(), server.settings.limits.pixels)


def _thumbnail(server: Server, image: Image) -> bytes:
    pixels = server.decode(lambda: server.project.pixels(image))
    scale = min(1.0, THUMB / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return encode_jpeg(np.asarray(small, np.uint8))


def _cached(etag: str) -> dict[str, str]:
    return {"etag": etag, "cache-control": "private, no-cache"}


def _short(name: str) -> str:
    """A file name for a message, without control characters."""
    clean = "".join(one for one in name if one.isprintable())[:80]
    return clean or "a file without a name"
