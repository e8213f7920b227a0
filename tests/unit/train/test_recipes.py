"""Whole runs: what lies in the folder, what is refused, resume after a kill, several processes."""

from __future__ import annotations

import inspect
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import anymask
from anymask.errors import InputError, OutputError, UnknownNameError
from anymask.models import save
from anymask.models.config import DEBUG
from anymask.models.sam import Sam
from anymask.train import recipes
from anymask.train.config import TrainConfig
from anymask.train.sam import Rounds

SCRIPT = """
import json, sys
from anymask.train import recipes
config = recipes.TrainConfig.from_dict(json.loads(sys.argv[1]))
for out in sys.argv[3:]:
    recipes.run(config, [sys.argv[2]], out)
"""


def metrics(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "images_s"} for line in lines]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return anymask.load(folder, device="cpu", dtype="float32").state_dict()


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def longer(config: TrainConfig, **changes: object) -> TrainConfig:
    return replace(config, loop=replace(config.loop, **changes))


@pytest.mark.parametrize("name", sorted(recipes.RECIPES))
def test_every_recipe_is_a_lab_note(name) -> None:
    doc = inspect.getdoc(recipes.RECIPES[name]) or ""
    assert len(doc.splitlines()[0]) <= 110
    assert f"anymask train {name} --data" in doc
    assert recipes.recipe(name, ["loop.seed=3"]).loop.seed == 3


def test_the_papers_numbers() -> None:
    for letter, rate, decay in (("b", 4e-4, 0.6), ("l", 8e-4, 0.8), ("h", 8e-4, 0.8)):
        config = recipes.recipe(f"paper_vit_{letter}")
        assert (config.optim.lr, config.optim.layer_decay, config.optim.weight_decay) == (rate, decay, 0.1)
        assert (config.optim.warmup, config.drop_path, config.size) == (250, 0.4, 1024)
        assert (config.loop.steps, config.loop.batch) == (90_000, 256)
        assert [round(share * 90_000) for share in config.optim.drops] == [60_000, 86_666]
        assert (config.rounds.clicks, config.rounds.idle, config.augment.most) == (8, 2, 64)
        assert (config.loss.focal, config.loss.dice, config.loss.iou) == (20, 1, 1)
        assert (config.augment.max_cover, config.augment.scale, config.augment.flip) == (0.9, (1.0, 1.0), 0)


def test_unknown_recipe() -> None:
    with pytest.raises(UnknownNameError, match=r"recipe must be a known name, got 'compact256'"):
        recipes.recipe("compact256")


def test_a_run_directory(tiny, write_data, tmp_path) -> None:
    data, out = write_data("sheets", 6, 2), tmp_path / "deep" / "run"
    reported: list[dict[str, float]] = []
    assert recipes.run(longer(tiny, every_validation=4), [data], out, reported.append) == out
    described = json.loads((out / "run.json").read_text())
    assert described["config"] == json.loads(longer(tiny, every_validation=4).to_json())
    assert described["anymask"] == anymask.__version__
    (listed,) = described["data"]
    assert (listed["name"], listed["images"], listed["validation"]) == ("sheets", 6, 2)
    assert [line["step"] for line in reported] == [2, 4, 4]
    assert {"val_click_1", "val_click_5", "val_box", "val_oracle_1"} <= set(reported[-1])
    assert reported[0]["damaged"] == 0

    model = anymask.load(out, device="cpu", dtype="float32")
    masks = anymask.predict(model, np.zeros((50, 70, 3), np.uint8), [anymask.Prompt.point(9, 9)])
    assert len(masks) == 3
    assert not (out / "embeddings").exists()


def test_in_context_models_learn_resume_and_are_looked_at(tiny, write_data, tmp_path) -> None:
    data, config = (
        write_data("sheets", 6, 2),
        longer(replace(tiny, model="context_debug"), every_validation=4),
    )
    recipes.run(config, [data], tmp_path / "whole")
    recipes.run(longer(config, steps=2, every_validation=0), [data], tmp_path / "parts")
    recipes.run(config, [data], tmp_path / "parts")
    assert same(weights(tmp_path / "parts"), weights(tmp_path / "whole"))
    assert metrics(tmp_path / "whole")[-1].keys() == {"step", "val_shot_1", "val_shot_4"}
    assert isinstance(anymask.load(tmp_path / "whole"), anymask.FeaturePainter)


def test_the_papers_numbers_of_in_context_models() -> None:
    painter, seggpt = (recipes.recipe(name) for name in ("painter_vit_l", "seggpt_vit_l"))
    assert (painter.optim.lr, painter.optim.layer_decay, painter.drop_path) == (1e-3, 0.8, 0.1)
    assert (painter.loop.batch, painter.loop.steps, painter.size) == (2048, 54_000, 448)
    assert (painter.canvas.hidden, painter.canvas.whole, painter.canvas.scale) == (0.75, 0.5, (0.3, 1.0))
    assert (seggpt.optim.lr, seggpt.loop.steps, seggpt.optim.warmup) == (1e-4, 9000, 1800)
    assert (seggpt.paint.beta, seggpt.optim.weight_decay) == (0.01, 0.05)


