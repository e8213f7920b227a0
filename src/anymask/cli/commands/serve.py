"""`anymask serve`: the browser app on a folder of pictures."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence

from anymask.cli.console import note, out
from anymask.errors import MissingExtraError

__all__ = ["run"]


def run(
    *,
    folder: str | None,
    host: str,
    port: int,
    token: str | None,
    model: Sequence[str],
    example_model: Sequence[str],
    database: str | None,
    device: str,
    offline: bool,
    show: bool,
    static: str | None,
    force: bool,
) -> int:
    """Open the project, tell the address, serve until Ctrl-C; or write the app as files."""
    try:
        from anymask.app.build_static import LOCAL_MODEL, build_static
        from anymask.app.models import Models
        from anymask.app.serve import gallery, serve
        from anymask.app.settings import Settings
        from anymask.app.vendor import check_vendored
        from anymask.data_engine.project import open_project
    except ModuleNotFoundError as error:
        raise MissingExtraError("anymask serve", "app") from error
    settings = Settings(
        token=token,
        models=tuple(model) or Settings.models,
        example_models=tuple(example_model) or Settings.example_models,
        device=device,
        offline=offline,
    )
    check_vendored()
    if static is not None:
        models = Models(Settings(device="cpu", offline=offline))
        out(f"wrote {build_static(static, models.exported(LOCAL_MODEL, note), force=force)}")
        models.close()
        return 0
    project = open_project(gallery() if folder is None else folder, database)

    def ready(address: str) -> None:
        out(address)
        note(f"Masks are kept in {project.folder}. Stop with Ctrl-C.")
        if show:
            webbrowser.open(address)

    serve(project, settings, host, port, ready, note)
    return 0
