"""`export`: write a model to a folder of ONNX files with a manifest, `model.json`."""

from __future__ import annotations

import copy
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from anymask.errors import ExportError, InputError, OutputError, unknown_name
from anymask.files import staged
from anymask.images.bundled_photos import sample_photos
from anymask.images.read import ImageSource, read_image
from anymask.models.checkpoints.load import InContextNetwork
from anymask.models.onnx_session import cores
from anymask.models.protocol import check_evaluation_mode
from anymask.models.sam import Sam
from anymask.onnx_export import check, check_in_context
from anymask.onnx_export.check import Finding
from anymask.onnx_export.graphs import Part, example_parts, prompt_parts
from anymask.onnx_export.manifest import MANIFEST, file_entry, model_facts
from anymask.onnx_export.precision import to_float16, to_int8
from anymask.onnx_export.tracing import require_packages, save_graph, trace
from anymask.onnx_export.webassembly import for_webassembly

PRECISIONS = ("float32", "float16", "int8")
LEAST_IOU = {"float32": 0.99, "float16": 0.99, "int8": 0.97}
"""Minimum mean IoU with PyTorch's masks for each precision."""

Compare: TypeAlias = Callable[[Mapping[str, Path]], Finding]
Tell: TypeAlias = Callable[[str], object]


def export(
    model: Sam | InContextNetwork,
    path: str | os.PathLike[str],
    *,
    name: str = "model",
    precisions: Sequence[str] | None = None,
    photos: Sequence[ImageSource] | None = None,
    encoder: bool = True,
    force: bool = False,
    tell: Tell = str,
) -> Path:
    """Write a folder of ONNX files and `model.json`; return its path.

    The masks of every precision are compared with the model's.

    model: a model in evaluation mode.
    path: the folder, a new one unless `force`.
    name: the name of the model in `model.json`.
    precisions: "float32", "float16", "int8"; the export fails if the masks of any of them differ too much.
        None tries all and leaves out a smaller one than float32 that differs, as reported in `check` of
        `model.json`.
    photos: images for the comparison that `read_image` accepts; by default the bundled photos.
    encoder: whether to export the encoder of a promptable model; False if images are encoded elsewhere.
    force: replace an existing export.
    tell: called with a description of each step; for a large model a step takes minutes.

    Raises ExportError for masks that differ, with nothing written; OutputError, InputError for a model in
    training mode, UnknownNameError, ImageError, MissingExtraError.
    """
    require_packages()
    if not os.fspath(path).isprintable():  # onnxruntime takes paths as UTF-8
        raise OutputError("output must have a name of printable letters, got another. Choose another name.")
    for precision in precisions or ():
        if precision not in PRECISIONS:
            raise unknown_name("precision", precision, PRECISIONS)
    images = [read_image(photo) for photo in (_bundled() if photos is None else photos)]
    if not images or (precisions is not None and not precisions):
        raise InputError("photos and precisions must not be empty, got none. Omit them for the defaults.")
    with staged(path, force=force, may_replace=_is_ours) as folder:
        folder.mkdir()
        manifest = _write_files(_on_cpu(model), folder, name, precisions, images, tell, encoder=encoder)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    return Path(path)


def _bundled() -> list[Path]:
    return sample_photos()


def _is_ours(name: str) -> bool:
    return name == MANIFEST or name.endswith((".onnx", ".onnx.data"))


def _on_cpu(model: Sam | InContextNetwork) -> Sam | InContextNetwork:
    """The model in float32 on the CPU; a copy if it is not."""
    check_evaluation_mode(model)
    if model.dtype == torch.float32 and model.device.type == "cpu":
        return model
    return copy.deepcopy(model).to("cpu", torch.float32)


def _write_files(
    model: Sam | InContextNetwork,
    folder: Path,
    name: str,
    precisions: Sequence[str] | None,
    images: list[NDArray[np.uint8]],
    tell: Tell,
    *,
    encoder: bool,
) -> dict[str, Any]:
    """Write the files to `folder`, compare them on `images` and return the manifest; see `export`."""
    tell("running the model")
    parts, compare = _plan(model, images, encoder=encoder)
    graphs = {}
    for part in parts:
        tell(f"tracing the {part.name}")
        graphs[part.name] = trace(part)
    listed: dict[str, dict[str, Any]] = {part.name: {} for part in parts}
    rows = []
    for precision in PRECISIONS if precisions is None else precisions:
        tell(f"writing {precision}")
        paths = {part.name: folder / f"{part.name}-{precision}.onnx" for part in parts}
        for part in parts:
            save_graph(_converted(graphs[part.name], precision, part), paths[part.name])
        entries = {key: file_entry(path) for key, path in paths.items()}
        tell(f"comparing {precision} with the model")
        finding = compare(paths)
        refused = _refused(precision, finding, asked_for=precisions is not None)
        for key, entry in entries.items():
            if refused:
                _remove(paths[key])
            else:
                listed[key][precision] = entry
        size = sum(entry["bytes"] for entry in entries.values())
        rows.append({"precision": precision, "refused": refused, "bytes": size, **asdict(finding)})
    return {
        **model_facts(model, name),
        "files": listed,
        "check": rows,
        "machine": {"processor": platform.processor() or platform.machine(), "threads": cores()},
    }


def _plan(
    model: Sam | InContextNetwork, images: list[NDArray[np.uint8]], *, encoder: bool
) -> tuple[list[Part], Compare]:
    """The parts of a model, and the function that compares their files with the model."""
    if isinstance(model, Sam):
        expected = check.cases(model, images)
        parts = [part for part in prompt_parts(model) if encoder or part.name != "encoder"]
        return parts, lambda files: check.compare(files, expected)
    if not encoder:
        raise InputError("encoder must be True for an in-context model, which is one graph. Omit it.")
    painted = check_in_context.cases(model, images)
    return example_parts(model), lambda files: check_in_context.compare(files, painted)


def _converted(graph: Any, precision: str, part: Part) -> Any:
    if precision == "float16":  # the file that the browser loads
        return to_float16(for_webassembly(graph) if part.name == "decoder" else graph)
    return to_int8(graph, products=part.products) if precision == "int8" else graph


def _refused(precision: str, finding: Finding, *, asked_for: bool) -> bool:
    """Whether masks differ too much. Raises ExportError then for float32, and if the precision was given."""
    least = LEAST_IOU[precision]
    if finding.mean_iou >= least:
        return False
    if not asked_for and precision != PRECISIONS[0]:
        return True
    raise ExportError(
        f"{precision} must keep the masks at an IoU of {least} with the model's, got "
        f"{finding.mean_iou:.4f} over {finding.masks} masks. Leave this precision out."
    )


def _remove(path: Path) -> None:
    path.unlink()
    path.with_name(f"{path.name}.data").unlink(missing_ok=True)
