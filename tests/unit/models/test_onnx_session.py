"""How many threads a model on onnxruntime takes."""

from __future__ import annotations

import pytest

from anymask.models.onnx_session import cores


@pytest.mark.parametrize("wanted", ["", "0", "many"])
def test_without_a_wish_all_cores_are_used(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    every = cores()
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert cores() == every >= 1


def test_the_number_of_threads_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert cores() == 3
