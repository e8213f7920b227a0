"""Review over HTTP: who may mark, assign, accept and comment; a finished image cannot be changed."""

from __future__ import annotations

import pytest

from anymask.app.settings import Settings

BOSS = {"authorization": "Bearer boss"}


@pytest.fixture
def team(start):
    """A client, and the headers of an annotator, another annotator and a reviewer."""
    client = start(Settings(token="boss"))
    heads = {}
    for name, role in (("ann", "annotator"), ("ben", "annotator"), ("rob", "reviewer")):
        person = client.post("/api/people", json={"name": name, "role": role}, headers=BOSS).json()
        heads[name] = {"authorization": f"Bearer {person['token']}"}
    return client, heads


@pytest.fixture
def one(team):
    client, _ = team
    return client.get("/api/images", headers=BOSS).json()["images"][0]


def test_a_finished_image_cannot_be_changed(team, one, square) -> None:
    """Complaint 11: an annotator writes after "done"."""
    client, heads = team
    place, seen = f"/api/images/{one['id']}", {"If-Match": "0"}
    put = f"{place}/masks/m"
    assert client.put(put, json=square(one), headers=heads["ann"] | seen).status_code == 200
    assert client.patch(place, json={"done": True}, headers=heads["ann"]).json()["done"]
    late = client.put(put, json=square(one, x=40), headers=heads["ann"] | {"If-Match": "1"})
    assert (late.status_code, late.json()["error"]) == (
        403,
        "This image is marked as done, so its masks cannot be changed. Mark it as not done first.",
    )
    assert client.delete(put, headers=heads["ann"] | {"If-Match": "1"}).status_code == 403
    assert (
        client.put(put, json=square(one, x=50), headers=heads["rob"] | {"If-Match": "1"}).status_code == 200
    )
    client.patch(place, json={"review": "accepted"}, headers=heads["rob"])
    refused = client.patch(place, json={"done": False}, headers=heads["ann"])
    assert (refused.status_code, refused.json()["error"]) == (
        403,
        "Changing an accepted image needs the role reviewer; yours is annotator. Ask an admin.",
    )
    late = client.put(put, json=square(one), headers=heads["ann"] | {"If-Match": "2"})
    assert late.json()["error"].endswith("Ask a reviewer to return it.")
    client.patch(place, json={"review": "returned"}, headers=heads["rob"])
    assert client.put(put, json=square(one), headers=heads["ann"] | {"If-Match": "2"}).status_code == 200


def test_reviewers_assign_and_annotators_take(team, one) -> None:
    client, heads = team

    def mark(who: str, **facts: object):
        return client.patch(f"/api/images/{one['id']}", json=facts, headers=heads[who])

    assert client.get("/api/project", headers=heads["ann"]).json()["assignees"] == ["ann", "ben", "rob"]
    assert mark("ann", assignee="ben").status_code == 403
    assert mark("ann", assignee="ann").json()["assignee"] == "ann"
    assert mark("ben", assignee="ben").status_code == mark("ben", assignee="").status_code == 403
    assert mark("ann", assignee="").json()["assignee"] is None
    assert mark("rob", assignee="ben").json()["assignee"] == "ben"
    unknown = mark("rob", assignee="nobodyx")
    assert (unknown.status_code, unknown.json()["error"]) == (
        400,
        "assignee must be the name of a user, got 'nobodyx'. Users: ann, ben, rob.",
    )
    mine = client.get("/api/images?assignee=ben", headers=heads["ben"]).json()["images"]
    assert [image["id"] for image in mine] == [one["id"]]
    assert mark("ann", review="accepted").status_code == 403


def test_tags_are_listed_and_found(client, image) -> None:
    place = f"/api/images/{image['id']}"
    assert client.patch(place, json={"tags": ["night", "rain"]}).json()["tags"] == ["night", "rain"]
    assert client.get("/api/project").json()["tags"] == ["night", "rain"]
    assert len(client.get("/api/images?tag=rain").json()["images"]) == 1
    assert client.get("/api/images?tag=rai").json()["images"] == []
    for wrong in ({"tags": ["\n"]}, {"tags": [""]}, {"tags": ["x"] * 51}, {"review": "maybe"}):
        assert client.patch(place, json=wrong).status_code == 422


