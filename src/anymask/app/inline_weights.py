"""Graphs with their weights inside, for the browser, from graphs that point into a weights file.

A few steps of the protobuf wire format are enough for this, so that the page needs no further package: a
message is a list of fields, each a tag and either a number or a length with bytes. Field numbers are those of
onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["inlined"]

GRAPH, INITIALIZER = 7, 5
"""Fields of ModelProto and GraphProto."""
RAW_DATA, EXTERNAL_DATA, DATA_LOCATION = 9, 13, 14
"""Fields of TensorProto."""
KEY, VALUE = 1, 2
"""Fields of StringStringEntryProto."""
NUMBER, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
"""Kinds of fields."""


def inlined(graph: Path) -> bytes:
    """The bytes of an ONNX file with all weights, for a file that points to weights in its folder."""
    return b"".join(
        _field(number, _with_weights(content, graph.parent)) if number == GRAPH else raw
        for number, content, raw in _fields(graph.read_bytes())
    )


def _with_weights(graph: bytes, folder: Path) -> bytes:
    return b"".join(
        _field(number, _loaded(content, folder)) if number == INITIALIZER else raw
        for number, content, raw in _fields(graph)
    )


def _loaded(tensor: bytes, folder: Path) -> bytes:
    """A tensor with its own data; unchanged if it has them already."""
    place, rest = dict[str, str](), list[bytes]()
    for number, content, raw in _fields(tensor):
        if number == EXTERNAL_DATA:
            entry = {key: value.decode() for key, value, _ in _fields(content)}
            place[entry[KEY]] = entry[VALUE]
        elif number != DATA_LOCATION:
            rest.append(raw)
    if not place:
        return tensor
    location, start, length = Path(place["location"]), int(place["offset"]), int(place["length"])
    assert location.name == str(location), "weights lie beside their graph"
    with (folder / location).open("rb") as file:
        file.seek(start)
        return b"".join([*rest, _field(RAW_DATA, file.read(length))])


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The number of each field, its content if it has a length, and all of its bytes."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        kind, length = tag & 7, 0
        if kind == BYTES:
            length, at = _varint(message, at)
        elif kind == NUMBER:
            _, at = _varint(message, at)
        else:
            length = {EIGHT_BYTES: 8, FOUR_BYTES: 4}[kind]
        yield tag >> 3, message[at : at + length], message[start : at + length]
        at += length


def _field(number: int, content: bytes) -> bytes:
    return _as_varint(number << 3 | BYTES) + _as_varint(len(content)) + content


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and the position behind it."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
