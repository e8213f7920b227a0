"""Export and import of annotation files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, File, Query, Response, UploadFile
from fastapi.responses import FileResponse

from anymask.app import schemas
from anymask.app.archives import pack, unpack
from anymask.app.dependencies import Annotator, CurrentServer, Reviewer
from anymask.data_engine.project import import_export
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
    server: CurrentServer,
    person: Annotator,
    background: BackgroundTasks,
    format: Annotated[Format, Query()] = "coco",
    suggestions: Annotated[bool, Query()] = False,
    images: Annotated[bool, Query()] = False,
) -> Response:
    """All masks in a format, as an archive; its report.json lists what the format could not hold.

    suggestions: also the suggestions that nobody has accepted yet. images: also the image files, so that the
    unpacked archive is a data set to train on.
    """
    folder = Path(tempfile.mkdtemp(prefix="anymask-"))
    background.add_task(shutil.rmtree, folder, ignore_errors=True)
    try:
        (folder / "out").mkdir()
        loss = import_export.take(server.project, format, folder / "out", suggestions=suggestions)
        report = {**loss.as_dict(), "path": f"annotations ({format})"}
        files = import_export.image_files(server.project) if images else ()
        pack(folder / "out", folder / "export.zip", report, files)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        folder / "export.zip", media_type="application/zip", filename=f"{format}.zip", background=background
    )


@router.post("/import")
def import_(
    server: CurrentServer,
    person: Reviewer,
    file: Annotated[UploadFile, File()],
    format: Annotated[Format | None, Query()] = None,
) -> schemas.Imported:
    """Add the masks of an annotation file, or of an archive of files, to the images with the same names.

    The format is detected if it is not given. Importing the same file again changes nothing.
    """
    with tempfile.TemporaryDirectory(prefix="anymask-") as folder:
        place = unpack(file.filename or "upload", file.file, Path(folder), server.settings.limits)
        try:
            done = import_export.bring(server.project, place, format, person.name)
        except FormatError as error:  # without the server's temporary folder in the message
            raise FormatError(str(error).replace(f"{folder}/", "")) from error
    return schemas.Imported(
        images=done.images, masks=done.masks, known=done.known, skipped=done.skipped[:1000]
    )
