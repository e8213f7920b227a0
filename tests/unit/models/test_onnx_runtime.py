"""The shipped models give the same masks by onnxruntime and by PyTorch, and refuse files that do not fit."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from anymask.errors import InputError, UnknownNameError, WeightsError
from anymask.geometry import rle
from anymask.images.bundled_photos import sample_photo
from anymask.images.read import read_image
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.segment import segment_like
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.generate import automatic
from anymask.inference.promptable.predict import embed, predict, predict_batch
from anymask.models import load, load_painter, load_sam, onnx_runtime, variants
from anymask.models.checkpoints import load as networks
from anymask.models.checkpoints.hub import SHIPPED
from anymask.models.loading import load_detector
from anymask.models.onnx_runtime import OnnxPainter, OnnxSam, graph_file
from anymask.types import Embedding, Masks, Prompt, Record

LEAST_IOU = 0.999
PHOTOS = ("cat.jpg", "flower.jpg")


@pytest.fixture(scope="module")
def pair():
    """The compact model by onnxruntime and by PyTorch."""
    return load_sam("compact", runtime="onnx"), load_sam(
        "compact", runtime="torch", device="cpu", dtype="float32"
    )


@pytest.fixture(scope="module", params=PHOTOS)
def image(request):
    return read_image(sample_photo(request.param))


@pytest.fixture(scope="module")
def embeddings(pair, image):
    return [embed(model, image) for model in pair]


def prompts(image) -> list[Prompt]:
    """Every kind: points, boxes, both, masks, nothing."""
    height, width = image.shape[:2]
    middle, box = (width / 2, height / 2), [width / 4, height / 4, width / 2, height / 2]
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2, width // 4 : width // 2] = True
    return [
        Prompt.point(*middle),
        Prompt.point(width / 5, height / 3),
        Prompt([middle, (5, 5)], [1, 0]),
        Prompt(box=box),
        Prompt([middle], box=box),
        Prompt(mask=mask),
        Prompt([middle], mask=mask),
        Prompt(),
    ]


def check_equal(ours: Masks, theirs: Masks) -> None:
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)
    for a, b in zip(ours.rles, theirs.rles, strict=True):
        assert not rle.area(a) + rle.area(b) or rle.iou([a], [b])[0, 0] >= LEAST_IOU


@pytest.mark.parametrize("multimask", [True, False])
def test_prompts(pair, image, embeddings, multimask: bool) -> None:
    found = [
        predict(model, embedding, prompts(image), multimask=multimask, logits=True, zoom=False)
        for model, embedding in zip(pair, embeddings, strict=True)
    ]
    check_equal(*found)
    np.testing.assert_allclose(found[0].stability, found[1].stability, atol=1e-3)
    np.testing.assert_allclose(found[0].logits, found[1].logits, atol=1e-2)


def test_crop_refinement(pair, image, embeddings) -> None:
    some = prompts(image)[1:4]
    check_equal(*(predict(model, one, some) for model, one in zip(pair, embeddings, strict=True)))


def test_automatic_masks(pair, image, embeddings) -> None:
    config = AutoConfig(points_per_side=5, min_iou=0.5, min_stability=0.5)
    ours, theirs = (automatic(model, one, config) for model, one in zip(pair, embeddings, strict=True))
    assert len(ours)
    check_equal(ours, theirs)


def test_several_images_and_many_prompts_in_one_call(pair) -> None:
    photos = [read_image(sample_photo(name)) for name in PHOTOS]
    some = [[Prompt.point(9 * n, 100) for n in range(1, 12)], [Prompt.point(9 * n, 90) for n in range(1, 9)]]
    found = [predict_batch(model, photos, some, multimask=False, zoom=False) for model in pair]
    for ours, theirs in zip(*found, strict=True):
        check_equal(ours, theirs)


@pytest.mark.parametrize("count", [1, 3])
def test_examples(count: int) -> None:
    ours = load_painter("context", runtime="onnx")
    theirs = load_painter("context", runtime="torch", device="cpu", dtype="float32")
    assert (ours.fingerprint, ours.config) == (theirs.fingerprint, theirs.config)
    photo = read_image(sample_photo("cat.jpg"))
    inside = np.zeros(photo.shape[:2], bool)
    inside[80:280, 90:380] = True
    record = Record("cat", photo, Masks(photo.shape[:2], [rle.encode(inside)], [1.0]))
    examples = [context(record, size=ours.config.size)] * count
    query = read_image(sample_photo("raccoon.jpg"))
    found = [segment_like(model, query, examples) for model in (ours, theirs)]
    assert len(found[0])
    check_equal(*found)


def test_embeddings_fit_both_runtimes(pair, image, embeddings, tmp_path: Path) -> None:
    ours, theirs = pair
    assert (ours.fingerprint, ours.config) == (theirs.fingerprint, theirs.config)
    embeddings[0].save(tmp_path / "a.safetensors")
    again = Embedding.load(tmp_path / "a.safetensors")
    check_equal(*(predict(model, again, [prompts(image)[0]]) for model in pair))


def test_auto_is_onnxruntime_unless_something_else_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(load("compact"), OnnxSam)
    assert isinstance(load("context", device="cpu", dtype="float32"), OnnxPainter)
    assert not isinstance(load("compact", dtype="bfloat16"), OnnxSam)
    monkeypatch.setattr("anymask.models.loading.GPU_FILES", ("/",))
    assert not isinstance(load("compact"), OnnxSam)
    assert isinstance(load("compact", device="cpu"), OnnxSam)


def test_runtimes_that_cannot_run_a_model_say_so() -> None:
    with pytest.raises(InputError, match=r"model must be one that comes with anymask .* got sam_vit_b"):
        load("sam_vit_b", runtime="onnx")
    with pytest.raises(InputError, match="device, dtype and compile must be"):
        load("compact", runtime="onnx", dtype="float16")
    with pytest.raises(UnknownNameError, match="runtime must be"):
        load("compact", runtime="onx")  # type: ignore[call-overload]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the shipped files of `compact`."""
    for file in SHIPPED.glob("compact*"):
        shutil.copy(file, tmp_path)
    return tmp_path


