"""Review: marks on images, and comments on them and on their masks."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Response

from anymask.app import review_schemas, schemas
from anymask.app.dependencies import Annotator, CurrentServer, Server
from anymask.app.review_schemas import Mark
from anymask.data_engine.project import Image, Person, comments, images, people
from anymask.errors import InputError

__all__ = ["check_open", "check_seen", "check_user", "router"]

router = APIRouter(tags=["review"])


@router.patch("/images/{id}")
def mark_image(server: CurrentServer, person: Annotator, id: schemas.Id, body: Mark) -> schemas.Image:
    """Mark an image: done, removed, accepted or returned, assigned, tagged.

    Removing, reviewing and assigning to others need the role reviewer, and so does marking an accepted image
    as not done. An assignee must be a user.
    """
    if body.assignee and body.assignee != person.name:
        check_user(server, body.assignee)
    if person.role == "annotator":
        _check_annotator(images.find(server.project.db, id), person, body)
    return schemas.Image.of(images.mark(server.project.db, id, **dict(body)))


def check_user(server: Server, name: str) -> None:
    """Raise InputError where nobody has this name."""
    names = [one.name for one in people.listed(server.project.db)]
    if name not in names:
        users = ", ".join(names) or "none yet"
        raise InputError(f"assignee must be the name of a user, got '{name}'. Users: {users}.")


def _check_annotator(image: Image, person: Person, body: Mark) -> None:
    """Raise HTTPException 403 for what needs the role reviewer."""
    others = image.assignee not in (None, person.name)
    needs = {
        "Removing an image": body.removed is not None,
        "Accepting or returning an image": body.review is not None,
        "Changing an accepted image": body.done is not None and image.review == "accepted",
        "Assigning an image to somebody else": body.assignee not in (None, "", person.name)
        or (body.assignee is not None and others),
    }
    for what, asked in needs.items():
        if asked:
            raise HTTPException(403, f"{what} needs the role reviewer; yours is annotator. Ask an admin.")


def check_open(server: Server, id: str, person: Person) -> None:
    """Raise HTTPException 403 where an annotator would change the masks of an image that is done."""
    if person.role != "annotator":
        return
    check_seen(server, id, person)
    image = images.find(server.project.db, id)
    if image.done:
        how = "Ask a reviewer to return it" if image.review == "accepted" else "Mark it as not done first"
        raise HTTPException(403, f"This image is marked as done, so its masks cannot be changed. {how}.")


def check_seen(server: Server, id: str, person: Person) -> None:
    """Raise HTTPException 403 where an annotator would see masks that are to be compared with their own."""
    if person.role == "annotator" and images.is_hidden(server.project.db, id, person.name):
        raise HTTPException(
            403, "You have a copy of this image of your own, or it is the copy of somebody else."
        )


@router.get("/images/{id}/comments")
def list_comments(server: CurrentServer, person: Annotator, id: schemas.Id) -> review_schemas.Comments:
    """The comments on an image and its masks, oldest first."""
    check_seen(server, id, person)
    found = comments.listed(server.project.db, id)
    return review_schemas.Comments(comments=[review_schemas.Comment.of(one) for one in found])


@router.put("/images/{id}/comments/{comment_id}")
def put_comment(
    server: CurrentServer,
    person: Annotator,
    id: schemas.Id,
    comment_id: schemas.Id,
    body: review_schemas.CommentIn,
) -> review_schemas.Comment:
    """Add a comment with an id that the client chooses, or change the text of one of your own."""
    _check_own(server, person, id, comment_id, "Changing")
    kept = comments.save(
        server.project.db, id, comment_id, body.text, mask_id=body.mask_id, author=person.name
    )
    return review_schemas.Comment.of(kept)


@router.patch("/images/{id}/comments/{comment_id}")
def resolve_comment(
    server: CurrentServer,
    person: Annotator,
    id: schemas.Id,
    comment_id: schemas.Id,
    body: review_schemas.Resolved,
) -> review_schemas.Comment:
    """Mark a comment as resolved, or as open again."""
    return review_schemas.Comment.of(comments.resolve(server.project.db, id, comment_id, body.resolved))


@router.delete("/images/{id}/comments/{comment_id}", status_code=204)
def delete_comment(
    server: CurrentServer, person: Annotator, id: schemas.Id, comment_id: schemas.Id
) -> Response:
    """Delete a comment of your own; of others as a reviewer."""
    _check_own(server, person, id, comment_id, "Deleting")
    comments.remove(server.project.db, id, comment_id)
    return Response(status_code=204)


def _check_own(server: Server, person: Person, id: str, comment_id: str, what: str) -> None:
    """Raise HTTPException 403 where an annotator would change the comment of somebody else."""
    there = comments.find(server.project.db, id, comment_id)
    if there is not None and there.author != person.name and person.role == "annotator":
        raise HTTPException(403, f"{what} a comment of somebody else needs the role reviewer. Ask one.")
