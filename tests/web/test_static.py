"""The app without a server, on a plain host of files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import anymask
from anymask.app.build_static import build_static
from anymask.cli import main
from anymask.errors import InputError, OutputError
from anymask.geometry import rle
from anymask.images.bundled_photos import sample_photo

from .conftest import profile
from .driving import Person
from .serving import hosted


@pytest.fixture(scope="module")
def site(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_static(tmp_path_factory.mktemp("static") / "site", exported)


def test_all_works_without_a_server(browser: Browser, site: Path) -> None:
    with hosted(site) as address, profile(browser) as page:
        page.goto(address)
        expect(page.get_by_role("list", name="Images").get_by_role("listitem")).to_have_count(3)
        person = Person(page).open(address, "cat")
        person.click(176.5, 121.5)
        person.count(1)
        person.saved()
        expect(page.get_by_role("button", name="Find similar objects")).to_have_count(0)
        page.reload()
        person.count(1)
        page.goto(f"{address}#/")
        with page.expect_download() as download:
            page.get_by_role("button", name="Export and import").click()
            page.get_by_role("button", name="Export", exact=True).click()
        coco = json.loads(Path(download.value.path()).read_text("utf-8"))
        (one,) = coco["annotations"]
        runs, size = rle.from_coco(one["segmentation"])
        assert size == (300, 451)
        assert rle.area(runs) == one["area"] > 0
        assert [image["file_name"] for image in coco["images"]][one["image_id"] - 1] == "cat.jpg"


def test_words_find_objects_without_a_server(browser: Browser, site: Path) -> None:
    with hosted(site) as address, profile(browser) as page:
        person = Person(page).open(address, "cat")
        words = page.get_by_label("Find objects by words")
        words.fill("qqqzz")
        words.press("Enter")
        expect(page.get_by_text("the model does not know the word “qqqzz”")).to_be_visible()
        words.fill("bicycle, cat")
        words.press("Enter")
        expect(page.get_by_text("1 suggestion for “bicycle, cat”")).to_be_visible(timeout=120_000)
        page.keyboard.press("y")
        person.count(1)
        person.saved()
        (mask,) = page.evaluate("document.querySelector('am-app').storage.masks('cat')")
    found = anymask.find(anymask.load("compact"), sample_photo("cat.jpg"), ["cat"])
    runs, size = rle.from_string(mask["counts"]), tuple(mask["size"])
    shared = rle.intersection([runs], found.rles[:1], size)[0, 0]
    assert shared > 0.8 * (rle.area(runs) + found.areas[0] - shared)


def test_images_of_ones_own_stay_in_the_browser(browser: Browser, site: Path, photos: Path) -> None:
    with hosted(site) as address, profile(browser) as page:
        page.goto(address)
        page.locator("input[type=file]").set_input_files(
            [
                {
                    "name": "raccoon.jpg",
                    "mimeType": "image/jpeg",
                    "buffer": (photos / "raccoon.jpg").read_bytes(),
                },
                {"name": "note.png", "mimeType": "image/png", "buffer": b"no image at all"},
            ]
        )
        expect(page.get_by_text("note.png was not added: it cannot be read as an image.")).to_be_visible()
        expect(page.get_by_role("list", name="Images").get_by_role("listitem")).to_have_count(4)
        page.reload()
        expect(page.get_by_role("link", name="raccoon.jpg")).to_be_visible()


def test_two_tabs_of_one_browser_meet_as_two_people_do(browser: Browser, site: Path) -> None:
    with hosted(site) as address, profile(browser) as page:
        one = Person(page).open(address, "cat")
        one.tool("Brush")
        one.drag((100, 100), (200, 100))
        one.count(1)
        one.saved()
        other = Person(page.context.new_page()).open(address, "cat")
        other.page.evaluate("document.querySelector('am-app').tabs.close()")  # else it hears at once
        for person, y in ((one, 150), (other, 250)):
            person.page.bring_to_front()
            person.page.keyboard.press("Escape")
            person.page.keyboard.press("m")
            person.tool("Brush")
            person.drag((100, y), (200, y))
            if person is one:
                one.saved()
        expect(other.page.get_by_role("dialog", name="Two versions of one mask")).to_be_visible()


def test_threads_come_by_a_service_worker_on_a_plain_host(browser: Browser, site: Path) -> None:
    with hosted(site, isolated=False) as address, profile(browser) as page:
        page.goto(address)
        page.wait_for_selector(".card")
        assert page.evaluate("crossOriginIsolated")
        assert page.evaluate("navigator.serviceWorker.controller !== null")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model must be the directory of .* anymask export compact"):
        build_static(tmp_path / "site", tmp_path)


def test_a_folder_with_other_files_is_never_replaced(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("years of work", "utf-8")
    with pytest.raises(OutputError, match="must be a new folder"):
        build_static(tmp_path, exported)
    with pytest.raises(OutputError, match="a folder of such files only"):
        build_static(tmp_path, exported, force=True)
    assert (tmp_path / "thesis.doc").is_file()


def test_the_command_writes_the_app(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "site"
    assert main(["serve", "--static", str(target)]) == 0
    wrote, how = capsys.readouterr().out.splitlines()
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    assert wrote == f"wrote {target}: {size / 1e6:,.0f} MB"
    assert how == f"now try it: python -m http.server -d {target}"
    assert (target / "models" / "compact" / "model.json").read_bytes() == (
        exported / "model.json"
    ).read_bytes()
    assert 'data-store="local"' in (target / "index.html").read_text("utf-8")
    assert main(["serve", "--static", str(target)]) == 2
    assert "must be a new folder" in capsys.readouterr().err
