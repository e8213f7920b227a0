"""Configurations: settings by name, JSON there and back, what a resume may change."""

from __future__ import annotations

import json

import pytest

from anymask.errors import InputError, UnknownNameError
from anymask.train.config import TrainConfig, change, first_change, flat
from anymask.train.recipes import RECIPES


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_survives_json(name) -> None:
    config = RECIPES[name]()
    assert TrainConfig.from_dict(json.loads(config.to_json())) == config


def test_settings_change_by_name() -> None:
    settings = [
        "loop.steps=7",
        "optim.lr=1",
        "optim.betas=[0.8,0.9]",
        "augment.scale=[0.5, 2]",
        "weights.coco=2",
        "augment.kinds.part=0",
        "init=runs/a=b",
        "loss.other=0.25",
    ]
    config = change(TrainConfig(), settings)
    assert (config.loop.steps, config.optim.lr, config.optim.betas) == (7, 1.0, (0.8, 0.9))
    assert (config.augment.scale, config.weights) == ((0.5, 2.0), {"coco": 2.0})
    assert (config.augment.kinds["part"], config.init, config.loss.other) == (0.0, "runs/a=b", 0.25)
    assert TrainConfig().augment.kinds["part"] == 1.0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("loop.steps", "--set must be key=value, got 'loop.steps'. For example: --set loop.steps=100"),
        ("loop.steps=1.5", "--set loop.steps must be of type int, got '1.5'. The current value is 90000."),
        ("loop.steps=true", "--set loop.steps must be of type int, got 'true'. The current value is 90000."),
        ("optim.lr=fast", "--set optim.lr must be of type float, got 'fast'. The current value is 0.0008."),
        (
            "optim.betas=0.9",
            "--set optim.betas must be of type list of numbers such as [0.5,2], got '0.9'. "
            "The current value is (0.9, 0.999).",
        ),
        ("loop=3", "--set must name one setting, got loop. Try loop.steps=..."),
        ("weights=3", "--set must name one setting, got weights. Try weights.NAME=..."),
        ("size.x=3", "--set must name one setting, got size.x. Try size=..."),
        ("size=100", "--set size=100: size must be a multiple of 32, got 100. Try 96."),
        ("loop.steps=0", "--set loop.steps=0: steps must be at least 1, got 0. Raise it."),
    ],
)
def test_bad_values(setting, message) -> None:
    with pytest.raises(InputError) as caught:
        change(TrainConfig(), [setting])
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("setting", "nearest"),
    [("loop.step=3", "loop.steps"), ("siz=3", "size"), ("optim.lrr=1", "optim.lr"), ("tune=lor", "lora")],
)
def test_unknown_names(setting, nearest) -> None:
    with pytest.raises(UnknownNameError, match=f"Did you mean '{nearest}'"):
        change(TrainConfig(), [setting])


def test_what_a_resume_may_change() -> None:
    old = TrainConfig().to_dict()
    free = ["loop.steps=5", "loop.every_log=1", "loop.workers=3", "loop.device=cpu", "val_images=3"]
    assert first_change(old, change(TrainConfig(), free).to_dict()) is None
    changed = change(TrainConfig(), ["optim.lr=0.5", "loop.batch=3"]).to_dict()
    assert first_change(old, changed) == ("loop.batch", 256, 3)


def test_a_setting_that_an_older_version_lacks_is_no_change() -> None:
    old = TrainConfig().to_dict()
    del old["lora_rank"]
    assert first_change(old, TrainConfig(lora_rank=9).to_dict()) is None
    assert TrainConfig.from_dict(old) == TrainConfig()


def test_a_setting_from_a_newer_version_is_refused() -> None:
    with pytest.raises(TypeError):
        TrainConfig.from_dict({"loop": {"moon": 1}})


def test_flat() -> None:
    assert flat({"a": {"b": 1, "c": {"d": 2}}, "e": 3}) == {"a.b": 1, "a.c.d": 2, "e": 3}
