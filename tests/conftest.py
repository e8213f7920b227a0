"""What all tests share: quick property tests, a seeded generator, the bundled photos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile(
    "anymask",
    deadline=None,
    max_examples=50,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("anymask")


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


class Exported:
    """A tiny model with random weights and its ONNX files; shallow, as tracing is what takes time."""

    def __init__(self, kind: str, folder: Path) -> None:
        import torch

        from anymask.models import build, config
        from anymask.onnx_export.graphs import example_parts, prompt_parts
        from anymask.onnx_export.tracing import save_graph, trace

        configs = {
            "compact": replace(config.DEBUG, decoder_depth=1, zoom=32),
            "vit": replace(config.DEBUG_VIT, decoder_depth=1),
            "context": replace(config.CONTEXT_DEBUG, depth=1),
            "seggpt": replace(config.PAINTER_DEBUG, depth=3, taps=(1, 2)),
        }
        torch.manual_seed(0)
        self.model = build(configs[kind]).eval()
        self.parts = (prompt_parts if kind in ("compact", "vit") else example_parts)(self.model)
        self.graphs = {part.name: trace(part) for part in self.parts}
        self.files = {part.name: folder / f"{part.name}.onnx" for part in self.parts}
        for part, file in self.files.items():
            save_graph(self.graphs[part], file)

    def session(self, part: str):
        """The file of a part at work."""
        from anymask.models.onnx_session import Session

        return Session(self.files[part], count=1)


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Looks a tiny model up by its kind, and exports it the first time."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    known: dict[str, Exported] = {}

    def find(kind: str) -> Exported:
        if kind not in known:
            known[kind] = Exported(kind, tmp_path_factory.mktemp(kind))
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
