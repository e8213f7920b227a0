"""The versions of a project's model: folders `v1`, `v2`, ... in `.anymask/models`, and which one is in use.

A version is written once and never changed; using one adds a line to `uses.json`, so that an earlier one can
be brought back and masks can be counted by the version that was in use when they were made.
"""

from __future__ import annotations

import json
import re
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from anymask.data_engine.project.project import INNER, Project
from anymask.errors import FormatError, unknown_name
from anymask.files import write_atomic

__all__ = [
    "DETECTOR",
    "INFO",
    "SHIPPED",
    "Use",
    "Version",
    "detector_place",
    "in_use",
    "listed",
    "model_place",
    "models_folder",
    "new_name",
    "places_in_use",
    "to_json",
    "use",
    "used_at",
    "uses",
]

SHIPPED = "compact"
"""What is in use before the first version."""
DETECTOR = "detector"
"""The folder of the detector in that of a version."""
INFO = "version.json"
"""The file in a version's folder that holds what is known of it."""
_USES = "uses.json"
_NAME = re.compile(r"v([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Version:
    """A version of the project's model: weights for prompts, and an object detector."""

    name: str
    """Such as "v2"."""
    made: float
    """When it was made, seconds since 1970."""
    base: str
    """The version, or the model, that it was trained from."""
    model: str
    """The version that the weights for prompts are of: this one, or an earlier one that was better; or a
    model as `anymask.load` takes it."""
    detector: str | None
    """The version that the detector is of, a name or path of another, or None for none."""
    images: int
    """That it was trained on."""
    masks: int
    """That it was trained on."""
    scores: Mapping[str, Mapping[str, float]]
    """Measured on the held-back images, by "clicks before", "clicks after" and the same with "detector"."""


@dataclass(frozen=True)
class Use:
    """From when on a version was in use."""

    since: float
    """Seconds since 1970."""
    name: str


def models_folder(project: Project) -> Path:
    """The folder of the versions; it may not exist yet."""
    return project.folder / INNER / "models"


def listed(project: Project) -> list[Version]:
    """All versions, oldest first. Raises FormatError for one that cannot be read."""
    folder = models_folder(project)
    found = [one for one in folder.glob("v*") if _NAME.fullmatch(one.name) and (one / INFO).is_file()]
    return [_read(one) for one in sorted(found, key=lambda one: int(one.name[1:]))]


def _read(folder: Path) -> Version:
    try:
        found = json.loads((folder / INFO).read_text("utf-8"))
        return Version(**{one.name: found[one.name] for one in fields(Version)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"version must be a folder that 'anymask engine retrain' made, got {folder} ({error!r:.120}). "
            "Remove it."
        ) from None


def new_name(project: Project) -> str:
    """The name of the next version."""
    numbers = [
        int(match[1]) for one in models_folder(project).glob("v*") if (match := _NAME.fullmatch(one.name))
    ]
    return f"v{max(numbers, default=0) + 1}"


def to_json(version: Version) -> bytes:
    """What the file INFO of a version holds."""
    return json.dumps(asdict(version), indent=1).encode()


def uses(project: Project) -> list[Use]:
    """Which version was in use since when, oldest first; empty for the shipped model ever since."""
    file = models_folder(project) / _USES
    if not file.exists():
        return []
    try:
        found: list[Any] = json.loads(file.read_text("utf-8"))
        return [Use(float(one["since"]), str(one["name"])) for one in found]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{_USES} must be a list of uses, got {file} ({error!r:.120}). Remove it: the shipped model is "
            "used then."
        ) from None


def used_at(some: Sequence[Use], moment: float) -> str:
    """The name of the version in use at a moment, SHIPPED before the first one."""
    place = bisect_right([one.since for one in some], moment)
    return some[place - 1].name if place else SHIPPED


def in_use(project: Project) -> Version | None:
    """The version in use; None for the shipped model."""
    last = uses(project)[-1:]
    return next((one for one in listed(project) if last and one.name == last[0].name), None)


def use(project: Project, name: str) -> None:
    """Use a version, or SHIPPED, from now on. Raises UnknownNameError for another name."""
    known = [SHIPPED, *(one.name for one in listed(project))]
    if name not in known:
        raise unknown_name("version", name, known)
    before = uses(project)
    if (before[-1].name if before else SHIPPED) == name:
        return
    lines = [asdict(one) for one in (*before, Use(time.time(), name))]
    write_atomic(models_folder(project) / _USES, json.dumps(lines, indent=1).encode(), force=True)


def model_place(project: Project, part: str) -> str:
    """The model for prompts `Version.model`, as `anymask.load` takes it."""
    own = models_folder(project) / part
    return str(own) if _NAME.fullmatch(part) and own.is_dir() else part


def detector_place(project: Project, part: str | None) -> str | None:
    """The object detector `Version.detector`, as `AutoConfig.detector` takes it; None for the default."""
    if part is None:
        return None
    own = models_folder(project) / part / DETECTOR
    return str(own) if _NAME.fullmatch(part) and own.is_dir() else part


def places_in_use(project: Project) -> tuple[str, str | None]:
    """The model for prompts and the detector of the version in use, as `model_place` and `detector_place`."""
    used = in_use(project)
    if used is None:
        return SHIPPED, None
    return model_place(project, used.model), detector_place(project, used.detector)
