"""Tiles of large images."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from anymask.app import schemas
from anymask.app.dependencies import Annotator, CurrentServer
from anymask.data_engine.project import images
from anymask.data_engine.project.project import current

__all__ = ["router"]

router = APIRouter(tags=["images"])
Level = Annotated[int, Path(ge=0, le=20)]
Place = Annotated[int, Path(ge=0, le=100_000)]


@router.get("/images/{id}/tiles/{level}/{column}/{row}", response_class=Response)
def get_tile(
    server: CurrentServer,
    person: Annotator,
    request: Request,
    id: schemas.Id,
    level: Level,
    column: Place,
    row: Place,
) -> Response:
    """A tile of an image: JPEG, at most 512 pixels a side; at level n the image is reduced by 2 to the n."""
    image = current(server.project, images.find(server.project.db, id))
    key = f"{image.id}-{image.version}{server.project.view}-{level}-{column}-{row}"
    headers = {"etag": f'"{key}"', "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    data = server.thumbs.get(
        f"{key}.jpg", lambda: server.decode(lambda: server.tiles.make(image, level, column, row))
    )
    return Response(data, media_type="image/jpeg", headers=headers)
