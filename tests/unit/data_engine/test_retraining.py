"""Retraining a project's model: what is held back, what is trained on, and which version is in use."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from anymask import models
from anymask.data_engine.audit import AUTHOR
from anymask.data_engine.project import Draft, Project, images, masks, open_project, versions
from anymask.data_engine.project.project import scan
from anymask.data_engine.retraining import run as module
from anymask.data_engine.retraining.run import RetrainConfig, retrain
from anymask.data_engine.retraining.snapshot import HELD, TRAINED, held_back, make_snapshot
from anymask.data_engine.retraining.state import read_state
from anymask.data_engine.suggest import least_worth
from anymask.errors import FormatError, InputError, UnknownNameError
from anymask.geometry import rle
from anymask.models.config import DEBUG
from anymask.models.loading import load_detector, load_sam
from anymask.train.config import TrainConfig
from anymask.train.loop import Loop
from anymask.train.sam import Rounds

SIZE = 64
COUNT = 16


def drafts(number: int, size: tuple[int, int]) -> list[Draft]:
    bits = np.zeros((2, *size), bool)
    bits[0, 4:30, 4 : 20 + number] = True
    bits[1, 36:60, 10:40] = True
    return [Draft(id=f"m{i}", size=size, counts=rle.to_string(rle.encode(one))) for i, one in enumerate(bits)]


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with COUNT small images of two masks each, made by people."""
    folder = tmp_path_factory.mktemp("engine") / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(COUNT):
        pixels = random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
        pixels[4:30, 4 : 20 + number] = 250
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    project = open_project(folder)
    list(scan(project))
    for number, image in enumerate(images.every(project.db)):
        masks.save_all(project.db, image.id, drafts(number, image.size), author="eve")
        project.sha256(image)
    project.close()
    return folder


