"""Tiles of large images."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from anymask.app import schemas
from anymask.app.dependencies import Annotator, CurrentServer
from anymask.data_engine.project import images
from anymask.data_engine.project.project import current

__all__ = ["router"]

router = APIRouter(tags=["images"])
Level = Annotated[int, Path(ge=0, le=20)]
Region = Annotated[str, Query(pattern=r"^\d{1,7},\d{1,7},\d{1,7},\d{1,7}$")]
Scaled = Annotated[str, Query(pattern=r"^[1-9]\d{0,3},[1-9]\d{0,3}$")]
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


@router.get("/images/{id}/region", response_class=Response)
def get_region(
    server: CurrentServer, person: Annotator, id: schemas.Id, region: Region, size: Scaled
) -> Response:
    """A region of an image as models see it: PNG.

    region: x0,y0,x1,y1 in pixels of the image, inside it. size: height,width of the answer, each up to 4096.
    """
    image = current(server.project, images.find(server.project.db, id))
    x0, y0, x1, y1 = map(int, region.split(","))
    height, width = map(int, size.split(","))
    data = server.decode(lambda: server.tiles.region(image, (x0, y0, x1, y1), (height, width)))
    return Response(data, media_type="image/png", headers={"cache-control": "no-store"})
