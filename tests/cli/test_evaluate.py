"""`anymask eval` measures and reports."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from anymask import models
from anymask.cli.measure import frequencies
from anymask.evaluate.report import Report
from anymask.models.config import CONTEXT_DEBUG


@pytest.fixture
def words(dataset: Path, model: Path) -> list[object]:
    return ["eval", "clicks", "--data", dataset, "--split", "val", "--model", model, "--max-masks", "2"]


def test_table_and_report(run, words: list[object]) -> None:
    answer = run(*words, "-o", "report.json", "--baseline", "grabcut", "--max-images", "1")
    assert answer.code == 0
    assert all(line.startswith("toys: ") for line in answer.err.splitlines())  # progress, on a slow machine
    head, _, toys, mean, *_ = answer.out.splitlines()
    names = ("click_1", "oracle_1", "click_9", "noc_85", "noc_90", "box", "grabcut_box")
    assert all(name in head for name in names)
    assert toys.split()[1] == "toys"
    assert "±" in mean
    assert answer.out.endswith("wrote report.json\n")
    report = Report.from_dict(json.loads(Path("report.json").read_text()))
    assert (report.protocol, report.sets[0].name, report.sets[0].images) == ("clicks", "toys", 1)
    assert report.sets[0].numbers["grabcut_box"].value > 0


def test_json(run, words: list[object]) -> None:
    told = run(*words, "--json", "--seed", "3", "--max-images", "1").json
    assert (told["config"]["seed"], told["config"]["most_images"]) == (3, 1)
    assert "grabcut_box" not in told["mean"]["numbers"]


def test_a_report_is_not_overwritten(run, words: list[object]) -> None:
    Path("report.json").write_text("precious")
    assert "which exists" in run(*words, "-o", "report.json").err
    assert Path("report.json").read_text() == "precious"


def test_two_sets_of_one_name(run, words: list[object], dataset: Path) -> None:
    answer = run(*words, "--data", dataset)
    assert answer.code == 2
    assert "--data must be sets of different names, got 'toys' twice" in answer.err


def test_calibration_has_a_table_figures_and_a_picture(run, words: list[object]) -> None:
    asked = ["eval", "calibration", *words[2:], "--max-images", "1"]
    answer = run(*asked, "-o", "report.json", "--plot", "reliability.png")
    assert answer.code == 0, answer.err
    head, _, *rows = answer.out.splitlines()
    assert head.startswith("| real IoU by predicted | answers | error | 0.0-0.1 |")
    assert [row.split("|")[1].strip() for row in rows[:3]] == ["click", "random click", "box"]
    assert json.loads(Path("report.json").read_text()) == run(*asked, "--json").json
    assert cv2.imread("reliability.png").shape[1] == 3 * cv2.imread("reliability.png").shape[0]
    assert "which exists" in run(*asked, "--plot", "reliability.png").err


@pytest.fixture
def example_model(tmp_path: Path) -> Path:
    return models.save(models.build(CONTEXT_DEBUG), tmp_path / "context.safetensors")


def test_few_shots(run, dataset: Path, example_model: Path) -> None:
    words = ["eval", "fewshot", "--data", dataset, "--split", "train", "--model", example_model]
    answer = run(*words, "--shots", "1", "2", "--max-queries", "1", "-o", "report.json")
    assert answer.code == 0, answer.err
    assert all(name in answer.out.splitlines()[0] for name in ("shot_1", "shot_2", "copy_1", "colour_1"))
    assert json.loads(Path("report.json").read_text())["protocol"] == "fewshot"
    refused = run(*words[:-1], "compact")
    assert refused.code == 2
    assert "model must work by examples, got compact" in refused.err


def test_proposals(run, dataset: Path, model: Path) -> None:
    words = ["eval", "proposals", "--data", dataset, "--split", "val", "--model", model]
    answer = run(*words, "--points-per-side", "2", "--max-images", "1", "-o", "report.json")
    assert answer.code == 0, answer.err
    assert all(name in answer.out.splitlines()[0] for name in ("ar_10 ", "ar_1000", "small", "large"))
    assert "Average recall; ±" in answer.out
    assert json.loads(Path("report.json").read_text())["protocol"] == "proposals"


def test_frequencies_are_read_where_a_file_tells(tmp_path: Path) -> None:
    lvis = {"categories": [{"id": 1, "name": "awl", "frequency": "r"}, {"id": 2, "name": "bag"}]}
    (tmp_path / "lvis.json").write_text(json.dumps(lvis))
    assert frequencies([str(tmp_path), str(tmp_path / "lvis.json")]) == {"awl": "r"}


def test_edges(run, tmp_path: Path, model: Path) -> None:
    for place in ("images/test", "groundTruth/test"):
        (tmp_path / "bsds" / place).mkdir(parents=True)
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:30, 20:40] = 255
    cv2.imwrite(str(tmp_path / "bsds/images/test/1.jpg"), image)
    cells = np.empty((1, 1), object)
    cells[0, 0] = {"Boundaries": (cv2.Canny(image, 50, 100) > 0).astype(np.uint8)}
    savemat(tmp_path / "bsds/groundTruth/test/1.mat", {"groundTruth": cells})
    words = ["eval", "edges", "--data", tmp_path / "bsds", "--model", model, "--points-per-side", "2"]
    answer = run(*words, "--thresholds", "3", "-o", "report.json")
    assert answer.code == 0, answer.err
    assert all(name in answer.out for name in ("ods", "ois", "r50", "sobel", "SAM ViT-H"))
    assert json.loads(Path("report.json").read_text())["protocol"] == "edges"
    assert "data must hold images/val/*.jpg" in run(*words, "--split", "val").err
