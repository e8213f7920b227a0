"""The graphs of the shipped models, made anew: `python -m anymask.onnx_export.shipped`.

They hold no weights, see `linked_weights`, and are committed beside the weights, so that an installation
without PyTorch has them. Run this after a change of the networks or the weights.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from anymask.files import sha256_of, write_atomic
from anymask.models.checkpoints.hub import CARDS, SHIPPED
from anymask.models.checkpoints.load import load_weights
from anymask.models.feature_painter import FeaturePainter
from anymask.models.onnx_runtime import DECODER, FINGERPRINT, WEIGHTS, graph_file
from anymask.models.sam import Sam
from anymask.onnx_export.graphs import prompt_parts
from anymask.onnx_export.linked_weights import link_weights
from anymask.onnx_export.runtime_graphs import painter_part, sam_parts
from anymask.onnx_export.tracing import require_packages, trace
from anymask.onnx_export.webassembly import for_webassembly

__all__ = ["main", "shipped_graphs"]


def shipped_graphs(name: str) -> dict[str, Any]:
    """The graphs of a shipped model by their parts, each an onnx.ModelProto."""
    weights = SHIPPED / CARDS[name].file
    model = load_weights(weights)
    assert isinstance(model, Sam | FeaturePainter), "no other network is shipped"
    parts = sam_parts(model) if isinstance(model, Sam) else [painter_part(model)]
    traced = {part.name: trace(part) for part in parts}
    if isinstance(model, Sam):  # the page's decoder, in one step
        traced[DECODER] = for_webassembly(trace(prompt_parts(model)[1]))
    graphs = {name: link_weights(graph, weights) for name, graph in traced.items()}
    for graph in graphs.values():
        graph.metadata_props.add(key=WEIGHTS, value=sha256_of(weights))
        graph.metadata_props.add(key=FINGERPRINT, value=model.fingerprint)
    return graphs


def main(folder: Path = SHIPPED) -> int:
    """Write the graphs of all shipped models; returns 0."""
    require_packages()
    for card in CARDS.values():
        if card.address is None:
            for part, graph in shipped_graphs(card.name).items():
                target = graph_file(card.name, part, folder)
                write_atomic(target, graph.SerializeToString(deterministic=True), force=True)
                sys.stderr.write(f"{target.name}: {target.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
