"""A folder is written whole, checked, or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import anymask
from anymask.errors import install_command
from anymask.models import build
from anymask.models.config import DEBUG
from anymask.onnx_export import check, tracing, write
from anymask.onnx_export import decoding as sessions
from anymask.onnx_export.check import Finding


def two_photos():
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, size, np.uint8) for size in ((48, 64, 3), (60, 40, 3))]


def test_a_folder_says_what_is_in_it(traced, tmp_path):
    one = traced("compact")
    steps = []
    folder = anymask.export(one.model, tmp_path / "out", name="tiny", photos=two_photos(), tell=steps.append)
    assert steps[:4] == [
        "running the model",
        "tracing the encoder",
        "tracing the decoder",
        "writing float32",
    ]
    assert steps[4::2] == [f"comparing {name} with the model" for name in write.PRECISIONS]
    said = json.loads((folder / "model.json").read_text("utf-8"))
    assert (said["format"], said["name"], said["kind"]) == (1, "tiny", "promptable")
    assert said["model"] == one.model.fingerprint
    assert said["frame"] == {"size": 64, "square": False, "multiple": 32}
    assert (said["encoder"], said["zoom"]) == ("compact", 32)
    assert said["mean"] == list(anymask.models.config.PIXEL_MEAN)
    listed = [entry for part in said["files"].values() for entry in part.values()]
    assert {entry["file"] for entry in listed} | {"model.json"} == {file.name for file in folder.iterdir()}
    for entry in listed:
        data = (folder / entry["file"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
    assert [row["precision"] for row in said["check"]] == ["float32", "float16", "int8"]
    for row in said["check"]:
        assert row["mean_iou"] >= row["least_iou"] > 0
        assert set(row["milliseconds"]) == {"encoder", "decoder"}
        assert row["masks"] >= 2 * 12 * 3
    assert said["check"][0]["mean_iou"] > 0.999


@pytest.mark.parametrize("kind", ["compact", "vit"])
def test_a_decoder_is_written_alone(traced, tmp_path, kind):
    folder = anymask.export(
        traced(kind).model, tmp_path / "out", precisions=["float32"], photos=two_photos(), encoder=False
    )
    assert {file.name for file in folder.iterdir()} == {"decoder-float32.onnx", "model.json"}
    said = json.loads((folder / "model.json").read_text("utf-8"))
    assert (list(said["files"]), list(said["check"][0]["milliseconds"])) == (["decoder"], ["decoder"])
    assert said["check"][0]["mean_iou"] > 0.999
    with pytest.raises(anymask.InputError, match="encoder must be True for an in-context model"):
        anymask.export(traced("context").model, tmp_path / "other", photos=two_photos(), encoder=False)


def test_an_in_context_model_is_one_file_a_precision(traced, tmp_path):
    one = traced("context")
    folder = anymask.export(one.model, tmp_path / "out", precisions=["float32"], photos=two_photos())
    said = json.loads((folder / "model.json").read_text("utf-8"))
    assert (said["kind"], said["size"], list(said["files"])) == ("in-context", 64, ["painter"])
    assert said["check"][0]["mean_iou"] > 0.99


def test_wrong_answers_are_refused_and_leave_nothing(traced, tmp_path):
    one = traced("compact")
    target = tmp_path / "out"
    anymask.export(one.model, target, precisions=["float32"], photos=two_photos())
    before = {file.name: file.read_bytes() for file in target.iterdir()}
    other = build(one.model.config).eval()  # whose masks the files do not predict
    message = r"float32 must keep the masks at an IoU of 0\.99 .* got 0\.\d+ over \d+ masks\. Leave this"
    with pytest.raises(anymask.ExportError, match=message):
        anymask.export(other, target, precisions=["float32"], photos=two_photos(), force=True)
    assert {file.name: file.read_bytes() for file in target.iterdir()} == before
    assert list(tmp_path.iterdir()) == [target]


def test_large_files_have_their_constants_beside_them(traced, tmp_path, monkeypatch):
    one = traced("compact")
    monkeypatch.setattr(tracing, "MOST_BYTES", 1000)  # of 2 GB
    monkeypatch.setitem(write.LEAST_IOU, "int8", 1.01)
    folder = anymask.export(one.model, tmp_path / "out", photos=two_photos())
    said = json.loads((folder / "model.json").read_text("utf-8"))
    assert [row["refused"] for row in said["check"]] == [False, False, True]
    assert said["check"][0]["mean_iou"] > 0.999
    for part in said["files"].values():
        for entry in part.values():
            graph, data = (folder / name for name in (entry["file"], entry["data"]["file"]))
            assert entry["bytes"] == graph.stat().st_size + data.stat().st_size
            assert hashlib.sha256(data.read_bytes()).hexdigest() == entry["data"]["sha256"]
    sizes = [said["files"]["decoder"][precision]["bytes"] for precision in ("float32", "float16")]
    assert sizes[1] < 0.9 * sizes[0]
    assert not list(folder.glob("*int8*"))
    assert one.graphs["decoder"].graph.initializer[0].data_location == 0  # still all there


@pytest.mark.parametrize(("precision", "least"), [("float32", 0.99), ("float16", 0.99), ("int8", 0.97)])
def test_the_gate(precision, least):
    assert not write._refused(precision, Finding(least, 0.5, 9, {}), asked_for=True)
    below = Finding(least - 1e-6, 0.5, 9, {})
    with pytest.raises(anymask.ExportError):
        write._refused(precision, below, asked_for=True)
    if precision == "float32":  # the plain files are no option
        with pytest.raises(anymask.ExportError):
            write._refused(precision, below, asked_for=False)
    else:
        assert write._refused(precision, below, asked_for=False)


def test_by_default_what_is_refused_is_left_out(traced, tmp_path, monkeypatch):
    one = traced("compact")
    monkeypatch.setitem(write.LEAST_IOU, "int8", 1.01)
    folder = anymask.export(one.model, tmp_path / "out", photos=two_photos())
    said = json.loads((folder / "model.json").read_text("utf-8"))
    refused = {row["precision"]: row["refused"] for row in said["check"]}
    assert refused == {"float32": False, "float16": False, "int8": True}
    assert [list(part) for part in said["files"].values()] == [["float32", "float16"]] * 2
    assert not list(folder.glob("*int8*"))
    assert len(list(folder.iterdir())) == 5


def test_files_are_compared_without_crop_refinement(monkeypatch):
    def refined(*_, **__):
        raise AssertionError("crop refinement is not in the files")

    monkeypatch.setattr(sys.modules["anymask.inference.promptable.predict"], "predict_refined", refined)
    model = build(replace(DEBUG, zoom=32)).eval()
    with pytest.raises(AssertionError):
        anymask.predict(model, two_photos()[0], [anymask.Prompt.point(9, 9)])
    assert len(check.cases(model, two_photos())) == 2


def test_overlaps_take_two_empty_masks_for_the_same(traced):
    one = traced("compact")
    case = check.cases(one.model, two_photos()[:1])[0]
    size = case.frame.size_hw
    empty, full = (anymask.geometry.rle.encode(np.full(size, it)) for it in (False, True))
    case.masks[:] = [empty, empty, full]
    assert check._overlaps([empty, full, full], case) == [1.0, 0.0, 1.0]


def test_mistakes_are_told_before_any_work(tmp_path):
    model = build(DEBUG).eval()
    with pytest.raises(anymask.UnknownNameError, match=re.escape("Did you mean 'float16'?")):
        anymask.export(model, tmp_path / "a", precisions=["flaot16"])
    for empty in ({"photos": []}, {"precisions": []}):
        with pytest.raises(anymask.InputError, match=r"photos and precisions must not be empty, got none\."):
            anymask.export(model, tmp_path / "a", **empty)
    with pytest.raises(anymask.InputError, match=r"model must be in evaluation mode"):
        anymask.export(build(DEBUG), tmp_path / "a", photos=two_photos())
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("mine")
    with pytest.raises(anymask.OutputError, match="holds others"):
        anymask.export(model, tmp_path / "b", force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]


def test_a_missing_package_says_the_command(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(anymask.MissingExtraError, match=re.escape(install_command("export"))):
        anymask.export(build(DEBUG).eval(), tmp_path / "a")


def test_what_takes_long_is_timed_once(monkeypatch):
    monkeypatch.setattr(sessions, "ENOUGH", 0.02)
    calls = []
    assert sessions.milliseconds(lambda: calls.append(time.sleep(0.03)), 5) >= 30
    assert len(calls) == 2
    assert sessions.milliseconds(lambda: calls.append(None), 5) < 20
    assert len(calls) == 2 + 1 + 5
