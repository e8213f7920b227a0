"""Editing masks by hand: polygons, corners, colours, cuts, merges, copies; each a step of undo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from .conftest import SIDES
from .driving import Person, Served, bits, eventually

FIELD = ((20, 30), (80, 30), (80, 90), (20, 90))
"""The red block of the image, as a polygon."""


@pytest.fixture
def person(tab: Page, blocks: Served) -> Iterator[Person]:
    """Somebody at an image without masks."""
    for image in blocks.images().values():
        blocks.clear(image)
    person = Person(tab).open(blocks.address, blocks.images()["a.png"])
    yield person
    person.saved()


def polygon(person: Person, *corners: tuple[float, float], button: Any = "left") -> None:
    person.tool("Polygon")
    person.click(*corners[0], button=button)
    for corner in corners[1:]:
        person.click(*corner)
    person.page.keyboard.press("Enter")


def stored(person: Person, served: Served, count: int = 1, name: str = "a.png") -> list[np.ndarray]:
    """The masks as the server has them, once there are so many."""
    person.saved()
    image = served.images()[name]
    eventually(lambda: len(served.masks(image)) == count)
    found = [bits(mask) for mask in served.masks(image)]
    assert len(found) == count
    return found


def block(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    out = np.zeros(SIDES, bool)
    out[y0:y1, x0:x1] = True
    return out


def test_a_polygon_is_drawn_corner_by_corner(person: Person, blocks: Served) -> None:
    keys = person.page.keyboard
    person.tool("Polygon")
    for corner in ((20, 30), (80, 30), (100, 100), (80, 90), (120, 20)):
        person.click(*corner)
    keys.press("Backspace")
    person.click(20, 90)
    keys.press("Control+z")  # takes one corner back, not the last mask
    keys.press("Backspace")
    keys.press("Control+z")
    for corner in FIELD[2:]:
        person.click(*corner)
    person.click(20.5, 30.5)  # the first corner closes it
    person.count(1)
    (mask,) = stored(person, blocks)
    assert np.array_equal(mask, block(20, 30, 80, 90))
    polygon(person, (40, 50), (60, 50), (60, 70), (40, 70), button="right")
    (holed,) = stored(person, blocks)
    assert np.array_equal(holed, block(20, 30, 80, 90) & ~block(40, 50, 60, 70))
    keys.press("Control+z")
    assert np.array_equal(stored(person, blocks)[0], block(20, 30, 80, 90))
    keys.press("Escape")
    polygon(person, (5, 5), (15, 5))
    person.says("A polygon has three corners at least.")
    keys.press("Escape")


def test_a_polygon_is_drawn_with_the_keyboard_alone(person: Person, blocks: Served) -> None:
    keys = person.page.keyboard
    keys.press("o")
    keys.press("ArrowLeft")
    keys.press("Space")
    for way in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        for _ in range(10):
            keys.press(way)
        keys.press("Space")
    keys.press("Enter")
    (mask,) = stored(person, blocks)
    rows, columns = np.nonzero(mask)
    assert mask.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1) > 0


def test_corners_change_the_mask_only_where_they_moved(person: Person, blocks: Served) -> None:
    keys = person.page.keyboard
    polygon(person, *FIELD)
    person.tool("Corners")
    person.drag((80, 30), (100, 30))
    (moved,) = stored(person, blocks)
    before = block(20, 30, 80, 90)
    assert np.array_equal(moved & block(0, 0, 80, 120), before)
    assert 500 < (moved & ~before).sum() < 700  # a triangle of 20 by 60 pixels
    person.drag((50, 90), (50, 100))  # the line between two corners
    (inserted,) = stored(person, blocks)
    assert (inserted & ~moved).sum() == pytest.approx(300, abs=15)
    assert not (moved & ~inserted).any()
    person.click(50, 100, button="right")
    assert np.array_equal(stored(person, blocks)[0], moved)
    for expected in (inserted, moved, before):
        keys.press("Control+z")
        assert np.array_equal(stored(person, blocks)[0], expected)
    keys.press("Control+y")
    assert np.array_equal(stored(person, blocks)[0], moved)
    person.click(100, 30)  # the corner is there again after undo and redo
    keys.press("Delete")
    (deleted,) = stored(person, blocks)
    assert deleted.sum() < before.sum()
    person.count(1)  # the corner was deleted, not the mask
    expect(person.page.locator(".masks .mask")).to_be_in_viewport(
        ratio=0.9
    )  # with all facts of the mask above


def test_precision_shows_corners_against_iou(person: Person, blocks: Served) -> None:
    person.tool("Brush")
    person.page.keyboard.press("]")
    person.drag((40, 40), (90, 60), (40, 80))
    (drawn,) = stored(person, blocks)
    person.tool("Corners")
    facts = person.page.locator(".options .facts")
    person.option("precision", 1)
    expect(facts).to_contain_text("IoU 1.0000")
    exact = int(facts.inner_text().split()[0])
    person.option("precision", 0.2)
    expect(facts).not_to_contain_text("IoU 1.0000")
    few, said = int(facts.inner_text().split()[0]), float(facts.inner_text().split("IoU ")[1][:6])
    assert few < exact / 3
    assert np.array_equal(stored(person, blocks)[0], drawn)  # nothing changes until it is asked for
    person.page.get_by_role("button", name="Simplify").click()
    eventually(lambda: not np.array_equal(stored(person, blocks)[0], drawn))
    (simple,) = stored(person, blocks)
    assert (simple & drawn).sum() / (simple | drawn).sum() == pytest.approx(said, abs=1e-4)


def test_the_wand_takes_alike_colours(person: Person, blocks: Served) -> None:
    person.tool("Wand")
    assert eventually(
        lambda: person.page.evaluate("Boolean(document.querySelector('am-editor').tools.wand.loaded)")
    )
    person.click(30, 40)
    assert np.array_equal(stored(person, blocks)[0], block(20, 30, 80, 90) & ~block(40, 50, 60, 70))
    person.click(50, 60)  # adds the green block
    assert np.array_equal(stored(person, blocks)[0], block(20, 30, 80, 90))
    person.click(50, 60, button="right")
    assert stored(person, blocks)[0].sum() == 60 * 60 - 20 * 20
    person.page.keyboard.press("Escape")
    person.option("tolerance", 255)
    person.click(30, 40)
    assert stored(person, blocks, 2)[1].all()


def test_cut_split_and_merge_lose_no_pixel(person: Person, blocks: Served) -> None:
    keys = person.page.keyboard
    polygon(person, *FIELD)
    person.tool("Cut")
    person.drag((50, 20), (50, 60), (50, 100))
    person.count(2)
    one, other = stored(person, blocks, 2)
    assert not (one & other).any()
    assert np.array_equal(one | other, block(20, 30, 80, 90))
    assert min(one.sum(), other.sum()) > 1500
    person.drag((10, 35), (15, 40))
    person.says("Draw the line across the whole mask")
    keys.press("v")
    person.click(30, 60)
    keys.down("Shift")
    person.click(70, 60)
    keys.up("Shift")
    person.command("Merge 2")
    person.count(1)
    assert np.array_equal(stored(person, blocks)[0], block(20, 30, 80, 90))
    keys.press("Control+z")  # one step
    person.count(2)
    keys.press("Control+z")
    person.count(1)
    keys.press("q")
    person.says("Mark two or more masks")


def test_holes_islands_and_parts(person: Person, blocks: Served) -> None:
    keys = person.page.keyboard
    polygon(person, *FIELD)
    polygon(person, (40, 50), (60, 50), (60, 70), (40, 70), button="right")
    polygon(person, (100, 30), (110, 30), (110, 40), (100, 40))
    person.command("Fill holes")
    assert np.array_equal(stored(person, blocks)[0], block(20, 30, 80, 90) | block(100, 30, 110, 40))
    person.command("Split parts")
    person.count(2)
    keys.press("Control+z")
    person.count(1)
    person.page.locator(".masks .mask").click()
    person.command("Drop islands")
    assert np.array_equal(stored(person, blocks)[0], block(20, 30, 80, 90))
    person.command("Fill holes")
    person.says("This mask has no holes.")


def test_masks_are_copied_to_the_next_image(person: Person, blocks: Served) -> None:
    keys = person.page.keyboard
    polygon(person, *FIELD)
    keys.press("Escape")
    keys.press("Shift+K")
    person.says("1 mask copied")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("b.png")
    assert np.array_equal(stored(person, blocks, 1, "b.png")[0], block(20, 30, 80, 90))
    keys.press("Control+z")
    person.count(0)
    keys.press("Control+y")
    person.count(1)
    keys.press("Shift+K")
    person.says("The masks were not copied: c.png has 160 × 60 pixels")
    keys.press("j")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("a.png")
    person.saved()
    keys.press("Shift+K")
    person.says("This image has these masks already.")


def test_locked_masks_stay(person: Person, blocks: Served) -> None:
    polygon(person, *FIELD)
    person.page.get_by_role("button", name="Lock Mask").click()
    for act in ("Fill holes", "Split parts"):
        person.command(act)
    person.tool("Corners")
    person.drag((80, 30), (100, 30))
    person.says("This mask is locked")
    assert np.array_equal(stored(person, blocks)[0], block(20, 30, 80, 90))


def test_undo_takes_a_label_back_in_one_step_and_a_reload_keeps_it(person: Person, blocks: Served) -> None:
    """Complaint 9: undo of each tool, and of labels; one press a step; saved."""
    page, keys = person.page, person.page.keyboard
    page.evaluate(
        """async () => {
            const app = document.querySelector("am-app");
            await app.saveLabels([{ id: "red", name: "red", color: "#ff0000" },
                                  { id: "blue", name: "blue", color: "#0000ff" }]);
        }"""
    )
    keys.press("1")
    polygon(person, *FIELD)
    keys.press("2")
    expect(page.locator(".masks .name")).to_have_text("blue")
    keys.press("Control+z")
    expect(page.locator(".masks .name")).to_have_text("red")
    expect(page.get_by_role("button", name="red", exact=True)).to_have_attribute("aria-pressed", "true")
    person.saved()
    page.reload()
    person.count(1)
    expect(page.locator(".masks .name")).to_have_text("red")
