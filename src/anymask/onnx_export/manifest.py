"""`model.json`: what is needed to prepare images for ONNX files and to interpret their outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anymask.files import sha256_of
from anymask.inference.mask_generation.config import AutoConfig
from anymask.models.config import PIXEL_MEAN, PIXEL_STD
from anymask.models.protocol import InContext, Promptable, is_promptable

__all__ = ["FORMAT", "MANIFEST", "file_entry", "model_facts"]

FORMAT = 1
MANIFEST = "model.json"


def model_facts(model: Promptable | InContext, name: str) -> dict[str, Any]:
    """The entries about a model, whatever files it has."""
    kind = _promptable(model) if is_promptable(model) else {"kind": "in-context", "size": model.config.size}
    head = {"format": FORMAT, "name": name, "model": model.fingerprint}
    return {**head, **kind, "mean": PIXEL_MEAN, "std": PIXEL_STD}


def _promptable(model: Promptable) -> dict[str, Any]:
    config, chosen = model.config, AutoConfig(refine=False).for_model(model)
    return {
        "kind": "promptable",
        "encoder": config.encoder.kind,
        "frame": {"size": config.size, "square": config.square, "multiple": config.multiple},
        "zoom": config.zoom,
        "thresholds": {"min_iou": chosen.min_iou, "min_stability": chosen.min_stability},
    }


def file_entry(path: Path) -> dict[str, Any]:
    """The entry of a file, and of the file with its constants if there is one."""
    data = path.with_name(f"{path.name}.data")
    entry: dict[str, Any] = {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
    if data.exists():
        entry["bytes"] += data.stat().st_size
        entry["data"] = {"file": data.name, "sha256": sha256_of(data)}
    return entry
