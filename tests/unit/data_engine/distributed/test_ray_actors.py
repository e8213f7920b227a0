"""Workers as actors of Ray; skipped where Ray is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from anymask.data_engine.distributed.ray_actors import RayActors, connect, is_ray
from anymask.errors import InputError, MissingExtraError


def test_names_of_ray() -> None:
    assert [is_ray(name) for name in ("ray", "auto", "ray://host:10001", "2", "raycast")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_without_ray_the_answer_is_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"--workers ray needs an optional package. Run: .*\[ray\]"):
        connect("ray", 1)


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
