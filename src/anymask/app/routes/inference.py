"""Inference: embeddings, predictions for prompts, jobs with progress."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from anymask.app import inference, schemas, text_schemas, tracking
from anymask.app.dependencies import Annotator, CurrentServer, Server
from anymask.app.jobs import Job
from anymask.app.tracking_schemas import Track
from anymask.data_engine.project import images
from anymask.data_engine.project.project import current

__all__ = ["router"]

router = APIRouter(tags=["models"])
PAUSE = 0.1
"""Seconds between two checks of a job."""
ALIVE = 15.0
"""Seconds after which a comment is sent to keep the connection open."""
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "progress, then done, failed or cancelled"}
}
_TENSORS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "A safetensors file"}
}


@router.get("/images/{id}/embedding/{model}", response_class=Response, responses=_TENSORS)
def get_embedding(
    server: CurrentServer, person: Annotator, request: Request, id: schemas.Id, model: schemas.Id
) -> Response:
    """The embedding of an image: features, skip0, skip1, ... in float16. Computed once, then cached."""
    image = current(server.project, images.find(server.project.db, id))
    key = inference.embedding_key(server, image, model)
    headers = {"etag": f'"{key}"', "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    data = inference.embedding_bytes(server, image, model, key)
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.post("/images/{id}/predict")
def predict(
    server: CurrentServer, person: Annotator, id: schemas.Id, body: schemas.Predict
) -> schemas.Predicted:
    """Masks for prompts, one for each, or three with `multimask`. Nothing is saved."""
    return inference.predict(server, current(server.project, images.find(server.project.db, id)), body)


@router.post("/images/{id}/find")
def find(
    server: CurrentServer, person: Annotator, id: schemas.Id, body: text_schemas.Find
) -> text_schemas.FoundByWords:
    """Masks of everything that phrases name, the likeliest first. Nothing is saved."""
    return inference.find(server, current(server.project, images.find(server.project.db, id)), body)


@router.post("/images/{id}/automatic", status_code=202)
def automatic(
    server: CurrentServer, person: Annotator, id: schemas.Id, body: schemas.Automatic
) -> schemas.JobRef:
    """Start automatic mask generation. The result of the job is masks, best first; nothing is saved."""
    image = current(server.project, images.find(server.project.db, id))
    server.models.check(body.model)
    job = server.jobs.start(
        "automatic", person.id, lambda tick: inference.automatic(server, image, body, tick)
    )
    return schemas.JobRef(id=job.id)


@router.post("/like", status_code=202)
def like(server: CurrentServer, person: Annotator, body: schemas.Like) -> schemas.JobRef:
    """Find objects similar to saved masks in other images. The result is masks; nothing is saved."""
    for id in {*body.images, *(example.image for example in body.examples)}:
        images.find(server.project.db, id)
    server.models.check_examples(body.model)
    job = server.jobs.start("like", person.id, lambda tick: inference.like(server, body, tick))
    return schemas.JobRef(id=job.id)


@router.post("/images/{id}/track", status_code=202)
def track(server: CurrentServer, person: Annotator, id: schemas.Id, body: Track) -> schemas.JobRef:
    """Follow masks of an image through the images before and after it, in the natural order of their names.

    What is found becomes suggestions, stored frame by frame, so that a cancelled job can be resumed. Frames
    in which it was not sure get the tag "drift"; the result lists them.
    """
    image = images.find(server.project.db, id)
    server.models.check_examples(body.model)
    job = server.jobs.start(
        "track", person.id, lambda tick: tracking.track(server, image, body, person.name, tick)
    )
    return schemas.JobRef(id=job.id)


@router.get("/jobs/{id}")
def get_job(server: CurrentServer, person: Annotator, id: schemas.Id) -> schemas.Job:
    """A job, with its result once it is done."""
    return server.jobs.get(id).to_schema()


@router.delete("/jobs/{id}")
def cancel_job(server: CurrentServer, person: Annotator, id: schemas.Id) -> schemas.Job:
    """Cancel a job. It stops at its next step; a job that has ended does not change."""
    job = server.jobs.get(id)
    if person.role != "admin" and job.owner != person.id:
        raise HTTPException(403, "Only the user who started this job or an admin can cancel it.")
    return server.jobs.cancel(id).to_schema()


@router.get("/jobs/{id}/events", response_class=Response, responses=_EVENTS)
async def follow_job(server: CurrentServer, person: Annotator, id: schemas.Id) -> Response:
    """Server-sent events: `progress`, and last `done`, `failed` or `cancelled`; the data is the job."""
    server.jobs.get(id)
    return StreamingResponse(
        _events(server, id), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
    )


async def _events(server: Server, id: str) -> AsyncIterator[str]:
    last: Job | None = None
    quiet = 0.0
    while last is None or not last.ended:
        job = server.jobs.get(id)
        if job != last:
            yield _event(job)
            last, quiet = job, 0.0
        elif quiet > ALIVE:
            yield ": still here\n\n"
            quiet = 0.0
        if not job.ended:
            await asyncio.sleep(PAUSE)
            quiet += PAUSE


def _event(job: Job) -> str:
    name = job.state if job.ended else "progress"
    return f"event: {name}\ndata: {json.dumps(job.to_schema(result=False).model_dump(mode='json'))}\n\n"
