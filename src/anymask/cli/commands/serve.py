"""`anymask serve`: the browser app on a folder of images."""

from __future__ import annotations

import os
import webbrowser
from typing import TYPE_CHECKING

from anymask.cli.console import note, out
from anymask.cli.options.serve import Options
from anymask.errors import InputError, MissingExtraError
from anymask.files import budget
from anymask.images.bands import read_bands

if TYPE_CHECKING:
    from anymask.app.models import Models

__all__ = ["run"]

TOKEN = "ANYMASK_TOKEN"
"""The environment variable that stands for --token, which other users of a machine could read."""


def run(options: Options) -> int:
    """Open the project, print the address, serve until Ctrl-C; or write the app as files."""
    if options.static is not None and options.folder is not None:
        raise InputError(
            f"--static must be given without FOLDER, got {options.folder}. The files hold no project."
        )
    try:
        from anymask.app.models import Models
        from anymask.app.retraining import models_in_use
        from anymask.app.serve import gallery, serve
        from anymask.app.settings import Limits, Settings
        from anymask.app.vendor import check_vendored
        from anymask.data_engine.project import open_project
        from anymask.data_engine.project.database import VARIABLE
    except ModuleNotFoundError as error:
        raise MissingExtraError("anymask serve", "app") from error
    check_vendored()
    shown = read_bands(options.bands, options.stretch, options.limits)
    if options.static is not None:
        return _write_static(options.static, Models(Settings(device="cpu", offline=options.offline)), options)
    folder = gallery() if options.folder is None else options.folder
    project = open_project(folder, options.database or os.environ.get(VARIABLE) or None, bands=shown)
    settings = Settings(
        token=options.token or os.environ.get(TOKEN) or None,
        models=tuple(options.model) or models_in_use(project),
        example_models=tuple(options.example_model) or Settings.example_models,
        device=options.device,
        offline=options.offline,
        limits=Limits(memory=budget.memory()),
    )

    def ready(address: str) -> None:
        out(address)
        note(f"Masks are kept in {project.folder}. Stop with Ctrl-C.")
        if options.view:
            webbrowser.open(address)

    serve(project, settings, options.host, options.port, ready, note)
    return 0


def _write_static(folder: str, models: Models, options: Options) -> int:
    from anymask.app.build_static import LOCAL_MODEL, build_static

    out(f"wrote {build_static(folder, models.exported(LOCAL_MODEL, note), force=options.force)}")
    models.close()
    return 0