def test_comments_belong_to_their_author(team, one) -> None:
    client, heads = team
    place = f"/api/images/{one['id']}/comments"
    body = {"text": "The ear is missing.", "mask_id": "m"}
    made = client.put(f"{place}/c1", json=body, headers=heads["rob"]).json()
    assert (made["author"], made["resolved"]) == ("rob", False)
    assert client.get("/api/images?show=comments", headers=BOSS).json()["images"][0]["comments"] == 1
    for answer in (
        client.put(f"{place}/c1", json={"text": "No."}, headers=heads["ann"]),
        client.delete(f"{place}/c1", headers=heads["ann"]),
    ):
        assert answer.status_code == 403
        assert "somebody else needs the role reviewer" in answer.json()["error"]
    assert client.patch(f"{place}/c1", json={"resolved": True}, headers=heads["ann"]).json()["resolved"]
    assert client.put(f"{place}/c2", json={"text": "x"}, headers=heads["ann"]).status_code == 200
    assert client.delete(f"{place}/c2", headers=heads["ann"]).status_code == 204
    assert [one["id"] for one in client.get(place, headers=BOSS).json()["comments"]] == ["c1"]
    assert client.patch(f"{place}/c9", json={"resolved": True}, headers=BOSS).status_code == 404
    assert client.put(f"{place}/c3", json={"text": " "}, headers=BOSS).status_code in (400, 422)


def test_attributes_travel_with_labels_and_masks(client, image, square) -> None:
    kinds = [{"name": "occluded", "kind": "choice", "choices": ["no", "partly"]}]
    label = {"id": "c", "name": "cat", "color": "#ff0000", "attributes": kinds}
    assert client.put("/api/labels", json={"labels": [label]}).json()["labels"] == [label]
    assert client.get("/api/project").json()["labels"] == [label]
    place = f"/api/images/{image['id']}/masks"
    body = {**square(image), "label_id": "c", "attributes": {"occluded": "partly", "n": 2}, "depth": 3}
    assert client.put(f"{place}/m", json=body, headers={"If-Match": "0"}).json()["attributes"] == {
        "occluded": "partly",
        "n": 2,
    }
    (read,) = client.get(place).json()["masks"]
    assert (read["attributes"], read["depth"]) == ({"occluded": "partly", "n": 2}, 3)
    for wrong in ({"attributes": {"a": [1]}}, {"depth": "deep"}, {"attributes": {"": 1}}):
        answer = client.put(f"{place}/n", json=square(image) | wrong, headers={"If-Match": "0"})
        assert answer.status_code == 422


def test_a_second_annotator_is_compared_with_the_first(team, one, square) -> None:
    client, heads = team
    place, seen = f"/api/images/{one['id']}", {"If-Match": "0"}
    client.patch(place, json={"assignee": "ann"}, headers=heads["rob"])
    client.put(f"{place}/masks/m", json=square(one), headers=heads["ann"] | seen)
    assert client.post(f"{place}/copies", json={"assignee": "ben"}, headers=heads["ann"]).status_code == 403
    assert client.post(f"{place}/copies", json={"assignee": "x"}, headers=heads["rob"]).status_code == 400
    copy = client.post(f"{place}/copies", json={"assignee": "ben"}, headers=heads["rob"]).json()
    for path in (f"{place}/masks", f"{place}/masks/m/revisions", f"{place}/comments"):
        assert client.get(path, headers=heads["ben"]).status_code == 403
        assert client.get(path, headers=heads["ann"]).status_code == 200
    assert client.put(f"{place}/masks/n", json=square(one), headers=heads["ben"] | seen).status_code == 403
    ids = [image["id"] for image in client.get("/api/images", headers=heads["ben"]).json()["images"]]
    assert copy["id"] in ids
    assert one["id"] not in ids
    theirs = f"/api/images/{copy['id']}"
    assert client.get(f"{theirs}/thumb", headers=heads["ben"]).status_code == 200
    client.put(f"{theirs}/masks/m", json=square(one, x=15), headers=heads["ben"] | seen)
    client.patch(place, json={"review": "accepted"}, headers=heads["rob"])
    assert client.get("/api/agreement", headers=heads["ben"]).status_code == 403
    found = client.get("/api/agreement", headers=heads["rob"]).json()
    [row], [score] = found["comparisons"], found["scores"]
    assert (row["first"], row["second"], row["matched"], row["known"]) == ("ann", "ben", 1, True)
    assert row["mean_iou"] == score["mean_iou"] == pytest.approx(25 / 35)
    assert (score["name"], score["found"], score["missed"], score["extra"]) == ("ben", 1, 0, 0)