def test_graphs_of_other_weights_are_refused(package: Path) -> None:
    weights = package / "compact.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(WeightsError, match=r"encoder.onnx must have been made from compact.safetensors"):
        OnnxSam("compact", package)


def test_missing_and_unreadable_graphs_are_reported(package: Path) -> None:
    graph_file("compact", "masks", package).write_bytes(b"nonsense")
    with pytest.raises(WeightsError, match=r"masks.onnx must be a graph that onnxruntime .* can run"):
        OnnxSam("compact", package)
    graph_file("compact", "masks", package).unlink()
    with pytest.raises(WeightsError, match=r"'compact' must be in the package, got no file .*masks.onnx"):
        OnnxSam("compact", package)


def test_graphs_are_shipped_for_every_shipped_model() -> None:
    for card in variants().values():
        if card.address is None and card.name != "object":
            assert onnx_runtime.open_model(card.name).config == card.config


def test_the_shipped_detector_is_that_of_compact_in_both_runtimes(pair) -> None:
    compact = pair[0]
    detector, network = load_detector("object"), networks.load_detector(SHIPPED / "object.safetensors")
    assert detector.encoder == network.encoder == compact.fingerprint
    encoded = compact.encode_images([np.zeros((96, 128, 3), np.uint8)], (96, 128))[0]
    for kind in (np.asarray, torch.as_tensor):
        found = detector.detect((kind(encoded[0]), tuple(map(kind, encoded[1]))))
        for array, expected in zip(found, network.detect(encoded), strict=True):
            assert array == pytest.approx(expected, abs=1e-3)


def test_a_detector_is_no_model_and_a_model_is_no_detector() -> None:
    with pytest.raises(InputError, match="model must give masks, got object, which finds boxes"):
        load("object")
    with pytest.raises(InputError, match="detector must be one of objects, got compact"):
        load_detector("compact")


def test_graphs_hold_no_weights() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.glob("*.onnx")) < 500_000
