"""What is no mask is told, by kind and number, and costs nothing else; what has an exact area is a mask."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask import formats
from anymask.errors import FormatError, UnknownNameError
from anymask.formats import READERS, sa1b
from anymask.images import write
from anymask.types import Masks, Record

from .folders import coco

SIZE = (20, 30)
SQUARE = [[4, 5], [10, 5], [10, 12], [4, 12]]
AREA = 42


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    write.write_png(np.zeros((*SIZE, 3), np.uint8), tmp_path / "a.png")
    return tmp_path / "a.png"


def read(path: Path, text: object, **options) -> Record:
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    (record,) = formats.read(path, **options)
    return record


# ---- LabelMe and X-AnyLabeling


@pytest.mark.parametrize("kind", ["oriented_rectangle", "rotation", "quadrilateral", "polygon"])
def test_rings_of_four_corners_are_masks(tmp_path, kind):
    shape = {"label": "x", "points": SQUARE, "shape_type": kind, "score": None, "group_id": None}
    record = read(tmp_path / "a.json", labelme(shape))
    assert (record.masks.areas.tolist(), record.masks.scores.tolist(), record.left_out) == ([AREA], [1], {})


def labelme(*shapes: dict) -> dict:
    return {"shapes": list(shapes), "imagePath": "a.png", "imageHeight": 20, "imageWidth": 30}


def test_shapes_without_area_are_counted(tmp_path):
    kinds = ["line", "linestrip", "linestrip", "point", "points", "cuboid", "something new"]
    shapes = [{"label": "x", "points": SQUARE, "shape_type": kind} for kind in [*kinds, "polygon"]]
    record = read(tmp_path / "a.json", labelme(*shapes, "no shape"))
    assert record.masks.areas.tolist() == [AREA]
    assert record.left_out == {
        "line": 1, "linestrip": 2, "point": 1, "points": 1, "cuboid": 1, "something new": 1,
        "damaged: shape must be an object, got 'no shape'": 1,
    }  # fmt: skip


def test_an_image_within_the_file_gives_its_size(tmp_path):
    data = base64.b64encode(write.encode_png(np.zeros(SIZE, np.uint8))).decode()
    document = {"shapes": [{"label": "x", "points": SQUARE}], "imagePath": "..\\b\\a.png", "imageData": data}
    assert read(tmp_path / "a.json", document).masks.size == SIZE


def test_a_score_that_is_no_number_is_told(tmp_path):
    shapes = [{"label": "x", "points": SQUARE, "score": score} for score in ("high", None, 0.25, "0.5")]
    record = read(tmp_path / "a.json", labelme(*shapes))
    assert record.masks.scores.tolist() == [1, 1, 0.25, 0.5]
    assert record.left_out == {"score that is no number": 1}


# ---- CVAT


def test_shapes_of_cvat_without_area_are_counted(tmp_path):
    record = read(tmp_path / "a.xml", (
        '<annotations><image name="a.png" width="30" height="20.0">'
        '<polyline label="l" points="1,1;2,2"/><points label="p" points="1,1"/><tag label="t"/>'
        '<skeleton label="s"><points label="1" points="1,1"/></skeleton><cuboid label="c" xtl1="1"/>'
        '<polygon label="x" points="4,5;10,5;10,12;4,12"/></image></annotations>'
    ))  # fmt: skip
    assert record.masks.areas.tolist() == [AREA]
    assert record.left_out == {"polyline": 1, "points": 1, "tag": 1, "skeleton": 1, "cuboid": 1}


def test_tracks_of_a_video_are_read_frame_by_frame(tmp_path):
    (tmp_path / "a.xml").write_text(
        "<annotations><meta><task><original_size><width>30</width><height>20</height></original_size></task>"
        "</meta>"
        '<track id="0" label="car"><polygon frame="0" outside="0" points="4,5;10,5;10,12;4,12"/>'
        '<polygon frame="1" outside="0" points="5,5;11,5;11,12;5,12"/>'
        '<polygon frame="2" outside="1" points="1,1"/></track>'
        '<track id="1" label="bus"><box frame="1" outside="0" xtl="0" ytl="0" xbr="2" ybr="2"/>'
        '<points frame="1" outside="0" points="1,1"/></track></annotations>'
    )
    first, second = formats.read(tmp_path / "a.xml")
    assert (first.id, first.meta["categories"], first.masks.areas.tolist()) == (
        "frame_000000",
        ["car"],
        [AREA],
    )
    assert (second.meta["categories"], second.left_out) == (["car", "bus"], {"points": 1})
    assert second.masks.boxes.tolist() == [[5, 5, 11, 12], [0, 0, 2, 2]]


# ---- YOLO


@pytest.fixture
def labels(scene: Path) -> Path:
    return scene.with_name("a.txt")


RING = " ".join(f"{x / 30} {y / 20}" for x, y in SQUARE)


def lines(labels: Path, *texts: str, **options) -> Record:
    labels.write_text("\n".join(texts))
    (record,) = formats.read(labels.parent, **options)
    return record


@pytest.mark.parametrize("tail", ["7", "0.91 7", "0.91 12", "12"])
def test_numbers_of_tracks_are_no_scores_and_no_corners(labels, tail):
    record = lines(labels, f"0 {RING} {tail}", f"1 {RING} 0.5 1")
    assert record.masks.areas.tolist() == [AREA, AREA]
    assert record.left_out == {"number of a track": 2}
    assert record.masks.scores.tolist() == [pytest.approx(0.91) if " " in tail else 1, 0.5]


def test_a_ring_that_ends_at_a_border_is_no_track(labels):
    record = lines(labels, "0 0.5 0.5 1 0.5 1 1")
    assert (len(record.masks), record.left_out, record.masks.scores.tolist()) == (1, {}, [1])


def test_boxes_among_rings(labels):
    texts = [f"0 {RING}", "1 0.5 0.5 0.2 0.4", "1 0.5 0.5 0.2 0.4 0.75"]
    assert lines(labels, *texts).left_out == {"box without an outline": 2}
    record = lines(labels, *texts, boxes=True)
    assert record.masks.areas.tolist() == [AREA, 48, 48]
    assert record.masks.scores.tolist() == [1, 1, 0.75]


def test_poses_are_told_by_their_values_and_by_the_set(labels):
    told = {"pose (a box and keypoints)": 1}
    seen = "0 0.5 0.5 0.2 0.4 0.1 0.1 2 0.2 0.2 0 0.3 0.1 1"
    assert lines(labels, seen).left_out == told
    assert lines(labels, seen, boxes=True).masks.areas.tolist() == [48]
    flat = "0 0.5 0.5 0.2 0.4 0.1 0.1 0.2 0.2"
    assert lines(labels, flat).left_out == {}, "a ring of four corners as far as anybody can see"
    labels.with_name("data.yaml").write_text("kpt_shape: [2, 2]\nnames: {0: person}\n")
    assert lines(labels, flat).left_out == told


@pytest.mark.parametrize("text", ["\ufeff0 {}", "0.0 {}", "0 {}\r\n\r\n"])
def test_lines_in_other_dress(labels, text):
    assert lines(labels, text.format(RING)).masks.areas.tolist() == [AREA]


def test_labels_in_utf_16(labels):
    labels.write_bytes(f"0 {RING}\n".encode("utf-16"))
    assert formats.read(labels.parent)[0].masks.areas.tolist() == [AREA]


# ---- GeoJSON


def feature(geometry: object, **properties: object) -> dict:
    return {"type": "Feature", "id": "1", "geometry": geometry, "properties": properties}


RING_OF_POINTS = {"type": "Polygon", "coordinates": [[*SQUARE, SQUARE[0]]]}
TUMOR = feature(RING_OF_POINTS, classification={"name": "Tumor", "color": [1, 2, 3]}, objectType="annotation")


@pytest.mark.parametrize(
    "document",
    [
        TUMOR,
        [TUMOR],
        {"type": "FeatureCollection", "features": [TUMOR]},
        {
            "type": "FeatureCollection",
            "features": [feature(RING_OF_POINTS, classification={"names": ["Tumor"]})],
        },
        [
            feature(
                {"type": "GeometryCollection", "geometries": [RING_OF_POINTS]},
                classification={"name": "Tumor"},
            )
        ],
        [feature({"type": "MultiPolygon", "coordinates": [RING_OF_POINTS["coordinates"]]}, name="Tumor")],
    ],
)
@pytest.mark.parametrize("name", ["a.geojson", "a.json"])
def test_forms_of_qupath(scene, document, name):
    record = read(scene.with_name(name), document)
    assert (record.meta["categories"], record.masks.areas.tolist()) == (["Tumor"], [AREA])
    assert record.image == scene


def test_geometries_without_area_are_counted(scene):
    point = {"type": "Point", "coordinates": [1, 2]}
    mixed = {"type": "GeometryCollection", "geometries": [RING_OF_POINTS, point]}
    short = {"type": "Polygon", "coordinates": [[[1, 1], [2, 2]]]}
    features = [TUMOR, *map(feature, [point, point, {"type": "LineString", "coordinates": []}, mixed, short])]
    record = read(scene.with_name("a.geojson"), features)
    assert record.masks.areas.tolist() == [AREA]
    assert record.left_out == {
        "Point": 2, "LineString": 1, "GeometryCollection with more than polygons": 1,
        "damaged: polygon must be 3 or more corners x, y as finite numbers, got 4 numbers": 1,
    }  # fmt: skip


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".webp", ".PNG"])
def test_any_image_of_the_stem_gives_the_size(tmp_path, suffix):
    Image.new("RGB", SIZE[::-1]).save(tmp_path / f"slide{suffix}")
    assert read(tmp_path / "slide.geojson", TUMOR).image.suffix == suffix


def test_two_images_of_a_stem_and_of_two_sizes(scene):
    Image.new("RGB", (9, 9)).save(scene.with_suffix(".jpg"))
    with pytest.raises(FormatError, match=r"a\.geojson must have one image of its name, got a\.jpg, a\.png"):
        read(scene.with_name("a.geojson"), TUMOR)


def test_features_of_other_planes_and_nuclei_are_told(tmp_path, scene):
    ring = [*SQUARE, SQUARE[0]]
    planes = [{}, {"plane": {"c": -1, "z": 0, "t": 0}}, {"plane": {"c": -1, "z": 3, "t": 0}}]
    features = [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring], **plane}}
        for plane in planes
    ]
    features[0]["nucleusGeometry"] = {"type": "Polygon", "coordinates": [ring]}
    record = read(tmp_path / "a.geojson", features)
    assert record.masks.areas.tolist() == [AREA, AREA]
    assert record.left_out == {"feature of another plane of the stack": 1, "nucleus of a cell": 1}
    assert read(tmp_path / "a.geojson", features[2:]).masks.areas.tolist() == [AREA], "one plane alone"


# ---- SVG


def test_shapes_of_drawings(tmp_path):
    record = read(tmp_path / "a.svg", (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 20">'
        '<g><rect x="4" y="5" width="6" height="7"/></g>'
        '<circle cx="15" cy="10" r="4"/><ellipse cx="15" cy="10" rx="4" ry="4"/><g transform="scale(2)">'
        '<path d="M4 5H10V12H4Z"/></g><defs><path d="M4 5H10V12H4Z"/></defs><line x1="1"/>'
        "<text>a</text></svg>"
    ))  # fmt: skip
    assert record.masks.areas[0] == AREA
    assert record.masks.areas[1:] == pytest.approx([np.pi * 16] * 2, abs=3)
    assert record.left_out == {
        "damaged: shape must have no transform, got one": 1, "shape in <defs>": 1, "line": 1, "text": 1,
    }  # fmt: skip


# ---- read only


def test_via(scene):
    def region(name: str, **values: object) -> dict:
        attributes = {"name": name, **values}
        return {"shape_attributes": attributes, "region_attributes": {"size": {"big": True}, "type": "cat"}}

    x, y = zip(*SQUARE, strict=True)
    regions = [
        region("polygon", all_points_x=x, all_points_y=y),
        region("rect", x=4, y=5, width=6, height=7),
        region("circle", cx=15, cy=10, r=4),
        region("ellipse", cx=15, cy=10, rx=4, ry=4, theta=0.3),
        region("polyline", all_points_x=x, all_points_y=y),
        region("point", cx=1, cy=1),
    ]
    entry = {"filename": "a.png", "size": 3, "regions": regions, "file_attributes": {}}
    named = {str(i): one for i, one in enumerate(regions)}
    for document in (
        {"a.png3": entry},
        {"_via_settings": {}, "_via_img_metadata": {"k": {**entry, "regions": named}}},
    ):
        record = read(scene.with_name("via.json"), document)
        assert record.masks.areas.tolist()[:2] == [AREA, AREA]
        assert record.masks.areas[2:] == pytest.approx([np.pi * 16] * 2, abs=3)
        assert (set(record.meta["categories"]), record.left_out) == ({"cat"}, {"polyline": 1, "point": 1})
    scene.unlink()
    with pytest.raises(
        FormatError, match=r"image a\.png must be near, got none, and the annotations do not hold its size"
    ):
        formats.read(scene.with_name("via.json"))


def test_isat(tmp_path):
    far = [[20, 5], [26, 5], [26, 12], [20, 12]]
    things = [
        {"category": "cat", "group": 1, "segmentation": SQUARE},
        {"category": "cat", "group": 1, "segmentation": far},
        {"category": "cat", "group": 2, "segmentation": far, "iscrowd": True},
        {"category": "__background__", "group": 0, "segmentation": SQUARE},
    ]
    info = {"description": "ISAT", "name": "a.png", "width": 30, "height": 20}
    record = read(tmp_path / "a.json", {"info": info, "objects": things})
    assert (record.masks.areas.tolist(), record.meta["crowds"]) == ([2 * AREA, AREA], [False, True])
    assert record.left_out == {"__background__": 1}


def test_formats_that_are_only_read_are_not_written(tmp_path):
    masks = Masks.from_dense(np.ones((1, *SIZE), bool))
    for name in set(READERS) - set(formats.FORMATS):
        with pytest.raises(UnknownNameError, match="format must be a known name"):
            formats.write(masks, tmp_path / "a.json", name)


def test_a_project_of_via_3(tmp_path, scene):
    def note(xy: list, **fields: object) -> dict:
        return {"vid": "7", "flg": 0, "z": [], "xy": xy, "av": {"1": "0", "2": "red"}, **fields}

    flat = [place for corner in SQUARE for place in corner]
    notes = [
        note([7, *flat]),
        note([2, 4, 5, 6, 7]),
        note([6, *flat]),
        note([]),
        note([2, 1, 1, 5, 5], z=[1.5]),
    ]
    project = {
        "project": {"pid": "x"}, "config": {}, "view": {"7": {"fid_list": ["3"]}}, "vid_list": ["7"],
        "attribute": {"1": {"aname": "class", "options": {"0": "cat"}}, "2": {"aname": "colour"}},
        "file": {"3": {"fid": "3", "fname": "a.png", "type": 2, "src": "a.png"}},
        "metadata": {str(i): one for i, one in enumerate([*notes, {**notes[0], "vid": "8"}])},
    }  # fmt: skip
    record = read(tmp_path / "v.json", project)
    assert (record.masks.areas.tolist(), record.meta["categories"]) == ([AREA, AREA], ["cat", "cat"])
    assert record.meta["attributes"] == [{"colour": "red"}, {"colour": "red"}]
    assert record.left_out == {
        "polyline": 1, "region without a shape": 1, "region of a film": 1, "region of no image": 1,
    }  # fmt: skip


def test_objects_of_isat_without_a_group_are_apart(tmp_path):
    things = [{"category": "x", "group": group, "segmentation": SQUARE} for group in ("", "", None, 1, 1)]
    info = {"name": "a.png", "width": 30, "height": 20}
    assert len(read(tmp_path / "a.json", {"info": info, "objects": things}).masks) == 4


# ---- maps


def test_void_of_a_palette_is_nobodys(scene):
    numbers = np.zeros(SIZE, np.uint8)
    numbers[:5], numbers[5:9], numbers[9:12] = 1, 2, 255
    (scene.parent / "maps").mkdir()
    Image.fromarray(numbers).save(scene.parent / "maps" / "grey.png")
    (grey,) = formats.read(scene.parent / "maps" / "grey.png")
    assert (len(grey.masks), grey.ignore) == (3, None)
    paletted = Image.new("P", SIZE[::-1])
    paletted.putdata(numbers.ravel().tolist())
    paletted.putpalette([value % 256 for value in range(768)])
    paletted.save(scene.parent / "maps" / "a.png")
    (record,) = formats.read(scene.parent / "maps" / "a.png")
    assert record.masks.areas.tolist() == [150, 120]
    assert record.ignore is not None


def test_maps_of_mots(tmp_path):
    numbers = np.zeros(SIZE, np.uint16)
    numbers[:5], numbers[5:9], numbers[9:12], numbers[12:] = 1001, 1002, 2001, 10_000
    (tmp_path / "instances" / "0002").mkdir(parents=True)
    Image.fromarray(numbers).save(tmp_path / "instances" / "0002" / "000007.png")
    (record,) = formats.read(tmp_path / "instances")
    assert (record.id, record.masks.labels.tolist(), record.meta["ids"]) == (
        "0002/000007",
        [1, 1, 2],
        [1001, 1002, 2001],
    )
    assert record.ignore is not None


def test_the_report_tells(tmp_path):
    record = read(tmp_path / "a.json", labelme({"points": SQUARE}, {"points": SQUARE, "shape_type": "line"}))
    loss = formats.write([record], tmp_path / "b.json")
    assert not loss.lossless
    assert "  not read: line (1)" in loss.summary().splitlines()
    assert loss.as_dict()["left_out"] == (("a", "line", 1),)


def test_what_belongs_to_no_image_is_a_warning_without_a_listener(tmp_path):
    document = sa1b.to_document(Record("1", Path("a.png"), Masks(SIZE, ())))["image"]
    orphan = {"id": 1, "image_id": 5, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 5]]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"images": [{**document, "id": 1}], "annotations": [orphan]}))
    with pytest.warns(UserWarning, match=r"a\.json: 1 left out: annotation of no image"):
        formats.read(path)
    told = []
    list(formats.stream(path, on_left_out=lambda *what: told.append(what)))
    assert told == [("a.json", "annotation of no image", 1)]


def test_features_without_a_geometry_are_told(make) -> None:
    square = {"type": "Polygon", "coordinates": [[[4, 5], [10, 5], [10, 12], [4, 12], [4, 5]]]}
    features = [{"type": "Feature", "geometry": one, "properties": {}} for one in (None, square)]
    (record,) = formats.read(
        make({"a.png": None, "a.geojson": {"type": "FeatureCollection", "features": features}})
    )
    assert (record.masks.areas.tolist(), record.left_out) == ([42], {"feature without a geometry": 1})


@pytest.mark.parametrize("name", ["a.geojson", "a.json"])
@pytest.mark.parametrize("collected", [False, True])
def test_a_geometry_alone_is_a_mask(make, name: str, collected: bool) -> None:
    geometry = {"type": "Polygon", "coordinates": [[[4, 5], [10, 5], [10, 12], [4, 12], [4, 5]]]}
    if collected:
        geometry = {"type": "GeometryCollection", "geometries": [geometry]}
    (record,) = formats.read(make({"a.png": None, name: geometry}))
    assert record.masks.areas.tolist() == [42]


def test_a_size_of_0_is_read_from_the_image(make) -> None:
    document = coco("a.png")
    document["images"][0] |= {"width": 0, "height": 0}
    (record,) = formats.read(make({"a.png": None, "c.json": document}) / "c.json")
    assert record.masks.size == SIZE


@pytest.mark.parametrize("folder", ["labels", "annotations", "json"])
def test_images_in_folders_like_those_of_their_annotations(make, folder: str) -> None:
    shape = {"label": "x", "points": [[4, 5], [10, 5], [10, 12], [4, 12]], "shape_type": "polygon"}
    document = {"shapes": [shape], "imagePath": "a.png", "imageHeight": 20, "imageWidth": 30}
    root = make(
        {f"images/{place}/a.png": None for place in ("x", "y/z")}
        | {f"{folder}/{place}/a.json": document for place in ("x", "y/z")}
    )
    found = formats.read(root)
    images = [one.image.relative_to(root).as_posix() for one in found]
    assert (
        images
        == [f"images/{one.meta['file_name']}" for one in found]
        == ["images/x/a.png", "images/y/z/a.png"]
    )
