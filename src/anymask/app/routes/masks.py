"""Masks and their revisions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from anymask.app import schemas as wire
from anymask.app.dependencies import Annotator, Here, Server
from anymask.data_engine.project import Person, images, masks

__all__ = ["router"]

router = APIRouter(tags=["masks"])
Seen = Annotated[str, Header(alias="If-Match", pattern=r'^"?[0-9]{1,9}"?$')]
"""The revision that the client saw, 0 for a new mask."""


@router.get(
    "/images/{id}/masks",
    response_model=wire.Masks,
    responses={304: {"description": "They are as the ETag says."}},
)
def list_masks(server: Here, person: Annotator, request: Request, id: wire.Id) -> Response:
    """The masks of an image. The answer has an ETag, so that asking again costs little."""
    image = images.find(server.project.db, id)
    headers = {"etag": f'"{image.changes}"', "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    found = masks.current_json(server.project.db, id)
    return Response(f'{{"masks":{found}}}', media_type="application/json", headers=headers)


@router.put("/images/{id}/masks/{mask_id}", response_model=wire.Mask)
def put_mask(
    server: Here, person: Annotator, id: wire.Id, mask_id: wire.Id, if_match: Seen, body: wire.MaskIn
) -> Response:
    """Save a mask as the revision after If-Match. The same again changes nothing."""
    author = _author(server, person, body.author)
    kept = masks.save(server.project.db, id, body.draft(mask_id), seen=_number(if_match), author=author)
    return Response(wire.Mask.of(kept).model_dump_json(), media_type="application/json")


@router.delete("/images/{id}/masks/{mask_id}")
def delete_mask(server: Here, person: Annotator, id: wire.Id, mask_id: wire.Id, if_match: Seen) -> wire.Mask:
    """Save a revision that says: deleted. Its history stays."""
    there = masks.find(server.project.db, id, mask_id)
    draft = replace(there.draft(), deleted=True)
    author = _author(server, person, None)
    return wire.Mask.of(masks.save(server.project.db, id, draft, seen=_number(if_match), author=author))


@router.get("/images/{id}/masks/{mask_id}/revisions")
def list_revisions(server: Here, person: Annotator, id: wire.Id, mask_id: wire.Id) -> wire.Masks:
    """Every revision of a mask, the first one first."""
    return wire.Masks(masks=[wire.Mask.of(one) for one in masks.history(server.project.db, id, mask_id)])


def _number(if_match: str) -> int:
    return int(if_match.strip('"'))


def _author(server: Server, person: Person, given: str | None) -> str:
    """The token's owner; where there are no tokens, whoever the page says it is."""
    return person.name if server.settings.token is not None else given or person.name
