"""`anymask serve`: the browser app on a folder of images."""

from __future__ import annotations

import os
import shlex
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from anymask.cli.console import note, out
from anymask.cli.options.serve import Options
from anymask.errors import InputError, MissingExtraError
from anymask.files import budget
from anymask.images.bands import read_bands
from anymask.images.folder import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from anymask.app.models import Models
    from anymask.app.settings import Settings
    from anymask.images.bands import Bands

__all__ = ["run"]

TOKEN = "ANYMASK_TOKEN"
"""The environment variable that stands for --token, which other users of a machine could read."""


def run(options: Options) -> int:
    """Open the project, print the address, serve until Ctrl-C; or write the app as files."""
    _check(options)
    try:
        from anymask.app.models import Models
        from anymask.app.serve import serve
        from anymask.app.settings import Limits, Settings
        from anymask.app.vendor import check_vendored
    except ModuleNotFoundError as error:
        raise MissingExtraError("anymask serve", "app") from error
    settings = Settings(
        token=options.token or os.environ.get(TOKEN) or None,
        models=tuple(options.model) or Settings.models,
        example_models=tuple(options.example_model) or Settings.example_models,
        device=options.device,
        offline=options.offline,
        limits=Limits(memory=budget.memory()),
    )
    check_vendored()
    shown = read_bands(options.bands, options.stretch, options.limits)
    if options.static is not None:
        return _write_static(options.static, Models(Settings(device="cpu", offline=options.offline)), options)
    app, place = _app(options, settings, shown)

    def ready(address: str) -> None:
        out(address)
        note(f"Masks are kept in {place}. Stop with Ctrl-C.")
        if options.view:
            webbrowser.open(address)

    serve(app, settings, options.host, options.port, ready, note)
    return 0


def _check(options: Options) -> None:
    """Raise InputError for options that exclude each other."""
    if options.static is not None and options.folder is not None:
        raise InputError(
            f"--static must be given without FOLDER, got {options.folder}. The files hold no project."
        )
    given = {"FOLDER": options.folder, "--static": options.static, "--database": options.database}
    for name, value in given.items():
        if options.projects is not None and value is not None:
            raise InputError(
                f"--projects must be given without {name}, got {value}. Each subfolder is a project with a "
                "database of its own."
            )


def _app(options: Options, settings: Settings, shown: Bands | None) -> tuple[Starlette, object]:
    """The application of one project or of several, and where masks are kept."""
    from anymask.app.clips import frames_folder
    from anymask.app.projects import create_projects_app, project_folders
    from anymask.app.retraining import models_in_use
    from anymask.app.serve import gallery
    from anymask.app.server import create_app
    from anymask.data_engine.project.database import VARIABLE
    from anymask.data_engine.project.project import INNER, open_project

    if options.projects is not None:
        folders, left_out = project_folders(options.projects)
        for name in left_out:
            note(f"{name} is left out: name it by letters, digits, - and _ to make it a project.")
        return create_projects_app(folders, settings, bands=shown), options.projects
    folder = gallery() if options.folder is None else Path(options.folder)
    if folder.is_file() and folder.suffix.lower() in IMAGE_SUFFIXES:
        raise InputError(
            f"PROJECT must be a folder of images or a video, got the image {folder}. Run: anymask serve "
            f"{folder.parent}"
        )
    if folder.is_file():
        folder = frames_folder(folder, note)
    project = open_project(folder, options.database or os.environ.get(VARIABLE) or None, bands=shown)
    if not options.model:
        settings = replace(settings, models=models_in_use(project))
    return create_app(project, settings), project.folder / INNER


def _write_static(folder: str, models: Models, options: Options) -> int:
    from anymask.app.build_static import LOCAL_MODEL, build_static

    site = build_static(folder, models.exported(LOCAL_MODEL, note), force=options.force)
    size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    out(f"wrote {site}: {size / 1e6:,.0f} MB\nnow try it: python -m http.server -d {shlex.quote(str(site))}")
    models.close()
    return 0
