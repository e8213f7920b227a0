"""Similar objects become suggestions: previewed, accepted or rejected by a key, taken back as a whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from anymask.geometry import rle

from .conftest import profile
from .driving import Person, Served, eventually

# The server's search itself is tested in tests/http; here its results are given.
SEARCH = """
([found]) => {
    const { storage } = document.querySelector("am-app");
    storage.findSimilar = async () => ({ id: "job" });
    storage.follow = async (job, step) => {
        step({ done: 1, total: 2 });
        return { id: job, model: "context", result: found };
    };
}
"""


def square(served: Served, image: str, x: int, score: float) -> dict:
    """A mask that a search found."""
    info = served.ask(f"api/images/{image}")
    bits = np.zeros((info["height"], info["width"]), bool)
    bits[40:120, x : x + 80] = True
    return {"size": list(bits.shape), "counts": rle.to_string(rle.encode(bits)), "score": score}


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One page for all tests: the model is loaded once."""
    with profile(browser) as page:
        yield page


@pytest.fixture
def images(page: Page, served: Served) -> Iterator[dict[str, str]]:
    """Ids by name; masks and labels are cleared before and after, when what a test leaves is saved."""
    found = served.images()
    clear(served, found)
    yield found
    if page.locator("am-editor").count():
        Person(page).saved()
    clear(served, found)


def clear(served: Served, images: dict[str, str]) -> None:
    """Remove all masks, suggestions and labels."""
    served.ask("api/suggestions", "DELETE")
    for image in images.values():
        served.clear(image)
    served.set_labels([])


def search(page: Page, served: Served, images: dict[str, str], scores: dict[str, list[float]]) -> None:
    """Select the first mask and search; the results have these scores."""
    found = [
        {
            "image": images[name],
            "masks": [square(served, images[name], 10 + 100 * i, score) for i, score in enumerate(some)],
        }
        for name, some in scores.items()
    ]
    page.evaluate(SEARCH, [found])
    page.locator(".masks .mask").first.click()
    page.get_by_role("button", name="Find similar objects").click()
    page.get_by_role("button", name="Search 2 images").click()


def test_suggestions_from_search_to_review(page: Page, served: Served, images: dict[str, str]) -> None:
    person = Person(page).open(served.address, images["cat.jpg"])
    person.click(200, 150)
    person.count(1)
    page.keyboard.press("Enter")
    person.saved()
    scores = {"coffee.jpg": [0.95, 0.9], "flower.jpg": [0.6]}
    search(page, served, images, scores)
    expect(page.get_by_role("button", name="Suggest 2 masks")).to_be_visible()
    cards = page.locator(".found")
    expect(cards).to_contain_text(["2 regions", "nothing here"])
    page.get_by_label("Confidence at least").fill("0.5")
    expect(cards.last).to_contain_text("1 region")
    cards.last.click()  # the person says that nothing is there
    expect(cards.last).to_contain_text("nothing here")
    cards.last.click()
    page.get_by_role("button", name="Suggest 3 masks").click()
    page.get_by_role("button", name="Review").click()
    page.wait_for_selector("am-editor[data-ready=yes]")
    expect(page.locator(".suggestions h2")).to_contain_text("2 suggestions")
    page.keyboard.press("y")
    expect(page.locator(".suggestions h2")).to_contain_text("1 suggestion")
    page.keyboard.press("r")
    person.count(1)
    person.saved()
    assert [mask["suggested_by"] for mask in served.masks(images["coffee.jpg"])] == [None]
    page.get_by_role("button", name="Next image with suggestions").click()
    expect(page.get_by_role("heading", name="flower.jpg")).to_be_visible()
    page.keyboard.press("Shift+R")
    person.count(0)
    person.saved()
    assert served.ask("api/project")["counts"]["suggestions"] == 0


