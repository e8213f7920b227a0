"""The project, its labels and its users; signing in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from anymask.app import people_schemas, schemas
from anymask.app.dependencies import COOKIE, Admin, Annotator, CurrentServer, Reviewer, identify
from anymask.data_engine.project import images, labels, people, statistics
from anymask.data_engine.project.checks import new_name

__all__ = ["YEAR", "router", "set_token"]

router = APIRouter(tags=["project"])
MOST_UNREADABLE = 100
YEAR = 365 * 24 * 3600
Name = Annotated[str, Path(min_length=1, max_length=200)]


@router.get("/project")
def project(server: CurrentServer, person: Annotator) -> schemas.Project:
    """The overview that the page loads first: labels, models, counts, the user."""
    db = server.project.db
    scanning = server.rescan()
    return schemas.Project(
        name=server.project.name,
        labels=[schemas.Label.of(label) for label in labels.listed(db)],
        models=server.models.names,
        example_models=server.models.example_names,
        counts=images.count(db),
        scanning=scanning,
        unreadable=server.unreadable[:MOST_UNREADABLE],
        person=people_schemas.Person(name=person.name, role=person.role),
        assignees=[one.name for one in people.listed(db)],
        tags=images.tags_used(db),
    )


@router.put("/labels")
def put_labels(server: CurrentServer, person: Reviewer, body: schemas.Labels) -> schemas.Labels:
    """Replace all labels. A label that masks use cannot be removed."""
    kept = labels.replace(server.project.db, [label.stored() for label in body.labels])
    return schemas.Labels(labels=[schemas.Label.of(label) for label in kept])


@router.post("/session", status_code=204)
def sign_in(server: CurrentServer, request: Request, body: people_schemas.SignIn) -> Response:
    """Sign in: set a cookie with the token."""
    identify(server, request, body.token)
    answer = Response(status_code=204)
    set_token(answer, request, body.token, request.scope.get("root_path", ""))
    return answer


def set_token(answer: Response, request: Request, token: str, root: str) -> None:
    """Set the cookie with a token for the application under a path, "" for the whole server."""
    secure = request.url.scheme == "https"
    answer.set_cookie(
        COOKIE, token, max_age=YEAR, path=f"{root}/", httponly=True, samesite="strict", secure=secure
    )


@router.delete("/session", status_code=204)
def sign_out(request: Request) -> Response:
    """Sign out: remove the cookie."""
    answer = Response(status_code=204)
    path = f"{request.scope.get('root_path', '')}/"
    answer.delete_cookie(COOKIE, path=path, httponly=True, samesite="strict")
    return answer


@router.get("/people")
def get_people(server: CurrentServer, person: Admin) -> people_schemas.People:
    """All users with a token."""
    return people_schemas.People(
        people=[
            people_schemas.Person(name=one.name, role=one.role) for one in people.listed(server.project.db)
        ]
    )


@router.post("/people", status_code=201)
def add_person(server: CurrentServer, person: Admin, body: people_schemas.Person) -> people_schemas.NewPerson:
    """Add a user. The response holds the token, which is shown only this once."""
    name = new_name(body.name)
    token = people.add(server.project.db, name, body.role)
    return people_schemas.NewPerson(name=name, role=body.role, token=token)


@router.patch("/people/{name}")
def set_role(
    server: CurrentServer, person: Admin, name: Name, body: people_schemas.RoleOnly
) -> people_schemas.Person:
    """Give a user another role; the token stays the same."""
    people.set_role(server.project.db, name, body.role)
    server.seen.clear()
    return people_schemas.Person(name=name, role=body.role)


@router.delete("/people/{name}", status_code=204)
def remove_person(server: CurrentServer, person: Admin, name: Name) -> Response:
    """Revoke the token of a user; the user's masks stay."""
    people.remove(server.project.db, name)
    server.seen.clear()
    return Response(status_code=204)


@router.get("/stats")
def stats(server: CurrentServer, person: Annotator) -> schemas.Stats:
    """Numbers of masks and time by label, author and model."""
    found = statistics.collect(server.project.db)
    return schemas.Stats(**found)
