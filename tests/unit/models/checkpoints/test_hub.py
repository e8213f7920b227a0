"""The zoo against a server on this machine: whole, resumed, broken, wrong, offline, mirrored."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args

import pytest
import torch

from anymask.errors import DownloadError, InputError, UnknownNameError, WeightsError
from anymask.files import download
from anymask.models import PainterName, SamName, build, load, save, variants
from anymask.models.checkpoints import hub as zoo
from anymask.models.checkpoints.download import fetch
from anymask.models.checkpoints.hub import CARDS, Card, find
from anymask.models.config import DEBUG, FeaturePainterConfig, PainterConfig, SamConfig

CONTENT = bytes(range(256)) * 1000


class Server(ThreadingHTTPServer):
    """Serves `content` under any path; its other fields make it misbehave."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.ranges = True  # whether it can answer ranges
        self.breaks_after: list[int] = []  # bytes sent before the connection breaks, one entry per request
        self.errors: list[int] = []  # status codes to answer first
        self.redirect = ""
        self.wrong_range = False
        self.seen: list[tuple[str, str | None]] = []  # path and Range header of each request

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.seen.append((self.path, wanted))
        if server.errors:
            self.send_error(server.errors.pop(0))
        elif server.redirect:
            self.send_response(302)
            self.send_header("Location", server.redirect)
            self.end_headers()
        else:
            self._send(int(re.findall(r"\d+", wanted)[0]) if wanted and server.ranges else 0)

    def _send(self, start: int) -> None:
        server = self.server
        if start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            shown = start + server.wrong_range
            self.send_header(
                "Content-Range", f"bytes {shown}-{len(server.content) - 1}/{len(server.content)}"
            )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.breaks_after.pop(0)] if server.breaks_after else body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ANYMASK_OFFLINE", "ANYMASK_MIRROR", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def card(server: Server) -> Card:
    return Card(
        name="tiny",
        config=DEBUG,
        file="tiny.safetensors",
        address=f"{server.address}/weights/tiny.safetensors",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size=len(CONTENT),
        licence="Apache-2.0",
        source="a test",
        summary="Nothing.",
    )


def files_in(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.suffix != ".lock"}


# Downloads


def test_a_download_is_checked_and_kept(card: Card, server: Server, cache: Path) -> None:
    calls: list[tuple[int, int]] = []
    path = fetch(card, progress=lambda done, total: calls.append((done, total)))
    assert path == cache / "tiny.safetensors"
    assert path.read_bytes() == CONTENT
    assert files_in(cache) == {"tiny.safetensors"}
    assert calls[-1] == (len(CONTENT), len(CONTENT))
    assert fetch(card) == path
    assert len(server.seen) == 1


