"""The page's text model gives what the text model in Python gives."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anymask.errors import PromptError
from anymask.geometry import rle
from anymask.geometry.frame import Frame
from anymask.inference.text.find import FindConfig, choose
from anymask.models.checkpoints.hub import SHIPPED
from anymask.models.text.namer import LONGEST, TEXT_FILE, MaskFeatures, open_namer
from anymask.models.text.words import WORDS_FILE
from anymask.types import Masks

HERE = Path(__file__).parent
SIZE = (61, 90)
PHRASES = [
    "cat",
    "the red coffee cups",
    "a potted plant on a table",
    "a cat sitting on a chair",
    "knives",
    "zebras",
    "television monitor",
]
REFUSED = [
    "",
    "  ...",
    "the",
    "Katze mit Hütchen",
    "racoonn",
    "xqzzv",
    "a" * 300,
    "one two three four five six seven eight nine",
]


@pytest.fixture(scope="module")
def asked() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    frame = Frame.fit(SIZE, LONGEST, square=False)
    rows, columns = frame.padded_hw
    bits = np.zeros((3, *SIZE), np.bool_)
    bits[0, 5:40, 7:50], bits[1, 8:38, 9:50], bits[2, 50:60, 60:89] = True, True, True
    maps = {
        name: rng.normal(size=(channels, rows // stride, columns // stride)).astype(np.float32)
        for name, channels, stride in (("last", 320, 32), ("fine", 112, 16))
    }
    return {
        "words": str(SHIPPED / WORDS_FILE),
        "text": str(SHIPPED / TEXT_FILE),
        "refused": REFUSED,
        "phrases": PHRASES,
        "features": rng.gamma(1.0, 0.5, (4, 2677)).astype(np.float32).tolist(),
        "size": SIZE,
        "masks": [rle.encode(one).tolist() for one in bits],
        "ious": [0.9, 0.8, 0.7],
        "likely": [[0.6, 0.1], [0.7, 0.2], [0.2, 0.5]],
        **{name: {"shape": one.shape, "values": one.ravel().tolist()} for name, one in maps.items()},
    }


@pytest.fixture(scope="module")
def answers(asked: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is missing; Debian: apt-get install -y nodejs npm")
    questions = tmp_path_factory.mktemp("text") / "questions.json"
    questions.write_text(json.dumps(asked), "utf-8")
    command = [node, str(HERE / "text_twin.mjs"), str(questions)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_probabilities(asked: dict[str, Any], answers: dict[str, Any]) -> None:
    own, rest = open_namer().logits(np.array(asked["features"], np.float32), PHRASES, apart=True)
    wanted = 1 / (1 + np.exp(rest - own))
    assert wanted.min() < 0.1
    np.testing.assert_allclose(answers["probabilities"], wanted, rtol=1e-3, atol=1e-6)


def test_features(asked: dict[str, Any], answers: dict[str, Any]) -> None:
    levels = {
        name: np.array(asked[key]["values"], np.float32).reshape(1, *asked[key]["shape"])
        for key, name in (("last", "stride_32"), ("fine", "stride_16"))
    }
    weights = open_namer()._weights
    pool = MaskFeatures(weights["head.weight"], weights["head.bias"], lambda _: levels)
    wanted = pool(np.zeros((*SIZE, 3), np.uint8), [np.array(one, np.uint32) for one in asked["masks"]])
    np.testing.assert_allclose(answers["features"], wanted, rtol=1e-4, atol=1e-5)


def test_phrases_that_python_refuses_are_refused(answers: dict[str, Any]) -> None:
    for phrase, reason in zip(REFUSED, answers["refused"], strict=True):
        with pytest.raises(PromptError):
            open_namer().phrases([phrase])
        assert reason, phrase
    assert "raccoon" in answers["refused"][REFUSED.index("racoonn")]


def test_choice(asked: dict[str, Any], answers: dict[str, Any]) -> None:
    runs = [np.array(one, np.uint32) for one in asked["masks"]]
    masks = Masks(SIZE, runs, np.array(asked["ious"], np.float32))
    wanted = choose(masks, np.array(asked["likely"], np.float32), FindConfig())
    found = answers["chosen"]
    assert [one["prompt"] for one in found] == wanted.masks.prompt.tolist()
    np.testing.assert_allclose([one["score"] for one in found], wanted.probability)
    assert [one["counts"] for one in found] == [rle.to_string(one) for one in wanted.masks.rles]
