"""The project, its labels, statistics, images; annotations out and in."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient
from PIL import Image

from anymask.app import dependencies
from anymask.data_engine.project import images, open_project
from anymask.geometry import rle
from anymask.images.bands import Bands

LABELS = [
    {"id": "c", "name": "cat", "color": "#ff0000", "attributes": []},
    {"id": "d", "name": "dog 🐕", "color": "#00ff00", "attributes": []},
]


@pytest.fixture
def labelled(client, image, square):
    """A project with two labels and three masks on the first image, one without a label."""
    client.put("/api/labels", json={"labels": LABELS})
    for number, label in enumerate(("c", "d", None)):
        body = {**square(image, x=10 + 40 * number), "label_id": label, "author": "eve"}
        put = client.put(f"/api/images/{image['id']}/masks/m{number}", json=body, headers={"If-Match": "0"})
        assert put.status_code == 200
    return client


def test_what_the_page_needs_first(client) -> None:
    found = client.get("/api/project").json()
    assert found["name"] == "photos"
    assert (found["models"], found["example_models"]) == (["compact"], ["context"])
    assert found["counts"] == {"images": 2, "annotated": 0, "done": 0, "masks": 0, "suggestions": 0}
    assert found["person"] == {"name": "local", "role": "admin"}


def test_images_come_in_pages(client) -> None:
    first = client.get("/api/images?limit=1").json()
    second = client.get(f"/api/images?limit=1&after={first['next']}").json()
    assert [one["name"] for one in first["images"] + second["images"]] == ["cat.jpg", "flower.jpg"]
    assert second["next"] is None
    assert client.get("/api/images?after=nope").status_code == 404


def test_small_images(client, image) -> None:
    answer = client.get(f"/api/images/{image['id']}/thumb")
    with Image.open(io.BytesIO(answer.content)) as scene:
        assert scene.size == (320, 213)
    again = {"If-None-Match": answer.headers["etag"]}
    for part in ("thumb", "file"):
        etag = client.get(f"/api/images/{image['id']}/{part}").headers["etag"]
        again = client.get(f"/api/images/{image['id']}/{part}", headers={"If-None-Match": etag})
        assert again.status_code == 304


@pytest.mark.filterwarnings("ignore::anymask.errors.ImageWarning")
def test_deep_images_are_shown_as_the_project_says(start, folder, weights) -> None:
    samples = np.full((60, 80), 200, np.uint16)
    samples[20:40, 20:60] = 4000
    for name in ("cat.jpg", "flower.jpg"):
        (folder / name).unlink()
    cv2.imwrite(str(folder / "a.png"), samples)
    tifffile.imwrite(folder / "b.tif", samples.astype(np.float32))
    seen, etags = {}, set()
    for limits in (None, (0, 4000), (0, 8000)):
        bands = None if limits is None else Bands(limits=limits)
        client = start(weights, open_project(folder, bands=bands))
        found = client.get("/api/images").json()["images"]
        assert [one["name"] for one in found] == ["a.png", "b.tif"]
        for one in found:
            file, thumb = (client.get(f"/api/images/{one['id']}/{part}") for part in ("file", "thumb"))
            assert file.headers["content-type"] == "image/png"
            pixels = np.asarray(Image.open(io.BytesIO(file.content)))
            assert pixels.dtype == np.uint8
            seen[limits, one["name"]] = pixels[30, 40].tolist()
            small = np.asarray(Image.open(io.BytesIO(thumb.content)))
            assert np.abs(small[30, 40].astype(int) - pixels[30, 40]).max() < 9
            etags |= {file.headers["etag"], thumb.headers["etag"]}
    assert len(etags) == 12, "what is kept of one view is not taken for another"
    for name in ("a.png", "b.tif"):
        assert [seen[limits, name][0] for limits in (None, (0, 4000), (0, 8000))] == [255, 255, 128]


def test_labels_in_use_stay(labelled) -> None:
    answer = labelled.put("/api/labels", json={"labels": LABELS[1:]})
    assert answer.json() == {
        "error": "labels must include those that masks use, got none for 'cat'. Keep it."
    }
    assert labelled.get("/api/project").json()["labels"] == LABELS
    renamed = [{**LABELS[0], "name": "tiger"}, LABELS[1]]
    assert labelled.put("/api/labels", json={"labels": renamed}).json()["labels"] == renamed


def test_a_label_removed_meanwhile_comes_back_with_its_mask(client, image, square) -> None:
    client.put("/api/labels", json={"labels": LABELS})
    address = f"/api/images/{image['id']}/masks/m"
    body = {**square(image), "label_id": "c"}
    client.put(address, json=body, headers={"If-Match": "0"})
    client.delete(address, headers={"If-Match": "1"})
    client.put("/api/labels", json={"labels": LABELS[1:]})
    assert [one["id"] for one in client.get("/api/project").json()["labels"]] == ["d"]
    assert client.put(address, json=body, headers={"If-Match": "2"}).status_code == 200
    assert {one["id"] for one in client.get("/api/project").json()["labels"]} == {"c", "d"}


@pytest.mark.parametrize("what", ["id", "name"])
def test_labels_are_told_apart(client, what) -> None:
    twins = [LABELS[0], {**LABELS[1], what: LABELS[0][what]}]
    answer = client.put("/api/labels", json={"labels": twins})
    assert (answer.status_code, f"labels must have different {what}s" in answer.json()["error"]) == (
        400,
        True,
    )


def test_statistics(labelled, image, square) -> None:
    found = labelled.get("/api/stats").json()
    assert (found["images"], found["annotated"], found["masks"], found["revisions"]) == (2, 1, 3, 3)
    assert found["seconds"] == 4.5
    assert found["by_author"] == [{"name": "eve", "masks": 3, "seconds": 4.5}]
    assert {one["name"] for one in found["by_label"]} == {"cat", "dog 🐕", None}


def exported(client, format: str) -> zipfile.ZipFile:
    answer = client.get(f"/api/export?format={format}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    return zipfile.ZipFile(io.BytesIO(answer.content))


def test_masks_leave_as_coco(labelled, image, square) -> None:
    archive = exported(labelled, "coco")
    document = json.loads(archive.read("annotations.json"))
    assert [one["file_name"] for one in document["images"]] == ["cat.jpg"]
    assert [one["segmentation"]["counts"] for one in document["annotations"]] == [
        square(image, x=10 + 40 * number)["counts"] for number in range(3)
    ]
    assert {one["name"] for one in document["categories"]} == {"cat", "dog 🐕", "object"}
    assert json.loads(archive.read("report.json"))["masks"] == 3


def test_images_that_are_neither_annotated_nor_done_leave_only_if_asked_for(labelled) -> None:
    other = labelled.get("/api/images").json()["images"][1]["id"]

    def names(query: str = "") -> tuple[set[str], set[str]]:
        archive = exported(labelled, f"coco&images=true{query}")
        document = json.loads(archive.read("annotations.json"))
        files = {Path(name).name for name in archive.namelist() if name.endswith(".jpg")}
        return {one["file_name"] for one in document["images"]}, files

    both = {"cat.jpg", "flower.jpg"}
    assert names() == ({"cat.jpg"}, {"cat.jpg"})
    assert names("&every=true") == (both, both)
    labelled.patch(f"/api/images/{other}", json={"done": True})
    assert names() == (both, both)


@pytest.mark.parametrize(
    "format", ["coco", "yolo", "labelme", "sa1b", "geojson", "cvat", "labelstudio", "npz"]
)
def test_what_left_comes_back(labelled, image, format, start, folder) -> None:
    archive = exported(labelled, format)
    address = f"/api/images/{image['id']}/masks"
    before = labelled.get(address).json()["masks"]
    for mask in before:
        labelled.delete(f"{address}/{mask['id']}", headers={"If-Match": str(mask["revision"])})
    data = archive.fp.getvalue()
    for new in (3, 0):  # the second time all is there already
        answer = labelled.post(f"/api/import?format={format}", files={"file": ("a.zip", data)})
        found = answer.json()
        assert (found["masks"], found["known"], found["skipped"]) == (new, 3 - new, [])
    after = labelled.get(address).json()["masks"]
    assert sorted(mask["counts"] for mask in after) == sorted(mask["counts"] for mask in before)


def test_images_that_are_not_there_are_told(labelled) -> None:
    document = {"images": [{"id": 7, "width": 9, "height": 9, "file_name": "other.jpg"}], "annotations": []}
    files = {"file": ("coco.json", json.dumps({**document, "categories": []}))}
    answer = labelled.post("/api/import", files=files).json()
    assert answer["skipped"] == ["other.jpg: the project has no image of this name. Upload it first."]


def test_masks_of_another_size_are_told(labelled) -> None:
    segmentation = {"size": [9, 9], "counts": [40, 41]}
    document = {
        "images": [{"id": 1, "width": 9, "height": 9, "file_name": "cat.jpg"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 4, "segmentation": segmentation}],
        "categories": [{"id": 4, "name": "new"}],
    }
    answer = labelled.post("/api/import", files={"file": ("coco.json", json.dumps(document))}).json()
    assert (answer["masks"], len(answer["skipped"])) == (0, 1)
    wanted = "cat.jpg: masks must have the size of their image, 451 x 300 pixels, got 9 x 9."
    assert answer["skipped"][0].startswith(wanted)


def test_shapes_without_an_area_are_counted_as_shapes(labelled) -> None:
    line = {"label": "cat", "points": [[1, 1], [9, 9]], "shape_type": "line"}
    corners = {"label": "cat", "points": [[1, 1], [9, 1], [9, 9]], "shape_type": "polygon"}
    document = {
        "imagePath": "cat.jpg",
        "imageHeight": 300,
        "imageWidth": 451,
        "shapes": [line, corners, line],
    }
    answer = labelled.post("/api/import", files={"file": ("a.json", json.dumps(document))}).json()
    assert (answer["masks"], answer["skipped"]) == (1, [])
    assert answer["left_out"] == [{"name": "cat.jpg", "kind": "line", "count": 2}]


def test_ten_thousand_images_come_in_pages(start, folder) -> None:
    """Complaint 6: opening needs the first page alone, however many there are."""
    project = open_project(folder)
    facts = {"sha256": None, "width": 9, "height": 9, "bytes": 1, "modified": 1}
    client = start(project=project)
    with project.db.writing() as connection:
        many = [{**facts, "path": f"p{n:05}.png", "name": f"p{n:05}.png"} for n in range(10_000)]
        images.add(connection, many)
    first = client.get("/api/images?limit=60").json()
    assert (len(first["images"]), first["images"][0]["name"]) == (60, "cat.jpg")
    pages, after = 0, None
    while pages == 0 or after:
        query = "" if after is None else f"&after={after}"
        after = client.get(f"/api/images?limit=1000{query}").json()["next"]
        pages += 1
    assert pages == 11
    assert client.get("/api/project").json()["counts"]["images"] == 10_002


def scanned(client: TestClient) -> dict:
    """The project after the scan that asking for it may start."""
    while (found := client.get("/api/project").json())["scanning"]:
        time.sleep(0.01)
    return found


def test_photos_copied_into_the_folder_while_it_is_served_are_listed(client, folder, photos) -> None:
    """So are those in new subfolders, removed ones, and a file that was only half there at first."""
    whole = (photos / "coffee.jpg").read_bytes()
    (folder / "new" / "sub").mkdir(parents=True)
    (folder / "new" / "sub" / "coffee.jpg").write_bytes(whole)
    (folder / "half.jpg").write_bytes(whole[:9])
    (folder / "flower.jpg").unlink()
    found = scanned(client)
    assert (found["counts"]["images"], found["unreadable"]) == (2, ["half.jpg"])
    listed = [one["name"] for one in client.get("/api/images").json()["images"]]
    assert listed == ["cat.jpg", "new/sub/coffee.jpg"]
    (folder / "half.jpg").write_bytes(whole)
    found = scanned(client)
    assert (found["counts"]["images"], found["unreadable"]) == (3, [])


def test_a_folder_in_which_nothing_changed_is_not_scanned_again(client, monkeypatch) -> None:
    scanned(client)
    monkeypatch.setattr(dependencies, "scan", lambda *given: pytest.fail("nothing changed"))
    assert client.get("/api/project").json()["scanning"] is False


def test_an_export_tells_how_many_images_it_left_out(client, image, square) -> None:
    client.put(f"/api/images/{image['id']}/masks/m", json=square(image), headers={"If-Match": "0"})
    without_label = client.get("/api/export?format=labels")
    assert without_label.headers["anymask-skipped"] == "1"
    assert client.get("/api/export?format=coco").headers["anymask-skipped"] == "0"


def test_the_sample_photos_are_served_and_nothing_else(client, photos) -> None:
    assert client.get("/api/samples/cat.jpg").content == (photos / "cat.jpg").read_bytes()
    other = client.get("/api/samples/raccoon.jpg")
    assert (other.status_code, "sample" in other.json()["error"]) == (404, True)


def test_masks_and_polygons_are_what_was_asked_for(client, image) -> None:
    """Complaint 13: exports are exact masks by default, and polygons with few corners where asked for."""
    y, x = np.ogrid[: image["height"], : image["width"]]
    disc = (y - 150) ** 2 + (x - 200) ** 2 < 100**2
    body = {"size": [*disc.shape], "counts": rle.to_string(rle.encode(disc))}
    client.put(f"/api/images/{image['id']}/masks/m", json=body, headers={"If-Match": "0"})

    def exported(query: str) -> tuple[dict, dict]:
        archive = zipfile.ZipFile(io.BytesIO(client.get(f"/api/export?{query}").content))
        found = {
            name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")
        }
        report = found.pop("report.json")
        [(_, document)] = found.items()
        return document, report

    exact, report = exported("format=coco")
    assert "counts" in exact["annotations"][0]["segmentation"]
    corners = {}
    for loss in (0, 0.01, 0.05):
        document, report = exported(f"format=coco&polygons=true&max_loss={loss}")
        [outline] = document["annotations"][0]["segmentation"]
        corners[loss] = len(outline) // 2
        assert report["mean_iou"] >= 1 - loss
    assert corners[0] > 200
    assert corners[0.01] < 40
    assert corners[0.05] < 16
    assert client.get("/api/export?max_loss=0.9").status_code == 422
