"""Answers that come late, after the person went on to something else, change nothing."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from .driving import Person, Served

# holds back what `owner[name]` answers the next time until `release()`; later calls are answered at once
HOLD = """
function hold(owner, name) {
    const asked = owner[name];
    let release;
    const gate = new Promise((resolve) => (release = resolve));
    owner[name] = async (...args) => {
        owner[name] = asked;
        await gate;
        return asked.apply(owner, args);
    };
    return release;
}
"""


def test_a_list_is_not_shown_twice(page: Page, served: Served) -> None:
    """An image added while the first list was still on its way once showed every image twice."""
    page.goto(served.address)
    items = page.get_by_role("list", name="Images").get_by_role("listitem")
    expect(items).to_have_count(3)
    counted = page.evaluate(
        f"""async () => {{ {HOLD}
            const gallery = document.querySelector("am-gallery"), {{ app }} = gallery;
            const release = hold(app.storage, "project"), late = gallery.reload();
            await gallery.reload();
            release();
            await late;
            return (await Promise.all([app.allImages(), app.allImages()])).map((all) => all.length);
        }}"""
    )
    assert counted == [3, 3]
    expect(items).to_have_count(3)


def test_a_screen_that_was_left_is_not_shown(page: Page, served: Served) -> None:
    images = served.images()
    page.goto(served.address)
    expect(page.get_by_role("link", name="cat.jpg")).to_be_visible()
    page.evaluate(
        f"""async ([first, second]) => {{ {HOLD}
            const app = document.querySelector("am-app");
            const release = hold(app.storage, "image");
            history.replaceState(null, "", `#/image/${{first}}`);
            const late = app.route();
            history.replaceState(null, "", `#/image/${{second}}`);
            await app.route();
            release();
            await late;
        }}""",
        [images["cat.jpg"], images["coffee.jpg"]],
    )
    assert page.locator("am-editor").evaluate("({ openImage }) => openImage.info.name") == "coffee.jpg"
    assert page.title().startswith("coffee.jpg")


def test_answers_about_one_mask_do_not_become_another(page: Page, served: Served) -> None:
    """Whole, part, sub-part of one mask were once put on the mask that was selected meanwhile."""
    image = served.images()["cat.jpg"]
    served.clear(image)
    person = Person(page).open(served.address, image)
    person.click(200, 150)
    person.count(1)
    page.keyboard.press("Escape")
    person.click(420, 40)
    person.count(2)
    person.saved()
    before = {mask["id"]: mask["counts"] for mask in served.masks(image)}
    page.evaluate(
        f"""async () => {{ {HOLD}
            const {{ editor, openImage }} = document.querySelector("am-editor");
            const [one, other] = openImage.items.keys();
            editor.select(one);
            const release = hold(editor.predictor, "predict"), late = editor.cycle(1);
            editor.select(other);
            release();
            await late;
        }}"""
    )
    person.saved()
    assert {mask["id"]: mask["counts"] for mask in served.masks(image)} == before


def test_an_answer_bears_the_name_of_the_model_that_gave_it(page: Page, served: Served) -> None:
    image = served.images()["cat.jpg"]
    served.clear(image)
    Person(page).open(served.address, image)
    named = page.evaluate(
        f"""async () => {{ {HOLD}
            const {{ editor, openImage }} = document.querySelector("am-editor"), {{ predictor }} = editor;
            const {{ model }} = predictor;
            const release = hold(predictor.client, "predict"), late = editor.addPoint([200, 150], 1);
            predictor.model = "another";
            release();
            await late;
            predictor.model = model;
            return [...openImage.items.values()].map((item) => item.model);
        }}"""
    )
    assert named == ["compact"]
