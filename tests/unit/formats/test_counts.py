"""Whatever a file holds is a mask or is told: annotations in = masks + told, for every reader."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from anymask import formats
from anymask.formats import FORMATS, READERS, writers
from anymask.formats.brush import to_brush
from anymask.geometry import rle
from anymask.images import write
from anymask.types import Masks, Record

H, W = 20, 30
MASK = np.zeros((H, W), bool)
MASK[3:9, 4:11] = True
RUNS = rle.to_coco(rle.encode(MASK), (H, W))
PNG = base64.b64encode(write.encode_png(MASK)).decode()

coordinate = st.one_of(
    st.integers(-2, 32), st.floats(-2, 32), st.sampled_from([None, "x", float("inf"), "4"])
)
point = st.lists(coordinate, min_size=2, max_size=2)
points = st.lists(point, max_size=6)
junk = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
numbers = st.lists(coordinate, max_size=9)
flat = st.lists(numbers, max_size=3)
score = st.one_of(st.none(), st.floats(0, 1), st.sampled_from(["high", "0.5"]))

coco = st.fixed_dictionaries(
    {
        "image_id": st.sampled_from([1, "1", 1.0, 2, None]),
        "category_id": st.sampled_from([1, "1", 7, None, "x"]),
    },
    optional={
        "segmentation": st.one_of(flat, junk, st.just(RUNS), st.just({"size": [H, W], "counts": [H * W]})),
        "bbox": st.lists(coordinate, max_size=5),
        "iscrowd": st.sampled_from([0, 1, "false", "true", None]),
        "score": score,
    },
)
labelme = st.fixed_dictionaries(
    {"points": st.one_of(points, junk)},
    optional={
        "shape_type": st.sampled_from(
            [
                "polygon",
                "rectangle",
                "circle",
                "line",
                "point",
                "rotation",
                "oriented_rectangle",
                "mask",
                "new",
                None,
            ]
        ),
        "label": junk,
        "score": score,
        "mask": st.one_of(st.just(PNG), junk),
    },
)
handle = st.one_of(st.fixed_dictionaries({"x": coordinate, "y": coordinate}), junk)
value = st.fixed_dictionaries(
    {},
    optional={
        "points": points,
        "vertices": st.lists(
            st.fixed_dictionaries(
                {"x": coordinate, "y": coordinate},
                optional={
                    "isBezier": st.booleans(),
                    "controlPoint1": handle,
                    "controlPoint2": handle,
                    "id": st.sampled_from("ab"),
                    "prevPointId": st.sampled_from(["a", "b", None]),
                },
            ),
            max_size=5,
        ),
        "closed": st.booleans(),
        "rle": st.one_of(st.just(to_brush(rle.encode(MASK), (H, W))), junk),
        "imageDataURL": st.one_of(st.just(f"data:image/png;base64,{PNG}"), junk),
        **dict.fromkeys(("x", "y", "width", "height", "radiusX", "radiusY", "rotation"), coordinate),
    },
)
kinds = ("polygon", "rectangle", "ellipse", "brush", "bitmask", "vector", "keypoint", "choices")
labelstudio = st.fixed_dictionaries(
    {
        "type": st.sampled_from([*(f"{kind}labels" for kind in kinds), *kinds, "new"]),
        "value": st.one_of(value, junk),
    },
    optional={"score": score, "image_rotation": st.sampled_from([0, 90])},
)
geometry = st.one_of(
    st.fixed_dictionaries({
        "type": st.sampled_from(["Polygon", "MultiPolygon", "Point", "LineString", "GeometryCollection"]),
        "coordinates": st.one_of(
            st.lists(points, max_size=2), st.lists(st.lists(points, max_size=2), max_size=2), point
        ),
    }),
    junk,
)  # fmt: skip
geojson = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.just("Feature"),
            "geometry": geometry,
            "properties": st.one_of(junk, st.just({"score": "x"})),
        }
    ),
    junk,
)
via = st.fixed_dictionaries({
    "shape_attributes": st.one_of(junk, st.fixed_dictionaries(
        {"name": st.sampled_from(["polygon", "rect", "circle", "ellipse", "polyline", "point"])},
        optional={
            **{f"all_points_{axis}": st.lists(coordinate, max_size=5) for axis in "xy"},
            **dict.fromkeys(("x", "y", "width", "height", "cx", "cy", "r", "rx", "ry", "theta"), coordinate),
        },
    )),
    "region_attributes": st.one_of(junk, st.just({"type": "cat"})),
})  # fmt: skip
datumaro = st.one_of(
    junk,
    st.fixed_dictionaries({
        "type": st.sampled_from(["polygon", "mask", "ellipse", "bbox", "label", "caption", "new", None]),
        "points": st.one_of(numbers, junk), "bbox": st.one_of(numbers, junk),
        "rle": st.one_of(st.just(RUNS), junk),
        "label_id": st.one_of(st.integers(0, 3), junk), "group": st.just(0),
    }),
)  # fmt: skip
isat = st.fixed_dictionaries(
    {"segmentation": st.one_of(points, junk), "category": st.sampled_from(["cat", "__background__", None])}
)
sa1b = st.one_of(
    junk,
    st.fixed_dictionaries({"segmentation": st.one_of(junk, st.just(RUNS), flat), "predicted_iou": score}),
)


def cvat_shapes() -> st.SearchStrategy[Any]:
    text = coordinate.map(str)
    pair = st.tuples(text, text).map(",".join)
    places = (
        "xtl",
        "ytl",
        "xbr",
        "ybr",
        "cx",
        "cy",
        "rx",
        "ry",
        "rotation",
        "left",
        "top",
        "width",
        "height",
    )
    return st.tuples(
        st.sampled_from(["polygon", "box", "ellipse", "mask", "polyline", "points", "cuboid", "tag", "new"]),
        st.fixed_dictionaries(
            {},
            optional={
                "points": st.lists(pair, max_size=5).map(";".join),
                "rle": st.lists(st.integers(0, 9), max_size=4).map(lambda runs: ", ".join(map(str, runs))),
                **dict.fromkeys(places, text),
            },
        ),
    )


number = st.one_of(
    st.floats(-0.1, 1.1).map(lambda x: f"{x:.4f}"), st.sampled_from(["0", "1", "2", "7", "x", "nan"])
)
yolo = st.tuples(st.sampled_from(["0", "1", "2.0", "cat"]), st.lists(number, max_size=12)).map(
    lambda line: " ".join([line[0], *line[1]])
)
svg = st.sampled_from([
    '<path d="M4 5H10V12Z"/>', '<path d="M4 5C1 2 3 4 5 6"/>', '<path d="?"/>', "<path/>", "<line/>",
    '<rect width="3" height="4"/>', '<rect width="x"/>', '<rect rx="3"/>', '<circle r="4"/>', "<polyline/>",
    '<polygon points="1,1 5,1 5,5"/>', '<polygon points="1"/>', '<ellipse rx="3" ry="4"/>',
    '<path transform="a"/>', "<text>a</text>",
])  # fmt: skip


corners = st.tuples(st.lists(coordinate.map(str), min_size=7, max_size=9), st.sampled_from(
    ["ship 0", "large-vehicle 1", "ship", "ship x", "0 0", "a b c"]
)).map(lambda parts: " ".join([*parts[0], parts[1]]))  # fmt: skip
words = st.sampled_from([
    f"0 1 1 {H} {W} {RUNS['counts']}", f"0 1 1 {H} {W}", f"0 -1 1 {H} {W} ~",
    "0 1 1 3 3 9", "0 x 1 20 30 9", "x",
])  # fmt: skip


def xml(tag: str, values: dict[str, str]) -> str:
    return f"<{tag} {' '.join(f'{key}={json.dumps(text)}' for key, text in values.items())}/>"


WRITE: dict[str, tuple[st.SearchStrategy[Any], str, Callable[[list[Any]], str]]] = {
    "coco": (coco, "a.json", lambda many: json.dumps({
        "images": [{"id": 1, "width": W, "height": H, "file_name": "a.png"}], "annotations": many,
        "categories": [{"id": 1, "name": "x"}],
    })),
    "labelme": (labelme, "a.json", lambda many: json.dumps({
        "shapes": many, "imagePath": "a.png", "imageHeight": H, "imageWidth": W,
    })),
    "labelstudio": (labelstudio, "a.json", lambda many: json.dumps([{
        "id": 1, "data": {"image": "a.png"},
        "annotations": [{"result": [{"original_width": W, "original_height": H, **one} for one in many]}],
    }])),
    "geojson": (geojson, "a.geojson", lambda many: json.dumps({
        "type": "FeatureCollection", "features": many,
        "image": {"width": W, "height": H, "file_name": "a.png"},
    })),
    "via": (via, "a.json", lambda many: json.dumps({"k": {"filename": "a.png", "regions": many}})),
    "datumaro": (datumaro, "a.json", lambda many: json.dumps({
        "categories": {"label": {"labels": [{"name": "cat"}]}},
        "items": [{"id": "a", "annotations": many, "image": {"path": "a.png", "size": [H, W]}}],
    })),
    "isat": (isat, "a.json", lambda many: json.dumps({
        "info": {"name": "a.png", "width": W, "height": H}, "objects": many,
    })),
    "sa1b": (sa1b, "a.json", lambda many: json.dumps({
        "image": {"image_id": 1, "width": W, "height": H, "file_name": "a.png"}, "annotations": many,
    })),
    "cvat": (cvat_shapes(), "a.xml", lambda many: (
        f'<annotations><image name="a.png" width="{W}" height="{H}">{"".join(xml(*one) for one in many)}'
        "</image></annotations>"
    )),
    "yolo": (yolo, "a.txt", "\n".join),
    "dota": (corners, "a.txt", lambda many: "\n".join(["gsd:0.5", *many])),
    "mots": (words, "a.txt", lambda many: "\n".join([f"0 9 2 {H} {W} {RUNS['counts']}", *many])),
    "svg": (svg, "a.svg", lambda many: f'<svg viewBox="0 0 {W} {H}">{"".join(many)}</svg>'),
}  # fmt: skip
"""Of each format: annotations, good and bad, a file's name, and its text."""
OF_FACTS = ("score", "predicted_iou", "number of a track")  # told beside a mask that is there


