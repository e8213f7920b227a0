"""ONNX files of models for the page, made once per weights and code; those of `compact` without an export.

The name of a folder identifies its content, so files are used only with the weights and the code they were
made from.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import anymask
from anymask.errors import InputError
from anymask.files import cache_dir, locked, staged
from anymask.onnx_export.manifest import MANIFEST

if TYPE_CHECKING:
    from anymask.models import Sam

__all__ = [
    "MANIFEST",
    "SHIPPED",
    "can_export",
    "folder_name",
    "found",
    "make",
    "make_shipped",
    "weights_file",
]

PRECISION = "float16"
"""The precision that the page loads first; exporting and checking others would only delay it."""
SHIPPED = "compact"
IN_PAGE = "compact"
"""The kind of encoder that the page runs itself (`inference/manifest.js`)."""
KEPT_DAYS = 7
"""An export by other code is removed if no server has used it for so long."""
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
    files = (file for part in CODE for file in (_package() / part).rglob("*"))
    for file in sorted(file for file in files if file.suffix in (".py", ".onnx")):
        digest.update(b"\n".join([file.name.encode(), *file.read_bytes().splitlines()]))
    return digest.hexdigest()[:8]


def can_export() -> bool:
    """Whether the packages of the extra `export` are installed. They are not imported, which is slow."""
    return all(find_spec(name) is not None for name in ("torch", "onnx", "onnxruntime", "onnxscript"))


def found(folder: str) -> Path | None:
    """A folder made by an earlier server, or None. It counts as used now."""
    place = _cache() / folder
    if not (place / MANIFEST).is_file():
        return None
    with suppress(OSError):  # a cache that may only be read
        os.utime(place)
    return place


def make(
    load: Callable[[], Sam],
    name: str,
    folder: str,
    tell: Callable[[str], object] = str,
) -> Path:
    """Export a model unless that was done before; returns the folder. Raises the errors of `export`.

    Only the compact model's encoder is exported; other models are encoded by the server, since exporting a
    large encoder takes minutes.

    load: returns the model, in float32; called only if it is needed.
    name: the model's name in the manifest.
    folder: the name from `folder_name`.
    tell: called with a sentence about each step.
    """
    from anymask.onnx_export import export

    with _claimed(folder) as (target, there):
        if not there:
            model = load()
            in_page = model.config.encoder.kind == IN_PAGE
            export(model, target, name=name, precisions=(PRECISION,), encoder=in_page, tell=tell)
    return target


def make_shipped(folder: str) -> Path:
    """As `make`, for the shipped model: its graphs, with the weights inside. Needs no PyTorch."""
    from anymask.app.inline_weights import inlined
    from anymask.models.onnx_runtime import DECODER, ENCODER, OnnxSam, graph_file
    from anymask.onnx_export.manifest import file_entry, model_facts

    with _claimed(folder) as (target, there):
        if not there:
            with staged(target, force=True, may_replace=lambda name: True) as new:
                new.mkdir()
                files = {}
                for part in (ENCODER, DECODER):
                    file = new / f"{part}-{PRECISION}.onnx"
                    file.write_bytes(inlined(graph_file(SHIPPED, part)))
                    files[part] = {PRECISION: file_entry(file)}
                manifest = {**model_facts(OnnxSam(SHIPPED), SHIPPED), "files": files}
                (new / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    return target


@contextmanager
def _claimed(folder: str) -> Iterator[tuple[Path, bool]]:
    """The path of a folder in the cache, and whether it is complete; other servers wait meanwhile.

    Raises InputError for a cache that is not writable.
    """
    target = _cache() / folder
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the cache must be a writable folder, got {target.parent} ({error.strerror}). "
            "Set ANYMASK_CACHE to another folder."
        ) from error
    with locked(target.with_name(f"{folder}.lock")):
        _clear(target)
        yield target, (target / MANIFEST).is_file()


def _clear(target: Path) -> None:
    """Remove partial exports of stopped servers, and exports of the same weights by other code.

    The latter only after KEPT_DAYS without use: a server of another installation may serve them.
    """
    begun, weights = f".{target.name[:40]}.", target.name.rsplit("-", 2)[0]
    for other in target.parent.iterdir():
        outdated = other.name.removeprefix(".").startswith(f"{weights}-") and _unused(other)
        if (outdated and other != target) or other.name.startswith(begun):
            shutil.rmtree(other, ignore_errors=True)


def _unused(folder: Path) -> bool:
    return folder.is_dir() and time.time() - folder.stat().st_mtime > KEPT_DAYS * 24 * 3600


def _package() -> Path:
    return Path(str(files("anymask")))


def _cache() -> Path:
    return cache_dir() / "exported"
