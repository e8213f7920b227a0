"""ONNX files of models for the page, exported once per weights and exporter; those of `compact` at set-up.

The name of a folder identifies its content, so files are used only with the weights and the code they were
made from.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import anymask
from anymask.files import cache_dir, locked, sha256_of

if TYPE_CHECKING:
    from anymask.models import Sam

__all__ = ["FOLDER", "MANIFEST", "SHIPPED", "folder_name", "found", "make", "set_up", "weights_file"]

MANIFEST = "model.json"
PRECISION = "float16"
"""The precision that the page loads first; exporting and checking others would only delay it."""
FOLDER = Path(__file__).with_name("exported")
"""The folder of files made at set-up; ignored by git, included in wheels."""
SHIPPED = "compact"
IN_PAGE = "compact"
"""The kind of encoder that the page runs itself (`inference/manifest.js`)."""
CODE = ("inference/mask_generation", "onnx_export", "models")
"""Packages of anymask whose code affects the files; their thresholds are in the manifest."""


def weights_file(place: str) -> Path | None:
    """The weights file of a model: shipped, given by path, or in a run directory; None if there is none."""
    shipped, given = _package() / "models" / "weights" / f"{place}.safetensors", Path(place).expanduser()
    known = (shipped, given, given / "model.safetensors")
    return next((file for file in known if file.is_file()), None)


def folder_name(name: str, content: str) -> str:
    """The name of the folder of an exported model; `content` is a hash of its weights."""
    return f"{name}-{content[:16]}-{anymask.__version__}-{exporter()}"


@functools.cache
def exporter() -> str:
    """Fingerprint, 8 hexadecimal digits, of the exporting code, which also changes within a version."""
    digest = hashlib.sha256()
    for file in sorted(file for part in CODE for file in (_package() / part).rglob("*.py")):
        digest.update(b"\n".join([file.name.encode(), *file.read_bytes().splitlines()]))
    return digest.hexdigest()[:8]


def found(folder: str) -> Path | None:
    """A folder made at set-up or by an earlier server, or None. Needs no torch, so the page opens at once."""
    for place in (FOLDER, _cache()):
        if (place / folder / MANIFEST).is_file():
            return place / folder
    return None


def make(
    load: Callable[[], Sam],
    name: str,
    folder: str,
    place: Path | None = None,
    tell: Callable[[str], object] = str,
) -> Path:
    """Export a model unless that was done before; returns the folder. Raises the errors of `export`.

    Only the compact model's encoder is exported; other models are encoded by the server, since exporting a
    large encoder takes minutes.

    load: returns the model, in float32; called only if it is needed.
    name: the model's name in the manifest.
    folder: the name from `folder_name`.
    place: the parent folder, by default the cache.
    tell: called with a sentence about each step.
    """
    from anymask.onnx_export import export

    target = (place or _cache()) / folder
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_name(f"{folder}.lock")):  # another server may be exporting the same model
        _clear(target)
        if not (target / MANIFEST).is_file():
            model = load()
            in_page = model.config.encoder.kind == IN_PAGE
            export(model, target, name=name, precisions=(PRECISION,), encoder=in_page, tell=tell)
    return target


def _clear(target: Path) -> None:
    """Remove partial exports of stopped servers, and exports of the same weights by older code."""
    begun, weights = f".{target.name[:40]}.", target.name.rsplit("-", 2)[0]
    for other in target.parent.iterdir():
        outdated = other.name.startswith(f"{weights}-") and not other.name.startswith(target.name)
        if outdated or other.name.startswith(begun):
            shutil.rmtree(other, ignore_errors=True)


def set_up(place: Path = FOLDER) -> bool:
    """Export the shipped model to a folder and remove other exports there; False if it was there already.

    Raises MissingExtraError and the errors of `export`.
    """
    weights = weights_file(SHIPPED)
    assert weights is not None, "the package has its weights"
    folder = folder_name(SHIPPED, sha256_of(weights))
    if (place / folder / MANIFEST).is_file():
        return False
    from anymask.models import load_sam

    shutil.rmtree(place, ignore_errors=True)  # of other weights, or by another exporter
    make(lambda: load_sam(SHIPPED, runtime="torch", device="cpu", dtype="float32"), SHIPPED, folder, place)
    (place / f"{folder}.lock").unlink()
    return True


def _package() -> Path:
    return Path(str(files("anymask")))


def _cache() -> Path:
    return cache_dir() / "exported"
