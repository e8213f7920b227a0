"""Every exception that anymask raises on purpose.

```
AnymaskError
├── InputError (also ValueError)      a user's mistake; the command line answers with exit code 2
│   ├── ImageError                    a picture that cannot be read
│   ├── PromptError                   points, a box or a mask that cannot be used
│   ├── FormatError                   an annotation file that does not hold what it should
│   ├── UnknownNameError              a name that is not in a list; the message names the nearest
│   ├── OutputError                   a file that cannot or must not be written
│   └── ConflictError                 somebody else changed it meanwhile; `current` is what is there now
├── WeightsError                      a checkpoint that is refused (exit code 2)
├── DownloadError                     a download that failed
├── StoreError                        a project's database that cannot be used, a full disk (exit code 2)
├── ExportError                       exported files that would not answer as the model does (exit code 2)
└── MissingExtraError (also ImportError)   an optional package is missing; the message says how to add it
```
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = [
    "AnymaskError",
    "ConflictError",
    "DownloadError",
    "ExportError",
    "FormatError",
    "ImageError",
    "InputError",
    "MissingExtraError",
    "OutputError",
    "PromptError",
    "StoreError",
    "UnknownNameError",
    "WeightsError",
    "nearest",
    "unknown_name",
]


class AnymaskError(Exception):
    """The root of the tree: catch this to catch all that anymask raises on purpose."""


class InputError(AnymaskError, ValueError):
    """Something that the caller gave cannot be used."""


class ImageError(InputError):
    """A picture is missing, damaged, too large or not a picture."""


class PromptError(InputError):
    """A prompt is malformed or does not fit its image."""


class FormatError(InputError):
    """An annotation file or a run-length code does not hold what it should."""


class UnknownNameError(InputError):
    """A name is not one of those known."""


class OutputError(InputError):
    """A file cannot be written where it was asked for."""


class ConflictError(InputError):
    """A change was made to an older state than the present one, which is `current`."""

    def __init__(self, message: str, current: Any) -> None:
        """`current` is a value of the store, None where there is nothing."""
        super().__init__(message)
        self.current = current


class StoreError(AnymaskError):
    """A project's database or folder cannot be used: gone, full, of a newer version."""


class WeightsError(AnymaskError):
    """A checkpoint is refused: another architecture, missing or extra weights, a wrong hash."""


class DownloadError(AnymaskError):
    """A download failed or is not allowed."""


class ExportError(AnymaskError):
    """Exported files are refused: their answers are too far from the model's."""


class MissingExtraError(AnymaskError, ImportError):
    """An optional dependency is missing. The message carries the command that installs it."""

    def __init__(self, need: str, extra: str) -> None:
        """`need` says what asked for it ("reading tar shards"), `extra` names the extra of the package."""
        super().__init__(f"{need} needs an optional package. Run: pip install 'anymask[{extra}]'")
        self.need = need
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """Pickle by the two arguments, so that the error crosses process borders."""
        return type(self), (self.need, self.extra)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence that names the likeliest of `known`, or all of them when none is like `name`."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Known: {', '.join(names)}." if names else "None is known."


def unknown_name(argument: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Build the error for `name`, given as `argument`, which is not among `known`."""
    return UnknownNameError(f"{argument} must be a known name, got '{name}'. {nearest(name, known)}")
