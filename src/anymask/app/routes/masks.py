"""Masks and their revisions."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from anymask.app import schemas, suggestion_schemas
from anymask.app.archives import Temporary
from anymask.app.dependencies import Annotator, CurrentServer, Server
from anymask.app.routes.review import check_open, check_seen
from anymask.data_engine.project import Draft, Person, images, masks, suggestions
from anymask.data_engine.project.images import new_id

__all__ = ["router"]

router = APIRouter(tags=["masks"])
LARGE = 4 << 20
"""Bytes of a list of masks from which on it goes through a file."""
Seen = Annotated[str, Header(alias="If-Match", pattern=r'^"?[0-9]{1,9}"?$')]
"""The revision that the change is based on, 0 for a new mask."""


@router.get(
    "/images/{id}/masks",
    response_model=schemas.Masks,
    responses={304: {"description": "The masks have not changed."}},
)
def list_masks(server: CurrentServer, person: Annotator, request: Request, id: schemas.Id) -> Response:
    """The masks of an image. The response has an ETag, so that unchanged masks are not sent again."""
    check_seen(server, id, person)
    image = images.find(server.project.db, id)
    headers = {"etag": f'"{image.changes}"', "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    if masks.size_of_current(server.project.db, id) > LARGE:
        return _large(server, id, headers)
    found = masks.current_json(server.project.db, id)
    return Response(f'{{"masks":{found}}}', media_type="application/json", headers=headers)


def _large(server: Server, id: str, headers: dict[str, str]) -> Response:
    """A long list goes through a file, so that slow clients hold no memory."""
    folder = Path(tempfile.mkdtemp(prefix="anymask-"))
    try:
        with (folder / "masks.json").open("wb") as file:
            file.write(b'{"masks":')
            masks.write_current(server.project.db, id, file)
            file.write(b"}")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Temporary(folder / "masks.json", media_type="application/json", headers=headers)


@router.put("/images/{id}/masks/{mask_id}", response_model=schemas.Mask)
def put_mask(
    server: CurrentServer,
    person: Annotator,
    id: schemas.Id,
    mask_id: schemas.Id,
    if_match: Seen,
    body: schemas.MaskIn,
) -> Response:
    """Save a mask as the revision after If-Match. Saving the same again changes nothing."""
    check_open(server, id, person)
    author = _author(server, person, body.author)
    kept = masks.save(server.project.db, id, body.draft(mask_id), seen=_number(if_match), author=author)
    return Response(schemas.Mask.of(kept).model_dump_json(), media_type="application/json")


@router.delete("/images/{id}/masks/{mask_id}")
def delete_mask(
    server: CurrentServer, person: Annotator, id: schemas.Id, mask_id: schemas.Id, if_match: Seen
) -> schemas.Mask:
    """Delete a mask by saving a revision marked as deleted; its history stays."""
    check_open(server, id, person)
    there = masks.find(server.project.db, id, mask_id)
    draft = replace(there.draft(), deleted=True)
    author = _author(server, person, None)
    return schemas.Mask.of(masks.save(server.project.db, id, draft, seen=_number(if_match), author=author))


@router.get("/images/{id}/masks/{mask_id}/revisions")
def list_revisions(
    server: CurrentServer, person: Annotator, id: schemas.Id, mask_id: schemas.Id
) -> schemas.Masks:
    """Every revision of a mask, oldest first."""
    check_seen(server, id, person)
    return schemas.Masks(
        masks=[schemas.Mask.of(one) for one in masks.history(server.project.db, id, mask_id)]
    )


@router.put("/suggestions/{by}")
def put_suggestions(
    server: CurrentServer, person: Annotator, by: schemas.Id, body: suggestion_schemas.Suggestions
) -> suggestion_schemas.Suggested:
    """Replace the open suggestions of the search with the example mask `by`; without images withdraw them."""
    found = {
        one.image: [
            Draft(id=new_id(), label_id=body.label_id, model=body.model, **mask.model_dump())
            for mask in one.masks
        ]
        for one in body.images
    }
    new = suggestions.replace(server.project.db, by, found, author=person.name)
    return suggestion_schemas.Suggested(images=len(new), masks=sum(new.values()))


@router.delete("/suggestions")
def delete_suggestions(server: CurrentServer, person: Annotator) -> suggestion_schemas.Withdrawn:
    """Withdraw all open suggestions of the project. Later searches may suggest the same masks again."""
    return suggestion_schemas.Withdrawn(masks=suggestions.withdraw(server.project.db, author=person.name))


def _number(if_match: str) -> int:
    return int(if_match.strip('"'))


def _author(server: Server, person: Person, given: str | None) -> str:
    """The user of the token; without tokens the name given by the page."""
    return person.name if server.settings.token is not None else given or person.name
