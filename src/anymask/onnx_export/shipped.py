"""The graphs of the shipped models, made anew: `python -m anymask.onnx_export.shipped`.

They hold no weights, see `linked_weights`, and are committed beside the weights, so that an installation
without PyTorch has them. Run this after a change of the networks or the weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

from anymask.files import sha256_of, write_atomic
from anymask.models.checkpoints.hub import CARDS, SHIPPED
from anymask.models.checkpoints.load import load_detector, load_weights
from anymask.models.config import DetectorConfig
from anymask.models.feature_painter import FeaturePainter
from anymask.models.onnx_runtime import DECODER, ENCODER, FINGERPRINT, WEIGHTS, graph_file
from anymask.models.sam import Sam
from anymask.onnx_export.graphs import Part, prompt_parts
from anymask.onnx_export.linked_weights import link_weights
from anymask.onnx_export.runtime_graphs import (
    DetectGraph,
    detector_part,
    levels_part,
    painter_part,
    sam_parts,
)
from anymask.onnx_export.tracing import require_packages, trace
from anymask.onnx_export.webassembly import for_webassembly

__all__ = ["main", "shipped_graph", "shipped_parts"]


def shipped_parts(name: str) -> list[Part]:
    """The parts of a shipped model that have a graph each."""
    card = CARDS[name]
    if isinstance(card.config, DetectorConfig):
        return [detector_part(load_detector(SHIPPED / card.file))]
    model = load_weights(SHIPPED / card.file)
    assert isinstance(model, Sam | FeaturePainter), "no other network is shipped"
    if isinstance(model, FeaturePainter):
        return [painter_part(model), levels_part(model)]
    _, decoder = prompt_parts(model)  # the page runs it in one step
    return [*sam_parts(model), decoder]


def shipped_graph(name: str, part: Part) -> bytes:
    """The graph of a part of a shipped model, as in its file."""
    weights, traced = SHIPPED / CARDS[name].file, trace(part)
    graph = link_weights(for_webassembly(traced) if part.name == DECODER else traced, weights)
    graph.metadata_props.add(key=WEIGHTS, value=sha256_of(weights))
    graph.metadata_props.add(key=FINGERPRINT, value=part.module.model.fingerprint)  # type: ignore[union-attr]
    if isinstance(part.module, DetectGraph):
        graph.metadata_props.add(key=ENCODER, value=part.module.model.encoder)
    out: bytes = graph.SerializeToString(deterministic=True)
    return out


def main(folder: Path = SHIPPED) -> int:
    """Write the graphs of all shipped models; returns 0."""
    require_packages()
    for card in CARDS.values():
        if card.address is None:
            for part in shipped_parts(card.name):
                target = graph_file(card.name, part.name, folder)
                write_atomic(target, shipped_graph(card.name, part), force=True)
                sys.stderr.write(f"{target.name}: {target.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
