"""Shards of a made-up SA-1B from a server of our own, which breaks off, lies and refuses."""

from __future__ import annotations

import http.server
import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask.data import open_dataset
from anymask.data.sa1b_download import get_shards, read_links
from anymask.data.synthetic import shapes
from anymask.errors import DownloadError, FormatError, OutputError
from anymask.files import download
from anymask.formats import sa1b


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; `most` is how many bytes an answer has before it breaks off."""

    files: dict[str, bytes]
    most: int | None = None
    asked: list[str]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        data = self.server.files.get(self.path)
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        self.server.asked.append(f"{self.path} {start}")
        if data is None:
            self.send_error(403)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(data) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        end = len(data) if self.server.most is None else start + self.server.most
        self.wfile.write(data[start:end])

    def log_message(self, format: str, *words: object) -> None:
        return


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "PAUSE", 0.0)
    found = Server(("127.0.0.1", 0), Handler)
    found.files, found.asked = {}, []
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()


def shard(numbers: range) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for number in numbers:
            record = shapes(np.random.default_rng(number), (24, 32), 2)
            picture = io.BytesIO()
            Image.fromarray(record.read()).save(picture, "jpeg")
            document = json.dumps(sa1b.to_document(record)).encode()
            for suffix, data in ((".jpg", picture.getvalue()), (".json", document)):
                info = tarfile.TarInfo(f"./sa_{number}{suffix}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


@pytest.fixture
def links(server: Server, tmp_path: Path) -> Path:
    """The list of two shards on the server, in its official form."""
    server.files = {"/a?key=1": shard(range(1, 4)), "/b?key=2": shard(range(4, 6))}
    home = f"http://127.0.0.1:{server.server_port}"
    path = tmp_path / "links.txt"
    path.write_text(f"file_name\tcdn_link\nsa_000001.tar\t{home}/b?key=2\nsa_000000.tar\t{home}/a?key=1\n")
    return path


def test_shards_are_downloaded_once(server: Server, links: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    got = get_shards(read_links(links), tmp_path / "set", advance=lambda *step: steps.append(step))
    assert (got.downloaded, got.kept, got.images) == (2, 0, 5)
    assert got.bytes == sum(map(len, server.files.values()))
    assert steps[-1] == (len(server.files["/b?key=2"]), len(server.files["/b?key=2"]), "sa_000001.tar")
    assert [record.id for record in open_dataset(f"sa1b:{tmp_path / 'set'}")] == [
        f"sa_{n}" for n in range(1, 6)
    ]
    server.asked.clear()
    again = get_shards(read_links(links), tmp_path / "set")
    assert (again.downloaded, again.kept, again.images, server.asked) == (0, 2, 5, [])
    only = get_shards(read_links(links, (1, 1)), tmp_path / "one")
    assert (only.downloaded, only.images) == (1, 2)


def test_a_download_that_breaks_off_goes_on_where_it_was(server: Server, links: Path, tmp_path: Path) -> None:
    server.most = 1_000
    with pytest.raises(DownloadError, match=r"sa_000000.tar must be downloadable .* run the same command to"):
        get_shards(read_links(links), tmp_path / "set")
    part = (tmp_path / "set/sa_000000.tar.part").stat().st_size
    assert part == 3_000, "three tries"
    server.most = None
    server.asked.clear()
    assert get_shards(read_links(links), tmp_path / "set").downloaded == 2
    assert server.asked[0] == f"/a?key=1 {part}"
    assert (tmp_path / "set/sa_000000.tar").read_bytes() == server.files["/a?key=1"]


@pytest.mark.parametrize("kind", ["a page of HTML", "cut off", "half a pair"])
def test_what_is_no_whole_shard_is_removed(server: Server, links: Path, tmp_path: Path, kind: str) -> None:
    good = server.files["/a?key=1"]
    server.files["/a?key=1"] = {
        "a page of HTML": b"<html>" * 1000,
        "cut off": good[:9_000],
        "half a pair": good.replace(b"./sa_2.json", b"./sa_x.json", 1),
    }[kind]
    with pytest.raises(FormatError, match=r"sa_000000.tar must be a whole shard, got: .* It was removed"):
        get_shards(read_links(links), tmp_path / "set")
    assert not list((tmp_path / "set").glob("sa_*"))
    server.files["/a?key=1"] = good
    assert get_shards(read_links(links), tmp_path / "set").downloaded == 2


def test_expired_links(server: Server, links: Path, tmp_path: Path) -> None:
    del server.files["/b?key=2"]
    with pytest.raises(DownloadError, match=r"HTTP status 403 Forbidden. .* get a new list of links"):
        get_shards(read_links(links), tmp_path / "set")
    assert (tmp_path / "set/sa_000000.tar").exists(), "what was there before is kept"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold shards 0 to 999999, got none in"),
        ("file_name\tcdn_link\n", "must hold shards 0 to 999999, got none in"),
        ("sa_000000.tar\n", "got 'sa_000000.tar' on line 1 of"),
        ("../sa_000000.tar http://a/b\n", r"got '../sa_000000.tar http://a/b' on line 1"),
        ("sa_000000.tar file:///etc/passwd\n", "an http address on each line"),
        (
            "sa_000000.tar http://a/b\nsa_000000.tar http://a/c\n",
            "each shard once, got sa_000000.tar twice",
        ),
    ],
)
def test_lists_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "links.txt").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_links(tmp_path / "links.txt")


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"list of links must be a text file, got .*gone.txt"):
        read_links(tmp_path / "gone.txt")


def test_folders_that_cannot_be_used(links: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name, message in (
        ("no/where", "Make the folder .*no first"),
        ("file", "must be a folder, got"),
    ):
        with pytest.raises(OutputError, match=message):
            get_shards(read_links(links), tmp_path / name)
