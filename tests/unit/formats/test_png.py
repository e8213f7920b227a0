"""PNG masks, maps and folders."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from anymask.errors import FormatError, InputError, OutputError
from anymask.formats import png
from anymask.inference.mask_generation.hierarchy import flatten
from anymask.types import Masks


def read(path):
    """What a viewer sees."""
    return np.asarray(Image.open(path))


def squares(n=3, **fields):
    """Masks side by side on 6 x 20."""
    dense = np.zeros((n, 6, 20), bool)
    for i in range(n):
        dense[i, :4, (4 * i) % 20 : (4 * i) % 20 + 3] = True
    return Masks.from_dense(dense, **fields)


def test_one_mask(tmp_path):
    path = png.write_mask(squares(1), tmp_path / "a.png")
    assert np.array_equal(read(path), squares(1).dense()[0] * 255)
    again, hidden = png.read_masks(path)
    assert np.array_equal(again.dense(), squares(1).dense())
    assert hidden is None
    with pytest.raises(InputError, match=r"masks must be a single one for a mask file, got 3"):
        png.write_mask(squares(), tmp_path / "b.png")


def test_instance_map(tmp_path):
    path = png.write_map(squares(), tmp_path / "a.png")
    assert read(path).dtype == np.uint8
    assert read(path)[0, [0, 4, 8, 19]].tolist() == [1, 2, 3, 0]
    again, _ = png.read_masks(path)
    assert np.array_equal(again.dense(), squares().dense())
    assert again.labels.tolist() == [1, 2, 3]


def test_label_map(tmp_path):
    masks = squares(labels=[7, 200, 7])
    path = png.write_map(masks, tmp_path / "a.png", labels=True)
    assert read(path)[0, [0, 4, 8, 19]].tolist() == [7, 200, 7, 0]
    again, _ = png.read_masks(path)
    assert again.labels.tolist() == [7, 200]
    assert again.areas.tolist() == [24, 12]


def test_small_masks_show_on_large_ones():
    dense = np.zeros((2, 6, 8), bool)
    dense[0, 2:4, 2:4] = True
    dense[1] = True
    assert png.instance_map(Masks.from_dense(dense))[3, 3] == 1
    assert png.instance_map(Masks.from_dense(dense[::-1]))[3, 3] == 2


def test_many_masks_take_16_bits(tmp_path):
    dense = np.zeros((300, 20, 20), bool)
    dense.reshape(300, -1)[np.arange(300), np.arange(300)] = True
    masks = Masks.from_dense(dense)
    assert png.instance_map(masks[:255]).dtype == np.uint8
    path = png.write_map(masks, tmp_path / "a.png")
    again, _ = png.read_masks(path)
    assert np.array_equal(again.dense(), dense)
    assert again.labels.tolist() == list(range(1, 301))


def test_no_masks_are_an_empty_map(tmp_path):
    path = png.write_map(Masks((4, 5), ()), tmp_path / "a.png")
    assert not read(path).any()
    assert len(png.read_masks(path)[0]) == 0


def test_what_a_map_cannot_hold(tmp_path):
    with pytest.raises(InputError, match=r"masks must have labels for a label map, got none"):
        png.write_map(squares(), tmp_path / "a.png", labels=True)
    for labels in ([0, 1, 2], [1, 2, 70_000]):
        with pytest.raises(
            InputError, match=r"masks must have numbers from 1 to 65535 in a map, got \d to \d+"
        ):
            png.label_map(squares(labels=labels))
    assert not list(tmp_path.iterdir())


def test_the_number_to_ignore(tmp_path):
    numbers = np.array([[0, 1, 1, 255], [2, 2, 255, 0]], np.uint8)
    voc = Image.fromarray(numbers).convert("P")
    voc.putpalette([*range(256)] * 3)
    voc.save(tmp_path / "a.png")
    masks, hidden = png.read_masks(tmp_path / "a.png", ignore=255)
    assert masks.labels.tolist() == [1, 2]
    assert masks.areas.tolist() == [2, 2]
    assert hidden.tolist() == [5, 2, 1]
    assert png.read_masks(tmp_path / "a.png")[0].labels.tolist() == [1, 2, 255]


def test_a_folder(tmp_path):
    folder = png.write_folder(squares(), tmp_path / "masks")
    assert sorted(file.name for file in folder.iterdir()) == ["000.png", "001.png", "002.png"]
    assert np.array_equal(png.read_folder(folder).dense(), squares().dense())
    assert [entry.name for entry in tmp_path.iterdir()] == ["masks"]


def test_a_folder_is_filled_or_replaced(tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    png.write_folder(squares(), folder)
    with pytest.raises(OutputError, match=r"output must be a new folder, got .*masks, which holds files"):
        png.write_folder(squares(1), folder)
    assert len(list(folder.iterdir())) == 3
    png.write_folder(squares(1), folder, force=True)
    assert len(list(folder.iterdir())) == 1
    (folder / "notes.txt").touch()
    with pytest.raises(OutputError, match=r"folder of such files only, got .*, which holds others"):
        png.write_folder(squares(1), folder, force=True)
    assert (folder / "notes.txt").exists()


def test_places_for_a_folder(tmp_path):
    with pytest.raises(OutputError, match=r"must lie in a folder that exists, got .*Make the folder"):
        png.write_folder(squares(), tmp_path / "no" / "masks")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"output must be a folder, got the file"):
        png.write_folder(squares(), tmp_path / "file", force=True)


def test_folders_that_hold_no_masks(tmp_path):
    with pytest.raises(FormatError, match=r"folder must hold PNG masks of one size, got 0 of 0 sizes"):
        png.read_folder(tmp_path)
    png.write_mask(squares(1), tmp_path / "a.png")
    png.write_mask(Masks.from_dense(np.ones((1, 2, 2), bool)), tmp_path / "b.png")
    with pytest.raises(FormatError, match=r"got 2 of 2 sizes"):
        png.read_folder(tmp_path)


def test_of_equals_the_earlier_shows_as_in_flatten() -> None:
    dense = np.zeros((2, 4, 6), bool)
    dense[0, :, :4] = dense[1, :, 2:] = True
    masks = Masks.from_dense(dense)
    assert png.instance_map(masks)[0].tolist() == [1, 1, 1, 1, 2, 2]
    assert np.array_equal(png.instance_map(masks), flatten(masks))
