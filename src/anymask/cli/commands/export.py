"""`anymask export`: a model as ONNX files."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anymask.cli.console import note, out, out_json, table
from anymask.cli.options.export import Options
from anymask.models.loading import load_network
from anymask.onnx_export import export

__all__ = ["run"]


def run(options: Options) -> int:
    """Export and print what the check found."""
    model = load_network(options.model, device="cpu", dtype="float32", offline=options.offline)
    began = time.perf_counter()

    def tell(step: str) -> None:
        note(f"{time.perf_counter() - began:4.0f} s  {step}")

    folder = export(
        model,
        options.output,
        name=Path(options.model).stem,
        precisions=options.precision,
        photos=options.photos,
        force=options.force,
        tell=tell,
    )
    manifest = json.loads((folder / "model.json").read_text("utf-8"))
    refused = [row["precision"] for row in manifest["check"] if row["refused"]]
    if refused:
        note(f"left out, as their masks differ from the model's: {', '.join(refused)}")
    if options.as_json:
        out_json(manifest)
    else:
        out(_as_text(manifest["check"]))
        out(f"wrote {folder}")
    return 0


def _as_text(rows: Sequence[dict[str, Any]]) -> str:
    parts = list(rows[0]["milliseconds"])
    heads = ["precision", "MB", *(f"{part} ms" for part in parts), "mean IoU", "least IoU", "kept"]
    cells = [
        [
            row["precision"],
            round(row["bytes"] / 1e6, 1),
            *(round(row["milliseconds"][part], 1) for part in parts),
            round(row["mean_iou"], 4),
            round(row["least_iou"], 4),
            "refused" if row["refused"] else "yes",
        ]
        for row in rows
    ]
    return table(cells, heads)
