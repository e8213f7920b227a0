from __future__ import annotations

import json
import math

import pytest
import torch

from anymask.errors import OutputError
from anymask.evaluate.metrics import Interval
from anymask.evaluate.report import Report, SetResult, machine, model_hash
from anymask.files.reports.provenance import commit

NAN = float("nan")


def report(**changes):
    ours = SetResult(
        "coco", 3, 12, {"click_1": Interval(0.5, 0.4, 0.62), "noc_90": Interval(7.25, 6, 9)}, 1.5
    )
    mean = SetResult(
        "mean of sets", 3, 12, {"click_1": Interval(0.5, 0.4, 0.6), "noc_90": Interval(NAN, NAN, NAN)}
    )
    values = {
        "protocol": "clicks",
        "config": {"clicks": [1, 3]},
        "model": "abc",
        "sets": (ours,),
        "mean": mean,
        "seconds": 2.0,
        "commit": "123",
        "machine": {"cores": 2},
    }
    return Report(**{**values, **changes})


def test_json_round_trip(tmp_path):
    before = report()
    before.save(tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text()
    assert "NaN" not in text
    after = Report.from_dict(json.loads(text))
    assert after.sets == before.sets
    assert math.isnan(after.mean.numbers["noc_90"].value)
    assert after.to_dict() == before.to_dict()


def test_an_existing_file_is_kept(tmp_path):
    (tmp_path / "report.json").write_text("mine")
    with pytest.raises(OutputError):
        report().save(tmp_path / "report.json")
    report().save(tmp_path / "report.json", force=True)
    assert (tmp_path / "report.json").read_text().startswith("{")


def test_unknown_keys_are_refused():
    with pytest.raises(TypeError):
        Report.from_dict({**report().to_dict(), "colour": 1})


def test_table_has_a_row_per_set_and_the_mean_with_its_spread():
    lines = report(published={"SAM": {"click_1": 0.7}}).table().splitlines()
    assert [line.count("|") for line in lines] == [6] * 5
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["set", "images", "masks", "click_1", "noc_90"]
    assert cells[2] == ["coco", "3", "12", "0.500", "7.25"]
    assert cells[3] == ["mean of sets", "3", "12", "0.500 ±0.100", "-"]
    assert cells[4] == ["SAM (published)", "", "", "0.700", "-"]
    assert len({len(line) for line in lines}) == 1


def test_table_of_chosen_columns():
    assert "noc_90" not in report().table(["click_1"])


def test_machine_is_json_and_names_the_processor():
    found = machine()
    assert json.loads(json.dumps(found)) == found
    assert found["processor"]
    assert found["torch"] == torch.__version__


def test_commit_is_empty_or_hexadecimal():
    found = commit().rstrip("+")
    assert found == "" or int(found, 16) >= 0


def test_model_hash_depends_on_every_weight_and_nothing_else():
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    before = model_hash(model)
    assert len(before) == 16
    twin = torch.nn.Linear(3, 2)
    twin.load_state_dict(model.state_dict())
    assert model_hash(twin) == before
    with torch.no_grad():
        model.bias[1] += 1e-6
    assert model_hash(model) != before
    assert model_hash(model.to(torch.bfloat16)) != before