@pytest.mark.parametrize("name", sorted(WRITE))
@pytest.mark.parametrize("boxes", [False, True])
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_annotations_in_are_masks_and_told(
    name: str, boxes: bool, tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    one, file, text = WRITE[name]
    many = data.draw(st.lists(one, min_size=1, max_size=5))
    folder = tmp_path_factory.mktemp("set")
    write.write_png(np.zeros((H, W, 3), np.uint8), folder / "a.png")
    (folder / file).write_text(text(many))
    told: list[tuple[str, str, int]] = []
    source = folder if name == "yolo" else folder / file
    (record,) = formats.stream(
        source, name, images=folder, boxes=boxes, on_left_out=lambda *what: told.append(what)
    )
    left_out = [(kind, count) for kind, count in record.left_out.items() if not kind.startswith(OF_FACTS)]
    counted = sum(count for _, count in left_out) + sum(count for *_, count in told)
    assert len(record.masks) + counted == len(many) + (name == "mots"), (many, record.left_out, told)


MAPS = ("instances", "labels", "mask")


@pytest.mark.parametrize("name", MAPS)
@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(numbers=arrays(np.uint16, (6, 7), elements=st.sampled_from([0, 1, 2, 200, 254, 255, 256, 999, 40000])))
def test_numbers_in_are_masks(
    name: str, tmp_path_factory: pytest.TempPathFactory, numbers: NDArray[np.uint16]
) -> None:
    file = tmp_path_factory.mktemp("set") / "a.png"
    file.write_bytes(write.encode_png(numbers))
    (record,) = formats.read(file, name)
    assert len(record.masks) == len(np.unique(numbers[numbers > 0]))
    assert record.masks.areas.sum() == (numbers > 0).sum()


def test_every_reader_is_counted() -> None:
    assert {*WRITE, *MAPS, "cvatvideo", "davis", "masks", "npz", "voc", "youtubevos"} == set(READERS)


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("polygons", [False, True])
@settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    dense=st.integers(1, 4).flatmap(lambda count: arrays(np.bool_, (count, 6, 7))), crowd=st.booleans()
)  # fmt: skip
def test_masks_in_are_masks_written_and_told(
    name: str,
    polygons: bool,
    tmp_path_factory: pytest.TempPathFactory,
    dense: NDArray[np.bool_],
    crowd: bool,
) -> None:
    folder = tmp_path_factory.mktemp("set")
    write.write_png(np.zeros((*dense.shape[1:], 3), np.uint8), folder / "a.png")
    if name == "mask":
        dense = dense[:1]
    masks = Masks.from_dense(dense, labels=np.arange(1, len(dense) + 1))
    meta = {"crowds": [crowd] * len(dense)} if crowd else {}
    target = folder / f"out{'' if FORMATS[name].folder else FORMATS[name].suffix}"
    loss = formats.write(
        [Record("a", folder / "a.png", masks, meta=meta)], target, name,
        outlines=formats.Outlines(polygons=polygons),
    )  # fmt: skip
    lost = sum(writers.LEFT_OUT in change.notes for change in loss.changed)
    if name == "cvatvideo" and lost == len(dense):
        return  # a file without tracks is none
    again = [one for record in formats.read(target, name, images=folder) for one in record.masks]
    assert len(again) + lost == len(dense)
    assert not crowd or loss.changed or "crowds" in FORMATS[name].keeps
