"""Graphs without weights: their constants point into a safetensors file, which stores tensors as raw bytes.

The exporter has transposed or reshaped some weights; the graph then begins with the operators that do the
same, and onnxruntime computes them once when it opens the file. Constants that are computed from several
weights are small and stay in the graph.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.errors import ExportError

__all__ = ["link_weights"]

LEAST_BYTES = 1024
"""Smaller constants stay in the graph."""
MOST_BYTES = 64 * 1024
"""Maximum size of a constant that is no weight."""
Graph: TypeAlias = Any
"""An onnx.ModelProto."""


@dataclass(frozen=True)
class Stored:
    """A float16 tensor in a safetensors file."""

    name: str
    offset: int
    values: NDArray[np.float16]


@dataclass(frozen=True)
class Origin:
    """How a constant is made of a weight: by this permutation of the axes, and then a reshape."""

    stored: Stored
    axes: tuple[int, ...]


def link_weights(graph: Graph, weights: Path) -> Graph:
    """A copy of a graph whose large constants lie in `weights`, a safetensors file of float16 tensors.

    The graph must be saved beside that file. Names of places in the source code are removed. Raises
    ExportError for a large constant that is not in the file.
    """
    from onnx import numpy_helper

    from anymask.onnx_export.precision import begin_with, copied

    out, nodes = copied(graph), list[Any]()
    by_size: dict[int, list[Stored]] = {}
    for one in _stored(weights):
        by_size.setdefault(one.values.size, []).append(one)
    linked: dict[str, Any] = {}
    for tensor in out.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.nbytes < LEAST_BYTES:
            continue
        origin = _origin(values, by_size.get(values.size, []))
        if origin is not None:
            nodes += _link(tensor, values.shape, origin, linked, weights.name)
        elif values.nbytes > MOST_BYTES:
            raise ExportError(
                f"large constants must be weights, got {tensor.name} {values.shape}, which is not in "
                f"{weights.name}. Compute it in the graph."
            )
    kept = [tensor for tensor in out.graph.initializer if tensor.name]
    del out.graph.initializer[:]
    out.graph.initializer.extend([*kept, *linked.values()])
    _strip(out.graph)
    return begin_with(out, nodes)


def _stored(weights: Path) -> Iterator[Stored]:
    """The tensors of a safetensors file: 8 bytes of length, a JSON header, raw little-endian tensors."""
    data = weights.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__":
            assert entry["dtype"] == "F16", "the shipped weights are stored in half precision"
            first, last = entry["data_offsets"]
            values = np.frombuffer(data[start + first : start + last], "<f2").reshape(entry["shape"])
            yield Stored(name, start + first, values)


def _origin(values: NDArray[np.float32], candidates: list[Stored]) -> Origin | None:
    """The weight that a constant was made of, or None."""
    flat = values.ravel()
    for stored in candidates:
        for axes in permutations(range(stored.values.ndim)):
            if np.array_equal(stored.values.transpose(axes).ravel().astype(np.float32), flat):
                return Origin(stored, axes)
    return None


def _link(
    tensor: Any, shape: tuple[int, ...], origin: Origin, linked: dict[str, Any], location: str
) -> list[Any]:
    """Replace a constant by the nodes that make it of a weight, which is added to `linked` once."""
    from onnx import TensorProto, helper

    stored, name, nodes = origin.stored, tensor.name, list[Any]()
    if stored.name not in linked:
        there = linked[stored.name] = TensorProto(name=stored.name, data_type=TensorProto.FLOAT16)
        there.dims.extend(stored.values.shape)
        there.data_location = TensorProto.EXTERNAL
        entries = {"location": location, "offset": stored.offset, "length": stored.values.nbytes}
        for key, value in entries.items():
            there.external_data.add(key=key, value=str(value))
    turned = stored.name
    if origin.axes != tuple(range(len(origin.axes))):
        nodes.append(helper.make_node("Transpose", [turned], [f"{name}_turned"], perm=origin.axes))
        turned = f"{name}_turned"
    wide = f"{name}_wide" if _reshaped(origin, shape) else name
    nodes.append(helper.make_node("Cast", [turned], [wide], to=TensorProto.FLOAT))
    if wide != name:
        tensor.CopyFrom(helper.make_tensor(f"{name}_shape", TensorProto.INT64, [len(shape)], shape))
        nodes.append(helper.make_node("Reshape", [wide, tensor.name], [name]))
    else:
        tensor.Clear()
    return nodes


def _reshaped(origin: Origin, shape: tuple[int, ...]) -> bool:
    return tuple(origin.stored.values.shape[axis] for axis in origin.axes) != shape


def _strip(graph: Any) -> None:
    """Remove what onnxruntime does not need: shapes of intermediate values, places in the source code."""
    del graph.value_info[:]
    for node in graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
        for entry in node.attribute:
            if entry.HasField("g"):
                _strip(entry.g)
    for value in (*graph.input, *graph.output):
        value.ClearField("doc_string")
        value.ClearField("metadata_props")
