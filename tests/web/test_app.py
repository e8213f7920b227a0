"""The app in a real browser, on a real server: from the first click to what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import anymask
from anymask import Prompt

from .driving import Person, Served, bits, eventually, iou


@pytest.fixture(scope="module")
def model():
    return anymask.load("compact", device="cpu", dtype="float32")


@pytest.fixture
def cat(served: Served) -> str:
    """An image without masks."""
    image = served.images()["cat.jpg"]
    served.clear(image)
    return image


@pytest.fixture
def person(tab: Page, served: Served, cat: str) -> Iterator[Person]:
    """Somebody at the image; what is under way when a test ends is stored before the next one clears it."""
    person = Person(tab).open(served.address, cat)
    yield person
    if tab.locator("am-editor").count():
        person.saved()


def test_the_gallery_leads_to_the_first_mask(tab: Page, served: Served, cat: str) -> None:
    page = tab
    page.goto(served.address)
    expect(page.get_by_role("list", name="Images").get_by_role("listitem")).to_have_count(3)
    page.get_by_role("link", name="cat.jpg").click()
    person = Person(page)
    page.wait_for_selector("am-editor[data-ready=yes]")
    assert page.evaluate("crossOriginIsolated")
    person.click(200, 150)
    person.count(1)
    person.saved()
    assert len(served.masks(cat)) == 1
    page.get_by_role("link", name="All images").click()
    expect(page.get_by_role("link", name="cat.jpg")).to_contain_text("1 mask")


def clicked(model, photo: Path, prompt: Prompt) -> anymask.Masks:
    """The answer after click upon click, each with the logits of the last answer; see evaluate/clicks.py."""
    found = None
    for count in range(1, max(len(prompt.points), 1) + 1):
        logits = None if found is None else found.logits[0]
        points, labels = prompt.points[:count], prompt.labels[:count]
        asked = Prompt(points, labels, prompt.box, logits) if len(points) else prompt
        found = anymask.predict(model, photo, [asked], multimask=False, logits=True)
    return found


@pytest.mark.parametrize("kind", ["click", "in and out", "box"])
def test_answers_are_those_of_python(
    person: Person, served: Served, cat: str, photos: Path, model, kind: str
) -> None:
    if kind == "box":
        person.tool("Box")
        person.drag((160, 100), (250, 190))
    else:
        person.click(162.5, 126.5)
    person.count(1)
    if kind == "in and out":
        person.saved()  # the second look's answer is what the next click goes on from
        person.click(170.5, 110.5, button="right")
        eventually(lambda: [len(m["prompts"]["points"]) for m in served.masks(cat)] == [2])
    person.saved()
    (stored,) = served.masks(cat)
    asked = stored["prompts"]
    prompt = Prompt(asked["points"] or None, asked["labels"] or None, asked["box"])
    assert len(prompt.points) == {"click": 1, "in and out": 2, "box": 0}[kind]
    expected = clicked(model, photos / "cat.jpg", prompt)
    assert iou(bits(stored), expected.dense()[0]) >= 0.98
    assert stored["score"] == pytest.approx(float(expected.scores[0]), abs=0.02)


def test_small_things_are_looked_at_again(
    person: Person, served: Served, cat: str, photos: Path, model
) -> None:
    person.click(162.5, 126.5)
    person.count(1)
    person.saved()
    (stored,) = served.masks(cat)
    looks = [
        anymask.predict(
            model,
            photos / "cat.jpg",
            [Prompt.point(*stored["prompts"]["points"][0])],
            multimask=False,
            zoom=zoom,
        )
        for zoom in (True, False)
    ]
    closer, once = (iou(bits(stored), found.dense()[0]) for found in looks)
    assert closer >= 0.98
    assert once < 0.9  # else this tells nothing
    assert person.page.get_by_role("button", name="Undo (Ctrl+Z)").is_enabled()
    person.page.keyboard.press("Control+z")  # both looks are one step
    person.count(0)


def test_parts_can_be_gone_through(person: Person, served: Served, cat: str) -> None:
    person.click(176.5, 121.5)
    person.count(1)
    areas = set()
    for _ in range(3):
        person.page.keyboard.press("c")
        person.saved()
        areas.add(int(bits(served.masks(cat)[0]).sum()))
    assert len(areas) == 3


def test_brush_eraser_and_lasso_draw(person: Person, served: Served, cat: str) -> None:
    person.tool("Brush")
    person.drag((100, 100), (200, 100))
    person.count(1)
    person.saved()
    drawn = bits(served.masks(cat)[0])
    assert drawn[100, 100:200].all()
    assert drawn[89:111, 150].sum() in (22, 24)  # a brush of 24 pixels
    person.tool("Eraser")
    person.drag((150, 80), (150, 120))
    eventually(lambda: not bits(served.masks(cat)[0])[100, 150])
    person.tool("Lasso")
    person.drag((300, 100), (380, 100), (380, 180), (300, 180), (300, 102))
    eventually(lambda: bits(served.masks(cat)[0])[140, 340])
    person.saved()
    (stored,) = served.masks(cat)
    now = bits(stored)
    assert not now[100, 140:160].any()
    assert now[105:175, 305:375].all()
    assert not now[190:, :].any()
    assert stored["prompts"] is None


def test_undo_and_redo_know_no_end(person: Person, served: Served, cat: str) -> None:
    person.click(176.5, 121.5)
    person.count(1)
    person.page.keyboard.press("Enter")
    person.click(380, 60)
    person.count(2)
    person.page.keyboard.press("Delete")
    person.count(1)
    person.saved()
    before = {m["counts"] for m in served.masks(cat)}
    for count in (2, 1, 0):
        person.page.keyboard.press("Control+z")
        person.count(count)
    person.saved()
    assert served.masks(cat) == []
    for count in (1, 2, 1):
        person.page.keyboard.press("Control+y")
        person.count(count)
    person.saved()
    assert {m["counts"] for m in served.masks(cat)} == before


@pytest.mark.parametrize("key", ["Delete", "Control+z"])
def test_what_is_gone_does_not_come_back_with_a_late_answer(
    person: Person, served: Served, cat: str, key: str
) -> None:
    person.click(176.5, 121.5)
    person.count(1)
    person.saved()
    person.page.evaluate(
        """() => {
            const { predictor } = document.querySelector("am-editor").editor, { predict } = predictor;
            const wait = new Promise((done) => { window.answerNow = done; });
            predictor.predict = (...question) => {
                delete predictor.predict;
                return wait.then(() => predict.apply(predictor, question));
            };
        }"""
    )
    person.click(170.5, 110.5, button="right")
    person.page.wait_for_selector("am-editor.busy")
    person.page.keyboard.press(key)
    person.count(0)
    person.page.evaluate("answerNow()")
    person.saved()
    person.count(0)
    assert served.masks(cat) == []


def test_what_was_drawn_is_there_after_a_reload(person: Person, served: Served, cat: str) -> None:
    person.click(176.5, 121.5)
    person.count(1)
    person.page.reload()
    person.page.wait_for_selector("am-editor[data-ready=yes]")
    person.count(1)
    person.saved()
    person.tool("Select")
    person.click(176.5, 121.5)
    person.tool("Point")
    person.click(170.5, 110.5, button="right")  # the clicks of before are known: this is the second
    assert eventually(lambda: [len(m["prompts"]["points"]) for m in served.masks(cat)] == [2])
    person.saved()


def test_keys_are_enough(person: Person, served: Served, cat: str) -> None:
    keyboard = person.page.keyboard
    person.page.locator("am-image-canvas canvas").last.focus()
    keyboard.press("ArrowRight")
    keyboard.press("Space")
    person.count(1)
    keyboard.press("Enter")
    keyboard.press("b")
    for _ in range(4):
        keyboard.press("ArrowLeft")
    keyboard.press("Space")
    for _ in range(8):
        keyboard.press("ArrowDown")
        keyboard.press("ArrowRight")
    keyboard.press("Space")
    person.count(2)
    person.saved()
    assert {m["prompts"]["box"] is not None for m in served.masks(cat)} == {True, False}
    keyboard.press("?")
    expect(person.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    keyboard.press("Escape")
    expect(person.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()


def test_everything_is_found_and_chosen_by_sliders(person: Person, served: Served, cat: str) -> None:
    page = person.page
    person.tool("Everything")
    page.get_by_label("Grid").select_option("Coarse")
    page.get_by_role("button", name="Find all").click()
    page.get_by_role("button", name="Again").wait_for(timeout=60_000)

    def kept() -> int:
        return page.evaluate("document.querySelector('am-editor').tools.everything.chosen.length")

    many, usual = kept(), page.get_by_label("Confidence").input_value()
    assert many >= 2
    page.get_by_label("Confidence").fill("0.8")
    few = kept()
    assert few < many
    page.get_by_label("Confidence").fill(usual)
    assert kept() == many
    page.get_by_role("button", name="Keep").click()
    person.count(many)
    person.saved()
    assert len(served.masks(cat)) == many
    page.keyboard.press("Control+z")  # one step, however many
    person.count(0)


def test_labels_name_and_colour_masks(person: Person, served: Served, cat: str) -> None:
    page = person.page
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("eye")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    person.click(176.5, 121.5)
    person.count(1)
    page.keyboard.press("1")
    person.saved()
    expect(page.locator(".masks .mask")).to_contain_text("eye")
    (label,) = served.ask("api/project")["labels"]
    assert eventually(lambda: served.masks(cat)[0]["label_id"] == label["id"])
    assert label["name"] == "eye"
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("button", name="Add a label").click()
    page.get_by_label("Name", exact=True).last.fill("eye")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Two labels have the name “eye”")
    expect(page.get_by_label("Name", exact=True).last).to_have_value("eye")
    page.keyboard.press("Escape")
    assert len(served.ask("api/project")["labels"]) == 1
