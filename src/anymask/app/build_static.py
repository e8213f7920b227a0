"""Build the app without a server: its files, two models and three photos, for any web host."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from anymask.app.inline_weights import inlined
from anymask.app.vendor import check_vendored
from anymask.errors import InputError
from anymask.files import staged
from anymask.images.bundled_photos import GALLERY, sample_photo
from anymask.images.read import image_size
from anymask.models.checkpoints.hub import SHIPPED
from anymask.models.onnx_runtime import graph_file
from anymask.models.text.namer import BACKBONE, LEVELS, TEXT_FILE
from anymask.models.text.words import WORDS_FILE

__all__ = ["LOCAL_MODEL", "build_static"]

LOCAL_MODEL = "compact"
"""The model that runs completely in the browser, encoder included."""
_STATIC = Path(__file__).with_name("static")
_HTTP, _LOCAL = 'data-store="http"', 'data-store="local"'
_KINDS = (
    ".html",
    ".css",
    ".js",
    ".mjs",
    ".wasm",
    ".svg",
    ".json",
    ".onnx",
    ".jpg",
    ".txt",
    "_headers",
    ".safetensors",
)
_HEADERS = """/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
"""


def build_static(
    folder: str | os.PathLike[str], model: str | os.PathLike[str], *, force: bool = False
) -> Path:
    """Write the app to `folder`, completely or not at all; returns the folder.

    model: the directory written by `anymask export compact`. Any static file host works: a service worker
    adds the headers that threads need if the host does not send them. Raises InputError for a directory
    without a model, DownloadError if onnxruntime-web is missing, and the OutputErrors of `staged`.
    """
    check_vendored()
    exported = _check_model(Path(model))
    with staged(folder, force=force, may_replace=_is_ours) as new:
        new.mkdir()
        page = (_STATIC / "index.html").read_text("utf-8")
        assert _HTTP in page, "the page must name its data store"
        (new / "index.html").write_text(page.replace(_HTTP, _LOCAL), "utf-8")
        # a service worker serves only the folder that it is in, so it cannot be in static/
        worker = "service-worker.js"
        shutil.copytree(
            _STATIC, new / "static", ignore=shutil.ignore_patterns("index.html", "projects.*", worker)
        )
        shutil.copy2(_STATIC / worker, new / worker)
        shutil.copytree(exported, new / "models" / LOCAL_MODEL)
        _write_text_model(new / "models" / "text")
        _write_photos(new / "photos")
        (new / "_headers").write_text(_HEADERS, "utf-8")
    return Path(folder)


def _is_ours(name: str) -> bool:
    return name.endswith(_KINDS) or name in (WORDS_FILE, TEXT_FILE)


def _check_model(folder: Path) -> Path:
    try:
        known = json.loads((folder / "model.json").read_text("utf-8"))
    except (OSError, ValueError):
        known = {}
    if "encoder" not in known.get("files", {}):
        raise InputError(
            f"model must be the directory of an exported model with an encoder, got {folder}. "
            f"Run: anymask export {LOCAL_MODEL} -o {folder}"
        )
    return folder


def _write_text_model(folder: Path) -> None:
    """The files of text prompts, which the page loads at the first search."""
    folder.mkdir()
    for file in (WORDS_FILE, TEXT_FILE):
        shutil.copy2(SHIPPED / file, folder / file)
    (folder / "levels.onnx").write_bytes(inlined(graph_file(BACKBONE, LEVELS)))


def _write_photos(folder: Path) -> None:
    folder.mkdir()
    facts = []
    for name in GALLERY:
        data = sample_photo(name).read_bytes()
        (folder / name).write_bytes(data)
        height, width = image_size(data)
        stem = Path(name).stem
        facts.append({"id": stem, "name": name, "file": name, "width": width, "height": height})
    (folder / "photos.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
