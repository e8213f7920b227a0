"""What one user sends harms no other: limits, values that cannot be stored, identities, replaced images."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi import HTTPException
from starlette.exceptions import HTTPException as StarletteHTTPException

from anymask.app import guesses
from anymask.app.archives import Temporary
from anymask.app.guesses import Guesses
from anymask.app.routes import masks as mask_routes
from anymask.app.security import Guard, count_values
from anymask.app.settings import Limits, Settings
from anymask.data_engine.project import open_project
from anymask.errors import StoreError
from anymask.geometry import rle
from anymask.types import Masks

BOSS = {"authorization": "Bearer boss"}


def run(start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine in a thread of its own: the browser of other tests keeps a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(start())).result()


def coco(image: dict, start: int = 10, **annotation: object) -> str:
    """A COCO file with one mask of an image."""
    size = [image["height"], image["width"]]
    shape = {"size": size, "counts": [start, 5, size[0] * size[1] - start - 5]}
    return json.dumps({
        "images": [{"id": 1, "width": size[1], "height": size[0], "file_name": image["name"]}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": shape, **annotation}],
        "categories": [{"id": 1, "name": "cat"}],
    })  # fmt: skip


def send(client, text: str):
    return client.post("/api/import", files={"file": ("a.json", text)})


# ---- limits


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"seconds": 0.0}, "this must be done within 0 seconds"),
        ({"memory": 1 << 20}, "Split it, or allow more with --max-memory"),
    ],
)
@pytest.mark.usefixtures("apart")
def test_imports_have_limits_of_their_own(start, limits, words) -> None:
    client = start(Settings(limits=Limits(**limits)))
    text = json.dumps({"imagePath": "cat.jpg", "imageWidth": 9, "imageHeight": 9, "shapes": [[]] * 9000})
    answer = client.post("/api/import?format=labelme", files={"file": ("a.json", text)})
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.json()


@pytest.mark.usefixtures("apart")
def test_masks_leave_and_come_back_through_other_processes(client, image) -> None:
    assert send(client, coco(image)).json()["masks"] == 1
    answer = client.get("/api/export?format=coco")
    assert (answer.status_code, answer.content[:2]) == (200, b"PK")
    assert send(client, "[]").status_code == 400


def test_heavy_requests_wait_for_their_turn_and_are_told(start) -> None:
    client = start(Settings(limits=Limits(heavy=1, patience=0.05)))
    server = client.app.state.server
    with server.turn():
        answers = [client.get("/api/export"), send(client, "{}")]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert "busy with large files" in answers[0].json()["error"]
    assert client.get("/api/export").status_code == 200


def test_values_of_a_request_are_bounded(start, image, square) -> None:
    client = start(Settings(limits=Limits(values=1000)))
    address = f"/api/images/{image['id']}/masks/m"
    long = {**square(image), "counts": "[,{" * 5000}
    assert client.put(address, json=long, headers={"If-Match": "0"}).status_code == 400  # text, no values
    many = {**square(image), "prompts": [[]] * 1000}
    answer = client.put(address, json=many, headers={"If-Match": "0"})
    assert (answer.status_code, "more than 1000 values" in answer.json()["error"]) == (413, True)


def test_values_are_counted_outside_of_texts() -> None:
    assert count_values(b'{"a\\"[,{": [1, 2, "[[[[\\\\"], "b": {}}') == 6


@pytest.mark.filterwarnings("ignore::anymask.errors.ImageWarning")
def test_many_mask_prompts_are_decoded_a_few_at_a_time(start, weights, image, square, monkeypatch) -> None:
    from anymask.app import inference

    client = start(weights)
    mask = square(image)["counts"]
    prompts = [{"mask": mask} for _ in range(5)]
    address = f"/api/images/{image['id']}/predict"
    whole = client.post(address, json={"prompts": prompts}).json()["masks"]
    monkeypatch.setattr(inference, "DECODED", 2 * image["width"] * image["height"])
    calls = []
    call = client.app.state.server.models.call
    monkeypatch.setattr(client.app.state.server.models, "call", lambda work: calls.append(1) or call(work))
    parts = client.post(address, json={"prompts": prompts}).json()["masks"]
    assert [one["prompt"] for one in parts] == [one["prompt"] for one in whole] == [0, 1, 2, 3, 4]
    assert [one["counts"] for one in parts] == [one["counts"] for one in whole]
    assert len(calls) == 3


def test_a_long_list_of_masks_goes_through_a_file(client, image, square, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    address = f"/api/images/{image['id']}/masks"
    for number in range(3):
        body = {**square(image, x=10 + 40 * number), "prompts": {"points": [[1.5, 2]]}}
        client.put(f"{address}/m{number}", json=body, headers={"If-Match": "0"})
    client.delete(f"{address}/m1", headers={"If-Match": "1"})
    short = client.get(address)
    monkeypatch.setattr(mask_routes, "LARGE", 10)
    long = client.get(address)
    assert long.json() == short.json()
    assert long.headers["etag"] == short.headers["etag"]
    assert list(tmp_path.glob("anymask-*")) == []
    assert client.get(address, headers={"if-none-match": long.headers["etag"]}).status_code == 304


def test_a_broken_download_leaves_nothing(tmp_path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "a.zip").write_bytes(bytes(1000))

    async def send(message) -> None:
        raise OSError("the client went away")

    scope = {"type": "http", "method": "GET", "headers": []}
    with pytest.raises(Exception, match=r"went away|TaskGroup"):
        run(lambda: Temporary(folder / "a.zip")(scope, None, send))
    assert not folder.exists()


# ---- values


BAD_PROMPTS = {
    "NaN": float("nan"),
    "infinity": [1e400],
    "half a pair": "\ud800",
    "half a pair as key": {"\udfff": 1},
    "NUL": "a\0b",
    "400 digits": 10**400,
    "deep": json.loads("[" * 40 + "]" * 40),
}


def test_prompts_that_cannot_be_stored_are_refused(client, image, square) -> None:
    address = f"/api/images/{image['id']}/masks"
    headers = {"If-Match": "0", "content-type": "application/json"}
    for kind, prompts in BAD_PROMPTS.items():
        body = json.dumps({**square(image), "prompts": prompts})
        answer = client.put(f"{address}/m", content=body, headers=headers)
        assert answer.status_code in (400, 422), (kind, answer.text)
        assert set(answer.json()) == {"error"}
    assert client.get(address).json() == {"masks": []}


def test_deep_json_is_no_fault(client, image) -> None:
    place = f"/api/images/{image['id']}"
    headers = {"If-Match": "0", "content-type": "application/json"}
    for path in ("/api/people", "/api/labels", f"{place}/masks/m", f"{place}/predict", "/api/session"):
        method = "PUT" if path.endswith(("labels", "/m")) else "POST"
        for depth in (500, 5000):
            body = '{"prompts":' + "[" * depth + "]" * depth + "}"
            answer = client.request(method, path, content=body, headers=headers)
            assert answer.status_code in (400, 422), (path, depth)


def test_no_imported_score_makes_a_list_unreadable(client, image) -> None:
    address = f"/api/images/{image['id']}/masks"
    scores = ("1e400", "Infinity", "-Infinity", "NaN", "1e39", "97.5", "-3")
    for count, score in enumerate(scores, 1):
        text = coco(image, score=0, start=10 * count).replace('"score": 0', f'"score": {score}')
        assert send(client, text).json()["masks"] == 1
        found = client.get(address).json()["masks"]
        assert len(found) == count
        assert all(mask["score"] is None or 0 <= mask["score"] <= 1 for mask in found)


def test_names_of_labels_from_files_become_plain(client, image) -> None:
    text = coco(image).replace('"cat"', json.dumps("a\ud800\x07" + "b" * 300))
    assert send(client, text).json()["masks"] == 1
    [label] = client.get("/api/project").json()["labels"]
    assert label["name"] == "a" + "b" * 199


def test_names_of_users_have_at_most_64_letters(client) -> None:
    for name in ("x" * 65, "x" * 200, "", "a\nb"):
        assert client.post("/api/people", json={"name": name, "role": "admin"}).status_code == 422
    assert client.post("/api/people", json={"name": "y" * 64, "role": "admin"}).status_code == 201


# ---- users


def test_reserved_names_are_refused(client) -> None:
    for name in ("admin", "Admin", " ADMIN ", "local", "ａdmin"):
        answer = client.post("/api/people", json={"name": name, "role": "annotator"})
        assert (answer.status_code, "name must not be one of" in answer.json()["error"]) == (400, True)


def test_jobs_belong_to_ids_and_not_to_names(start, weights, image) -> None:
    client = start(Settings(token="boss", models=weights.models))
    image = client.get("/api/images", headers=BOSS).json()["images"][0]

    def person(name: str) -> dict:
        made = client.post("/api/people", json={"name": name, "role": "annotator"}, headers=BOSS).json()
        return {"authorization": f"Bearer {made['token']}"}

    first = person("ann")
    turn = threading.Event()
    client.app.state.server.jobs.start(
        "like", "somebody", lambda tick: turn.wait(10)
    )  # it keeps others waiting
    job = client.post(f"/api/images/{image['id']}/automatic", json={}, headers=first).json()["id"]
    client.delete("/api/people/ann", headers=BOSS)
    second = person("ann")
    refused = client.delete(f"/api/jobs/{job}", headers=second)
    assert (refused.status_code, refused.json()["error"]) == (
        403,
        "Only the user who started this job or an admin can cancel it.",
    )
    assert client.delete(f"/api/jobs/{job}", headers=BOSS).json()["state"] == "cancelled"
    with client.stream("GET", f"/api/jobs/{job}/events", headers=second) as events:
        assert "event: cancelled" in "".join(events.iter_text())
    turn.set()


def test_guessing_tokens_is_slowed_down(start) -> None:
    client = start(Settings(token="boss"))
    assert client.get("/api/project", headers=BOSS).status_code == 200
    codes = [client.post("/api/session", json={"token": f"x{n}"}).status_code for n in range(14)]
    assert codes == [401] * guesses.FREE + [429] * 4
    refused = client.get("/api/project", headers={"authorization": "Bearer y"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    client.app.state.server.seen.clear()
    assert client.get("/api/project", headers=BOSS).status_code == 200  # known to be right
    assert client.get("/api/project").status_code == 401  # without a token nothing is guessed


def test_guesses_are_forgotten(monkeypatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    kept = Guesses()
    for _ in range(guesses.FREE):
        kept.check("a", "x")
        kept.wrong("a")
    with pytest.raises(HTTPException):
        kept.check("a", "x")
    kept.check("b", "x")
    now += guesses.PAUSE + 0.1
    kept.check("a", "x")


def ask(headers: list[tuple[bytes, bytes]], receive=None, **limits: float) -> list[dict]:
    """The messages of a guarded application that reads the body."""
    sent: list[dict] = []

    async def app(scope, receive, send) -> None:
        try:
            await receive()
        except StarletteHTTPException as error:
            await send({"type": "http.response.start", "status": error.status_code, "headers": []})

    async def send(message) -> None:
        sent.append(message)

    async def nothing() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    guard = Guard(app, Settings(limits=Limits(**limits)))
    scope = {"type": "http", "method": "GET", "path": "/api/project", "headers": headers, "query_string": b""}
    run(lambda: guard(scope, receive or nothing, send))
    return sent


def test_a_second_host_is_refused() -> None:
    hosts = [(b"host", b"localhost"), (b"host", b"evil.example")]
    assert [ask(order)[0]["status"] for order in (hosts, hosts[::-1])] == [400, 400]
    assert ask(hosts[:1]) == []


def test_a_body_that_does_not_go_on_is_not_waited_for() -> None:
    async def never() -> dict:
        await asyncio.sleep(60)
        raise AssertionError

    assert ask([(b"host", b"localhost")], never, patience=0.01)[0]["status"] == 408


def test_postscript_never_reaches_ghostscript(client, monkeypatch) -> None:
    def called(*given: object, **more: object) -> None:
        raise AssertionError("Ghostscript was called")

    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", called)
    data = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    answer = client.post("/api/images", files={"files": ("a.png", data)})
    assert (answer.status_code, "which is none" in answer.json()["error"]) == (400, True)


def test_no_answer_tells_where_the_files_are(client, image, folder, tmp_path) -> None:
    elsewhere = folder.with_name("elsewhere")
    folder.rename(elsewhere)
    for path in (f"/api/images/{image['id']}/file", "/api/stats"):
        answer = client.get(path)
        assert str(tmp_path) not in answer.text
    assert (
        client.get(f"/api/images/{image['id']}/file").json()["error"].startswith("The project's project's")
        is False
    )
    elsewhere.rename(folder)


# ---- a full disk at the start


def test_what_is_there_can_be_read_when_nothing_can_be_written(
    start, folder, image, client, square, monkeypatch
):
    client.put(f"/api/images/{image['id']}/masks/m", json=square(image), headers={"If-Match": "0"})
    from anymask.data_engine.project.database import Database

    def full(self) -> None:
        raise StoreError("The database cannot be used: the disk is full.")

    monkeypatch.setattr(Database, "writing", full)
    again = start(project=open_project(folder))
    assert len(again.get(f"/api/images/{image['id']}/masks").json()["masks"]) == 1
    assert again.get("/api/project").json()["counts"]["masks"] == 1


# ---- an image that was replaced under its name


@pytest.mark.filterwarnings("ignore::anymask.errors.ImageWarning")
@pytest.mark.parametrize("what", ["version", "embedding", "predict", "automatic", "like", "thumb", "file"])
def test_a_replaced_image_gets_no_answer_of_the_old_one(
    start, weights, folder, photos, what, monkeypatch
) -> None:
    seen = []

    def segment(model, pixels, contexts, **more: object) -> Masks:
        seen.append(pixels.shape)
        return Masks(pixels.shape[:2], [])

    monkeypatch.setattr("anymask.inference.in_context.segment.segment_like", segment)
    client = start(weights)
    first, other = client.get("/api/images").json()["images"]

    def answer() -> object:
        place = f"/api/images/{first['id']}"
        if what == "version":
            return client.get(place).json()["version"]
        if what in ("thumb", "file"):
            return client.get(f"{place}/{what}").content
        if what == "embedding":
            return client.get(f"{place}/embedding/click").content
        if what == "predict":
            body = {"prompts": [{"points": [[100, 100]]}], "multimask": True}
            return client.post(f"{place}/predict", json=body).json()["masks"][0]["size"]
        if what == "automatic":
            job = client.post(
                f"{place}/automatic", json={"points_per_side": 1, "min_iou": 0, "min_stability": 0}
            )
        else:
            examples = [{"image": other["id"], "masks": ["m"]}]
            job = client.post("/api/like", json={"examples": examples, "images": [first["id"]]})
        with client.stream("GET", f"/api/jobs/{job.json()['id']}/events") as events:
            assert "event: done" in "".join(events.iter_text())
        [found] = client.get(f"/api/jobs/{job.json()['id']}").json()["result"]
        return seen[-1] if what == "like" else [mask["size"] for mask in found["masks"]]

    size = (other["height"], other["width"])
    bits = np.zeros(size, bool)
    bits[20:90, 20:90] = True
    mask = {"size": list(size), "counts": rle.to_string(rle.encode(bits))}
    client.put(f"/api/images/{other['id']}/masks/m", json=mask, headers={"If-Match": "0"})
    before = answer()
    shutil.copy(photos / "coffee.jpg", folder / first["name"])
    assert answer() != before
    assert client.get(f"/api/images/{first['id']}").json()["width"] != first["width"]
