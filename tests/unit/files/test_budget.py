"""Inputs that declare more than the budget allows are refused before memory is allocated for them."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask import formats
from anymask.data.shards import TarPairs
from anymask.errors import AnymaskError, FormatError, InputError
from anymask.files import budget, open_regular, read_regular, sha256_of
from anymask.formats.brush import from_brush
from anymask.formats.json_stream import JsonStream
from anymask.formats.polygons.rasterise import from_polygon
from anymask.formats.polygons.rings import fill
from anymask.geometry import rle
from anymask.geometry.label_map import label_map
from anymask.images.painted_masks import read_numbers
from anymask.images.read import read_image
from anymask.types import Masks

SMALL = 1 << 20
"""The budget of these tests: 262,144 pixels, 16,384 values, 8,192 corners."""


def test_the_limits_follow_from_the_memory() -> None:
    assert (budget.memory(), budget.most("pixels")) == (1 << 30, 1 << 28)
    with budget.limited(4 << 30):
        assert budget.most("pixels") == 1 << 30
    with pytest.raises(
        FormatError, match=r"mask must have at most 268435456 pixels, got 268435457\. Split it"
    ):
        budget.check("mask", "pixels", (1 << 28) + 1)
    budget.check("mask", "pixels", 1 << 28)


def png_of(side: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (side, side)).save(out, "PNG")
    return out.getvalue()


def zigzag(corners: int, width: float) -> list[float]:
    return [value for i in range(corners) for value in (width * (i % 2), i % 50)]


def npz() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("size.npy", bytes(SMALL))
    return out.getvalue()


def from_file(
    name: str, data: Callable[[], bytes | str], format: str | None = None
) -> Callable[[Path], object]:
    """Read annotations from a file."""

    def read(folder: Path) -> object:
        content = data()
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return formats.read(folder / name, format)

    return read


def labelme(**fields: object) -> str:
    return json.dumps({"imagePath": "a.jpg", "imageWidth": 50, "imageHeight": 50, "shapes": [], **fields})


def svg(path: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="50" height="50"><path d="{path}"/></svg>'


TOO_MUCH: dict[str, tuple[Callable[[Path], object], str]] = {
    "pixels of a mask": (lambda _: rle.decode(np.array([1 << 20], np.uint32), (1 << 10, 1 << 10)), "pixels"),
    "pixels of an image": (lambda _: read_image(png_of(600)), "pixels"),
    "pixels of a map": (lambda _: read_numbers(png_of(300)), "map pixels"),
    "pixels of a brush": (lambda _: from_brush([0] * 9, (300, 300)), "map pixels"),
    "corners": (lambda _: from_polygon(zigzag(9000, 1), (50, 50)), "corners"),
    "corners to fill": (lambda _: fill([[np.array(zigzag(9000, 1)).reshape(-1, 2)]], (50, 50)), "corners"),
    "columns crossed": (lambda _: from_polygon(zigzag(60, 1e7), (50, 10_000_000)), "corners"),
    "columns to fill": (
        lambda _: fill([[np.array(zigzag(60, 1e7)).reshape(-1, 2)]], (50, 10_000_000)),
        "corners",
    ),
    "values of JSON": (from_file("a.json", lambda: labelme(x=[[]] * 20_000), "labelme"), "values"),
    "bytes of JSON": (from_file("a.json", lambda: labelme(x="x" * 200_000), "labelme"), "bytes"),
    "a member of JSON": (from_file("a.json", lambda: json.dumps({"images": [[]] * 800_000})), "bytes"),
    "elements of XML": (
        from_file("a.xml", lambda: f"<annotations>{'<image/>' * 9000}</annotations>"),
        "values",
    ),
    "commands of a path": (from_file("a.svg", lambda: svg("M0 0" + "l1 1" * 9000), "svg"), "corners"),
    "bytes of arrays": (from_file("a.npz", npz), "bytes unpacked"),
}


@pytest.mark.parametrize("kind", TOO_MUCH)
def test_what_is_too_much_is_refused(kind: str, tmp_path: Path) -> None:
    read, words = TOO_MUCH[kind]
    with budget.limited(SMALL):
        assert words in refusal(lambda: read(tmp_path))


def refusal(read: Callable[[], object]) -> str:
    """Why nothing can be read, or what a reader left out."""
    try:
        return next(iter(read()[0].left_out), "")
    except AnymaskError as error:
        return str(error)


@pytest.mark.parametrize(
    "read",
    [
        lambda: rle.decode(np.array([1 << 30], np.uint32), (1 << 15, 1 << 15)),
        lambda: from_polygon(zigzag(60, 1e7), (50, 10_000_000)),
        lambda: fill([[np.array(zigzag(60, 1e7)).reshape(-1, 2)]], (50, 10_000_000)),
        lambda: from_brush([0] * 9, (1 << 15, 1 << 15)),
        lambda: Masks((1 << 15, 1 << 15), [np.array([1 << 30], np.uint32)]).dense(),
        lambda: label_map([np.array([1 << 30], np.uint32)], (1 << 15, 1 << 15)),
    ],
)
def test_it_is_refused_before_memory_is_taken(read: Callable[[], object]) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="must have at most"):
            read()
        assert tracemalloc.get_traced_memory()[1] < SMALL
    finally:
        tracemalloc.stop()


def test_annotations_that_are_none_end_the_reading(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"image_id": "x"}][:0] + [[]] * 20_000))
    with pytest.raises(FormatError, match="annotations must be objects"):
        formats.coco.CocoFile(tmp_path / "a.json")


def test_a_stream_checks_values_and_not_files(tmp_path: Path) -> None:
    with budget.limited(SMALL):
        stream = JsonStream(io.BytesIO(json.dumps([{"a": [1] * 9}] * 40_000).encode()), "a.json")
        assert sum(1 for _ in stream.elements()) == 40_000


def test_numbers_of_a_map_are_encoded_in_one_pass(rng: np.random.Generator) -> None:
    numbers = rng.integers(0, 400, (60, 70)).astype(np.uint16)
    numbers[20:40, 10:30] = 7
    found = rle.encode_numbers(numbers)
    assert list(found) == [int(one) for one in np.unique(numbers) if one]
    for number, runs in found.items():
        assert np.array_equal(runs, rle.encode(numbers == number))
    assert rle.encode_numbers(np.zeros((3, 4), np.int64)) == {}


def test_merged_tables_of_yaml_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0 0 1 0 1 1\n")
    (tmp_path / "data.yaml").write_text("a: &a {x: 1}\nnames:\n  <<: [*a, *a]\n")
    with pytest.raises(FormatError, match="merged tables"):
        formats.read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
@pytest.mark.parametrize(
    "read",
    [
        open_regular,
        read_regular,
        sha256_of,
        lambda path: read_image(path),
        lambda path: formats.read(path, "labelme"),
        lambda path: formats.coco.CocoFile(path),
        lambda path: formats.detect(path),
        lambda path: TarPairs("a", [path]),
    ],
)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pipes_and_devices_are_refused_at_once(
    read: Callable[[Path], object], kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises((OSError, InputError), match="regular file"):
        read(path)
