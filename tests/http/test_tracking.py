"""Tracking: masks of one frame become suggestions in the others; keyframes, resume, drift."""

from __future__ import annotations

import io
import re
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask.errors import ImageError
from anymask.geometry import rle
from anymask.types import Masks

SIZE = (24, 40)
NAMES = ("f1.png", "f2.png", "f3.png", "f10.png")
"""In the order of the video; by letters f10 would come before f2."""


def inside(at: int) -> np.ndarray:
    """A square (H, W) bool that moves to the right."""
    bits = np.zeros(SIZE, bool)
    bits[5:15, at : at + 10] = True
    return bits


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Frames with a red square that moves; it is gone in the last one."""
    place = tmp_path / "frames"
    place.mkdir()
    for i, name in enumerate(NAMES):
        pixels = np.zeros((*SIZE, 3), np.uint8)
        if i < 3:
            pixels[inside(4 * i), 0] = 200
        Image.fromarray(pixels).save(place / name)
    return place


@pytest.fixture
def seen(monkeypatch) -> list[int]:
    """The model is one that finds red; the list has the number of examples at each frame."""
    calls: list[int] = []

    def segment(model, pixels, contexts, *, kind: str) -> Masks:
        calls.append(len(contexts))
        red = pixels[..., 0] > 99
        found = [rle.encode(red)] if red.any() else []
        return Masks(SIZE, found, [0.9] * len(found), labels=np.zeros(len(found), np.int64))

    monkeypatch.setattr("anymask.inference.in_context.tracking.segment_like", segment)
    return calls


@pytest.fixture
def client(start, weights, folder):
    return start(weights)


@pytest.fixture
def ids(client) -> dict[str, str]:
    return {one["name"]: one["id"] for one in client.get("/api/images").json()["images"]}


def put(client, image: str, id: str, bits: np.ndarray, seen: int = 0, **facts: object) -> None:
    body = {"size": list(SIZE), "counts": rle.to_string(rle.encode(bits)), **facts}
    done = client.put(f"/api/images/{image}/masks/{id}", json=body, headers={"If-Match": str(seen)})
    assert done.status_code == 200, done.text


def track(client, image: str, **body: object) -> dict:
    started = client.post(f"/api/images/{image}/track", json={"masks": ["m"], "refine": False, **body})
    assert started.status_code == 202, started.text
    while (job := client.get(f"/api/jobs/{started.json()['id']}").json())["state"] in ("waiting", "running"):
        time.sleep(0.01)
    return job


def masks(client, image: str) -> list[dict]:
    return client.get(f"/api/images/{image}/masks").json()["masks"]


def test_an_object_is_followed_both_ways_and_drift_is_marked(client, ids, seen) -> None:
    put(client, ids["f2.png"], "m", inside(4))
    job = track(client, ids["f2.png"])
    assert (job["state"], job["kind"], job["done"], job["total"]) == ("done", "track", 3, 3)
    assert [(one["image"], one["drift"]) for one in job["result"]] == [(ids["f10.png"], 1)]
    for name, at in (("f1.png", 0), ("f3.png", 8)):
        [found] = masks(client, ids[name])
        assert found["suggested_by"] == "track-m"
        assert (rle.decode(rle.from_string(found["counts"]), SIZE) == inside(at)).all()
    drifted = client.get("/api/images?tag=drift").json()["images"]
    assert [one["name"] for one in drifted] == ["f10.png"]
    assert len(masks(client, ids["f2.png"])) == 1


def test_one_direction_and_few_frames(client, ids, seen) -> None:
    put(client, ids["f2.png"], "m", inside(4))
    assert track(client, ids["f2.png"], direction="forward", frames=1)["total"] == 1
    assert [len(masks(client, ids[name])) for name in NAMES] == [0, 1, 1, 0]


def test_what_is_done_is_kept_and_resumed(client, ids, seen, monkeypatch) -> None:
    put(client, ids["f1.png"], "m", inside(0))
    from anymask.app import tracking

    real = tracking.pixels_of

    def broken(server, image):
        if image.name == "f3.png":
            raise ImageError("f3.png cannot be read.")
        return real(server, image)

    with monkeypatch.context() as trouble:
        trouble.setattr(tracking, "pixels_of", broken)
        job = track(client, ids["f1.png"])
    assert (job["state"], job["error"], job["done"]) == ("failed", "f3.png cannot be read.", 1)
    [kept] = masks(client, ids["f2.png"])
    seen.clear()
    assert track(client, ids["f1.png"], resume=True)["done"] == 3
    assert len(seen) == 2  # f3 and f10
    assert masks(client, ids["f2.png"]) == [kept]
    assert track(client, ids["f1.png"])["state"] == "done"
    assert masks(client, ids["f2.png"])[0]["id"] != kept["id"]  # replaced, not doubled
    assert len(masks(client, ids["f2.png"])) == 1


def test_corrected_frames_are_kept_and_lead_the_rest(client, ids, seen) -> None:
    put(client, ids["f1.png"], "m", inside(0))
    track(client, ids["f1.png"])
    [found] = masks(client, ids["f2.png"])
    put(client, ids["f2.png"], found["id"], inside(5), seen=1)  # accepted, and corrected
    seen.clear()
    track(client, ids["f1.png"], memory=8)
    assert seen == [1, 2]  # from the corrected frame on: it alone, then with what came after it
    [kept] = masks(client, ids["f2.png"])
    assert (kept["revision"], kept["suggested_by"]) == (2, None)
    job = client.post(f"/api/images/{ids['f2.png']}/track", json={"masks": [found["id"]], "refine": False})
    assert job.status_code == 202  # it goes on as the same object


@pytest.mark.filterwarnings("ignore::anymask.errors.ImageWarning")
def test_what_cannot_be_tracked_is_told(client, ids, seen, folder) -> None:
    assert "mask 'm' is not saved" in track(client, ids["f1.png"])["error"]
    assert client.post(f"/api/images/{ids['f1.png']}/track", json={"masks": []}).status_code == 422
    put(client, ids["f1.png"], "m", inside(0))
    assert track(client, ids["f1.png"], direction="back")["error"].startswith("frames must be other images")
    (folder / "f2.png").unlink()
    assert "f2.png" in track(client, ids["f1.png"])["error"]


def exported(client, format: str) -> zipfile.ZipFile:
    """The archive of an export with suggestions."""
    answer = client.get("/api/export", params={"format": format, "suggestions": True})
    assert answer.status_code == 200, answer.text
    return zipfile.ZipFile(io.BytesIO(answer.content))


def test_exports_of_videos_know_the_tracks(client, ids: dict[str, str], seen: list[int]) -> None:
    """Every frame is there, in the order of the video, and an object has one number in all."""
    put(client, ids["f2.png"], "other", inside(20))
    put(client, ids["f1.png"], "m", inside(0))
    assert track(client, ids["f1.png"])["state"] == "done"
    archive = exported(client, "davis")
    folder = "annotations/Annotations/Full-Resolution/video/"
    maps = [np.asarray(Image.open(archive.open(f"{folder}{Path(name).stem}.png"))) for name in NAMES]
    followed = [inside(4 * i) for i in range(3)] + [np.zeros(SIZE, bool)]
    assert all(np.array_equal(got == 1, wanted) for got, wanted in zip(maps, followed, strict=True))
    assert np.array_equal(maps[1] == 2, inside(20))
    film = exported(client, "cvatvideo").read("annotations.xml").decode()
    first, second = film.split("</track>")[:2]
    assert re.findall(r'frame="(\d)" keyframe="1" outside="(\d)"', first + second) == [
        ("0", "0"), ("1", "0"), ("2", "0"), ("3", "1"), ("1", "0"), ("2", "1"),
    ]  # fmt: skip
    assert "<size>4</size>" in film