def test_an_interrupted_download_continues(card: Card, server: Server, cache: Path) -> None:
    cache.mkdir()
    (cache / "tiny.safetensors.part").write_bytes(CONTENT[:1000])
    calls: list[tuple[int, int]] = []
    path = fetch(card, progress=lambda done, total: calls.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert server.seen == [("/weights/tiny.safetensors", "bytes=1000-")]
    assert calls[0][0] > 1000
    assert calls[-1] == (len(CONTENT), len(CONTENT))


def test_a_server_without_ranges_starts_again(card: Card, server: Server, cache: Path) -> None:
    server.ranges = False
    cache.mkdir()
    (cache / "tiny.safetensors.part").write_bytes(b"stale" * 10)
    assert fetch(card).read_bytes() == CONTENT


def test_a_broken_connection_is_taken_up_again(card: Card, server: Server) -> None:
    server.breaks_after = [1000, 5000]
    assert fetch(card).read_bytes() == CONTENT
    assert [wanted for _, wanted in server.seen] == [None, "bytes=1000-", "bytes=6000-"]


def test_after_three_breaks_the_part_is_kept_for_the_next_call(
    card: Card, server: Server, cache: Path
) -> None:
    server.breaks_after = [1000, 1000, 1000]
    with pytest.raises(
        DownloadError, match=r"got 3000 of 256000 bytes, then a broken connection\. 0 MB are kept"
    ):
        fetch(card)
    assert files_in(cache) == {"tiny.safetensors.part"}
    assert fetch(card).read_bytes() == CONTENT
    assert server.seen[-1][1] == "bytes=3000-"


def test_a_whole_part_is_only_checked(card: Card, server: Server, cache: Path) -> None:
    cache.mkdir()
    (cache / "tiny.safetensors.part").write_bytes(CONTENT)
    assert fetch(card).read_bytes() == CONTENT
    assert server.seen == []


def test_a_part_beyond_the_end_starts_again(card: Card, cache: Path) -> None:
    cache.mkdir()
    (cache / "tiny.safetensors.part").write_bytes(CONTENT + b"x")
    assert fetch(replace(card, size=None)).read_bytes() == CONTENT


def test_an_answer_for_another_range_is_refused(card: Card, server: Server, cache: Path) -> None:
    server.wrong_range = True
    cache.mkdir()
    (cache / "tiny.safetensors.part").write_bytes(CONTENT[:1000])
    with pytest.raises(DownloadError, match="a response for another range than from byte 1000"):
        fetch(card)


def test_a_wrong_hash_is_refused_and_removed(card: Card, server: Server, cache: Path) -> None:
    server.content = CONTENT[::-1]
    with pytest.raises(WeightsError, match=r"must have the sha256 .*, got .*\. It was removed"):
        fetch(card)
    assert files_in(cache) == set()


def test_a_file_of_another_size_is_refused_and_removed(card: Card, server: Server, cache: Path) -> None:
    server.content = CONTENT[:-10]
    with pytest.raises(WeightsError, match=r"must have 256000 bytes, got 255990\. It was removed"):
        fetch(card)
    assert files_in(cache) == set()


def test_a_truncated_file_in_the_cache_is_refused_and_removed(card: Card, cache: Path) -> None:
    cache.mkdir()
    (cache / "tiny.safetensors").write_bytes(CONTENT[:99])
    with pytest.raises(WeightsError, match="must have 256000 bytes, got 99"):
        fetch(card)
    assert fetch(card).read_bytes() == CONTENT


def test_the_server_is_asked_again_after_its_own_errors(card: Card, server: Server) -> None:
    server.errors = [500, 503]
    assert fetch(card).read_bytes() == CONTENT


@pytest.mark.parametrize(("errors", "requests"), [([404], 1), ([503, 503, 503], 3)])
def test_answers_that_stay_errors_are_reported(
    errors: list[int], requests: int, card: Card, server: Server, cache: Path
) -> None:
    server.errors = list(errors)
    with pytest.raises(
        DownloadError, match=rf"must be downloadable from http://127.*, got the HTTP status {errors[0]}"
    ):
        fetch(card)
    assert len(server.seen) == requests
    assert files_in(cache) == set()


def test_no_server_at_all_is_reported(card: Card, server: Server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadError, match=r"got .*refused.*Check the connection"):
        fetch(card)


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/hostname"])
def test_redirects_away_from_http_are_refused(target: str, card: Card, server: Server, cache: Path) -> None:
    server.redirect = target
    with pytest.raises(DownloadError):
        fetch(card)
    assert files_in(cache) == set()


def test_a_full_disk_is_noticed_before(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(DownloadError, match="the cache must have 0 MB free, got 0 MB"):
        fetch(card)


def test_a_cache_that_cannot_be_made_is_reported(card: Card, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match="the cache must be a writable folder"):
        fetch(card)


# Offline and mirrors


@pytest.mark.parametrize("by_variable", [True, False])
def test_offline_asks_no_server(
    by_variable: bool, card: Card, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_variable:
        monkeypatch.setenv("ANYMASK_OFFLINE", "1")
    with pytest.raises(
        DownloadError, match=r"must be in the cache when offline, got no file .*tiny.safetensors"
    ):
        fetch(card, offline=not by_variable)
    cache.mkdir()
    (cache / "tiny.safetensors").write_bytes(CONTENT)
    assert fetch(card, offline=not by_variable).read_bytes() == CONTENT
    assert server.seen == []


def test_a_mirror_takes_the_place_of_the_address(
    card: Card, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYMASK_MIRROR", f"{server.address}/mirror/")
    elsewhere = replace(card, address="http://127.0.0.1:9/never/tiny.safetensors")
    assert fetch(elsewhere).read_bytes() == CONTENT
    assert server.seen == [("/mirror/tiny.safetensors", None)]


@pytest.mark.parametrize("mirror", ["ftp://mirror.example", "file:///tmp", "mirror.example", "http://"])
def test_mirrors_must_be_http(mirror: str, card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYMASK_MIRROR", mirror)
    with pytest.raises(InputError, match="ANYMASK_MIRROR must be an http or https address"):
        fetch(card)


# Names and paths


def test_load_downloads_a_model_by_name(
    card: Card, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.content = save(build(DEBUG), tmp_path / "model.safetensors").read_bytes()
    digest = hashlib.sha256(server.content).hexdigest()
    known = {"tiny": replace(card, sha256=digest, size=len(server.content))}
    monkeypatch.setattr(zoo, "CARDS", known)
    model = load("tiny", device="cpu", dtype="float32")
    assert model.config == DEBUG
    assert not model.training
    assert load("tiny", device="cpu", dtype="bfloat16", offline=True).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (get_args(SamName), SamConfig),
        (get_args(PainterName), PainterConfig | FeaturePainterConfig),
    ],
    ids=["sam", "painter"],
)
def test_the_names_of_the_overloads_are_those_of_the_cards(names, kind) -> None:
    assert {card.name for card in CARDS.values() if isinstance(card.config, kind)} == set(names)


def test_a_local_path_needs_no_network(server: Server, tmp_path: Path) -> None:
    path = save(build(DEBUG), tmp_path / "model.safetensors")
    assert load(path, device="cpu", dtype="float32", offline=True).config == DEBUG
    assert load(str(tmp_path), device="cpu", dtype="float32", offline=True).config == DEBUG
    assert server.seen == []


def test_the_compact_model_comes_with_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "SHIPPED", tmp_path)
    with pytest.raises(WeightsError, match=r"weights of 'compact' must be in the package, got no file"):
        find("compact")
    (tmp_path / "compact.safetensors").touch()
    assert find("compact") == tmp_path / "compact.safetensors"


@pytest.mark.parametrize(("name", "nearest"), [("sam_vit_x", "sam_vit_"), ("kompact", "compact")])
def test_unknown_names_name_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(
        UnknownNameError, match=f"model must be a known name, got '{name}'. Did you mean '{nearest}"
    ):
        load(name)


def test_missing_paths_are_no_names(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"model must be a name or an existing path, got .*nothing"):
        load(tmp_path / "nothing")
    with pytest.raises(WeightsError, match=r"got sam_vit_b\.pth\. Did you mean 'sam_vit_b'"):
        load("sam_vit_b.pth")


def test_addresses_are_not_opened() -> None:
    with pytest.raises(InputError, match="model must be a name or a local path, got the address https://"):
        load("https://example.org/weights.pth")


def test_cards_are_complete() -> None:
    assert variants() == dict(CARDS)
    sams = ["sam_vit_b", "sam_vit_l", "sam_vit_h"]
    assert list(CARDS) == ["compact", "context", "object", *sams, "seggpt_vit_l", "painter_vit_l"]
    for card in CARDS.values():
        assert card.licence
        assert card.source
        assert card.summary.endswith(".")
        if card.address is not None:
            assert card.address.endswith(f"/{card.file}")
            assert card.address.startswith("https://")
        if card.name in sams:
            assert card.sha256 is not None
            assert re.fullmatch("[0-9a-f]{64}", card.sha256)
            assert card.size is not None


@pytest.mark.parametrize("name", ["sam_vit_b", "sam_vit_l", "sam_vit_h"])
def test_published_sizes_fit_the_configurations(name: str) -> None:
    """Four bytes a parameter and a little for the names."""
    with torch.device("meta"):
        parameters = sum(tensor.numel() for tensor in build(CARDS[name].config).state_dict().values())
    size = CARDS[name].size
    assert size is not None
    assert 0 < size - 4 * parameters < 200_000
