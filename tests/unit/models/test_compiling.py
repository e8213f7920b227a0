"""Compiled networks give the same answers."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import anymask
from anymask.errors import InputError
from anymask.models import FeaturePainter, Painter, Sam, save
from anymask.models.compiling import COMPILERS, check_compiler, compile_parts
from anymask.models.config import CONTEXT_DEBUG, DEBUG_VIT, PAINTER_DEBUG

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, COMPILERS)), reason="needs a C++ compiler: apt-get install g++"
)


@pytest.fixture(autouse=True)
def fresh() -> None:
    torch.manual_seed(0)
    torch.compiler.reset()


@needs_compiler
@torch.inference_mode()
def test_a_compiled_vit_gives_the_same_embedding(tmp_path: Path) -> None:
    images, path = torch.randn(1, 3, 64, 64), save(Sam(DEBUG_VIT), tmp_path / "vit.safetensors")
    plain, quick = (anymask.load(path, dtype="float32", device="cpu", compile=it) for it in (False, True))
    assert_close(quick.encode(images)[0], plain.encode(images)[0], atol=1e-5, rtol=1e-4)
    assert [block._compiled_call_impl is not None for block in quick.image_encoder.blocks] == [True] * 2
    assert quick.state_dict().keys() == plain.state_dict().keys()


@needs_compiler
@torch.inference_mode()
@pytest.mark.parametrize("kind", ["painter", "context"])
def test_a_compiled_painter_paints_the_same(kind: str) -> None:
    model = Painter(PAINTER_DEBUG) if kind == "painter" else FeaturePainter(CONTEXT_DEBUG)
    side = model.config.size
    given = torch.randn(1, 3, side, side), torch.randn(1, 3, side, side), torch.randn(3, side, side)
    plain = model.eval().inpaint(*given, instance=False)
    compile_parts(model)
    assert_close(model.inpaint(*given, instance=False), plain, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(("device", "hint"), [("cpu", r"Install g\+\+"), ("cuda", "pip install triton")])
def test_nothing_to_compile_with_is_told_at_once(
    device: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=hint):
        check_compiler(torch.device(device))


def test_a_compiler_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/opt/bin/icpx" if name == "icpx" else None)
    monkeypatch.setenv("CXX", "icpx")
    check_compiler(torch.device("cpu"))
