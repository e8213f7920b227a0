"""Features of masks and logits of phrases, with small made weights."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.errors import WeightsError
from anymask.geometry import rle
from anymask.models.onnx_runtime import open_graphs
from anymask.models.text.namer import MaskFeatures, Namer, read_namer
from anymask.models.text.words import WordTable

WORDS = ["cat", "dog", "mug", "coffee", "puppy"]


class Levels:
    """Instead of the backbone: the mean colour of each cell in the first channels."""

    def __call__(self, feed):
        image = feed["image"][0]
        c, h, w = image.shape

        def pooled(stride, channels):
            out = np.zeros((1, channels, h // stride, w // stride), np.float32)
            out[0, :c] = image.reshape(c, h // stride, stride, w // stride, stride).mean(axis=(2, 4))
            return out

        return {"stride_32": pooled(32, 320), "stride_16": pooled(16, 112)}


def test_features_are_pooled_inside_the_mask():
    weight = np.zeros((1280, 320), np.float32)
    weight[:3, :3] = np.eye(3)
    features = MaskFeatures(weight, np.full(1280, 3, np.float32), Levels())
    image = np.zeros((128, 192, 3), np.uint8)
    image[:, 96:] = 255
    left, right = np.zeros((2, 128, 192), np.bool_)
    left[:, :96], right[32:64, 96:] = True, True
    found = features(image, [rle.encode(left), rle.encode(right)])
    assert found.shape == (2, 1280 + 1280 + 112 + 5)
    dark, light, whole = found[0, :3], found[1, :3], found[0, 1280:1283]
    assert (dark < whole).all()
    assert (whole < light).all()
    np.testing.assert_array_equal(found[0, 1280:2560], found[1, 1280:2560])
    np.testing.assert_allclose(found[1, -5:], [0.5, 0.25, 1, 0.5, (1 / 8) ** 0.5], atol=1e-6)
    assert features(image, []).shape == (0, 2677)


@pytest.fixture
def namer() -> Namer:
    """Phrases keep the first two dimensions of their head; "mug" and "coffee mug" go together."""
    vectors = np.zeros((len(WORDS), 50), np.int8)
    vectors[:, :3] = [[100, 0, 0], [0, 100, 0], [0, 0, 100], [60, 60, 0], [10, 100, 0]]
    phrase = np.eye(3, 100, dtype=np.float32)
    weights = {
        "head.weight": np.zeros((1280, 320)), "head.bias": np.zeros(1280),
        "mean": np.zeros(3), "std": np.ones(3),
        "image.0.weight": np.eye(3), "image.0.bias": np.zeros(3), "image.1.weight": np.eye(3),
        "image.1.bias": np.zeros(3), "phrase.0.weight": phrase, "phrase.0.bias": np.zeros(3),
        "phrase.1.weight": np.eye(3), "phrase.1.bias": np.zeros(3),
        "known": np.zeros((4, 3)), "scale": np.array([10.0]), "none": np.array([2.0]), "together": np.eye(4),
    }  # fmt: skip
    names = ["cat", "dog", "mug", "coffee mug"]
    return Namer(weights, names, WordTable(WORDS, vectors), levels=Levels())


def test_a_phrase_competes_with_other_names_but_not_with_near_ones(namer):
    things = np.eye(3, dtype=np.float32)  # a cat, a dog, a mug
    own, rest = namer.logits(things, ["cat", "coffee mug", "puppy"], apart=True)
    assert own.argmax(axis=0).tolist() == [0, 2, 1]
    assert own[0, 0] > rest[0, 0]
    assert rest[1, 0] > own[1, 0], "a dog is no cat, since it is a dog"
    assert own[2, 1] > rest[2, 1], "a mug does not count against coffee mug"
    assert own[1, 2] > rest[1, 2], "nor dog against puppy, whose vectors are alike"


def test_joint_logits_leave_out_what_fits_any_phrase(namer):
    _, rest = namer.logits(np.eye(3, dtype=np.float32), ["cat", "dog", "mug"], apart=False)
    np.testing.assert_allclose(rest, 2, atol=1e-6)


def test_the_learned_change_counts_for_names_of_the_data_only(namer):
    vectors = namer.phrases(["dog", "puppy"])
    namer.known_VD[1] = [0, -5, 0]
    changed = namer.phrases(["dog", "puppy"])
    assert vectors[0] @ changed[0] < 0.5
    np.testing.assert_array_equal(vectors[1], changed[1])


def test_weights_of_something_else_are_refused(tmp_path):
    file = tmp_path / "text.safetensors"
    file.write_bytes(b"weights")
    with pytest.raises(WeightsError, match="must be the weights of a text model"):
        read_namer(file, WordTable([], np.zeros((0, 50), np.int8)))


def test_a_plural_is_the_name_that_it_is_the_plural_of(namer):
    np.testing.assert_array_equal(namer.phrases(["dogs"]), namer.phrases(["dog"]))


def test_a_phrase_that_was_no_answer_in_training_gets_a_bonus(namer):
    things = namer.phrases(["puppy"])
    own, _ = namer.logits(things, ["puppy"], apart=True)
    assert own[0, 0] == pytest.approx(10 + 1)
    own, _ = namer.logits(namer.phrases(["dog"]), ["dog"], apart=True)
    assert own[0, 0] == pytest.approx(10)


def test_the_backbone_alone_gives_the_features_of_the_network():
    torch = pytest.importorskip("torch")
    from anymask.models.loading import load_network

    image = np.random.default_rng(0).normal(0, 1, (1, 3, 64, 96)).astype(np.float32)
    found = open_graphs("context", ("levels",))[0]({"image": image})
    with torch.no_grad():
        levels = load_network("context", device="cpu", dtype="float32").backbone(torch.from_numpy(image))
    for stride in (16, 32):
        expected = levels[stride].numpy()
        np.testing.assert_allclose(found[f"stride_{stride}"], expected, atol=1e-4 * np.abs(expected).max())
