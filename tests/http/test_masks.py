"""Saving masks: revisions, conflicts, retries."""

from __future__ import annotations

import pytest


@pytest.fixture
def put(client, image):
    """Save a mask."""

    def call(body, seen, id="m1"):
        return client.put(f"/api/images/{image['id']}/masks/{id}", json=body, headers={"If-Match": str(seen)})

    return call


@pytest.fixture
def address(image) -> str:
    return f"/api/images/{image['id']}/masks"


def test_every_save_is_a_revision(client, image, put, square, address) -> None:
    first, second = square(image), square(image, x=50)
    assert put(first, 0).json()["revision"] == 1
    kept = put(second, 1).json()
    assert (kept["revision"], kept["counts"], kept["author"]) == (2, second["counts"], "local")
    revisions = client.get(f"{address}/m1/revisions").json()["masks"]
    assert [one["counts"] for one in revisions] == [first["counts"], second["counts"]]
    assert client.get(address).json()["masks"] == [kept]


def test_what_the_server_gives_can_be_sent_back(image, put, square) -> None:
    kept = put(square(image), 0).json()
    assert put({**kept, "seconds": 9.0}, 1).json()["revision"] == 2


def test_nobody_overwrites_what_he_has_not_seen(image, put, square) -> None:
    there = put(square(image), 0).json()
    answer = put(square(image, x=90), 0)
    assert answer.status_code == 409
    assert answer.json()["current"] == there
    assert answer.json()["error"] == (
        "revision must be 1, the newest of mask m1, got 0. local changed it in the meantime. Compare both."
    )


def test_a_new_mask_has_no_revision_before(image, put, square) -> None:
    answer = put(square(image), 4)
    assert (answer.status_code, answer.json()["current"]) == (409, None)
    assert answer.json()["error"] == (
        "revision must be 0 for a new mask, got 4. Mask m1 is not in this image."
    )


def test_a_save_may_be_repeated(client, image, put, square, address) -> None:
    assert [put(square(image), 0).json()["revision"] for _ in range(3)] == [1, 1, 1]
    assert len(client.get(f"{address}/m1/revisions").json()["masks"]) == 1


def test_deleting_keeps_the_history(client, image, put, square, address) -> None:
    put(square(image), 0)
    for _ in range(2):  # a repeated one changes nothing
        gone = client.delete(f"{address}/m1", headers={"If-Match": "1"})
        assert (gone.status_code, gone.json()["revision"], gone.json()["deleted"]) == (200, 2, True)
    assert client.get(address).json()["masks"] == []
    assert len(client.get(f"{address}/m1/revisions").json()["masks"]) == 2
    assert put(square(image), 1).status_code == 409
    assert put(square(image), 2).json()["deleted"] is False
    assert client.get(f"/api/images/{image['id']}").json()["masks"] == 1


def test_deleting_needs_the_newest_revision(client, image, put, square, address) -> None:
    put(square(image), 0)
    put(square(image, x=70), 1)
    answer = client.delete(f"{address}/m1", headers={"If-Match": "1"})
    assert (answer.status_code, answer.json()["current"]["revision"]) == (409, 2)


def test_unchanged_masks_are_not_sent_again(client, image, put, square, address) -> None:
    put(square(image), 0)
    etag = client.get(address).headers["etag"]
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 304
    put(square(image, x=60), 1)
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"size": [3, 4]}, 400, r"size must be the image size [300, 451] (height, width), got [3, 4]."),
        ({"counts": "11"}, 400, "counts must sum to 300 x 451"),
        ({"counts": "~~"}, 400, "counts must hold characters"),
        ({"label_id": "nope"}, 404, "label must be one of this project, got 'nope'."),
        ({"seconds": -1}, 422, "seconds must be valid, got -1"),
        ({"color": "red"}, 422, "color must be valid"),
    ],
)
def test_masks_that_do_not_fit_are_refused(image, put, square, change, status, words) -> None:
    answer = put({**square(image), **change}, 0)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_if_match_must_be_given(client, image, square, address) -> None:
    answer = client.put(f"{address}/m1", json=square(image))
    assert (answer.status_code, "If-Match must be valid" in answer.json()["error"]) == (422, True)


def test_unknown_images_and_masks(client, address, square, image) -> None:
    headers = {"If-Match": "0"}
    for method, path in (("GET", "/api/images/nope/masks"), ("DELETE", f"{address}/nope")):
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, "must be one of this" in answer.json()["error"]) == (404, True)
    answer = client.put("/api/images/nope/masks/m1", json=square(image), headers=headers)
    assert answer.status_code == 404
