"""Tiny models of every kind, exported once."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from anymask.export.graphs import example_parts, prompt_parts
from anymask.export.sessions import Session
from anymask.export.tracing import save_graph, trace
from anymask.models import build
from anymask.models.config import CONTEXT_DEBUG, DEBUG, DEBUG_VIT, PAINTER_DEBUG

CONFIGS = {  # as shallow as can be: the time goes into tracing
    "compact": replace(DEBUG, decoder_depth=1, zoom=32),
    "vit": replace(DEBUG_VIT, decoder_depth=1),
    "context": replace(CONTEXT_DEBUG, depth=1),
    "seggpt": replace(PAINTER_DEBUG, depth=3, taps=(1, 2)),
}


class Exported:
    """A model with random weights and its graphs."""

    def __init__(self, name: str, folder) -> None:
        torch.manual_seed(0)
        self.model = build(CONFIGS[name]).eval()
        self.parts = (prompt_parts if name in ("compact", "vit") else example_parts)(self.model)
        self.graphs = {part.name: trace(part) for part in self.parts}
        self.files = {part.name: folder / f"{part.name}.onnx" for part in self.parts}
        for part, file in self.files.items():
            save_graph(self.graphs[part], file)

    def session(self, part: str) -> Session:
        return Session(self.files[part], threads=1)


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Looks a model up by name, and exports it the first time."""
    known: dict[str, Exported] = {}

    def find(name: str) -> Exported:
        if name not in known:
            known[name] = Exported(name, tmp_path_factory.mktemp(name))
        return known[name]

    return find