@pytest.fixture
def project(annotated: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of that project."""
    opened = open_project(shutil.copytree(annotated, tmp_path / "photos"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RetrainConfig:
    """Two steps of a tiny model and of a tiny detector."""
    torch.manual_seed(3)
    weights = models.save(models.build(DEBUG), tmp_path_factory.mktemp("model") / "debug.safetensors")
    loop = Loop(steps=2, batch=2, workers=0, every_log=1, every_save=1)
    return RetrainConfig(
        clicks=TrainConfig(tune="decoder", size=SIZE, rounds=Rounds(clicks=1, idle=0), loop=loop),
        detector=TrainConfig(model="detector_debug", size=SIZE, loop=loop),
        held=0.3,
        steps=2,
        model=str(weights),
    )


@pytest.fixture(autouse=True)
def judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """All automatic masks of held-back images fit an object."""

    def judge_held(model: object, records: object, config: object, progress: Callable) -> list:
        progress(1, 1)
        return [(0.65, True)] * 20

    monkeypatch.setattr(module, "judge_held", judge_held)


def better(monkeypatch: pytest.MonkeyPatch, **taken: bool) -> None:
    """Decide which parts of the next version count as not worse."""
    monkeypatch.setattr(module, "not_worse", lambda part, before, after: taken[part])


def test_what_is_held_back_stays_so_while_a_project_grows() -> None:
    hashes = [f"{number * 7919 % 1000:04d}" for number in range(60)]
    first = held_back(hashes[:20], {}, 0.2)
    assert [sum(first.values()), len(first)] == [4, 20]
    assert held_back(hashes[19::-1], {}, 0.2) == first, "in any order"
    second = held_back(hashes, first, 0.2)
    assert second.items() >= first.items()
    assert sum(second.values()) == 12
    assert sum(held_back(hashes, second, 0.1).values()) == 12, "none is given back"
    assert sum(held_back(hashes[:20], second, 0.2).values()) == 12, "removed images keep their part"


def test_a_snapshot_holds_what_people_accepted(project: Project, tmp_path: Path) -> None:
    first, second, third, *_ = list(images.every(project.db))
    suggestion = replace(drafts(0, first.size)[0], id="s", suggested_by="x")
    masks.save(project.db, first.id, suggestion, seen=0, author="eve")
    automatic = replace(drafts(0, second.size)[0], id="a")
    masks.save(project.db, second.id, automatic, seen=0, author=AUTHOR)
    masks.save(project.db, third.id, replace(automatic, size=third.size), seen=0, author=AUTHOR)
    images.mark(project.db, third.id, done=True)
    counts = make_snapshot(project, tmp_path / "data", 0.3)
    assert counts.images + counts.held_images == COUNT
    assert counts.masks + counts.held_masks == 2 * COUNT + 1, "the third image's automatic mask counts too"
    file = versions.models_folder(project) / "parts.json"
    parts = json.loads(file.read_text())
    for image in images.every(project.db):
        part = HELD if parts[project.sha256(image)] else TRAINED
        assert (tmp_path / "data" / part / f"{image.id}.png").is_file()
    assert (counts.held_images, sum(parts.values())) == (5, 5)
    assert make_snapshot(project, tmp_path / "data", 0.3) == counts, "it is kept"
    file.write_text("{")
    with pytest.raises(FormatError, match=r"parts.json must tell .* Remove it"):
        make_snapshot(project, tmp_path / "other", 0.3)


def test_images_that_cannot_be_read_are_left_out(project: Project, tmp_path: Path) -> None:
    first, second, *_ = list(images.every(project.db))
    project.file(first).write_bytes(b"no image")
    project.file(second).unlink()
    counts = make_snapshot(project, tmp_path / "data", 0.3)
    assert (counts.unreadable, counts.images + counts.held_images) == (2, COUNT - 2)


def test_large_images_are_shrunk_with_their_masks(project: Project, tmp_path: Path) -> None:
    big = np.zeros((500, 2048, 3), np.uint8)
    Image.fromarray(big).save(project.folder / "big.png")
    list(scan(project))
    (image,) = [one for one in images.every(project.db) if one.name == "big.png"]
    bits = np.zeros(image.size, bool)
    bits[100:200, 400:800] = True
    thin = np.zeros(image.size, bool)
    thin[0, 0] = True
    for id, one in (("a", bits), ("thin", thin)):
        draft = Draft(id=id, size=image.size, counts=rle.to_string(rle.encode(one)))
        masks.save(project.db, image.id, draft, seen=0, author="eve")
    make_snapshot(project, tmp_path / "data", 0.3)
    (file,) = (tmp_path / "data").glob(f"*/{image.id}.json")
    entries = json.loads(file.read_text())["annotations"]
    assert entries[0]["segmentation"]["size"] == [250, 1024]
    assert entries[0]["area"] == 50 * 200


def test_too_few_images(project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"4 images or more .* got 16 and 0 in photos\. Annotate more"):
        make_snapshot(project, tmp_path / "data", 1e-9)


def test_a_version_is_made_used_and_brought_back(
    project: Project, config: RetrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    better(monkeypatch, clicks=True, detector=True)
    told: list[str] = []
    first = retrain(project, config, tell=lambda what, done, total: told.append(what))
    assert list(dict.fromkeys(told)) == [
        "images",
        "measuring clicks before", "training clicks", "measuring clicks at 1", "measuring clicks at 0.5",
        "measuring detector before", "training detector", "measuring detector at 1",
        "judging suggestions",
    ]  # fmt: skip
    assert first.version is not None
    assert (first.version.name, first.version.model, first.version.detector) == ("v1", "v1", "v1")
    assert first.scores["detector before"]["ar_100"] == 0
    place, detector = versions.places_in_use(project)
    assert load_detector(str(detector)).encoder == load_sam(place).fingerprint
    assert load_sam(place).fingerprint == load_sam(config.model).fingerprint, "embeddings stay"
    assert not (versions.models_folder(project) / "new").exists()
    assert read_state(project)["state"] == "done"
    assert least_worth(project) == 0.5, "as the held-back images tell"
    better(monkeypatch, clicks=False, detector=True)
    second = retrain(project, config).version
    assert second is not None
    assert (second.base, second.model, second.detector) == ("v1", "v1", "v2")
    better(monkeypatch, clicks=False, detector=False)
    assert retrain(project, config).version is None
    assert [one.name for one in versions.listed(project)] == ["v1", "v2"]
    versions.use(project, "v1")
    used = versions.in_use(project)
    assert used is not None
    assert used == first.version
    versions.use(project, versions.SHIPPED)
    assert versions.in_use(project) is None
    assert [one.name for one in versions.uses(project)] == ["v1", "v2", "v1", "compact"]
    with pytest.raises(UnknownNameError, match="v3"):
        versions.use(project, "v3")


def test_the_measured_figures_decide(project: Project, config: RetrainConfig) -> None:
    result = retrain(project, config)
    kept = {part: result.scores[f"{part} after"] for part in ("clicks", "detector")}
    taken = kept["clicks"]["mean"] >= result.scores["clicks before"]["mean"]
    assert result.version is not None, "an untrained detector is not worse than none"
    assert result.version.model == ("v1" if taken else config.model)


def figures(monkeypatch: pytest.MonkeyPatch, by_share: dict[str, float]) -> None:
    """Decide the mean IoU of the model in use ("") and of new weights by their share of the way."""

    def measure(model: str, data: Path, tell: object) -> dict[str, float]:
        return {"mean": by_share[{"clicks": "1", "clicks-0.5": "0.5"}.get(Path(model).name, "")]}

    monkeypatch.setattr(module, "measure_clicks", measure)


@pytest.mark.parametrize(
    ("by_share", "taken"),
    [
        ({"": 0.7, "1": 0.8, "0.5": 0.75}, 1.0),
        ({"": 0.7, "1": 0.6, "0.5": 0.75}, 0.5),
        ({"": 0.7, "1": 0.6, "0.5": 0.65}, None),
    ],
)
def test_the_best_weights_on_the_way_are_taken(
    project: Project,
    config: RetrainConfig,
    monkeypatch: pytest.MonkeyPatch,
    by_share: dict[str, float],
    taken: float | None,
) -> None:
    figures(monkeypatch, by_share)
    result = retrain(project, replace(config, detector=None))
    assert result.scores["clicks before"] == {"mean": 0.7}
    assert result.scores["clicks after"]["mean"] == max(by_share["1"], by_share["0.5"])
    if taken is None:
        assert result.version is None
        return
    assert result.scores["clicks after"]["share"] == taken
    place, _ = versions.places_in_use(project)
    assert load_sam(place).fingerprint == load_sam(config.model).fingerprint


@pytest.mark.parametrize("moment", ["images", "training clicks", "measuring detector at 1"])
def test_a_stopped_retraining_resumes(
    project: Project, config: RetrainConfig, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    better(monkeypatch, clicks=True, detector=True)

    def stop(what: str, done: int, total: int) -> None:
        if what == moment and (done or what.startswith("measuring")):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retrain(project, config, tell=stop)
    assert read_state(project)["state"] == "stopped"
    assert versions.listed(project) == []
    with pytest.raises(InputError, match=r"held must be 0.3 .* got 0.5\. Add --restart"):
        retrain(project, replace(config, held=0.5))
    told: list[str] = []
    resumed = retrain(project, config, tell=lambda what, done, total: told.append(what))
    assert resumed.version is not None
    assert resumed.version.name == "v1"
    if moment == "measuring detector at 1":
        assert "training clicks" not in told


def test_a_version_written_just_before_a_stop_is_used(
    project: Project, config: RetrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    better(monkeypatch, clicks=True, detector=True)
    with monkeypatch.context() as patch:
        patch.setattr(versions, "use", lambda project, name: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            retrain(project, config)
    assert versions.in_use(project) is None
    assert retrain(project, config).version is not None
    assert [one.name for one in versions.listed(project)] == ["v1"]
    assert versions.in_use(project) is not None


def test_an_error_is_written_down(project: Project, config: RetrainConfig) -> None:
    with pytest.raises(InputError):
        retrain(project, replace(config, held=1e-9))
    state = read_state(project)
    assert (state["state"], state["error"][:28]) == ("failed", "PROJECT must have masks in 4")


def test_a_base_without_features_for_a_detector(project: Project, config: RetrainConfig) -> None:
    other = replace(config, detector=replace(config.detector, init="object"))
    assert "detector after" not in retrain(project, other).scores


@pytest.mark.parametrize(("settings", "message"), [
    ({"held": 0.0}, "held must be over 0"),
    ({"clicks": TrainConfig(tune="all")}, "tune must be decoder"),
])  # fmt: skip
def test_settings_that_cannot_be(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RetrainConfig(**settings)


def test_a_damaged_version(project: Project) -> None:
    folder = versions.models_folder(project) / "v1"
    folder.mkdir(parents=True)
    (folder / versions.INFO).write_text("{}")
    with pytest.raises(FormatError, match="version must be a folder"):
        versions.listed(project)


def test_which_version_was_in_use() -> None:
    some = [versions.Use(10.0, "v1"), versions.Use(20.0, "v2")]
    assert [versions.used_at(some, moment) for moment in (5.0, 10.0, 15.0, 30.0)] == [
        "compact", "v1", "v1", "v2",
    ]  # fmt: skip