def test_a_search_is_undone_and_cancelled(page: Page, served: Served, images: dict[str, str]) -> None:
    person = Person(page).open(served.address, images["cat.jpg"])
    person.click(200, 150)
    person.count(1)
    person.saved()
    page.keyboard.press("Escape")
    search(page, served, images, {"coffee.jpg": [0.95], "flower.jpg": [0.9]})
    page.get_by_role("button", name="Suggest 2 masks").click()
    page.get_by_role("button", name="Undo", exact=True).click()
    assert eventually(lambda: served.ask("api/project")["counts"]["suggestions"] == 0)
    page.evaluate(
        """() => {
            const { storage } = document.querySelector("am-app");
            window.cancelled = [];
            storage.cancel = async (job) => window.cancelled.push(job);
            storage.follow = (job, step) => new Promise(() => step({ done: 1, total: 2 }));
        }"""
    )
    page.get_by_role("button", name="Find similar objects").click()
    page.get_by_role("button", name="None", exact=True).click()
    expect(page.get_by_role("button", name="Search 0 images")).to_be_disabled()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("button", name="Search 2 images").click()
    bar = page.get_by_role("progressbar")
    expect(page.get_by_text("Searched 1 of 2 images")).to_be_visible()
    box = bar.bounding_box()
    assert box is not None
    assert box["height"] >= 4
    page.get_by_role("button", name="Cancel").click()
    assert eventually(lambda: page.evaluate("cancelled")) == ["job"]


WORDS = """
([masks]) => {
    const { storage } = document.querySelector("am-app");
    storage.findWords = async () => ({ masks, model: "compact", best: [0.129], threshold: 0.25 });
}
"""


def test_what_words_name_is_accepted_or_rejected_by_a_key(
    page: Page, served: Served, images: dict[str, str]
) -> None:
    cat = images["cat.jpg"]
    person = Person(page).open(served.address, cat)
    page.evaluate(WORDS, [[square(served, cat, x, score) for x, score in ((10, 0.9), (150, 0.6))]])
    box = page.get_by_label("Find objects by words")
    box.fill("a cat")
    box.press("Enter")
    expect(page.locator(".suggestions h2")).to_contain_text("2 suggestions")
    expect(page.locator(".masks .mask .name").first).to_have_text("cat?")
    page.keyboard.press("y")  # the keys work at once
    expect(page.locator(".suggestions h2")).to_contain_text("1 suggestion")
    page.keyboard.press("r")
    expect(page.locator(".suggestions")).to_be_hidden()
    person.count(1)
    expect(page.locator(".masks .mask .name")).to_have_text("cat")  # a label of this name is made
    expect(page.locator(".labels")).to_contain_text("cat")
    person.saved()
    (label,) = served.ask("api/project")["labels"]
    assert [mask["label_id"] for mask in served.masks(cat)] == [label["id"]]
    box.fill("a cat")
    box.press("Enter")  # what is a mask already is not suggested again
    expect(page.locator(".suggestions h2")).to_contain_text("1 suggestion")
    page.evaluate(WORDS, [[]])
    box.press("Enter")
    expect(page.get_by_text("The most likely region reached 12 % (25 % is needed).")).to_be_visible()


def test_tracking_is_stopped_resumed_and_tells_of_drift(page: Page, served: Served, images) -> None:
    person = Person(page).open(served.address, images["cat.jpg"])
    person.click(200, 150)
    person.count(1)
    page.evaluate(
        """async (drifted) => {
            const { CancelledError } = await import("/static/storage/errors.js");
            const { storage } = document.querySelector("am-app");
            window.asked = [];
            storage.track = async (image, asked) => (window.asked.push(asked), { id: "job" });
            storage.follow = async (job, step) => {
                step({ done: 1, total: 2 });
                if (!window.asked.at(-1).resume) throw new CancelledError();
                return { id: job, result: [{ image: drifted, masks: [], drift: 0.8 }] };
            };
        }""",
        images["flower.jpg"],
    )
    page.get_by_role("button", name="Track", exact=True).click()
    page.get_by_label("Direction", exact=True).select_option("forward")
    page.get_by_label("Frames in each direction").fill("7")
    page.get_by_role("button", name="Track 1 object").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "Not finished: stopped. The frames that are done are kept."
    )
    page.get_by_role("button", name="Resume").click()
    person.says("Tracked. 1 frame with the tag “drift” need a look.")
    first, second = page.evaluate("window.asked")
    assert (first["direction"], first["frames"], len(first["masks"])) == ("forward", 7, 1)
    assert second == first | {"resume": True}
    page.get_by_role("button", name="Show the first").click()
    page.wait_for_selector("am-editor[data-ready=yes]")
    assert images["flower.jpg"] in page.url
    page.reload()
