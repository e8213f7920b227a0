"""Models as ONNX files for the page: made once for each weights and exporter, those of `compact` at set-up.

A folder's name says what is in it, so that files made at set-up serve only the weights and the code they were
made of.
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
"""What the page loads first (`inference/onnx-model.js`); exporting and checking others would delay it."""
FOLDER = Path(__file__).with_name("exported")
"""Where the files made at set-up lie; git ignores it, wheels carry it."""
SHIPPED = "compact"
IN_PAGE = "compact"
"""The kind of encoder that the page runs itself (`inference/manifest.js`)."""
CODE = ("inference/mask_generation", "onnx_export", "models")
"""Packages of ours that the files come of; thresholds stand in the manifest."""


def weights_file(place: str) -> Path | None:
    """The file of a model's weights, where it is one: shipped, a user's, or that of a run directory."""
    shipped, given = _package() / "models" / "weights" / f"{place}.safetensors", Path(place).expanduser()
    known = (shipped, given, given / "model.safetensors")
    return next((file for file in known if file.is_file()), None)


def folder_name(name: str, content: str) -> str:
    """What the folder of an exported model is called; `content` tells its weights from others."""
    return f"{name}-{content[:16]}-{anymask.__version__}-{exporter()}"


@functools.cache
def exporter() -> str:
    """8 hexadecimal digits that name the code which makes the files: it changes within a version too."""
    digest = hashlib.sha256()
    for file in sorted(file for part in CODE for file in (_package() / part).rglob("*.py")):
        digest.update(b"\n".join([file.name.encode(), *file.read_bytes().splitlines()]))
    return digest.hexdigest()[:8]


def found(folder: str) -> Path | None:
    """A folder made at set-up or by an earlier server. Imports no torch: the page opens at once."""
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
    """Export into a place, by default the cache, unless it is done already. Raises what `export` raises.

    Of a model that the server encodes for, the decoder alone: the encoder of a large one takes minutes.
    load: gives the model in float32, if it is needed; weights rounded to bfloat16 would stay so.
    """
    from anymask.onnx_export import export

    target = (place or _cache()) / folder
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_name(f"{folder}.lock")):  # another server may be at it
        _clear(target)
        if not (target / MANIFEST).is_file():
            model = load()
            in_page = model.config.encoder.kind == IN_PAGE
            export(model, target, name=name, precisions=(PRECISION,), encoder=in_page, tell=tell)
    return target


def _clear(target: Path) -> None:
    """Remove what stopped servers left of a folder, and what older code made of the same weights."""
    begun, weights = f".{target.name[:40]}.", target.name.rsplit("-", 2)[0]
    for other in target.parent.iterdir():
        outdated = other.name.startswith(f"{weights}-") and not other.name.startswith(target.name)
        if outdated or other.name.startswith(begun):
            shutil.rmtree(other, ignore_errors=True)


def set_up(place: Path = FOLDER) -> bool:
    """Export the shipped model into a place, and nothing else; False where it lies there already.

    Raises MissingExtraError and what `export` raises.
    """
    weights = weights_file(SHIPPED)
    assert weights is not None, "the package has its weights"
    folder = folder_name(SHIPPED, sha256_of(weights))
    if (place / folder / MANIFEST).is_file():
        return False
    from anymask.models import load_sam

    shutil.rmtree(place, ignore_errors=True)  # of other weights, or by another exporter
    make(lambda: load_sam(SHIPPED, device="cpu", dtype="float32"), SHIPPED, folder, place)
    (place / f"{folder}.lock").unlink()
    return True


def _package() -> Path:
    return Path(str(files("anymask")))


def _cache() -> Path:
    return cache_dir() / "exported"
