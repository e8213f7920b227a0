"""Imports that are refused, and what is told of them."""

from __future__ import annotations

import io
import os
import zipfile

import pytest

from anymask.app.settings import Limits, Settings


def zipped(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("bomb.zip", zipped({"a.json": bytes(4 << 20)}), "archive must unpack to at most 1 MiB"),
        ("many.zip", zipped({f"{n}.json": b"{}" for n in range(12)}), "archive must hold at most 10 files"),
        ("cut.zip", zipped({"a.json": os.urandom(5000)})[200:], "archive must be a whole ZIP file"),
        ("long.zip", zipped({"x" * 260 + ".json": b"{}"}), "names of at most 250 bytes"),
        (
            "text.json",
            b"not json",
            "file must be JSON of a known format, got text.json. Choose the format if it is one of these: "
            "coco, labelme, labelstudio, sa1b.",
        ),
        ("empty.json", b"{}", "file must be JSON of a known format, got empty.json."),
        (
            "film.mp4",
            b"hm",
            "file must hold annotations (.geojson, .json, .npz, .png, .svg, .txt, .xml) or be a ZIP archive",
        ),
        ("cat.txt", b"0 0.1 0.1 0.5 0.1 0.5 0.5", "send a ZIP archive of the label files and data.yaml"),
        (
            "none.zip",
            zipped({"a.mp4": b"hm", "b.mp4": b"hm"}),
            "archive must hold annotations of a known format",
        ),
        ("deep.json", b"[" * 100_000, "file must be a complete JSON file"),
    ],
)
def test_annotations_that_cannot_be_read(start, name, data, words) -> None:
    client = start(Settings(limits=Limits(unpacked_bytes=1 << 20, entries=10)))
    answer = client.post("/api/import", files={"file": (name, data)})
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_a_file_in_the_place_of_a_folder(client) -> None:
    answer = client.post("/api/import?format=masks", files={"file": ("a.png", b"x")})
    assert answer.json() == {
        "error": "file must be a ZIP archive, as masks is a folder, got a.png. Pack the whole folder."
    }


def test_archives_do_not_write_outside(client, tmp_path) -> None:
    data = zipped({"../../../escaped.json": b"{}", "/absolute.json": b"{}", "a/../../b.json": b"{}"})
    assert client.post("/api/import", files={"file": ("a.zip", data)}).status_code in (200, 400)
    assert not list(tmp_path.rglob("*escaped*"))
