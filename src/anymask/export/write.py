"""`export`: a model becomes a folder of ONNX files with `model.json`, which says what is in them."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anymask.automatic import AutoConfig
from anymask.errors import ExportError, InputError, unknown_name
from anymask.export.check import Finding, examine, questions
from anymask.export.graphs import prompt_parts
from anymask.export.sessions import cores
from anymask.export.tracing import require_packages, trace
from anymask.files import staged
from anymask.images import ImageSource, read_image
from anymask.models import Sam, weights_hash
from anymask.models.config import PIXEL_MEAN, PIXEL_STD

FORMAT = 1
PRECISIONS = ("float32",)
LEAST_IOU = {"float32": 0.99, "float16": 0.99, "int8": 0.97}
"""Mean IoU with torch's masks below which a precision is refused."""
MANIFEST = "model.json"


def export(
    model: Sam,
    path: str | os.PathLike[str],
    *,
    name: str = "model",
    precisions: Sequence[str] = PRECISIONS,
    photos: Sequence[ImageSource] | None = None,
    force: bool = False,
) -> Path:
    """Write a folder of ONNX files and `model.json`; return its path.

    Every precision answers the same prompts on `photos` (the bundled ones by default) as the model does, and
    the export is refused as a whole, with nothing written, where the masks differ.
    Raises ExportError then, OutputError for a place that cannot be written, InputError for a model in
    training mode and photos that cannot be read, UnknownNameError, MissingExtraError.
    """
    require_packages()
    for precision in precisions:
        if precision not in PRECISIONS:
            raise unknown_name("precisions", precision, PRECISIONS)
    pictures = [read_image(photo) for photo in (_bundled() if photos is None else photos)]
    if not pictures or not precisions:
        raise InputError("photos and precisions must not be empty, got none. Leave them out.")
    with staged(path, force=force, ours=_is_ours) as folder:
        folder.mkdir()
        manifest = _fill(_plain(model), folder, name, precisions, pictures)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    return Path(path)


def _bundled() -> list[Path]:
    return sorted((Path(str(files("anymask"))) / "assets" / "photos").glob("*.jpg"))


def _is_ours(name: str) -> bool:
    return name == MANIFEST or name.endswith((".onnx", ".onnx.data"))


def _plain(model: Sam) -> Sam:
    """The model in float32 on the processor; a copy where it is not."""
    if model.training:
        raise InputError(
            "model must be in evaluation mode, got one in training mode. Call model.eval() first."
        )
    if model.dtype == torch.float32 and model.device.type == "cpu":
        return model
    return copy.deepcopy(model).to("cpu", torch.float32)


def _fill(
    model: Sam, folder: Path, name: str, precisions: Sequence[str], pictures: list[NDArray[np.uint8]]
) -> dict[str, Any]:
    """Write and check the files; what `model.json` says about them."""
    parts = {part.name: trace(part) for part in prompt_parts(model)}
    asked = questions(model, pictures)
    listed: dict[str, dict[str, Any]] = {part: {} for part in parts}
    rows = []
    for precision in precisions:
        paths = {part: folder / f"{part}-{precision}.onnx" for part in parts}
        for part, graph in parts.items():
            paths[part].write_bytes(graph.SerializeToString())
            listed[part][precision] = _entry(paths[part])
        finding = examine(paths, asked)
        _refuse(precision, finding)
        size = sum(listed[part][precision]["bytes"] for part in parts)
        rows.append({"precision": precision, "bytes": size, **asdict(finding)})
    return {
        "format": FORMAT,
        "name": name,
        "model": weights_hash(model),
        **_description(model),
        "files": listed,
        "check": rows,
        "machine": {"processor": platform.processor() or platform.machine(), "threads": cores()},
    }


def _entry(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"file": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _refuse(precision: str, finding: Finding) -> None:
    least = LEAST_IOU[precision]
    if finding.mean_iou < least:
        raise ExportError(
            f"{precision} must keep the masks at an IoU of {least} with the model's, got "
            f"{finding.mean_iou:.4f} over {finding.masks} masks. Leave this precision out."
        )


def _description(model: Sam) -> dict[str, Any]:
    """What a user of the files needs to know to prepare pictures and read answers."""
    config, chosen = model.config, AutoConfig().for_model(model)
    return {
        "kind": "promptable",
        "frame": {"size": config.size, "square": config.square, "multiple": config.multiple},
        "mean": PIXEL_MEAN,
        "std": PIXEL_STD,
        "thresholds": {"min_iou": chosen.min_iou, "min_stability": chosen.min_stability},
    }
