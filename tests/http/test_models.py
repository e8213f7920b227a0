"""Embeddings, answers to prompts, jobs."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from anymask import Prompt, embed, models, predict
from anymask.app import inference
from anymask.app import onnx_cache as exported
from anymask.app.models import Models
from anymask.app.serve import _prepare
from anymask.app.settings import Settings
from anymask.errors import MissingExtraError
from anymask.geometry import rle
from anymask.inference.text import find as find_module
from anymask.models.config import DEBUG
from anymask.types import Masks


@pytest.fixture
def client(start, weights):
    return start(weights)


def wait(client, id: str) -> dict:
    for _ in range(200):
        job = client.get(f"/api/jobs/{id}").json()
        if job["state"] in ("done", "failed", "cancelled"):
            return job
        time.sleep(0.05)
    raise AssertionError(f"the job does not end: {job}")


def test_embeddings_are_made_once_and_kept(client, image, folder, weights, cache, monkeypatch) -> None:
    address = f"/api/images/{image['id']}/embedding/click"
    first = client.get(address)
    tensors = safetensors.torch.load(first.content)
    model = models.load_sam(weights.models[0])
    expected = embed(model, folder / "cat.jpg")
    assert first.headers["content-type"] == "application/octet-stream"
    assert len(tensors) == 1 + len(expected.skips)
    assert torch.equal(tensors["features"], expected.features.half())
    assert [file.suffix for file in (cache / "embeddings" / expected.model).iterdir()] == [".safetensors"]

    monkeypatch.setattr(inference, "_embed", lambda *given: pytest.fail("embedded again"))
    assert client.get(address).content == first.content
    again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_prompts_are_answered_as_by_the_library(client, image, folder, weights) -> None:
    prompts = [{"points": [[200, 150]], "labels": [1]}, {"box": [50, 40, 300, 250]}]
    answer = client.post(f"/api/images/{image['id']}/predict", json={"prompts": prompts}).json()
    model = models.load_sam(weights.models[0])
    embedding = embed(model, folder / "cat.jpg")
    expected = predict(
        model, embedding, [Prompt.point(200, 150), Prompt(box=[50, 40, 300, 250])], multimask=False
    )
    assert answer["model"] == embedding.model
    assert [mask["prompt"] for mask in answer["masks"]] == [0, 1]
    for mask, runs in zip(answer["masks"], expected.rles, strict=True):
        # the server answers from float16
        assert rle.iou([rle.from_string(mask["counts"])], [runs], expected.size)[0, 0] > 0.98


def test_a_mask_can_be_a_prompt_and_three_may_be_asked_for(client, image, square) -> None:
    prompts = [{"mask": square(image)["counts"]}]
    answer = client.post(f"/api/images/{image['id']}/predict", json={"prompts": prompts, "multimask": True})
    assert (answer.status_code, len(answer.json()["masks"])) == (200, 3)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"prompts": [{"points": [[9000, 5]]}]}, 400, "points must lie in the image"),
        ({"prompts": [{"mask": "11"}]}, 400, "counts must sum to 300 x 451"),
        ({"prompts": []}, 422, "prompts must be valid"),
        ({"prompts": [{"box": [0, 0, 9, 9]}], "model": "clik"}, 404, "Did you mean 'click'?"),
    ],
)
def test_prompts_that_cannot_be_used(client, image, body, status, words) -> None:
    answer = client.post(f"/api/images/{image['id']}/predict", json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_words_are_answered_by_the_text_model(client, image, folder, monkeypatch) -> None:
    asked = []

    def found(model, embedding, phrases, config):
        asked.append((embedding.image.shape, phrases, config.threshold))
        masks = Masks(embedding.frame.size_hw, [np.array([5, 10, 300 * 451 - 15])], [0.9], prompt=[1])
        return find_module.Finds(masks, np.float32([0.75]), np.float32([0.125, 0.75]))

    monkeypatch.setattr(find_module, "search", found)
    body = {"phrases": ["cat", "a red cup"], "threshold": 0.4}
    answer = client.post(f"/api/images/{image['id']}/find", json=body).json()
    assert asked == [((300, 451, 3), ["cat", "a red cup"], 0.4)]
    assert (answer["best"], answer["threshold"]) == ([0.125, 0.75], 0.4)
    [mask] = answer["masks"]
    assert (mask["prompt"], mask["score"], mask["size"]) == (1, 0.75, [300, 451])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"phrases": []}, 422, "phrases must be valid"),
        ({"phrases": ["?!"]}, 400, "text must name a thing"),
        ({"phrases": ["zzqqy"]}, 400, "English words that the model knows"),
        ({"phrases": ["x" * 201]}, 422, "must be valid"),
        ({"phrases": ["cat"], "model": "clik"}, 404, "Did you mean 'click'?"),
    ],
)
def test_words_that_cannot_be_used(client, image, body, status, words) -> None:
    answer = client.post(f"/api/images/{image['id']}/find", json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_everything_is_a_job_with_progress(client, image) -> None:
    body = {"points_per_side": 2, "min_iou": 0, "min_stability": 0}
    started = client.post(f"/api/images/{image['id']}/automatic", json=body)
    assert started.status_code == 202
    job = wait(client, started.json()["id"])
    assert (job["state"], job["kind"], job["done"], job["total"]) == ("done", "automatic", 4, 4)
    [found] = job["result"]
    assert found["image"] == image["id"]
    assert found["masks"]
    events = client.get(f"/api/jobs/{job['id']}/events")
    assert events.headers["content-type"].startswith("text/event-stream")
    assert events.text.startswith("event: done\ndata: ")
    assert json.loads(events.text.split("data: ")[1])["result"] is None


def test_more_of_the_same_is_a_job(client, image, square) -> None:
    other = client.get("/api/images").json()["images"][1]["id"]
    headers = {"If-Match": "0"}
    client.put(f"/api/images/{image['id']}/masks/m1", json=square(image), headers=headers)
    body = {"examples": [{"image": image["id"], "masks": ["m1"]}], "images": [other]}
    job = wait(client, client.post("/api/like", json=body).json()["id"])
    assert (job["state"], [one["image"] for one in job["result"]]) == ("done", [other])
    assert job["result"][0]["error"] is None
    body["examples"][0]["masks"] = ["m2"]
    job = wait(client, client.post("/api/like", json=body).json()["id"])
    assert (job["state"], job["error"]) == (
        "failed",
        "The example mask 'm2' is not saved. Save it first.",
    )


def test_jobs_are_cancelled_and_bounded(start, image, weights, monkeypatch) -> None:
    from anymask.app.settings import Limits

    go, begun = threading.Event(), threading.Event()

    def slow(server, scene, asked, tick):
        begun.set()
        go.wait(10)
        tick(1, 2)

    monkeypatch.setattr(inference, "automatic", slow)
    client = start(Settings(models=weights.models, limits=Limits(jobs=2)))
    address = f"/api/images/{image['id']}/automatic"
    running, waiting = (client.post(address, json={}).json()["id"] for _ in range(2))
    refused = client.post(address, json={})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "already has 2 unfinished jobs" in refused.json()["error"]
    begun.wait(10)
    for id in (running, waiting):
        assert client.delete(f"/api/jobs/{id}").json()["state"] == "cancelled"
    go.set()
    assert client.get(f"/api/jobs/{running}/events").text.startswith("event: cancelled")
    assert "There is no job 'nope'" in client.get("/api/jobs/nope").json()["error"]


def test_a_fault_of_a_job_is_told_without_its_trace(client, image, monkeypatch, caplog) -> None:
    def broken(*given):
        raise RuntimeError("secret")

    monkeypatch.setattr(inference, "automatic", broken)
    job = wait(client, client.post(f"/api/images/{image['id']}/automatic", json={}).json()["id"])
    assert (job["state"], job["error"]) == ("failed", "The job failed. See the server's output.")
    assert "secret" in caplog.text


def test_exported_folders_are_served_as_they_are(start, tmp_path) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "model.json").write_text('{"format": 1}')
    (tmp_path / "secret").write_text("no")
    client = start(Settings(models=(str(place),)))
    assert client.get("/api/project").json()["models"] == ["mine"]
    assert client.get("/models/mine/model.json").json() == {"format": 1}
    for name in ("nope.onnx", "..%2Fsecret", "..", "../secret"):
        assert client.get(f"/models/mine/{name}").status_code in (404, 422)
    assert client.get("/models/other/model.json").status_code == 404


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (("compact", "runs/click.safetensors", "other/click", "compact"), ["compact", "click", "click-2"]),
        (("runs/sam_vit_b", "sam_vit_b"), ["sam_vit_b", "sam_vit_b-2"]),
        (("old/compact",), ["compact-2"]),  # the page knows the shipped one by its name
        (("old/compact", "compact"), ["compact-2", "compact"]),
    ],
)
def test_models_called_alike_are_told_apart(weights, places, names) -> None:
    models = Models(replace(weights, models=places, example_models=places))
    assert models.names == models.example_names == names


def test_models_are_exported_on_first_use(start, weights, cache, monkeypatch) -> None:
    calls = []

    def write(model, path, *, name, precisions, encoder, tell):
        calls.append((type(model), model.dtype, name, precisions, encoder))
        path.mkdir()
        (path / "model.json").write_text('{"format": 1}')

    monkeypatch.setattr(importlib.import_module("anymask.onnx_export"), "export", write)
    content = hashlib.sha256(Path(weights.models[0]).read_bytes()).hexdigest()
    name = exported.folder_name("click", content)
    (cache / "exported" / f".{name[:40]}.left").mkdir(parents=True)  # by a server that was killed
    older = cache / "exported" / name.replace(exported.exporter(), "0123abcd")  # by an older exporter
    older.mkdir()
    os.utime(older, (0, 0))
    client = start(weights)
    for _ in range(2):
        assert client.get("/models/click/model.json").json() == {"format": 1}
    assert calls == [(models.Sam, torch.float32, "click", ("float16",), True)]  # what the page loads
    [folder] = [entry for entry in (cache / "exported").iterdir() if entry.is_dir()]
    assert folder.name == name


def test_the_terminal_tells_of_an_export_once(weights, cache, monkeypatch) -> None:
    def write(model, path, *, name, precisions, encoder, tell):
        tell("tracing the encoder")
        path.mkdir()
        (path / "model.json").write_text("{}")

    monkeypatch.setattr(importlib.import_module("anymask.onnx_export"), "export", write)
    said: list[str] = []
    for _ in range(2):
        known = Models(weights)
        _prepare(known, said.append)
        known.close()
    assert said == [
        "click for the browser: tracing the encoder",
        "click for the browser: ready, with the same masks as the model",
    ]


def test_every_model_is_exported_at_the_start_and_failures_are_errors(
    weights, tmp_path, cache, monkeypatch
) -> None:
    def write(model, path, *, name, precisions, encoder, tell):
        path.mkdir()
        (path / "model.json").write_text("{}")

    monkeypatch.setattr(importlib.import_module("anymask.onnx_export"), "export", write)
    said: list[str] = []
    known = Models(replace(weights, models=(str(tmp_path / "nope.safetensors"), *weights.models)))
    _prepare(known, said.append)
    known.close()
    [problem] = said
    assert problem.startswith("error: nope cannot be used in the browser: ")
    [folder] = [entry for entry in (cache / "exported").iterdir() if entry.is_dir()]
    assert folder.name.startswith("click-")


def test_an_export_of_before_needs_no_packages(weights, cache, monkeypatch) -> None:
    monkeypatch.setattr(exported, "can_export", lambda: False)
    known = Models(weights)
    with pytest.raises(MissingExtraError, match="the model click"):
        known.check_places()
    content = hashlib.sha256(Path(weights.models[0]).read_bytes()).hexdigest()
    made = cache / "exported" / exported.folder_name("click", content)
    made.mkdir(parents=True)
    (made / "model.json").write_text("{}")
    known.check_places()
    known.close()


def test_a_folder_with_another_decoder_is_exported_anew(start, tmp_path, cache, monkeypatch) -> None:
    def write(model, path, *, name, precisions, encoder, tell):
        path.mkdir()
        (path / "model.json").write_text('{"format": 1}')

    monkeypatch.setattr(importlib.import_module("anymask.onnx_export"), "export", write)
    model = models.build(DEBUG)
    run = tmp_path / "run"
    run.mkdir()
    for _ in range(2):
        models.save(model, run / "model.safetensors")
        assert start(Settings(models=(str(run),))).get("/models/run/model.json").status_code == 200
        with torch.no_grad():
            next(model.mask_decoder.parameters()).add_(1)
    assert len([entry for entry in (cache / "exported").iterdir() if entry.is_dir()]) == 2


def test_embeddings_on_disk_are_bounded(tmp_path) -> None:
    from anymask.app.cache import DiskCache

    DiskCache(tmp_path, 1000).get("a/old", lambda: bytes(400))
    cache = DiskCache(tmp_path, 1000)
    for name in ("a/b", "a/c", "a/d"):
        assert cache.get(name, lambda: bytes(400)) == bytes(400)
    left = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert left == ["c", "d"]
    assert np.sum([file.stat().st_size for file in (tmp_path / "a").iterdir()]) <= 1000


def test_a_cache_that_cannot_be_written_is_no_reason_not_to_answer(tmp_path) -> None:
    from anymask.app.cache import DiskCache

    (tmp_path / "file").write_text("in the way")
    assert DiskCache(tmp_path / "file", 1000).get("a", lambda: b"data") == b"data"
