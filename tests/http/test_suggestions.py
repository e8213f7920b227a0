"""Suggestions and marks over HTTP: who may do what, and what lists and exports show then."""

from __future__ import annotations

import io
import json
import zipfile

from anymask.app.settings import Settings

ADMIN = {"Authorization": "Bearer secret"}


def categories(client, query: str = "") -> list[str]:
    """The images of the masks in an export."""
    with zipfile.ZipFile(io.BytesIO(client.get(f"/api/export?format=coco{query}").content)) as archive:
        coco = json.loads(archive.read("annotations.json"))
    names = {one["id"]: one["file_name"] for one in coco["images"]}
    return [names[one["image_id"]] for one in coco["annotations"]]


def test_suggestions_are_exported_once_accepted(client, image, square) -> None:
    mask = {key: square(image)[key] for key in ("size", "counts")} | {"score": 0.8}
    body = {"label_id": None, "model": "m", "images": [{"image": image["id"], "masks": [mask]}]}
    assert client.put("/api/suggestions/example", json=body).json() == {"images": 1, "masks": 1}
    (found,) = client.get(f"/api/images/{image['id']}/masks").json()["masks"]
    assert (found["suggested_by"], found["score"]) == ("example", 0.8)
    assert client.get("/api/images?show=suggestions").json()["images"][0]["suggestions"] == 1
    assert (categories(client), categories(client, "&suggestions=true")) == ([], ["cat.jpg"])
    accepted = {**found, "suggested_by": None}
    put = client.put(
        f"/api/images/{image['id']}/masks/{found['id']}", json=accepted, headers={"If-Match": "1"}
    )
    assert put.json()["suggested_by"] is None
    assert categories(client) == ["cat.jpg"]
    assert client.delete("/api/suggestions").json() == {"masks": 0}


def test_a_second_search_and_an_empty_one(client, image, square) -> None:
    def search(*xs: int) -> dict:
        some = [{key: square(image, x)[key] for key in ("size", "counts")} for x in xs]
        body = {"images": [{"image": image["id"], "masks": some}] if xs else []}
        return client.put("/api/suggestions/example", json=body).json()

    assert search(10, 60)["masks"] == 2
    assert search(110)["masks"] == 1
    assert len(client.get(f"/api/images/{image['id']}/masks").json()["masks"]) == 1
    assert search() == {"images": 0, "masks": 0}
    assert client.get("/api/project").json()["counts"]["suggestions"] == 0


def test_images_are_marked_searched_and_removed(client, image) -> None:
    address = f"/api/images/{image['id']}"
    assert client.patch(address, json={"done": True}).json()["done"]
    names = [one["name"] for one in client.get("/api/images?show=todo").json()["images"]]
    assert names == ["flower.jpg"]
    assert client.get("/api/images?search=at.j").json()["images"][0]["name"] == "cat.jpg"
    assert client.patch(address, json={"removed": True}).json()["removed"]
    assert client.get("/api/project").json()["counts"]["images"] == 1
    client.patch(address, json={"removed": False})
    assert client.get("/api/project").json()["counts"]["images"] == 2


def test_an_annotator_removes_no_image(start) -> None:
    client = start(Settings(token="secret"))
    person = client.post("/api/people", json={"name": "eve", "role": "annotator"}, headers=ADMIN).json()
    eve = {"Authorization": f"Bearer {person['token']}"}
    image = client.get("/api/images", headers=eve).json()["images"][0]
    address = f"/api/images/{image['id']}"
    assert client.patch(address, json={"done": True}, headers=eve).status_code == 200
    refused = client.patch(address, json={"removed": True}, headers=eve)
    assert (refused.status_code, "needs the role reviewer" in refused.json()["error"]) == (403, True)


def test_files_that_cannot_be_read_are_named(start, folder) -> None:
    (folder / "broken.jpg").write_bytes(b"no image")
    assert start().get("/api/project").json()["unreadable"] == ["broken.jpg"]
