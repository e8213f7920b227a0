"""Workers as actors of Ray; skipped where Ray is not installed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from anymask.data_engine.distributed.ray_actors import RayActors, cause, connect, is_ray
from anymask.data_engine.distributed.tasks import Task
from anymask.errors import AnymaskError, InputError, MissingExtraError


def test_names_of_ray() -> None:
    assert [is_ray(name) for name in ("ray", "auto", "ray://host:10001", "2", "raycast")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_without_ray_the_answer_is_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"--workers ray needs an optional package. Run: .*\[ray\]"):
        connect("ray", 1)


class Dead:
    """Stands for a Ray whose machines are gone: it says so, and waits for ever."""

    exceptions = SimpleNamespace(RayError=OSError, RayTaskError=ValueError)

    def __init__(self, nodes: object) -> None:
        self._nodes = nodes

    def remote(self, actor: object) -> MagicMock:
        return MagicMock()

    def wait(self, references: list[object], **more: object) -> tuple[list[object], list[object]]:
        return [], references

    def nodes(self) -> object:
        if isinstance(self._nodes, Exception):
            raise self._nodes
        return self._nodes


@pytest.mark.parametrize("nodes", [[], [{"Alive": False}], OSError("no answer")])
def test_a_ray_that_is_gone_ends_the_run(runs, tmp_path: Path, nodes: object) -> None:
    workers = RayActors(Dead(nodes), runs.job(tmp_path / "set"), 2)
    assert workers.wait() == []
    workers.submit(Task(0, 0, ()))
    with pytest.raises(AnymaskError, match=r"Ray must run, got no machine that is alive"):
        workers.wait()


def test_a_ray_that_lives_is_waited_for(runs, tmp_path: Path) -> None:
    workers = RayActors(Dead([{"Alive": False}, {"Alive": True}]), runs.job(tmp_path / "set"), 2)
    workers.submit(Task(0, 0, ()))
    assert workers.wait() == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_actors_make_the_same_bytes_whatever_kills_them(runs, images: Path, tmp_path: Path, stub) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (the extra ray)")
    (images / "6.jpg").write_bytes(b"KILL")
    (images / "7.jpg").write_bytes(b"FAIL")

    def start(job):
        ray, room = connect("ray", 1)
        assert room >= 1
        path = str(Path(stub.__file__).parent)

        def begin(job):
            sys.path.insert(0, path)
            import stub_of_workers

            return stub_of_workers.start(job)

        return RayActors(ray, job, 2, begin)

    done = runs.run(tmp_path / "set", start)
    assert (done.made, sorted(done.damaged)) == (8, ["6.jpg", "7.jpg"])
    (images / "6.jpg").write_bytes(b"FAIL")
    runs.run(tmp_path / "whole")
    for number in (0, 1, 2, 3):
        name = f"masks-{number:06d}.tar"
        assert (tmp_path / "set" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_is_not_there() -> None:
    pytest.importorskip("ray", reason="Ray is not installed (the extra ray)")
    with pytest.raises(InputError, match=r"the address of a Ray that runs, got auto"):
        connect("auto", 1)


def test_the_cause_is_the_last_line_without_colours() -> None:
    text = "The actor died, \x1b[36mray::Actor()\x1b[39m (pid=1)\n  File x\nValueError: \x1b[1mno\x1b[0m\n"
    assert cause(RuntimeError(text)) == "ValueError: no"
    assert cause(RuntimeError("\n")) == "RuntimeError"
