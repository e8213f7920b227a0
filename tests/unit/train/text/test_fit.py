"""Training of the text model on made features: it learns names, resumes exactly and writes what is read."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anymask.errors import InputError
from anymask.models.text.imagenet_head import ImageNetHead
from anymask.models.text.namer import read_namer
from anymask.models.text.vocabulary import imagenet_names, phrase_of, together
from anymask.models.text.words import shipped_words
from anymask.train.text.config import TextConfig
from anymask.train.text.features import NOTHING, PART, Rows
from anymask.train.text.fit import fit, gather, write

FEATURES = 2677
CENTRES = {"cat": 0, "dog": 1, "coffee mug": 2, NOTHING: 3}


def made_rows(seed: int = 0, each: int = 30) -> Rows:
    """Each name raises its own three hundred of the features."""
    generator = np.random.default_rng(seed)
    names = [name for name in CENTRES for _ in range(each)]
    x = generator.normal(0, 0.5, (len(names), FEATURES)).clip(-3, 3)
    for row, name in enumerate(names):
        x[row, CENTRES[name] * 300 : CENTRES[name] * 300 + 300] += 1
    proposed = np.array([name == NOTHING for name in names])
    return Rows(x.astype(np.float16), names, proposed)


@pytest.fixture(scope="module")
def head() -> ImageNetHead:
    generator = torch.Generator().manual_seed(0)
    return ImageNetHead(
        torch.zeros(1280, 320),
        torch.zeros(1280),
        0.01 * torch.randn(1000, 1280, generator=generator),
        torch.zeros(1000),
    )


TINY = TextConfig(steps=60, batch=32, width=32, dim=16, warmup=5, every_log=30, every_save=30, dropout=0.1)


def trained(config, head, folder, rows=None):
    folder.mkdir(exist_ok=True)
    words = shipped_words()
    examples = gather({"made": made_rows() if rows is None else rows}, words, config)
    lines = []
    network = fit(examples, words, head, config, folder, lines.append)
    write(network, examples, head, words, folder / "text.safetensors")
    return read_namer(folder / "text.safetensors", words), lines


def test_it_learns_names_and_that_something_has_none(tmp_path, head):
    namer, lines = trained(TINY, head, tmp_path / "run")
    assert [line["step"] for line in lines] == [30, 60]
    fresh = made_rows(seed=1)
    own, rest = namer.logits(fresh.features.astype(np.float32), ["cat", "dog", "coffee mug"], apart=True)
    truth = np.array([CENTRES[name] for name in fresh.names])
    things = truth < 3
    assert (own[things].argmax(axis=1) == truth[things]).mean() > 0.9, "chance is a third"
    likely = 1 / (1 + np.exp(rest - own))
    right = likely[np.arange(len(truth))[things], truth[things]]
    assert np.median(right) > 0.5
    assert likely[~things].max(axis=1).mean() < 0.5 * right.mean()


def test_a_stopped_run_resumes_to_the_same_weights(tmp_path, head):
    whole, _ = trained(TINY, head, tmp_path / "whole")
    folder = tmp_path / "parts"
    folder.mkdir()
    words, config = shipped_words(), TINY
    examples = gather({"made": made_rows()}, words, config)

    def stop(line):
        if line["step"] == 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(examples, words, head, config, folder, stop)
    resumed, _ = trained(config, head, folder)
    np.testing.assert_array_equal(whole.phrases(["dog", "sofa"]), resumed.phrases(["dog", "sofa"]))


def test_left_out_names_and_sets_are_not_learned(tmp_path, head):
    words = shipped_words()
    rows = {
        "made": made_rows(),
        "other": Rows(made_rows().features[:2], ["tree", "car"], np.zeros(2, np.bool_)),
    }
    config = TextConfig(**{**TINY.to_dict(), "without_names": "dogs,dog", "without_sets": "other"})
    examples = gather(rows, words, config)
    assert examples.names == ["cat", "coffee mug"]
    assert (examples.name_N == -1).sum() == 30 + 2, "seen without a name"
    with pytest.raises(InputError, match="categories in English, got none"):
        gather({"made": Rows(rows["made"].features[:1], ["1234"], np.zeros(1, np.bool_))}, words, config)


def test_rows_are_read_as_they_were_written(tmp_path):
    rows = made_rows(each=2)
    (tmp_path / "rows").write_bytes(rows.to_bytes())
    again = Rows.read(tmp_path / "rows")
    np.testing.assert_array_equal(again.features, rows.features)
    assert again.names == rows.names
    np.testing.assert_array_equal(again.proposed, rows.proposed)


@pytest.mark.parametrize(
    ("category", "phrase"),
    [
        ("tvmonitor", "tv monitor"),
        ("Linen-Cabinet", "linen cabinet"),
        ("left_mirror", "left mirror"),
        ("phase 1", None),
        ("saga-don", None),
        (PART, "part"),
    ],
)
def test_categories_become_phrases(category, phrase):
    assert phrase_of(category, shipped_words()) == phrase


def test_names_that_may_name_one_thing_go_together():
    names = ["car", "coffee mug", "cup", "mug", "person", "vehicle"]
    found = together(names, shipped_words())
    assert found[names.index("mug"), names.index("coffee mug")]
    assert found[names.index("cup"), names.index("coffee mug")]
    assert found[names.index("car"), names.index("vehicle")]
    assert not found[names.index("car"), names.index("person")]
    np.testing.assert_array_equal(found, found.T)
    assert found.diagonal().all()


def test_imagenets_names_are_known_words():
    words = shipped_words()
    found = imagenet_names(words)
    assert len(found.phrases) == 1000
    assert found.members[found.general.index("dog"), 151:269].all()
    assert "dog" not in imagenet_names(words, without=["dog"]).general
    for phrase in found.phrases:
        words.vector(phrase)
