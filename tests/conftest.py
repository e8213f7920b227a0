"""What all tests share: quick property tests, a seeded generator, the bundled photos."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from anymask.models.onnx_session import cores

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile(
    "anymask",
    deadline=None,
    max_examples=50,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("anymask")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than cores, as tests in the browser and of servers wait much of their time."""
    return cores() + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes come first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: "web" not in item.path.parts)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named after their argument: a time stamp in them would differ between test processes."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that starts the same in every test."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of bundled photos."""
    return ROOT / "src" / "anymask" / "images" / "photos"


@pytest.fixture
def toy_painter():
    """A model that segments in context without weights: a pixel gets the target of the most similar colour.

    It counts the examples of each answer in `asked`.
    """
    import torch

    from anymask.models import Painter
    from anymask.models.config import PAINTER_DEBUG

    class Toy(Painter):
        def __init__(self) -> None:
            super().__init__(PAINTER_DEBUG)
            self.asked: list[int] = []

        def inpaint(self, examples, targets, query, *, instance):
            self.asked.append(len(examples))
            seen = examples.permute(0, 2, 3, 1).reshape(-1, 3)
            painted = targets.permute(0, 2, 3, 1).reshape(-1, 3)
            kinds, which = torch.unique(painted, dim=0, return_inverse=True)
            means = torch.stack([seen[which == i].mean(0) for i in range(len(kinds))])
            nearest = torch.cdist(query.permute(1, 2, 0).reshape(-1, 3), means).argmin(1)
            return kinds[nearest].view(*query.shape[1:], 3).permute(2, 0, 1)

    return Toy().eval()


FAMILIES = (("compact", "vit"), ("context", "seggpt"))
"""Tiny models that are traced one after the other in one process."""


class Exported:
    """A tiny model with random weights and its ONNX files in `folder`; shallow, as tracing is slow."""

    def __init__(self, kind: str, folder: Path) -> None:
        import torch

        from anymask.models import build, config
        from anymask.onnx_export.graphs import example_parts, prompt_parts

        configs = {
            "compact": replace(config.DEBUG, decoder_depth=1, zoom=32),
            "vit": replace(config.DEBUG_VIT, decoder_depth=1),
            "context": replace(config.CONTEXT_DEBUG, depth=1),
            "seggpt": replace(config.PAINTER_DEBUG, depth=3, taps=(1, 2)),
        }
        torch.manual_seed(0)
        self.model = build(configs[kind]).eval()
        self.parts = (prompt_parts if kind in FAMILIES[0] else example_parts)(self.model)
        self.files = {part.name: folder / kind / f"{part.name}.onnx" for part in self.parts}

    def trace(self) -> None:
        """Write the files."""
        from anymask.onnx_export.tracing import save_graph, trace

        for part in self.parts:
            self.files[part.name].parent.mkdir(parents=True, exist_ok=True)
            save_graph(trace(part), self.files[part.name])

    @cached_property
    def graphs(self) -> dict[str, Any]:
        """The graphs of the parts."""
        import onnx

        return {name: onnx.load(file) for name, file in self.files.items()}

    def session(self, part: str):
        """The file of a part at work."""
        from anymask.models.onnx_session import Session

        return Session(self.files[part], count=1)


def traced_by() -> str:
    """What decides how a graph looks: a hash of the code and of the versions that trace it."""
    digest = hashlib.sha256()
    for package in ("torch", "onnx", "onnxscript"):
        digest.update(f"{package} {version(package)} ".encode())
    source = ROOT / "src" / "anymask"
    for path in sorted([*source.glob("models/*.py"), *source.glob("onnx_export/*.py"), Path(__file__)]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="session")
def exported(request, tmp_path_factory):
    """Looks a tiny model up by its kind; a family is traced once for all test processes, and kept."""
    from anymask.files.locks import locked

    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    cache = getattr(request.config, "cache", None)  # absent if pytest runs without it
    place = cache.mkdir("traced") if cache else tmp_path_factory.mktemp("traced")
    known: dict[str, Exported] = {}

    def find(kind: str) -> Exported:
        if kind not in known:
            family = next(kinds for kinds in FAMILIES if kind in kinds)
            folder = place / f"{family[0]}-{traced_by()}"
            models = {one: Exported(one, folder) for one in family}
            with locked(folder.with_suffix(".lock")):
                if not (folder / "complete").exists():
                    for model in models.values():
                        model.trace()
                    (folder / "complete").touch()
            known.update(models)
        return known[kind]

    return find


@pytest.fixture
def traced(exported, monkeypatch):
    """The same, and `export` then takes those graphs instead of tracing them again."""
    from anymask.onnx_export import write

    def take(kind: str) -> Exported:
        one = exported(kind)
        monkeypatch.setattr(write, "trace", lambda part: one.graphs[part.name])
        return one

    return take
