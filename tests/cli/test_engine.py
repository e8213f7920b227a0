"""`anymask engine audit`."""

from __future__ import annotations

from pathlib import Path

import pytest

from anymask.data_engine.project import images, open_project


def test_an_audit_is_made_and_reported(run, dataset: Path) -> None:
    answer = run(
        "engine", "audit", dataset, "-o", "audit", "--max-images", "4", "--max-masks", "2", "--scratch", "0.5"
    )
    assert answer.code == 0, answer.err
    assert "8 masks to judge\nwrote audit\nnow run: anymask serve audit" in answer.out
    project = open_project("audit")
    for image in list(images.every(project.db))[:3]:
        images.mark(project.db, image.id, done=True)
    project.close()
    text = run("engine", "audit", "audit").out
    assert "corrected (paper)" in text
    assert "1 images are not marked as done yet" in text
    found = run("engine", "audit", "audit", "--json").json
    assert found["corrected"]["all"]["mean_iou"]["value"] == 1, "nobody changed them"
    assert found["from_scratch"]["all"]["mean_iou"]["value"] == 0, "nobody drew any"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["photo.jpg"], "-o must name the folder of the audit, got nothing, and photo.jpg is none."),
        (["nowhere", "-o", "audit"], "nowhere"),
        (["made", "-o", "audit"], "-o must go with a data set, got an audit. Leave it out."),
    ],
)
def test_what_cannot_be_audited(run, dataset: Path, words: list[str], message: str) -> None:
    if words[0] == "made":
        assert run("engine", "audit", dataset, "-o", "made", "--max-images", "1").code == 0
    answer = run("engine", "audit", *words)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    assert not Path("audit").exists()


def test_the_status_of_a_project(run, dataset: Path) -> None:
    assert run("engine", "audit", dataset, "-o", "made", "--max-images", "3", "--scratch", "0").code == 0
    text = run("engine", "status", "made").out
    assert text.splitlines()[0].split()[:4] == ["stage", "model", "images", "masks"]
    assert "automatic" in text
    (found,) = run("engine", "status", "made", "--json").json
    assert (found["stage"], found["images"], found["accept_rate"]) == ("automatic", 3, 1)


def test_a_folder_that_is_no_project_stays_one(run) -> None:
    Path("photos").mkdir()
    answer = run("engine", "status", "photos")
    assert answer.code == 2
    assert "PROJECT must be the folder of a project, got photos." in answer.err
    assert not list(Path("photos").iterdir())
