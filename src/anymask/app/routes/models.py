"""The ONNX files of models, for the browser."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from anymask.app import schemas
from anymask.app.dependencies import Annotator, CurrentServer
from anymask.app.error_handlers import ERRORS
from anymask.errors import UnknownNameError

__all__ = ["router"]

router = APIRouter(tags=["models"], responses=ERRORS)


@router.get("/models/{name}/{file}", response_class=Response)
def model_file(server: CurrentServer, person: Annotator, name: schemas.Id, file: schemas.Id) -> Response:
    """A file of an exported model, model.json first. The first request for a model may take a minute."""
    folder = server.models.exported(name)
    found = folder / file
    if found.parent != folder or not found.is_file():
        raise UnknownNameError(f"The model {name} has no file '{file}'. See its model.json.")
    return FileResponse(found)
