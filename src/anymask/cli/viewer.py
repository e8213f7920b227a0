"""Opening a file in the system's viewer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from anymask.cli.console import note

__all__ = ["open_file"]

_OPENERS = ("xdg-open", "gio", "wslview")


def open_file(path: str | os.PathLike[str]) -> bool:
    """Open a file in the system's viewer for it; without one print a note and return False.

    Returns at once. A missing viewer is no error: the file has been written.
    """
    command = _command(Path(path))
    if command is None:
        note(f"note: no viewer was found for {path}; open the file yourself")
        return False
    quiet = subprocess.DEVNULL
    try:
        subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    except OSError as error:
        note(f"note: the viewer {command[0]} cannot be started ({error.strerror}); open {path} yourself")
        return False
    return True


def _command(path: Path) -> list[str] | None:
    """The command that opens a file, None where the system has no viewer or no screen."""
    whole = str(path.resolve())  # absolute, so that no name is taken for an option
    if sys.platform == "darwin":
        return ["open", whole]
    if sys.platform == "win32":
        return ["explorer", whole]
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return None
    found = next((name for name in _OPENERS if shutil.which(name)), None)
    if found is None:
        return None
    return [found, "open", whole] if found == "gio" else [found, whole]
