"""Retraining the project's model, and its versions."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from anymask.app import retraining_schemas as schemas
from anymask.app.dependencies import Admin, Annotator, CurrentServer, Server
from anymask.data_engine.project import versions

__all__ = ["router"]

router = APIRouter(tags=["retraining"])


@router.get("/retraining")
def get_retraining(server: CurrentServer, person: Annotator) -> schemas.Retraining:
    """The state of the last retraining, whoever started it, and the versions of the project's model."""
    return _answer(server)


@router.post("/retraining", status_code=202)
def start_retraining(server: CurrentServer, person: Admin) -> schemas.Retraining:
    """Start a retraining in a process of its own, or resume one that was stopped."""
    server.retraining.start()
    return _answer(server)


@router.delete("/retraining")
def stop_retraining(server: CurrentServer, person: Admin) -> schemas.Retraining:
    """Stop the retraining. The next start resumes it."""
    server.retraining.stop()
    return _answer(server)


@router.put("/retraining/version")
def use_version(server: CurrentServer, person: Admin, body: schemas.Use) -> schemas.Retraining:
    """Use a version, or "compact", from now on."""
    server.retraining.use(body.name)
    return _answer(server)


def _answer(server: Server) -> schemas.Retraining:
    found = server.retraining.state()
    used = versions.in_use(server.project)
    keys = ("state", "what", "done", "total", "error", "result")
    return schemas.Retraining(
        **{key: found[key] for key in keys},
        in_use=versions.SHIPPED if used is None else used.name,
        versions=[
            schemas.Version(**{key: asdict(one)[key] for key in schemas.Version.model_fields})
            for one in versions.listed(server.project)
        ],
    )
