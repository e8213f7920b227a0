"""Retraining the project's model in a process of its own, which outlives the server.

The process is `anymask engine retrain`. Its progress is in a file of the project, so that a server that is
started again shows it too; what was stopped resumes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from anymask.data_engine.project import Project, versions
from anymask.data_engine.project.database import VARIABLE
from anymask.data_engine.retraining.state import read_state
from anymask.errors import ConflictError, MissingExtraError

if TYPE_CHECKING:
    from anymask.app.models import Models

__all__ = ["Retraining", "models_in_use"]

LOG = "retrain.log"
"""The file in the folder of versions that gets the output of the process."""


def models_in_use(project: Project) -> tuple[str, ...]:
    """The models to serve: the project's version in use, where it can be exported, and the shipped one."""
    place, _ = versions.places_in_use(project)
    own = () if place == versions.SHIPPED or not _can_export() else (place,)
    return (*own, versions.SHIPPED)


def _can_export() -> bool:
    return all(find_spec(name) is not None for name in ("torch", "onnx", "onnxscript"))


class Retraining:
    """The retraining of a served project."""

    def __init__(self, project: Project, models: Models | None) -> None:
        """Nothing is started yet. models: what the version in use is offered by; None for no offer."""
        self._project, self._models = project, models
        self._process: subprocess.Popen[bytes] | None = None

    def state(self) -> dict[str, Any]:
        """As `read_state`; a process that could not begin has failed."""
        found = read_state(self._project)
        code = None if self._process is None else self._process.poll()
        if self._process is not None and code is None:
            return found if found["state"] == "running" else {**found, "state": "running", "error": None}
        if code and found["state"] not in ("failed", "stopped"):
            error = f"The retraining ended with code {code}. See {LOG} in the folder of its versions."
            found = {**found, "state": "failed", "error": error}
        self._offer()
        return found

    def start(self) -> None:
        """Start, or resume what was stopped. Raises ConflictError if it runs, MissingExtraError."""
        if self.state()["state"] == "running":
            raise ConflictError("The model is in retraining already. Wait for it, or stop it.", None)
        if find_spec("torch") is None:
            raise MissingExtraError("retraining", "torch")
        folder = versions.models_folder(self._project)
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "anymask", "engine", "retrain", str(self._project.folder), "--json"]
        if self._project.bands is not None:
            command += self._project.bands.as_options()
        url = self._project.db.url.render_as_string(hide_password=False)
        with (folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, VARIABLE: url},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Stop it where it runs; the next start resumes."""
        found = read_state(self._project)
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        elif found["state"] == "running":  # it was started by another server, and holds its lock
            os.kill(int(found["process"]), signal.SIGTERM)

    def use(self, name: str) -> None:
        """Use another version. Raises UnknownNameError."""
        versions.use(self._project, name)
        self._offer()

    def _offer(self) -> None:
        """Offer the version in use as the default model."""
        if self._models is not None:
            self._models.offer(models_in_use(self._project)[0])
