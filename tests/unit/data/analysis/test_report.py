"""The report of an analysis, from data sets of several layouts."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from anymask.data import open_dataset
from anymask.data.analysis.figures import mask_charts
from anymask.data.analysis.origins import Origins
from anymask.data.analysis.report import analyse, encode_report, is_report_file
from anymask.data.analysis.tally import Tally
from anymask.data.synthetic import shapes
from anymask.formats import coco, sa1b
from anymask.types import Record

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def records() -> list[Record]:
    rng = np.random.default_rng(0)
    return [shapes(rng, (48, 64), 3) for _ in range(3)]


@pytest.fixture(scope="module")
def shards(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shard whose images are not images: they are not needed."""
    folder = tmp_path_factory.mktemp("sets") / "shards"
    folder.mkdir()
    with tarfile.open(folder / "a.tar", "w") as tar:
        for record in records:
            for suffix, content in (
                (".jpg", b"not an image"),
                (".json", json.dumps(sa1b.to_document(record)).encode()),
            ):
                info = tarfile.TarInfo(record.id + suffix)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        info = tarfile.TarInfo("bad.jpg")
        tar.addfile(info)
        info = tarfile.TarInfo("bad.json")
        tar.addfile(info)
    return folder


def test_shards_are_analysed_without_their_images(shards: Path, records: list[Record]) -> None:
    steps: list[tuple[int, int, str]] = []
    found = analyse(open_dataset(shards), None, lambda *step: steps.append(step))
    assert (found["images"], found["masks"]) == (3, sum(len(record.masks) for record in records))
    assert list(found["damaged"]) == ["bad"]
    assert steps[-1] == (3, 4, "shards")


def test_other_layouts_give_the_same_counts(shards: Path, records: list[Record], tmp_path: Path) -> None:
    expected = analyse(open_dataset(shards))
    for folder in ("pairs", "coco", "maps/images", "maps/masks"):
        (tmp_path / folder).mkdir(parents=True)
    for record in records:
        Image.fromarray(record.read()).save(tmp_path / "pairs" / f"{record.id}.png")
        (tmp_path / "pairs" / f"{record.id}.json").write_text(json.dumps(sa1b.to_document(record)))
        Image.fromarray(record.read()).save(tmp_path / "maps/images" / f"{record.id}.png")
        for number, mask in enumerate(record.masks):
            Image.fromarray(mask.dense()[0]).save(tmp_path / "maps/masks" / f"{record.id}_{number}.png")
    coco.write(records, tmp_path / "coco" / "labels.json")
    for name in ("pairs", "coco", "maps"):
        found = analyse(open_dataset(tmp_path / name))
        same = ("images", "masks", "relative_size", "concavity", "centres", "images_by_masks")
        assert {key: found[key] for key in same} == {key: expected[key] for key in same}, name


def test_the_report_has_figures_and_one_page(shards: Path) -> None:
    found = analyse(open_dataset(shards), Origins())
    other = {**found, "name": "<other> & more"}
    other.pop("origins")
    files = encode_report([found, other])
    assert sorted(files) == [
        "centres-1.png", "centres-2.png", "concavity.svg", "index.html", "masks-per-image.svg",
        "relative-size.svg", "report.json",
    ]  # fmt: skip
    assert json.loads(files["report.json"])[0]["masks"] == found["masks"]
    for name, data in files.items():
        if name.endswith(".svg"):
            lines = ElementTree.fromstring(data).findall(f"{SVG}polyline")
            assert len(lines) == 2, "one curve for each data set"
    assert Image.open(io.BytesIO(files["centres-1.png"])).size == (256, 256)
    page = files["index.html"].decode()
    for row in ("median predicted IoU", "near-duplicate images"):
        assert row not in page, "nothing is known of it"
    assert "Sample images" not in page, "no image can be read"
    assert "&lt;other&gt; &amp; more" in page
    assert "<other>" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", ""), "it needs no other file"
    assert "3 images without a country" in page


def test_what_is_known_of_one_data_set_alone_is_told_so(shards: Path) -> None:
    found = analyse(open_dataset(shards))
    files = encode_report(
        [found, {**found, "duplicate_images": {"images": 2, "groups": []}}], [b"jpeg", None]
    )
    page = files["index.html"].decode()
    assert "near-duplicate images</td><td>not given</td><td>2<" in page
    assert files["samples-1.jpg"] == b"jpeg"
    assert page.count("data:image/jpeg;base64,") == 1
    assert all(is_report_file(name) for name in files)


def test_few_masks_are_counted_in_few_bins() -> None:
    rng = np.random.default_rng(0)
    tally = Tally()
    for _ in range(10):
        tally.add(shapes(rng, (48, 64), 4).masks)
    few = {"name": "few", **tally.to_dict(), "damaged": {}}
    (line,) = ElementTree.fromstring(dict(mask_charts([few]))["relative-size.svg"]).findall(f"{SVG}polyline")
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    assert len(heights) == 2 * (10 + 1), "two points at the edges of ten bins"
    many = {**few, "relative_size": {**few["relative_size"], "count": 10_000}, "name": "many"}
    for compared, bins in (([many], 50), ([many, few], 10)):
        lines = ElementTree.fromstring(dict(mask_charts(compared))["relative-size.svg"]).findall(
            f"{SVG}polyline"
        )
        assert [len(line.attrib["points"].split()) for line in lines] == [2 * (bins + 1)] * len(compared)


def test_a_data_set_without_masks(tmp_path: Path, records: list[Record]) -> None:
    (tmp_path / "none").mkdir()
    record = records[0].with_masks(records[0].masks[[]])
    Image.fromarray(record.read()).save(tmp_path / "none" / "a.png")
    (tmp_path / "none" / "a.json").write_text(json.dumps(sa1b.to_document(record)))
    files = encode_report([analyse(open_dataset(tmp_path / "none"))])
    assert b"masks per image" in files["index.html"]
