"""The exceptions that anymask raises on purpose.

```
AnymaskError
├── InputError (also ValueError)      an invalid argument or file; exit code 2 on the command line
│   ├── ImageError                    an image that cannot be read
│   ├── PromptError                   invalid points, box or mask of a prompt
│   ├── FormatError                   an annotation file with invalid or missing content
│   ├── UnknownNameError              a name that does not exist; the message suggests the nearest one
│   ├── OutputError                   a file that cannot or must not be written
│   └── ConflictError                 changed by someone else meanwhile; `current` is the present state
├── WeightsError                      a checkpoint that is refused (exit code 2)
├── DownloadError                     a download that failed
├── StoreError                        an unusable project database, a full disk (exit code 2)
├── ExportError                       exported files whose masks differ from the model's (exit code 2)
└── MissingExtraError (also ImportError)   a missing optional package; the message says how to install it
```

`ImageWarning`, a UserWarning, tells what was chosen for an image without being asked for.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = [
    "AnymaskError",
    "ConflictError",
    "DownloadError",
    "ExportError",
    "FormatError",
    "ImageError",
    "ImageWarning",
    "InputError",
    "MissingExtraError",
    "OutputError",
    "PromptError",
    "StoreError",
    "UnknownNameError",
    "WeightsError",
    "install_command",
    "nearest",
    "needs_torch",
    "unknown_name",
]


class AnymaskError(Exception):
    """Base class: catch this to catch everything that anymask raises on purpose."""


class InputError(AnymaskError, ValueError):
    """An argument or a file of the caller is invalid."""


class ImageError(InputError):
    """An image is missing, corrupt, too large or not an image."""


class PromptError(InputError):
    """A prompt is malformed or does not fit its image."""


class FormatError(InputError):
    """The content of an annotation file or a run-length code is invalid."""


class UnknownNameError(InputError):
    """A name is not among the known ones."""


class OutputError(InputError):
    """A file cannot be written to the requested place."""


class ConflictError(InputError):
    """A change is based on an outdated state; the present state is `current`."""

    def __init__(self, message: str, current: Any) -> None:
        """`current` is the stored value, None if it no longer exists."""
        super().__init__(message)
        self.current = current


class StoreError(AnymaskError):
    """A project's database or folder cannot be used: missing, on a full disk, or of a newer version."""


class WeightsError(AnymaskError):
    """A checkpoint is refused: unknown architecture, missing or unexpected weights, wrong hash."""


class DownloadError(AnymaskError):
    """A download failed or is not allowed."""


class ExportError(AnymaskError):
    """Exported files are refused: their masks differ too much from the model's."""


WITH_TORCH = ("torch", "clip", "train", "export", "dev")
"""Extras that bring PyTorch."""


class MissingExtraError(AnymaskError, ImportError):
    """An optional dependency is missing. The message contains the command that installs it."""

    def __init__(self, need: str, extra: str) -> None:
        """`need` names the operation ("reading tar shards"), `extra` the extra of the package."""
        message = f"{need} needs an optional package. Run: {install_command(extra)}"
        super().__init__(f"{message}{_advice(extra)}")
        self.need = need
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """Pickle the two arguments, so that the error can be passed between processes."""
        return type(self), (self.need, self.extra)


class ImageWarning(UserWarning):
    """Something was chosen for an image: a plane of a stack, the samples that become black and white."""


@contextmanager
def needs_torch(need: str, extra: str = "torch") -> Iterator[None]:
    """Turn a failed import of PyTorch in the body into MissingExtraError.

    `need` names the operation, `extra` what brings PyTorch and the other packages for it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise
        raise MissingExtraError(need, extra) from error


def _is_there(package: str) -> bool:
    """Whether a package is installed; it is not imported."""
    # importlib.util would make Setuptools withdraw its distutils, which torch.compile needs
    from importlib.machinery import PathFinder

    return PathFinder.find_spec(package) is not None


def _advice(extra: str) -> str:
    """What else to know before PyTorch is installed on Linux."""
    if extra not in WITH_TORCH or not sys.platform.startswith("linux") or _is_there("torch"):
        return ""
    return (
        ". On Linux this brings gigabytes of CUDA libraries. Without a GPU install PyTorch's CPU build "
        "(200 MB) first, by the command on PyTorch's installation page."
    )


def install_command(extra: str) -> str:
    """The command that adds an extra to this installation of anymask, with the Python that runs it."""
    python = _short(Path(sys.executable))
    tool = f"{python} -m pip install" if _is_there("pip") else f"uv pip install --python {python}"
    return f"{tool} {_requirement(extra)}"


def _requirement(extra: str) -> str:
    """anymask with an extra, from where it was installed: a clone, an address, or a package index."""
    from shlex import quote

    clone = Path(__file__).resolve().parents[2]
    if (clone / "pyproject.toml").is_file():
        return f"-e {quote(f'{_short(clone)}[{extra}]')}"
    origin = _origin()
    return quote(f"anymask[{extra}] @ {origin}" if origin else f"anymask[{extra}]")


def _origin() -> str:
    """The address that anymask was installed from, empty if that was a package index (PEP 610)."""
    import json
    from importlib import metadata

    try:
        record = metadata.distribution("anymask").read_text("direct_url.json")
        told = json.loads(record or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    vcs = told.get("vcs_info", {}).get("vcs")
    return f"{vcs}+{told['url']}" if vcs else str(told.get("url", ""))


def _short(path: Path) -> str:
    """A path relative to the current folder if it is inside."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence that suggests the closest of `known`, or lists all of them when none is close."""
    names = sorted(filter(None, set(known)))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Known: {', '.join(names)}." if names else "None is known."


def unknown_name(argument: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Build the error for an `argument` whose value `name` is not among `known`."""
    return UnknownNameError(f"{argument} must be a known name, got '{name}'. {nearest(name, known)}")
