"""`anymask data` reads data sets and prints what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from anymask.data import open_dataset


def damage(dataset: Path) -> Path:
    """A copy of the validation shard in which the first image is cut off by a wrong end mark."""
    folder = Path("damaged")
    folder.mkdir()
    data = bytearray((dataset / "val-000000.tar").read_bytes())
    data[512 + 40 : 512 + 400] = bytes(360)  # behind the image's header, in its samples
    (folder / "val-000000.tar").write_bytes(data)
    return folder


def test_check_of_a_whole_set(run, dataset: Path) -> None:
    answer = run("data", "check", dataset)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("toys: 6 images with ")


def test_check_of_one_split(run, dataset: Path) -> None:
    (report,) = run("data", "check", dataset, "--split", "val", "--json").json
    assert (report["name"], report["images"], report["problems"], report["sound"]) == ("toys", 2, [], True)


def test_check_finds_damage(run, dataset: Path) -> None:
    answer = run("data", "check", damage(dataset))
    assert answer.code == 2
    assert answer.out.startswith("damaged: 1 image with ")
    assert "\n  shapes-" in answer.out
    assert answer.err == (
        "error: data must be sound, got 1 problem in 1 data set. Training leaves out what it cannot read; "
        "repair or remove the rest.\n"
    )


def test_long_lists_are_cut(run, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anymask.cli.datasets.SHOWN", 0)
    assert run("data", "check", damage(dataset)).out.endswith("\n  and 1 more (--json lists all)\n")


def test_stats(run, dataset: Path) -> None:
    answer = run("data", "stats", dataset)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("toys: 6 images, ")
    assert "\n  longest side: 64 to 64 pixels\n" in answer.out
    assert "\n  kinds: instance " in answer.out
    assert "\n  categories: shape " in answer.out


def test_stats_of_several_sets(run, dataset: Path) -> None:
    whole, damaged = run("data", "stats", dataset, damage(dataset), "--json").json
    assert (whole["name"], whole["images"], whole["corrupt"]) == ("toys", 6, 0)
    assert whole["masks"] == sum(whole["kinds"].values()) == sum(whole["sizes"].values())
    assert (damaged["name"], damaged["images"], damaged["corrupt"]) == ("damaged", 1, 1)
    assert "damaged items: 1" in run("data", "stats", "damaged").out


def test_unknown_split(run, dataset: Path) -> None:
    answer = run("data", "stats", dataset, "--split", "test")
    assert answer.code == 2
    assert "split must be one of train, val" in answer.err


# ---- analyse


def test_analyse_writes_a_report(run, dataset: Path) -> None:
    Path("places.csv").write_text("image,country\nnone,Peru\nnone2,Mordor\n")
    answer = run("data", "analyse", dataset, "--compare", dataset, "-o", "report", "--places", "places.csv")
    assert answer.code == 0, answer.err
    assert "toys: 6 images, 18 masks, 3.0 per image" in answer.out
    assert "6 images without a country" in answer.out
    assert "no country is called 'Mordor', in 1 row of places.csv; it counts as without" in answer.err
    assert "2 rows of places.csv name images that are not in toys: none, ..." in answer.err
    assert "near-duplicates of others" not in answer.out, "only with --duplicates"
    names = sorted(path.name for path in Path("report").iterdir())
    assert names[:2] == ["centres-1.png", "centres-2.png"]
    assert {"index.html", "samples-1.jpg"} <= set(names)
    again = run("data", "analyse", dataset, "-o", "report")
    assert (again.code, "must be a new folder, got report, which holds files. Add --force" in again.err) == (
        2,
        True,
    )
    assert run("data", "analyse", dataset, "-o", "report", "--force").code == 0
    assert not Path("report/centres-2.png").exists(), "of the report that was replaced"
    Path("photos").mkdir()
    Path("photos/holiday.png").write_bytes(b"precious")
    assert run("data", "analyse", dataset, "-o", "photos", "--force").code == 2
    assert Path("photos/holiday.png").read_bytes() == b"precious"


def test_analyse_says_which_sample_images_cannot_be_shown(run, dataset: Path) -> None:
    answer = run("data", "analyse", damage(dataset), "-o", "report")
    assert answer.code == 0, answer.err
    assert "damaged: 2 images, 6 masks" in answer.out
    assert "1 sample image of damaged cannot be shown: item shapes-" in answer.err
    assert Path("report/samples-1.jpg").exists(), "of the other image"


def test_analyse_prints_json(run, dataset: Path) -> None:
    answer = run("data", "analyse", dataset, "--json", "--positions", "--split", "train")
    assert answer.json[0]["images"] == 4
    assert answer.json[0]["origins"]["images_without_a_country"] == 4


def test_analyse_measures_groups_and_finds_copies(run, dataset: Path) -> None:
    record = open_dataset(dataset)[0]
    Path("groups.csv").write_text(f"image,group\n{record.id},light\ngone,dark\n")
    answer = run("data", "analyse", dataset, "-o", "report", "--groups", "groups.csv", "--duplicates")
    assert answer.code == 0, answer.err
    assert "light, 3 masks: IoU 0." in answer.out
    assert "0 images are near-duplicates of others" in answer.out
    assert "1 row of groups.csv names what is not in toys: gone\n" in answer.err
    assert Path("report/groups-1-points-3.svg").read_text().count("<circle") == 1 + 11
    page = Path("report/index.html").read_text()
    assert "Clicks by group, toys" in page
    assert "the figures are not comparable one by one" in page
    assert page.count("1 image, no interval") == 2
    assert "near-duplicate images" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["-o", "r", "--groups", "gone.csv"],
            "of groups must be a file that exists, got gone.csv. Check the name.",
        ),
        (["-o", "r", "--groups", "groups.csv"], "must name images and masks of toys, got none of them among"),
        (["-o", "r", "--groups", "groups.csv", "--model", "gone.pt"], "gone.pt"),
        ([], "-o must name the folder of the report, got nothing."),
        (["-o", "r", "--places", "x.csv", "--positions"], "--places must go without --positions, got both."),
        (
            ["-o", "r", "--places", "gone.csv"],
            "of places must be a file that exists, got gone.csv. Check the name.",
        ),
        (["-o", "mine"], "must be a new folder, got mine, which holds files"),
        (["-o", "nowhere/r"], "Make the folder nowhere first."),
    ],
)
def test_analyse_refuses(run, dataset: Path, words: list[str], message: str) -> None:
    Path("mine").mkdir()
    Path("mine/diary.txt").write_text("precious")
    Path("groups.csv").write_text("image,group\nnobody,dark\n")
    answer = run("data", "analyse", dataset, *words)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


# ---- get


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["coco"], "NAME must be a known name, got 'coco'."),
        (["sa1b"], "--links must name the list of links, got nothing."),
        (["sa1b", "--links", "l"], "-o must name the folder of the shards, got nothing."),
        (["sa1b", "--links", "gone", "-o", "s"], "list of links must be a text file, got gone"),
        (["sa1b", "--links", "l", "-o", "s", "--only", "x"], "shards must be FIRST-LAST, got 'x'"),
    ],
)
def test_get_refuses(run, words: list[str], message: str) -> None:
    answer = run("data", "get", *words)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


def test_get_says_what_is_there(run, dataset: Path) -> None:
    Path("set").mkdir()
    Path("set/sa_000003.tar").write_bytes((dataset / "train-000000.tar").read_bytes())
    Path("links.txt").write_text("file_name cdn_link\nsa_000003.tar http://127.0.0.1:9/x\n")
    answer = run("data", "get", "sa1b", "--links", "links.txt", "-o", "set")
    assert answer.code == 0, answer.err
    assert "0 shards downloaded, 1 were there already\n4 images, " in answer.out
    assert run("data", "stats", "sa1b:set", "--json").json[0]["images"] == 4
    assert run("data", "convert", "sa1b:set", "-o", "labels.json").code == 0
