"""Export and import of annotation files."""

from __future__ import annotations

import re
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, File, Query, Response, UploadFile

from anymask.app import schemas
from anymask.app.archives import Temporary, pack, unpack
from anymask.app.dependencies import Annotator, CurrentServer, Reviewer
from anymask.data_engine.project import import_export
from anymask.data_engine.project.apart import run_apart
from anymask.errors import FormatError
from anymask.formats import FORMATS, Outlines, UnknownFormatError

__all__ = ["router"]

router = APIRouter(tags=["exchange"])
EXPORT, HOUR = 4, 3600.0
"""An export may take so many times the memory of an import, and seconds."""
Format = Literal[
    "coco",
    "cvat",
    "cvatvideo",
    "davis",
    "geojson",
    "instances",
    "labelme",
    "labels",
    "labelstudio",
    "masks",
    "mots",
    "npz",
    "sa1b",
    "svg",
    "voc",
    "yolo",
    "youtubevos",
]
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "An archive: the annotations, report.json"}
}


@router.get("/export", response_class=Response, responses=_ZIP)
def export(
    server: CurrentServer,
    person: Annotator,
    format: Annotated[Format, Query()] = "coco",
    suggestions: Annotated[bool, Query()] = False,
    images: Annotated[bool, Query()] = False,
    polygons: Annotated[bool, Query()] = False,
    max_loss: Annotated[float, Query(ge=0, le=0.5)] = 0.0,
    every: Annotated[bool, Query()] = False,
) -> Response:
    """All masks in a format, as an archive; its report.json lists what the format could not hold.

    suggestions: also the suggestions that nobody has accepted yet. images: also the image files, so that the
    unpacked archive is a data set to train on. every: also images that have no masks and are not done, which
    trainers take for images that show nothing. polygons: also where the format holds masks as pixels.
    max_loss: 1 - IoU that a polygon may lose to have fewer corners. The header anymask-skipped is the number
    of images left out.
    """
    folder = Path(tempfile.mkdtemp(prefix="anymask-"))
    try:
        (folder / "out").mkdir()
        with server.turn():
            loss = run_apart(
                server.project,
                partial(
                    import_export.take,
                    every=every,
                    suggestions=suggestions,
                    outlines=Outlines(polygons, max_loss),
                ),
                format,
                folder / "out",
                memory=EXPORT * server.settings.limits.memory,
                seconds=HOUR,
            )
            report = {**loss.as_dict(), "path": f"annotations ({format})"}
            listed = import_export.image_files(server.project, every=every, suggestions=suggestions)
            files = listed if images else ()
            pack(folder / "out", folder / "export.zip", report, files)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Temporary(
        folder / "export.zip",
        media_type="application/zip",
        filename=f"{format}.zip",
        headers={"anymask-skipped": str(len(loss.skipped))},
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
    limits = server.settings.limits
    with server.turn(), tempfile.TemporaryDirectory(prefix="anymask-") as folder:
        name = file.filename or "upload"
        place = unpack(name, file.file, Path(folder), limits)
        try:
            if format is not None and FORMATS[format].is_folder and place.is_file():
                raise UnknownFormatError
            done = run_apart(
                server.project,
                import_export.bring,
                place,
                format,
                person.name,
                memory=limits.memory,
                seconds=limits.seconds,
            )
        except UnknownFormatError as error:
            raise FormatError(_unknown(name, place, format)) from error
        except FormatError as error:  # without the server's temporary folder in the message
            what = "archive" if place.is_dir() else "file"
            text = re.sub(r"^path must", f"{what} must", str(error))
            raise FormatError(text.replace(f"{folder}/", "")) from error
    left_out = [
        schemas.LeftOut(name=name, kind=kind, count=count) for name, kind, count in done.left_out[:1000]
    ]
    return schemas.Imported(
        images=done.images,
        masks=done.masks,
        known=done.known,
        skipped=done.skipped[:1000],
        left_out=left_out,
    )


def _unknown(name: str, place: Path, format: Format | None) -> str:
    """What to say of an upload whose format is not recognised, or that is one file of a folder."""
    kind = place.suffix.lower()
    formats = [one for one in get_args(Format) if place.is_dir() or FORMATS[one].suffix == kind]
    choose = f"Choose the format if it is one of these: {', '.join(formats)}."
    if place.is_dir():
        return f"archive must hold annotations of a known format, got none in {name}. {choose}"
    if kind == ".txt" and format in (None, "yolo"):
        return (
            f"file must name its classes, got {name}. A YOLO label file holds their numbers alone: send a "
            "ZIP archive of the label files and data.yaml or classes.txt."
        )
    if format is not None:
        return f"file must be a ZIP archive, as {format} is a folder, got {name}. Pack the whole folder."
    if kind == ".json":
        return f"file must be JSON of a known format, got {name}. {choose}"
    suffixes = ", ".join(sorted({FORMATS[one].suffix for one in get_args(Format)}))
    return (
        f"file must hold annotations ({suffixes}) or be a ZIP archive of such files, got {name}. Export the "
        "masks as one of these first."
    )
