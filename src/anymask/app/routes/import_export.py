"""Annotation files out and in."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, File, Query, Response, UploadFile
from fastapi.responses import FileResponse

from anymask.app import schemas as wire
from anymask.app.archives import pack, unpack
from anymask.app.dependencies import Annotator, Here, Reviewer
from anymask.data_engine.project import import_export as exchange
from anymask.errors import FormatError

__all__ = ["router"]

router = APIRouter(tags=["exchange"])
Format = Literal[
    "coco",
    "cvat",
    "geojson",
    "instances",
    "labelme",
    "labels",
    "labelstudio",
    "masks",
    "npz",
    "sa1b",
    "svg",
    "yolo",
]
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "An archive: the annotations, report.json"}
}


@router.get("/export", response_class=Response, responses=_ZIP)
def export(
    server: Here,
    person: Annotator,
    background: BackgroundTasks,
    format: Annotated[Format, Query()] = "coco",
) -> Response:
    """All masks in a format, as an archive; report.json in it says what was lost."""
    folder = Path(tempfile.mkdtemp(prefix="anymask-"))
    background.add_task(shutil.rmtree, folder, ignore_errors=True)
    try:
        (folder / "out").mkdir()
        loss = exchange.take(server.project, format, folder / "out")
        pack(folder / "out", folder / "export.zip", {**loss.as_dict(), "path": f"annotations ({format})"})
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        folder / "export.zip", media_type="application/zip", filename=f"{format}.zip", background=background
    )


@router.post("/import")
def import_(
    server: Here,
    person: Reviewer,
    file: Annotated[UploadFile, File()],
    format: Annotated[Format | None, Query()] = None,
) -> wire.Imported:
    """Add the masks of an annotation file, or of an archive of files, to the pictures of the same names.

    The format is recognised unless it is named. The same file again changes nothing.
    """
    with tempfile.TemporaryDirectory(prefix="anymask-") as folder:
        place = unpack(file.filename or "upload", file.file, Path(folder), server.settings.limits)
        try:
            done = exchange.bring(server.project, place, format, person.name)
        except FormatError as error:  # our folder is nobody's business
            raise FormatError(str(error).replace(f"{folder}/", "")) from error
    return wire.Imported(images=done.images, masks=done.masks, skipped=done.skipped[:1000])