@pytest.mark.parametrize("tune", ["all", "decoder", "lora"])
def test_fine_tuning_resumes_exactly_and_gives_an_ordinary_model(tiny, write_data, tmp_path, tune) -> None:
    data = write_data()
    torch.manual_seed(7)
    base = Sam(DEBUG)
    save(base, tmp_path / "base.safetensors")
    config = longer(replace(tiny, init=str(tmp_path / "base.safetensors"), tune=tune), every_log=1)
    recipes.run(config, [data], tmp_path / "whole")
    recipes.run(longer(config, steps=2), [data], tmp_path / "parts")
    (tmp_path / "base.safetensors").unlink()
    recipes.run(config, [data], tmp_path / "parts")
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")
    found = weights(tmp_path / "parts")
    assert same(found, weights(tmp_path / "whole"))
    start = base.state_dict()
    assert found.keys() == start.keys()
    moved = {name.split(".")[0] for name in start if not torch.equal(found[name], start[name])}
    assert ("image_encoder" in moved) is (tune != "decoder")
    assert "mask_decoder" in moved


def test_resume_needs_the_folder_alone(tiny, write_data, tmp_path) -> None:
    data = write_data()
    recipes.run(longer(tiny, every_log=1), [f"{data}=2"], tmp_path / "run")
    recipes.resume(tmp_path / "run", ["loop.steps=6"])
    assert [line["step"] for line in metrics(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]
    with pytest.raises(InputError, match=r"out must be the folder of a run, got .* without run\.json"):
        recipes.resume(tmp_path)


def test_another_configuration_is_refused(tiny, write_data, tmp_path) -> None:
    data, out = write_data(), tmp_path / "run"
    recipes.run(tiny, [data], out)
    changed = replace(tiny, optim=replace(tiny.optim, lr=0.5))
    with pytest.raises(InputError) as caught:
        recipes.run(changed, [data], out)
    assert str(caught.value) == (
        f"optim.lr must be 0.001 as in the run in {out}, got 0.5. "
        "Choose another folder for a new run, or add --force to restart from scratch."
    )
    recipes.run(changed, [data], out, force=True)
    assert json.loads((out / "run.json").read_text())["config"]["optim"]["lr"] == 0.5
    assert metrics(out)[0]["step"] == 2


def test_other_data_is_refused(tiny, write_data, tmp_path) -> None:
    data, out = write_data("a", 4), tmp_path / "run"
    recipes.run(tiny, [data], out)
    for other in (write_data("b", 4), f"{data}=3"):
        with pytest.raises(InputError, match=r"data must be that of the run in .*, got another data set"):
            recipes.run(tiny, [other], out)
    (data / "train-000001.tar").write_bytes((data / "train-000000.tar").read_bytes())
    recipes.run(tiny, [data], out)


def test_a_run_is_not_written_into_its_data(tiny, write_data) -> None:
    data = Path(write_data())
    before = sorted(data.iterdir())
    for force in (False, True):
        with pytest.raises(OutputError, match="out must be another folder than the data"):
            recipes.run(tiny, [data], data, force=force)
    assert sorted(data.iterdir()) == before


def test_a_folder_of_something_else_is_left_alone(tiny, write_data, tmp_path) -> None:
    data, out = write_data(), tmp_path / "mine"
    out.mkdir()
    (out / "model.safetensors").write_text("precious")
    with pytest.raises(OutputError, match=r"out must be a new folder .*, which holds model.safetens"):
        recipes.run(tiny, [data], out)
    assert (out / "model.safetensors").read_text() == "precious"
    (out / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"whose run.json is damaged"):
        recipes.run(tiny, [data], out)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="out must be a folder that can be made"):
        recipes.run(tiny, [data], tmp_path / "file" / "run")


def test_nothing_is_written_for_bad_data(tiny, tmp_path) -> None:
    with pytest.raises(InputError):
        recipes.run(tiny, [tmp_path / "missing"], tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_damaged_images_end_no_run(tiny, write_data, tmp_path, workers) -> None:
    data, out = write_data("sheets", 6, 0, broken=(1, 2, 4)), tmp_path / "run"
    recipes.run(longer(tiny, every_log=4, workers=workers), [data], out)
    (line,) = metrics(out)
    assert line["step"] == 4
    assert 0.2 < line["damaged"] < 0.8
    noted = [json.loads(text) for text in (out / "damaged.jsonl").read_text().splitlines()]
    assert {one["item"] for one in noted} <= {"0001", "0002", "0004"}
    assert len(noted) == len({one["item"] for one in noted}) > 0
    assert noted[0]["dataset"] == "sheets"
    assert noted[0]["error"].startswith("item 000")


def test_a_run_killed_at_a_random_moment_ends_with_the_bits_of_one_that_was_not(
    tiny, write_data, tmp_path
) -> None:
    short = replace(tiny, rounds=Rounds(clicks=0, idle=0), augment=replace(tiny.augment, most=1))
    config = longer(short, steps=16, batch=1, every_save=2, every_log=1, average=0.9, workers=1)
    out, whole, data = tmp_path / "killed", tmp_path / "whole", write_data()
    process = start(config, data, out)
    wanted = random.SystemRandom().randint(1, 12)
    while process.poll() is None and (not (out / "metrics.jsonl").exists() or len(metrics(out)) < wanted):
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    process = start(config, data, out, whole)
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    assert same(weights(out), weights(whole)), f"killed after step {wanted}"
    assert metrics(out) == metrics(whole)


def start(config: TrainConfig, data: Path, *outs: Path) -> subprocess.Popen[bytes]:
    """Runs, one after the other, in a process of their own whose matrix products add up in one order."""
    command = [sys.executable, "-c", SCRIPT, config.to_json(), str(data), *map(str, outs)]
    fixed = {"OMP_NUM_THREADS": "1", "MKL_CBWR": "COMPATIBLE"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | fixed)
