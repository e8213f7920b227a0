"""The project, its labels and its people; signing in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response

from anymask.app import schemas as wire
from anymask.app.dependencies import COOKIE, Admin, Annotator, Here, Reviewer, person_of
from anymask.data_engine.project import Label, images, labels, people, statistics

__all__ = ["router"]

router = APIRouter(tags=["project"])
YEAR = 365 * 24 * 3600
Name = Annotated[str, Path(min_length=1, max_length=200)]


@router.get("/project")
def project(server: Here, person: Annotator) -> wire.Project:
    """What the page needs first: labels, models, counts, who you are."""
    db = server.project.db
    return wire.Project(
        name=server.project.name,
        labels=[wire.Label.of(label) for label in labels.listed(db)],
        models=server.models.names,
        example_models=server.models.example_names,
        counts=images.count(db),
        scanning=server.scanning,
        person=wire.Person(name=person.name, role=person.role),
    )


@router.put("/labels")
def put_labels(server: Here, person: Reviewer, body: wire.Labels) -> wire.Labels:
    """Put these labels in the place of all. A label that masks have cannot go."""
    kept = labels.replace(server.project.db, [Label(one.id, one.name, one.color) for one in body.labels])
    return wire.Labels(labels=[wire.Label.of(label) for label in kept])


@router.post("/session", status_code=204)
def sign_in(server: Here, request: Request, body: wire.Session) -> Response:
    """Set the cookie that stands for a token."""
    if person_of(server, body.token) is None:
        raise HTTPException(401, "token must be a valid one, got another. Ask an admin for yours.")
    answer = Response(status_code=204)
    answer.set_cookie(
        COOKIE,
        body.token,
        max_age=YEAR,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.delete("/session", status_code=204)
def sign_out() -> Response:
    """Remove the cookie."""
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


@router.get("/people")
def get_people(server: Here, person: Admin) -> wire.People:
    """Everybody with a token."""
    return wire.People(
        people=[wire.Person(name=one.name, role=one.role) for one in people.listed(server.project.db)]
    )


@router.post("/people", status_code=201)
def add_person(server: Here, person: Admin, body: wire.Person) -> wire.NewPerson:
    """Make a token for somebody. It is told this once."""
    token = people.add(server.project.db, body.name, body.role)
    return wire.NewPerson(name=body.name, role=body.role, token=token)


@router.delete("/people/{name}", status_code=204)
def remove_person(server: Here, person: Admin, name: Name) -> Response:
    """Take somebody's token away; what he drew stays."""
    people.remove(server.project.db, name)
    server.seen.clear()
    return Response(status_code=204)


@router.get("/stats")
def stats(server: Here, person: Annotator) -> wire.Stats:
    """Counts and time by label, author and model."""
    found = statistics.collect(server.project.db)
    return wire.Stats(**found)
