"""Label Studio: regions with an area become masks on their own image, everything else is told."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask import formats
from anymask.errors import FormatError
from anymask.formats.labelstudio_vectors import vector_ring
from anymask.formats.polygons.rings import signed_area
from anymask.types import Record

SIZE = (20, 30)
SQUARE = [[4, 5], [10, 5], [10, 12], [4, 12]]
AREA = 42


def read(path: Path, text: object, **options) -> Record:
    path.write_text(json.dumps(text), encoding="utf-8")
    (record,) = formats.read(path, **options)
    return record


def task(*results: dict, **fields) -> list:
    head = {"original_width": 30, "original_height": 20, "to_name": "image"}
    entry = {"id": 7, "data": {"image": "/data/upload/1/0a1b2c3d-a.png"}}
    return [{**entry, "annotations": [{"result": [{**head, **one} for one in results]}], **fields}]


CORNERS = [[x / 0.3, y / 0.2] for x, y in SQUARE]
POLYGON = {"type": "polygonlabels", "value": {"points": CORNERS, "polygonlabels": ["x"]}}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "L"])
def test_bitmasks(tmp_path, mode):
    inside = np.zeros(SIZE, np.uint8)
    inside[5:12, 4:10] = 255
    black = np.zeros(SIZE, np.uint8)
    bands = {"RGBA": [black, black, black, inside], "LA": [black, inside], "L": [inside]}[mode]
    data = io.BytesIO()
    Image.merge(mode, [Image.fromarray(band) for band in bands]).save(data, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
    mask = {"type": "bitmasklabels", "value": {"imageDataURL": url, "bitmasklabels": ["Cell"]}}
    record = read(tmp_path / "a.json", task(mask))
    assert (record.meta["categories"], record.masks.areas.tolist()) == (["Cell"], [AREA])


@pytest.mark.parametrize("url", ["", "data:image/png;base64,AAAA", "data:image/png;base64,%", 3])
def test_damaged_bitmasks_are_told(tmp_path, url):
    record = read(
        tmp_path / "a.json", task({"type": "bitmasklabels", "value": {"imageDataURL": url}}, POLYGON)
    )
    assert record.masks.areas.tolist() == [AREA]
    ((kind, count),) = record.left_out.items()
    assert (kind.split(":")[0], count) == ("damaged", 1)


def test_closed_vectors_are_masks(tmp_path):
    def vector(**fields: object) -> dict:
        points = [{"x": x, "y": y, "isBezier": False} for x, y in CORNERS]
        return {
            "type": "vectorlabels",
            "value": {"vertices": points, "closed": True, "vectorlabels": ["v"], **fields},
        }

    branching = [
        {**corner, "id": str(i), "prevPointId": None if i == 0 else "0"}
        for i, corner in enumerate(vector()["value"]["vertices"])
    ]
    record = read(tmp_path / "a.json", task(vector(), vector(closed=False), vector(vertices=branching)))
    assert (record.masks.areas.tolist(), record.meta["categories"]) == ([AREA], ["v"])
    assert record.left_out == {"open vector": 1, "vector with branches": 1}


def curved(*vertices: dict) -> np.ndarray:
    """In an image of 200 x 100 pixels."""
    return vector_ring({"closed": True, "vertices": list(vertices)}, np.array([2.0, 1.0]))


def vertex(x: float, y: float, **fields: object) -> dict:
    return {"x": x, "y": y, **fields}


def bent(x: float, y: float, before: tuple[float, float], after: tuple[float, float]) -> dict:
    handles = {
        name: {"x": at[0], "y": at[1]} for name, at in (("controlPoint1", before), ("controlPoint2", after))
    }
    return vertex(x, y, isBezier=True, **handles)


def test_curved_vectors_are_flattened():
    arm = 40 * 4 / 3 * (2**0.5 - 1)  # of a circle's four curves, in percent of a square of 100 pixels
    circle = vector_ring(
        {"closed": True, "vertices": [
            bent(90, 50, (90, 50 - arm), (90, 50 + arm)), bent(50, 90, (50 + arm, 90), (50 - arm, 90)),
            bent(10, 50, (10, 50 + arm), (10, 50 - arm)), bent(50, 10, (50 - arm, 10), (50 + arm, 10)),
        ]},
        np.array([1.0, 1.0]),
    )  # fmt: skip
    assert np.abs(np.hypot(*(circle - 50).T) - 40).max() < 0.02
    assert signed_area(circle) == pytest.approx(np.pi * 40**2, rel=1e-3)


def test_a_vector_with_one_handle_bends_as_the_editor_draws_it():
    line = curved(vertex(0, 0), vertex(10, 0), bent(10, 10, (20, 6), (10, 10)))
    assert line[:2].tolist() == [[0, 0], [20, 0]]
    start, handle, end = np.array([20, 0]), np.array([40, 6]), np.array([20, 10])
    missing = start + 0.3 * (end - start)
    middle = (start + 3 * missing + 3 * handle + end) / 8
    assert np.hypot(*(line - middle).T).min() < 0.2


def test_vertices_follow_the_one_before_them():
    names = {"a": (None, 0, 0), "c": ("b", 10, 10), "d": ("c", 0, 10), "b": ("a", 10, 0)}
    ring = curved(*(vertex(x, y, id=id, prevPointId=before) for id, (before, x, y) in names.items()))
    assert ring.tolist() == [[0, 0], [20, 0], [20, 10], [0, 10]]


@pytest.mark.parametrize("data", [
    {"images": ["/data/upload/1/a.png", "/data/upload/1/b.png"]},
    {"pages": [{"url": "s3://x/a.png", "n": 1}, {"url": "s3://x/b.png?sig=1", "n": 2}]},
])  # fmt: skip
@pytest.mark.parametrize("first", [{"to_name": "img", "item_index": 0}, {"to_name": "page_0"}])
@pytest.mark.parametrize("second", [{"to_name": "img", "item_index": 1}, {"to_name": "page_1"}])
def test_pages_of_a_task_are_images_of_their_own(tmp_path, data, first, second):
    results = [{**POLYGON, **where} for where in (first, second, second, {"to_name": "p_7"})]
    path = tmp_path / "t.json"
    path.write_text(json.dumps(task(*results, data=data)))
    a, b = formats.read(path)
    assert (Path(a.meta["file_name"]).name, len(a.masks)) == ("a.png", 1)
    assert (Path(b.meta["file_name"]).name, len(b.masks)) == ("b.png", 2)
    assert a.left_out == {"result of an unknown image": 1}


def test_an_embedded_image_is_named_after_its_task(tmp_path):
    one = task(POLYGON)
    one[0]["data"] = {"image": "data:image/png;base64,iVBORw0KGgo="}
    assert read(tmp_path / "a.json", one).meta["file_name"] == "task-7.png"


def test_further_labels_of_a_region_are_told(tmp_path):
    two = {"type": "polygonlabels", "value": {"points": CORNERS, "polygonlabels": ["x", "y"]}}
    record = read(tmp_path / "a.json", task(two, POLYGON))
    assert (record.meta["categories"], record.left_out) == (["x", "x"], {"further label of a mask": 1})


def test_tasks_without_annotations_or_images_are_told(tmp_path):
    blank = [{"id": 5, "data": {"image": "gone.png"}, "annotations": [{"result": None}]}]
    video = [{"id": 6, "data": {"video": "/data/upload/v.mp4"},
              "annotations": [{"result": [{"type": "videorectangle", "value": {}}]}]}]  # fmt: skip
    path, told = tmp_path / "t.json", Counter[str]()
    path.write_text(json.dumps([*task(POLYGON), *blank, *video]))
    (record,) = formats.stream(path, on_left_out=lambda file, kind, count: told.update({kind: count}))
    assert record.masks.areas.tolist() == [AREA]
    assert told == {"task without annotations": 1, "videorectangle": 1, "task without an image": 1}
    path.write_text(json.dumps(video))
    with pytest.raises(FormatError, match=r"got none in t\.json .*1 videorectangle"):
        list(formats.stream(path, on_left_out=lambda *what: None))


def test_what_a_task_holds_beside_masks_is_counted(tmp_path):
    others = [
        {"type": "keypointlabels", "value": {"x": 1, "y": 1}},
        {"type": "choices", "value": {"choices": ["good"]}, "to_name": "image"},
        {"type": "relation", "from_id": "a", "to_id": "b"},
    ]
    record = read(tmp_path / "a.json", task(POLYGON, *others))
    assert len(record.masks) == 1
    assert record.left_out == {"keypoint": 1, "choices": 1, "relation": 1}


def test_other_annotators_are_told(tmp_path):
    one = task(POLYGON)[0]["annotations"][0]
    cancelled = {**one, "was_cancelled": True}
    answers = {"annotations": [cancelled, one, one, one], "predictions": [one], "drafts": [one]}
    record = read(tmp_path / "a.json", task(**answers))
    assert len(record.masks) == 1
    assert record.left_out == {
        "result of a cancelled annotation": 1, "result of another annotation": 2,
        "result of another prediction": 1, "result of another draft": 1,
    }  # fmt: skip


def test_each_image_of_a_task_has_its_own_masks(tmp_path):
    data = {"image": "/data/upload/1/l.png", "image2": "/data/upload/1/r.png", "text": "note.txt"}
    second = {**POLYGON, "to_name": "image2"}
    (tmp_path / "a.json").write_text(json.dumps(task(POLYGON, second, second, data=data)))
    left, right = formats.read(tmp_path / "a.json")
    assert [(one.id, one.image.name, len(one.masks)) for one in (left, right)] == [
        ("7", "l.png", 1),
        ("7-image2", "r.png", 2),
    ]
    names = [{**POLYGON, "to_name": "left"}, {**POLYGON, "to_name": "right"}]
    (tmp_path / "a.json").write_text(json.dumps(task(*names, data=data)))
    assert [one.image.name for one in formats.read(tmp_path / "a.json")] == ["l.png", "r.png"]
    record = read(
        tmp_path / "a.json", task({**POLYGON, "to_name": "who"}, data=data, meta={"size": [20, 30]})
    )
    assert (len(record.masks), record.left_out) == (0, {"result of an unknown image": 1})


def test_the_short_form_of_tasks(tmp_path):
    value = {"points": CORNERS, "polygonlabels": ["A"], "original_width": 30, "original_height": 20}
    record = read(
        tmp_path / "a.json", [{"id": 1, "image": "/data/upload/1/a.png", "label": [value], "annotator": 1}]
    )
    assert (record.meta["categories"], record.masks.areas.tolist()) == (["A"], [AREA])
