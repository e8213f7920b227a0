"""A real server in a process of its own: killed while it saves, stopped, started twice."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from anymask.app import onnx_cache
from anymask.app.serve import gallery
from anymask.errors import InputError

# As `anymask serve`, which asks for the browser's runtime first.
CODE = """
import sys
from anymask.app.serve import serve
from anymask.app.server import create_app
from anymask.app.settings import Limits, Settings
from anymask.data_engine.project import open_project
tell = lambda address: print(address, flush=True)
settings = Settings(models=(sys.argv[2],), limits=Limits(patience=float(sys.argv[3])))
serve(create_app(open_project(sys.argv[1]), settings), settings, "127.0.0.1", 0, tell)
"""


@contextmanager
def server(
    folder: Path, model: Path, patience: float = 30.0, files: int | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server with its address, that may open at most so many files."""
    few = None if files is None else lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(folder), str(model), str(patience)],
        preexec_fn=few,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A model that needs no export."""
    place = tmp_path / "mine"
    place.mkdir()
    (place / "model.json").write_text("{}")
    return place


def test_what_was_acknowledged_survives_a_kill(folder, square, exported) -> None:
    kept: dict[str, int] = {}
    with server(folder, exported) as (process, address):
        with httpx.Client(base_url=address) as client:
            image = client.get("/api/images").json()["images"][0]
        masks = f"/api/images/{image['id']}/masks"
        enough = threading.Event()

        def save(worker: int) -> None:
            with httpx.Client(base_url=address) as client:
                for number in range(10_000):
                    id, body = f"{worker}-{number // 3}", square(image, x=10 + number % 3)
                    headers = {"If-Match": str(number % 3)}
                    try:
                        answer = client.put(f"{masks}/{id}", json=body, headers=headers)
                    except httpx.TransportError:
                        return
                    kept[id] = answer.json()["revision"]
                    if len(kept) > 40:
                        enough.set()

        threads = [threading.Thread(target=save, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        assert enough.wait(30)
        process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join()
    assert len(kept) > 40
    with server(folder, exported) as (process, address):
        there = {mask["id"]: mask["revision"] for mask in httpx.get(address + masks).json()["masks"]}
        assert {id for id in kept if there.get(id, 0) < kept[id]} == set()
        count = httpx.get(f"{address}/api/images/{image['id']}").json()["masks"]
        assert count == len(there)
        process.send_signal(signal.SIGINT)
        process.wait(20)


BEGINNINGS = {
    "nothing": b"",
    "half a line": b"GET /api/pro",
    "half a head": b"GET /api/project HTTP/1.1\r\nhost: localhost\r\n",
    "half a body": b"PUT /api/labels HTTP/1.1\r\nhost: localhost\r\ncontent-length: 90\r\n\r\n{",
}


def test_unfinished_requests_are_closed_and_few_files_are_survived(folder, exported) -> None:
    with server(folder, exported, patience=0.5, files=64) as (_, address):
        port = int(address.rpartition(":")[2])
        for start in BEGINNINGS.values():
            with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
                slow.sendall(start)
                received = b""
                while part := slow.recv(4096):
                    received += part
            assert (b" 408 " in received) == start.endswith(b"{"), received
        many = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(100)]
        for one in many:
            one.sendall(BEGINNINGS["half a head"])
        for one in many:
            one.close()
        for path in ("/api/project", "/api/images", "/api/export"):
            answer = httpx.get(address + path, timeout=30)
            for _ in range(100):
                if answer.status_code == 200:
                    break
                answer = httpx.get(address + path, timeout=30)  # 503 until the connections are gone
            assert answer.status_code == 200


@pytest.fixture
def vendored(monkeypatch) -> None:
    """The browser's runtime is not needed here."""
    monkeypatch.setattr("anymask.app.vendor.check_vendored", lambda: None)


@pytest.mark.usefixtures("vendored")
def test_what_cannot_be_served_is_told(run, folder, tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run("serve", folder, "--port", port).err.startswith("error: --port must be free")
    answer = run("serve", folder, "--host", "0.0.0.0")
    assert (answer.code, answer.err) == (
        2,
        "error: --host must go with --token, got 0.0.0.0 alone. "
        "Without it anybody on the network could change masks.\n",
    )
    assert "project must be a folder that exists" in run("serve", tmp_path / "nope").err


@pytest.mark.usefixtures("vendored")
def test_three_photos_open_where_no_folder_is_given(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ANYMASK_DATA", str(tmp_path / "data"))
    assert sorted(file.name for file in gallery().iterdir()) == ["cat.jpg", "coffee.jpg", "flower.jpg"]
    (tmp_path / "in the way").write_text("")
    monkeypatch.setenv("ANYMASK_DATA", str(tmp_path / "in the way"))
    with pytest.raises(InputError, match="the data folder must be writable"):
        gallery()


@pytest.mark.usefixtures("vendored")
def test_a_model_that_cannot_be_exported_is_refused_at_the_start(run, folder, weights, monkeypatch) -> None:
    monkeypatch.setattr(onnx_cache, "can_export", lambda: False)
    answer = run("serve", folder, "--model", weights.models[0], "--model", "compact")
    assert answer.code != 0
    assert answer.err.startswith("error: the model click in the browser needs an optional package. Run: ")
    assert "[export]" in answer.err


@pytest.mark.usefixtures("vendored")
@pytest.mark.parametrize("option", ["--model", "--example-model"])
def test_a_model_that_does_not_exist_is_refused_at_the_start(run, folder, option) -> None:
    assert "Did you mean 'compact'?" in run("serve", folder, option, "compct").err
    answer = run("serve", folder, option, "runs/nope")
    assert answer.err.startswith("error: model must be a name or an existing path, got runs/nope.")
    assert answer.code != 0


@pytest.mark.usefixtures("vendored")
def test_the_extra_is_named_where_it_is_missing(run, folder, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.startswith("anymask.app")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "anymask serve needs an optional package" in run("serve", folder).err
