"""Clicks by group: which masks a table means, and the figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anymask.data import open_dataset
from anymask.data.dataset import Collection
from anymask.errors import FormatError, InputError
from anymask.evaluate.groups import clicks_by_group, read_group_table
from anymask.formats import sa1b
from anymask.images.write import encode_png
from anymask.types import Masks, Record

SIZE = (30, 40)


def square(x: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[5:15, x : x + 10] = True
    return mask


LEFT, RIGHT = square(2), square(20)


@pytest.fixture
def people(tmp_path: Path) -> Collection:
    """Three images with two masks each, of ids 1 and 2."""
    place = tmp_path / "people"
    place.mkdir()
    for name in "abc":
        masks = Masks.from_dense(np.stack([LEFT, RIGHT]))
        record = Record(name, Path(f"{name}.png"), masks, meta={"file_name": f"{name}.png"})
        (place / f"{name}.png").write_bytes(encode_png(np.zeros((*SIZE, 3), np.uint8)))
        (place / f"{name}.json").write_text(json.dumps(sa1b.to_document(record)))
    return open_dataset(place)


def only_left(image):
    """Knows the left object; of the right one it finds half with one point, all with three."""

    def session(prompts, *, multimask):
        found = []
        for prompt in prompts:
            right = RIGHT.copy()
            right[:, 25:] &= len(prompt.points) > 1
            found.append(LEFT if prompt.points[0][0] < 15 else right)
        return Masks.from_dense(np.stack(found), logits=np.zeros((len(found), 4, 4), np.float32))

    return session


def table(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "groups.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_groups_of_masks_and_of_images(people: Collection, tmp_path: Path) -> None:
    rows = ["a.png,1,light", "a.png,2,dark", "b,2,dark", "c,,all", "c,1,light", "c,9,dark", "gone,,light"]
    found = clicks_by_group(only_left, people, read_group_table(table(tmp_path, "image,mask,group", *rows)))
    by_name = {row["group"]: row for row in found["groups"]}
    assert {name: (row["images"], row["masks"]) for name, row in by_name.items()} == {
        "all": (1, 2), "dark": (2, 2), "light": (2, 2),
    }  # fmt: skip
    assert by_name["light"]["points_1"] == {"iou": 1, "low": 1, "high": 1}
    assert by_name["dark"]["points_1"]["iou"] == pytest.approx(0.5)
    assert by_name["dark"]["points_3"]["iou"] == 1
    assert by_name["all"]["points_1"] == {"iou": pytest.approx(0.75), "low": None, "high": None}
    assert found["unused_rows"] == ["c 9", "gone"]
    assert {row["group"] for row in found["published"]} >= {"Young", "tone 6", "Predominantly Feminine"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["picture,tone", "a,1"], "must have the columns image and group, got picture, tone"),
        (["image,group"], "must have a row with a group, got none"),
        (["image,group", ",dark"], "must name an image in every row, got none in row 2"),
    ],
)
def test_bad_tables(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_group_table(table(tmp_path, *lines))


def test_a_table_of_other_images(people: Collection, tmp_path: Path) -> None:
    groups = read_group_table(table(tmp_path, "image,group", "x,dark", "y,light"))
    with pytest.raises(InputError, match=r"must name images .* of people, got none .* 2 rows, such as x"):
        clicks_by_group(only_left, people, groups)
