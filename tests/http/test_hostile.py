"""What people and programs send: broken images, bombs, odd names; other sites, tokens, full disks."""

from __future__ import annotations

import errno
import io
import os
import shutil
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from anymask.app.settings import Limits, Settings
from anymask.data_engine.project import images, open_project
from anymask.data_engine.project.project import scan
from anymask.images.read import image_size


def png_of(width: int, height: int) -> bytes:
    """The start of a PNG of some size, with hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def image_bytes(format: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((*size[::-1], 3), 90, np.uint8)).save(out, format)
    return out.getvalue()


def send(client, name: str, data: bytes):
    return client.post("/api/images", files={"files": (name, data)})


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("huge.png", png_of(20_000, 10_000), "image must have at most"),
        ("large.png", png_of(12_000, 12_000), "image must have at most 100000000 pixels, got 12000 x 12000"),
        ("text.png", b"hello, I am no image", "which is none"),
        (
            "bad.svg",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            "which is none",
        ),
        ("cut.jpg", image_bytes("JPEG")[:400], "Get the file again"),
        ("empty.png", b"", "no bytes at all"),
        ("page.jpg", b"<html><script>alert(1)</script></html>", "which is none"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_good_image_is_refused_in_a_sentence(client, folder, name, data, words) -> None:
    answer = send(client, name, data)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{name}: ")
    assert words in answer.json()["error"]
    assert client.get("/api/project").json()["counts"]["images"] == 2
    assert list((folder / ".anymask" / "images").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../evil.png", "evil.png"),
        ("C:\\temp\\a.png", "a.png"),
        ("two\nlines.png", "two%0Alines.png"),
        ("🐈 ünïcode.png", "🐈 ünïcode.png"),
        ("x" * 1000 + ".png", "x" * 200),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
    ],
)
def test_names_are_names_and_no_paths(client, folder, name, shown) -> None:
    answer = send(client, name, image_bytes())
    assert answer.status_code == 201
    [image] = answer.json()["images"]
    assert image["name"] == shown
    assert client.get(f"/api/images/{image['id']}/file").content == image_bytes()
    everything = {path.name for path in folder.parent.rglob("*.png")}
    assert len(everything) == 1  # under its hash, in our folder
    assert [path.parent for path in folder.parent.rglob("*.png")] == [folder / ".anymask" / "images"]


def test_the_same_image_is_kept_once(client) -> None:
    ids = {send(client, name, image_bytes()).json()["images"][0]["id"] for name in ("a.png", "b.png")}
    assert len(ids) == 1


def test_a_type_is_told_by_the_content(client) -> None:
    [image] = send(client, "really-a-bitmap.png", image_bytes("BMP")).json()["images"]
    answer = client.get(f"/api/images/{image['id']}/file")
    assert answer.headers["content-type"] == "image/bmp"
    assert answer.headers["x-content-type-options"] == "nosniff"
    [image] = send(client, "a.tif", image_bytes("TIFF")).json()["images"]
    answer = client.get(f"/api/images/{image['id']}/file")  # browsers cannot show it
    assert (answer.headers["content-type"], answer.content[:4]) == ("image/png", b"\x89PNG")


def test_requests_are_bounded_with_and_without_a_length(start, square, image) -> None:
    client = start(Settings(limits=Limits(upload_bytes=1 << 20, json_bytes=1 << 20)))
    kind = {"content-type": "multipart/form-data; boundary=x"}
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    answers = [
        send(client, "a.png", bytes(2 << 20)),
        client.post("/api/images", content=iter([form] + [bytes(1 << 19)] * 4), headers=kind),
        client.put("/api/labels", content=b"[" * (2 << 20)),
        client.put("/api/labels", content=iter([b"[" * (1 << 19)] * 4)),
    ]
    for answer in answers:
        assert answer.json() == {"error": "The request is larger than 1 MiB. Send less at once."}
        assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"null", b"\xff\xfe", b'{"labels": NaN}'])
def test_damaged_json(client, body) -> None:
    answer = client.put("/api/labels", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"error"}


def test_links_out_of_the_folder_are_not_followed(folder, photos, tmp_path) -> None:
    shutil.copy(photos / "coffee.jpg", tmp_path / "secret.jpg")
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    project = open_project(folder)
    list(scan(project))
    found = images.listed(project.db)
    assert [one.name for one in found] == ["cat.jpg", "flower.jpg"]
    (folder / "cat.jpg").unlink()
    (folder / "cat.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(ValueError, match=r"image must be a file in the project's folder, got cat\.jpg"):
        project.file(found[0])
    project.close()


def test_odd_names_on_disk(folder, photos) -> None:
    names = [b"new\nline.jpg", b"caf\xe9.jpg", "🐈%2F.jpg".encode(), b"sub/#a?b.jpg"]
    (folder / "sub").mkdir()
    for name in names:
        shutil.copy(os.fsencode(photos / "cat.jpg"), os.fsencode(folder) + b"/" + name)
    (folder / "not-an-image.jpg").write_text("text")
    project = open_project(folder)
    assert list(scan(project)) == [7]
    found = {one.name: project.file(one) for one in images.listed(project.db)}
    assert set(found) == {
        "caf\ufffd.jpg",
        "cat.jpg",
        "flower.jpg",
        "newline.jpg",
        "sub/#a?b.jpg",
        "🐈%2F.jpg",
    }
    assert all(file.is_file() for file in found.values())
    project.close()


def test_many_images(tmp_path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "0000.png").write_bytes(image_bytes())
    for number in range(1, 2000):
        os.link(folder / "0000.png", folder / f"{number:04}.png")
    project = open_project(folder)
    assert list(scan(project))[-1] == 2000
    assert [one.name for one in images.every(project.db)] == [f"{n:04}.png" for n in range(2000)]
    assert list(scan(project)) == []
    project.close()


def test_a_moved_image_keeps_its_masks(start, folder, image, client, square) -> None:
    client.get(f"/api/images/{image['id']}/file")  # as the page does: now the content is known
    client.put(f"/api/images/{image['id']}/masks/m", json=square(image), headers={"If-Match": "0"})
    (folder / "new").mkdir()
    (folder / "cat.jpg").rename(folder / "new" / "tom.jpg")
    (folder / "flower.jpg").unlink()
    images = start().get("/api/images").json()["images"]
    assert [(one["id"], one["name"], one["masks"], one["missing"]) for one in images] == [
        (image["id"], "new/tom.jpg", 1, False)
    ]


def test_an_image_that_changed_or_came_back_is_the_same_one(start, folder, image, client, photos) -> None:
    client.get(f"/api/images/{image['id']}/file")
    for photo in ("coffee.jpg", None, "coffee.jpg"):
        if photo is None:
            (folder / "cat.jpg").unlink()
        else:
            (folder / "cat.jpg").write_bytes((photos / photo).read_bytes())
        now = client.get(f"/api/images/{image['id']}").json()  # also of a server that runs meanwhile
        found = start().get(f"/api/images/{image['id']}").json()
        assert (found["name"], found["missing"]) == ("cat.jpg", photo is None)
        assert now["missing"] == (photo is None)
    assert (found["width"], found["height"]) == image_size(photos / "coffee.jpg")[::-1]


def test_other_sites_cannot_change_anything(client, image) -> None:
    for headers in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        answer = client.put("/api/labels", json={"labels": []}, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["error"].startswith("Changes must come from this server's own page")
    own = {"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"}
    assert client.put("/api/labels", json={"labels": []}, headers=own).status_code == 200


def test_other_names_for_this_machine_are_refused(client) -> None:
    answer = client.get("/api/project", headers={"host": "evil.example:80"})
    assert answer.status_code == 403
    assert (
        "Open this server as 127.0.0.1 or [::1] or localhost, not as 'evil.example:80'"
        in answer.json()["error"]
    )
    assert client.get("/api/project", headers={"host": "localhost:8321"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/project", "/api/nope", "/static/nope.js", "/models/x/y"])
def test_every_answer_is_guarded(client, path) -> None:
    headers = client.get(path).headers
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["x-content-type-options"] == "nosniff"
    assert "'unsafe-inline'" not in headers["content-security-policy"]
    assert "unsafe-eval" not in headers["content-security-policy"].replace("wasm-unsafe-eval", "")


def test_roles(start) -> None:
    client = start(Settings(token="boss"))
    boss = {"authorization": "Bearer boss"}
    none = client.get("/api/project")
    assert (none.status_code, "needs a token, and none was sent" in none.json()["error"]) == (401, True)
    assert (
        client.get("/api/project", headers={"authorization": "Bearer b\u00f6ss".encode()}).status_code == 401
    )
    made = client.post("/api/people", json={"name": "ann", "role": "annotator"}, headers=boss).json()
    ann = {"authorization": f"Bearer {made['token']}"}
    assert client.get("/api/project", headers=ann).json()["person"] == {"name": "ann", "role": "annotator"}
    refused = client.put("/api/labels", json={"labels": []}, headers=ann)
    assert (refused.status_code, refused.json()["error"]) == (
        403,
        "This needs the role reviewer; yours is annotator. Ask an admin.",
    )
    assert client.get("/api/people", headers=ann).status_code == 403
    assert client.get("/models/compact/model.json").status_code == 401
    twice = client.post("/api/people", json={"name": "ann", "role": "admin"}, headers=boss)
    assert twice.json() == {"error": "name must be new, got 'ann', which is taken. Remove that user first."}
    role = client.patch("/api/people/ann", json={"role": "reviewer"}, headers=boss)
    assert role.json() == {"name": "ann", "role": "reviewer"}
    assert client.put("/api/labels", json={"labels": []}, headers=ann).status_code == 200
    assert client.patch("/api/people/ann", json={"role": "admin"}, headers=ann).status_code == 403
    assert client.patch("/api/people/eve", json={"role": "admin"}, headers=boss).status_code == 404
    assert client.delete("/api/people/ann", headers=boss).status_code == 204
    assert client.get("/api/project", headers=ann).status_code == 401
    gone = client.delete("/api/people/ann", headers=boss)
    assert (gone.status_code, "name must be that of a user" in gone.json()["error"]) == (404, True)


def test_signing_in_and_out_by_cookie(start) -> None:
    client = start(Settings(token="boss"))
    wrong = client.post("/api/session", json={"token": "x"})
    assert (wrong.status_code, wrong.json()["error"]) == (
        401,
        "This token is not valid. Ask an admin for yours.",
    )
    cookie = client.post("/api/session", json={"token": "boss"}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get("/api/project").status_code == 200
    client.delete("/api/session")
    assert client.get("/api/project").status_code == 401


@pytest.mark.parametrize("token", ["", "two words", "pässword", "x" * 201])
def test_tokens_that_no_header_can_carry(token) -> None:
    with pytest.raises(ValueError, match="token must be 1 to 200 letters"):
        Settings(token=token)


def test_the_author_is_the_token_s_owner(start, square) -> None:
    client = start(Settings(token="boss"))
    boss = {"authorization": "Bearer boss"}
    image = client.get("/api/images", headers=boss).json()["images"][0]
    body = {**square(image), "author": "somebody else"}
    put = client.put(f"/api/images/{image['id']}/masks/m", json=body, headers={**boss, "If-Match": "0"})
    assert put.json()["author"] == "admin"


def test_a_folder_that_vanishes_is_told_and_nothing_is_acknowledged(client, image, square, folder) -> None:
    address = f"/api/images/{image['id']}/masks"
    kept = client.put(f"{address}/m1", json=square(image), headers={"If-Match": "0"})
    folder.rename(folder.with_name("elsewhere"))
    for answer in (
        client.put(f"{address}/m2", json=square(image), headers={"If-Match": "0"}),
        client.get(f"/api/images/{image['id']}/file"),
        send(client, "a.png", image_bytes()),
    ):
        assert answer.status_code == 503
        assert answer.json()["error"].startswith("The project's ")
    folder.with_name("elsewhere").rename(folder)
    assert client.get(address).json()["masks"] == [kept.json()]
    assert client.put(f"{address}/m2", json=square(image), headers={"If-Match": "0"}).status_code == 200


def test_a_full_disk_is_told_and_nothing_is_lost(start, project, folder, square, monkeypatch) -> None:
    client = start(project=project)
    image = client.get("/api/images").json()["images"][0]
    address = f"/api/images/{image['id']}/masks"
    with project.db.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    project.db.engine.dispose()

    def limit(connection, record) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")

    from sqlalchemy import event

    event.listen(project.db.engine, "connect", limit)
    kept = []
    for number in range(200):
        body = {**square(image), "prompts": "x" * 500}
        answer = client.put(f"{address}/m{number}", json=body, headers={"If-Match": "0"})
        if answer.status_code != 200:
            break
        kept.append(answer.json())
    assert answer.status_code == 507
    assert "the disk is full" in answer.json()["error"]
    assert client.get(address).json()["masks"] == kept

    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("anymask.files.writing.os.replace", full)
    answer = send(client, "a.png", image_bytes())
    assert (answer.status_code, "No space left" in answer.json()["error"]) == (507, True)
    assert list((folder / ".anymask" / "images").iterdir()) == []


def test_a_fault_of_ours_shows_no_trace(client, monkeypatch, caplog) -> None:
    def broken(*given: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(images, "count", broken)
    answer = client.get("/api/project")
    assert (answer.status_code, answer.json()["error"]) == (
        500,
        "The server met an unexpected error. This request saved nothing; see the server's output.",
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" in caplog.text
