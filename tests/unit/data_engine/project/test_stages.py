"""How masks came to be, what they cost, and how many were kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anymask.data_engine.project import Draft, images, masks, suggestions
from anymask.data_engine.project.stages import by_stage
from anymask.data_engine.project.versions import Use
from anymask.geometry import rle

CLICKS = {"points": [[3, 4], [5, 6]], "labels": [1, 0], "box": [0, 0, 9, 9]}


def draft(image, id: str, x: int, **more) -> Draft:
    bits = np.zeros(image.size, bool)
    bits[5:20, x : x + 9] = True
    return Draft(id=id, size=image.size, counts=rle.to_string(rle.encode(bits)), **more)


def test_stages_of_a_project(project) -> None:
    (image,) = images.listed(project.db)

    def save(one: Draft, seen: int = 0) -> None:
        masks.save(project.db, image.id, one, seen=seen, author="eve")

    clicked = draft(image, "a", 0, prompts=CLICKS, model="one", seconds=10.0)
    save(clicked)
    save(replace(clicked, seconds=16.0, prompts={**CLICKS, "points": [[3, 4]]}), 1)  # seconds add up
    save(draft(image, "b", 20, prompts=CLICKS, model="two", seconds=4.0))
    save(draft(image, "c", 40, seconds=30.0))
    for id, x in (("d", 60), ("e", 80), ("f", 100)):
        save(draft(image, id, x, model="one"))
    save(replace(draft(image, "f", 100, model="one"), deleted=True), 1)
    new = {image.id: [draft(image, id, x, model="s") for id, x in (("g", 120), ("h", 140), ("i", 160))]}
    suggestions.replace(project.db, "a", new, author="eve")
    save(draft(image, "g", 120, model="s", seconds=1.0), 1)
    save(replace(draft(image, "h", 140, model="s"), deleted=True, suggested_by="a"), 1)
    found = [one.to_dict() for one in by_stage(project.db)]
    assert [(one["stage"], one["model"], one["masks"]) for one in found] == [
        ("assisted", "one", 1), ("assisted", "two", 1), ("suggested", "s", 1), ("automatic", "one", 2),
        ("drawn", None, 1),
    ]  # fmt: skip
    assisted, _, suggested, automatic, drawn = found
    assert (assisted["seconds_per_mask"], assisted["clicks_per_mask"]) == (16.0, 2)
    assert (suggested["rejected"], suggested["waiting"], suggested["accept_rate"]) == (1, 1, 0.5)
    assert automatic["accept_rate"] == pytest.approx(2 / 3)
    assert (automatic["masks_per_image"], automatic["images"]) == (2, 1)
    assert (drawn["seconds_per_mask"], drawn["clicks_per_mask"]) == (30.0, 0)
    suggestions.withdraw(project.db, author="eve")
    suggested = by_stage(project.db)[2]
    assert (suggested.rejected, suggested.waiting) == (1, 0), "withdrawn is not rejected"


@pytest.mark.parametrize("prompts", [[], 3, "x", {"points": 4}, {"points": None, "box": None}, None])
def test_prompts_may_be_any_json(project, prompts) -> None:
    (image,) = images.listed(project.db)
    masks.save(project.db, image.id, draft(image, "a", 0, prompts=prompts), seen=0, author="eve")
    assert [(one.stage, one.clicks) for one in by_stage(project.db)] == [("drawn", 0)]


def test_an_empty_project(project) -> None:
    assert by_stage(project.db) == []


def test_masks_count_for_the_version_that_was_in_use(project) -> None:
    (image,) = images.listed(project.db)
    moments = []
    for id, x in (("a", 0), ("b", 20), ("c", 40)):
        one = draft(image, id, x, prompts=CLICKS, model="one")
        moments.append(masks.save(project.db, image.id, one, seen=0, author="eve").time)
    corrected = replace(draft(image, "a", 0, prompts=CLICKS, model="one"), seconds=9.0)
    masks.save(project.db, image.id, corrected, seen=1, author="eve")
    used = [Use(moments[1], "v1"), Use(moments[2], "compact")]
    found = by_stage(project.db, used)
    assert [(one.version, one.masks, one.seconds) for one in found] == [("v1", 1, 0.0), ("compact", 2, 9.0)]
