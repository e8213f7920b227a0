"""Files as other tools write them, and damaged ones: a mask, or one clear sentence."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from anymask import formats
from anymask.errors import AnymaskError, FormatError, InputError
from anymask.files import budget
from anymask.formats import FORMATS, brush, geojson, yolo
from anymask.formats.polygons import primitives as shapes
from anymask.formats.polygons.rings import fill
from anymask.geometry import rle
from anymask.images import write
from anymask.types import Masks, Record

SIZE = (20, 30)


def square(x0=4, y0=5, x1=10, y1=12, size=SIZE):
    mask = np.zeros(size, bool)
    mask[y0:y1, x0:x1] = True
    return mask


def read(path: Path, text: str | dict | list, **options) -> Record:
    """The one record of a file with such a text."""
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    (record,) = formats.read(path, **options)
    return record


def complaint(path: Path, text: str | dict | list) -> str:
    """What is said of a file: the error, or what its one record left out."""
    try:
        return "; ".join(read(path, text).left_out)
    except FormatError as error:
        return str(error)


# ---- LabelMe


def labelme(*drawn: dict, **fields) -> dict:
    return {"shapes": list(drawn), "imagePath": "a.jpg", "imageHeight": 20, "imageWidth": 30, **fields}


def test_labelme_shapes(tmp_path):
    record = read(tmp_path / "a.json", labelme(
        {"label": "box", "points": [[4, 5], [10, 12]], "shape_type": "rectangle", "group_id": None},
        {"label": "disc", "points": [[15, 10], [15, 14]], "shape_type": "circle"},
        {"label": "line", "points": [[1, 1], [5, 5]], "shape_type": "line"},
        {"label": "old", "points": [[4, 5], [10, 5], [10, 12], [4, 12]]},
        {"label": "two", "points": [[0, 0], [2, 0], [2, 2]], "group_id": 3},
        {"label": "two", "points": [[20, 0], [26, 0], [26, 6], [20, 6]], "group_id": 3},
        {"label": "else", "points": [[20, 0], [26, 0], [26, 6]], "group_id": 3},
    ))  # fmt: skip
    assert record.meta["categories"] == ["box", "disc", "old", "two", "else"]
    assert np.array_equal(record.masks.dense()[0], square())
    assert np.array_equal(record.masks.dense()[2], square())
    assert record.masks.areas[1] == pytest.approx(np.pi * 16, abs=3)
    assert record.masks.areas[3] > 36


BAD_LABELME = {
    "no list": (labelme(shapes=3), "must have a field 'shapes' of type list"),
    "two corners": (
        labelme({"points": [[1, 2], [3, 4]]}),
        "damaged: polygon must be 3 or more corners",
    ),
    "no shape": (labelme("x"), "shape must be an object, got 'x'"),
    "circle": (labelme({"points": [[1, 2]], "shape_type": "circle"}), "a circle must have 2 points, got 1"),
    "mask outside": (
        labelme({"points": [[25, 2], [31, 4]], "shape_type": "mask", "mask": "@"}),
        "mask must lie in its image 20 x 30, got 3 x 7 at (25, 2)",
    ),
    "mask of text": (
        labelme({"points": [[1, 2], [3, 4]], "shape_type": "mask", "mask": "%%"}),
        "mask must be a PNG in base64, got other text",
    ),
}


@pytest.mark.parametrize("kind", BAD_LABELME)
def test_bad_labelme(tmp_path, kind):
    import base64

    document, message = BAD_LABELME[kind]
    data = base64.b64encode(write.encode_png(np.ones((3, 7), bool))).decode()
    text = json.dumps(document).replace('"@"', json.dumps(data))
    assert message in complaint(tmp_path / "a.json", text)


# ---- Label Studio


def naive_brush(mask):
    """The packing, bit by bit as text, one packet for every sample run of at most 256."""
    samples = np.repeat(mask.ravel().astype(int) * 255, 4).tolist()
    bits = f"{len(samples):032b}" + f"{7:05b}" + "".join(f"{width - 1:04b}" for width in (3, 4, 8, 16))
    at = 0
    while at < len(samples):
        end = at
        while end < len(samples) and samples[end] == samples[at] and end - at < 256:
            end += 1
        if at % 3:  # each sample by itself
            end = min(end, at + 16)
            bits += "0" + "01" + f"{end - at - 1:04b}" + f"{samples[at]:08b}" * (end - at)
        else:
            bits += "1" + "10" + f"{end - at - 1:08b}" + f"{samples[at]:08b}"
        at = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def test_brush_is_the_known_packing(rng):
    mask = rng.random(SIZE) < 0.4
    assert np.array_equal(rle.decode(brush.from_brush(naive_brush(mask), SIZE), SIZE), mask)
    for one in (mask, np.zeros(SIZE, bool), np.ones((300, 300), bool), np.eye(5, dtype=bool)):
        packed = brush.to_brush(rle.encode(one), one.shape)
        assert np.array_equal(rle.decode(brush.from_brush(packed, one.shape), one.shape), one)
    one_pixel = np.zeros((1, 2), bool)
    one_pixel[0, 1] = True
    assert brush.to_brush(rle.encode(one_pixel), (1, 2)) == naive_two_pixels()


def naive_two_pixels():
    bits = f"{8:032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    bits += "1" + "00" + "011" + "00000000" + "1" + "00" + "011" + "11111111"
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (None, "got no list of bytes"),
        ([1, 2, 300], "got no list of bytes"),
        ([0] * 20, "got a mask of another size than 20 x 30"),
        ([0, 0, 9, 96, 60, 155, 255], "got a list that is cut off"),
    ],
)
def test_bad_brushes(packed, message):
    with pytest.raises(FormatError, match=message):
        brush.from_brush(packed, SIZE)


def task(*results: dict, **fields) -> list:
    head = {"original_width": 30, "original_height": 20, "image_rotation": 0}
    entry = {"id": 7, "data": {"image": "/data/local-files/?d=a/b%20c.jpg"}}
    return [{**entry, "annotations": [{"result": [{**head, **result} for result in results]}], **fields}]


def test_label_studio_results(tmp_path):
    percent = {"x": 4 / 0.3, "y": 5 / 0.2, "width": 20, "height": 35, "rotation": 0}
    corners = [[4 / 0.3, 25], [100 / 3, 25], [100 / 3, 60], [4 / 0.3, 60]]
    tilted = {**percent, "rotation": 90}
    oval = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 15}
    record = read(tmp_path / "a.json", task(
        {"type": "rectanglelabels", "value": {**percent, "rectanglelabels": ["box"]}},
        {"type": "polygonlabels", "value": {"points": corners, "polygonlabels": ["ring"]}},
        {"id": "b", "type": "brush", "value": {"format": "rle", "rle": naive_brush(square())}},
        {"id": "b", "type": "labels", "value": {"labels": ["brush"]}},
        {"type": "ellipselabels", "value": {**oval, "ellipselabels": ["e"]}},
        {"type": "keypointlabels", "value": {"x": 1, "y": 1, "keypointlabels": ["point"]}},
        {"type": "rectangle", "value": tilted},
    ))  # fmt: skip
    assert record.meta["categories"] == ["box", "ring", "brush", "e", "object"]
    assert all(np.array_equal(mask, square()) for mask in record.masks.dense()[:3])
    assert record.masks.areas[3] == pytest.approx(np.pi * 9, abs=5)
    assert record.masks.boxes[4].tolist() == [0, 5, 4, 11], "turned about the corner, cut at the image"
    assert (record.id, record.meta["file_name"]) == ("7", "a/b c.jpg")


def test_label_studio_takes_the_first_answer_that_counts(tmp_path):
    answers = [{"was_cancelled": True, "result": []}, *task()[0]["annotations"]]
    assert read(tmp_path / "a.json", task(annotations=answers, meta={"size": [20, 30]})).masks.size == SIZE
    guess = task({"type": "rectanglelabels", "value": {"x": 0, "y": 0, "width": 50, "height": 50}})[0]
    record = read(tmp_path / "b.json", task(annotations=[], predictions=guess["annotations"]))
    assert (record.source, record.masks.areas.tolist()) == ("auto", [150])
    turned = task({"type": "brush", "image_rotation": 90, "value": {}})
    assert "image that is not turned, got a turn" in complaint(tmp_path / "c.json", turned)
    with pytest.raises(FormatError, match=r"must name its image in data\.image"):
        read(tmp_path / "d.json", task(data={"image": 3}))


# ---- CVAT


def cvat(inner: str) -> str:
    return (
        f'<annotations><version>1.1</version><image id="3" name="a/b.jpg" width="30" height="20">{inner}'
        "</image></annotations>"
    )


def test_cvat_shapes(tmp_path):
    record = read(tmp_path / "a.xml", cvat(
        '<box label="box" xtl="4" ytl="5" xbr="10" ybr="12" source="manual"/>'
        '<polygon label="ring" points="4,5;10,5;10,12;4,12" source="manual"/>'
        '<mask label="mask" rle="0, 42" left="4" top="5" width="6" height="7" source="manual"/>'
        '<ellipse label="disc" cx="15" cy="10" rx="4" ry="4" source="manual"><attribute name="x"/></ellipse>'
        '<polyline label="line" points="1,1;2,2" source="manual"/>'
        '<polygon label="two" points="0,0;2,0;2,2;0,2" group_id="1" source="manual"/>'
        '<polygon label="two" points="9,0;12,0;12,2;9,2" group_id="1" source="manual"/>'
        '<box label="tilted" xtl="10" ytl="4" xbr="20" ybr="8" rotation="90.0" source="manual"/>'
    ))  # fmt: skip
    assert record.meta["categories"] == ["box", "ring", "mask", "disc", "two", "tilted"]
    assert all(np.array_equal(mask, square()) for mask in record.masks.dense()[:3])
    assert record.masks.areas[3] == pytest.approx(np.pi * 16, abs=3)
    assert record.masks.areas[4] == 4 + 6
    assert record.masks.boxes[5].tolist() == [13, 1, 17, 11], "turned about the centre"
    assert (record.id, record.source) == ("a/b", "human")
    assert record.left_out == {"polyline": 1}


BAD_CVAT = {
    "<other/>": "must be CVAT's <annotations>, got another XML",
    cvat("<mask rle='1,2' left='28' top='0' width='3' height='1'/>"): "mask must lie in its image 20 x 30",
    cvat("<mask rle='1,x' left='2' top='0' width='3' height='1'/>"): "rle must be a finite number, got 'x'",
    cvat(
        "<mask rle='1,1' left='2' top='0' width='3' height='1'/>"
    ): "counts must sum to 3 x 1 = 3 pixels, got 2",
    cvat("<mask left='x'/>"): "mask must have an integer as 'left', got 'x'",
    cvat("<box xtl='1' ytl='2' xbr='3'/>"): "box must have 'ybr', got none",
    cvat("<polygon points='1,2;3,4'/>"): "damaged: polygon must be 3 or more corners",
    cvat("<a>" * 200 + "</a>" * 200): "XML must nest at most 100 elements, got more",
    "<annotations><image name='a'>": "path must be a complete XML file",
    '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><annotations>&b;</annotations>': "no entities",
    '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotations>&a;</annotations>': "no entities",
}


@pytest.mark.parametrize("text", BAD_CVAT)
def test_bad_cvat(tmp_path, text):
    assert BAD_CVAT[text] in complaint(tmp_path / "a.xml", text)


# ---- GeoJSON


def test_geojson_in_the_coordinates_of_a_map(tmp_path):
    mask = square()
    mask[7, 6] = False
    record = Record("a", Path("a.tif"), Masks.from_dense(mask[None]))
    transform = (0.5, 0.1, 1000.0, 0.05, -0.5, 2000.0)
    document = geojson.to_document(record, transform=transform, crs="urn:ogc:def:crs:EPSG::32633")
    assert document["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32633"
    outer, hole = (np.array(ring) for ring in document["features"][0]["geometry"]["coordinates"])
    assert (outer[0] == outer[-1]).all()
    assert ring_area(outer) > 0 > ring_area(hole), "counter-clockwise on the map, north up"
    assert np.array_equal(read(tmp_path / "a.geojson", document).masks.dense()[0], mask)
    with pytest.raises(
        InputError, match=r"transform must be six numbers that can be inverted, got \(1, 0, 0, 2, 0, 0\)"
    ):
        geojson.to_document(record, transform=(1, 0, 0, 2, 0, 0))


def ring_area(ring):
    x, y = ring.T
    return (x[:-1] @ y[1:] - y[:-1] @ x[1:]) / 2


def test_geojson_of_others_takes_the_size_from_the_image(tmp_path):
    write.write_png(np.zeros((*SIZE, 3), np.uint8), tmp_path / "a.png")
    ring = [[4, 5, 0], [10, 5, 0], [10, 12, 0], [4, 12, 0], [4, 5, 0]]
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": None}
    document = {"type": "FeatureCollection", "features": [feature], "image": {"file_name": "a.png"}}
    assert np.array_equal(read(tmp_path / "a.geojson", document).masks.dense()[0], square())
    feature["geometry"] = {"type": "Point", "coordinates": [1, 2]}
    assert read(tmp_path / "a.geojson", document).left_out == {"Point": 1}


# ---- SVG


def drawing(inner: str, head: str = 'viewBox="0 0 30 20"') -> str:
    return f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" {head}><g>{inner}</g></svg>'


@pytest.mark.parametrize(
    "path",
    [
        "M4 5H10V12H4Z",
        "m4,5 6,0 0,7 -6,0z",
        "M 4 5 L 10 5 L10,12 L4,12",
        "m4 5h6v7h-6z",
        "M0 0zm4 5l6 0 0 7-6 0z".replace("M0 0z", ""),
        "M4 5h3v7h-3zm3 0h3v7h-3z",
        "M4 5L4 5ZL10 5 10 12 4 12".replace("L4 5ZL", "L"),
        "M.4e1 5H1e1V12H4Z",
    ],
)
def test_svg_paths(tmp_path, path):
    record = read(tmp_path / "a.svg", drawing(f'<path d="{path}"/>'))
    assert np.array_equal(record.masks.dense()[0], square())


def test_svg_goes_on_after_the_end_of_a_ring(tmp_path):
    record = read(tmp_path / "a.svg", drawing('<path d="M4 5H10V12ZV12H10Z"/>'))
    assert np.array_equal(record.masks.dense()[0], square())


def test_svg_polygons_and_sizes(tmp_path):
    text = drawing('<polygon points="4,5 10,5 10,12 4,12"/>', 'width="30px" height="20"')
    assert np.array_equal(read(tmp_path / "a.svg", text).masks.dense()[0], square())


BAD_SVG = {
    "<html/>": "must be an SVG drawing, got another XML",
    drawing("<path d='M1 1C1 2 3 4 5 6'/>"): "path must be of straight lines, got 'C'",
    drawing("<path d='M1 1 2'/>"): "'M' must have 2 numbers, got 3",
    drawing("<path d='1 2 3'/>"): "path must be commands and numbers, got '1 2 3'",
    drawing("<path d='M1 1 2 2#'/>"): "path must be commands and numbers",
    drawing("<path transform='scale(2)' d='M1 1 2 2 1 3'/>"): "shape must have no transform, got one",
    drawing("", 'viewBox="0 0 30.5 20"'): "viewBox must be 0 0 W H in whole pixels",
    drawing("", ""): "viewBox must be a finite number, got ''",
    drawing("<path data-score='x' d='M1 1 2 2 1 3'/>"): "data-score must be a number, got other text",
}


@pytest.mark.parametrize("text", BAD_SVG)
def test_bad_svg(tmp_path, text):
    assert BAD_SVG[text] in complaint(tmp_path / "a.svg", text)


# ---- YOLO


@pytest.fixture
def labels(tmp_path):
    (tmp_path / "set" / "labels" / "val").mkdir(parents=True)
    (tmp_path / "set" / "images" / "val").mkdir(parents=True)
    write.write_png(np.zeros((*SIZE, 3), np.uint8), tmp_path / "set" / "images" / "val" / "a.png")
    return tmp_path / "set" / "labels" / "val" / "a.txt"


LINE = "1 0.1333333 0.25 0.3333333 0.25 0.3333333 0.6 0.1333333 0.6"


@pytest.mark.parametrize(
    "names",
    [
        "names:\n  0: cat\n  1: 'it''s'\n",
        'names: ["cat", "it\'s"]\n',
        "names: {0: cat, 1: it's}\n",
        'train: x\nnames:\n- cat\n- "it\'s"\nnc: 2\n',
    ],
)
def test_yolo_of_others(labels, names):
    (labels.parents[2] / "mine.yaml").write_text(names)
    labels.write_text(f"{LINE}\n\n{LINE} 0.75\n")
    (record,) = formats.read(labels.parents[2])
    assert np.array_equal(record.masks.dense(), np.stack([square(), square()]))
    assert record.masks.scores.tolist() == [1, 0.75]
    assert record.meta["categories"] == ["it's", "it's"]


def test_yolo_without_names_or_with_a_list(labels):
    labels.write_text(LINE)
    assert formats.read(labels.parents[2])[0].meta["categories"] == ["class 1"]
    (labels.parents[2] / "classes.txt").write_text("cat\ndog\n")
    assert formats.read(labels.parents[2])[0].meta["categories"] == ["dog"]
    assert yolo.ours("data.yaml")
    assert not yolo.ours("a.jpg")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 0.5 0.5 0.2 0.2", "box without an outline"),
        ("1 0.5 0.5", "polygon must be 3 or more corners"),
        ("cat 0.1 0.1 0.2 0.2 0.1 0.3", "line must begin with the number of a class, got 'cat'"),
        ("1 10 10 20 20 10 30", "places must be shares from 0 to 1, got 30"),
        ("1 0.1 nan 0.2 0.2 0.1 0.3", "place must be a finite number, got 'nan'"),
    ],
)
def test_bad_yolo(labels, line, message):
    labels.write_text(line)
    (record,) = formats.read(labels.parents[2])
    assert len(record.masks) == 0
    assert message in "; ".join(record.left_out)


def test_yolo_needs_its_images(labels):
    labels.write_text(LINE)
    (labels.parents[2] / "images" / "val" / "a.png").unlink()
    with pytest.raises(
        FormatError,
        match=r"labels a\.txt must have their image near, got none in .*images\. Give the folder of",
    ):
        formats.read(labels.parents[2])


# ---- NumPy


def test_npz_reads_no_pickle(tmp_path):
    np.savez(tmp_path / "a.npz", size=np.array([object()], dtype=object))
    with pytest.raises(FormatError, match=r"path must be a complete \.npz file, got .*a\.npz"):
        formats.read(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "changes",
    [
        {"size": [3, 3]},
        {"lengths": [99]},
        {"counts": [1]},
        {"scores": [1, 2, 3]},
        {"about": [0]},
        {"size": [2]},
    ],
)
def test_npz_that_does_not_add_up(tmp_path, changes):
    formats.write(Masks.from_dense(square()[None]), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        arrays = {**file, **{name: np.array(value, file[name].dtype) for name, value in changes.items()}}
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(FormatError):
        formats.read(tmp_path / "b.npz")


def test_npz_that_swells(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("size.npy", bytes(100_000))
    (tmp_path / "a.npz").write_bytes(file.getvalue())
    with budget.limited(100_000), pytest.raises(FormatError, match="100000 bytes unpacked"):
        formats.read(tmp_path / "a.npz")


# ---- all of them, damaged


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"davis", "masks", "voc", "youtubevos"}))
def test_damage_gives_a_mask_or_a_sentence(name, tmp_path, rng):
    images = tmp_path / "images"
    images.mkdir()
    write.write_png(np.zeros((*SIZE, 3), np.uint8), images / "a.png")
    masks = Masks.from_dense(square()[None], labels=[1])
    record = Record("a", images / "a.png", masks, meta={"categories": ["cat"]})
    inside = {"yolo": "labels/a.txt", "mots": "a.txt"}.get(name)
    target = tmp_path / (f"a{FORMATS[name].suffix}" if inside is None else "set")
    formats.write(record, target, name)
    file = target if inside is None else target / inside
    whole = file.read_bytes()
    for _ in range(60):
        damaged = bytearray(whole[: rng.integers(len(whole))] if rng.random() < 0.3 else whole)
        for place in rng.integers(max(len(damaged), 1), size=3):
            damaged[place : place + 1] = rng.choice([b"", b"9", b"-", b'"', b"[", b"\xff", b"\0"])
        file.write_bytes(bytes(damaged))
        with contextlib.suppress(AnymaskError, UserWarning):  # a warning: annotations of no image
            formats.read(target, name, images=images)


@pytest.mark.parametrize("far", [1e6, 1e15, 1e300])
def test_huge_coordinates_are_cut_at_the_image(far, tmp_path):
    points = [[-far, -far], [far, -far], [far, far], [-far, far]]
    record = read(tmp_path / "a.json", labelme({"label": "all", "points": points}))
    assert record.masks.areas.tolist() == [600]
    assert rle.area(fill([[shapes.ellipse_ring(0, 0, far, far)]], SIZE)) == 600


@pytest.mark.parametrize("h", [1 << 16, 1 << 40])
def test_huge_sizes_are_refused(h, tmp_path):
    with pytest.raises(
        FormatError, match=r"image must have fewer than 4294967295 pixels, got \d+ x \d+\. Cut it"
    ):
        read(tmp_path / "a.json", labelme(imageHeight=h, imageWidth=1 << 16))
