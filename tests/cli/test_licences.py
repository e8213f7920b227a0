"""`anymask licences`: the list, and the bill of materials."""

from __future__ import annotations

import json
import re
from pathlib import Path


def test_the_list_says_what_each_part_permits(run) -> None:
    answer = run("licences", "--json")
    assert answer.code == 0
    by_name = {part["name"]: part for part in answer.json}
    assert by_name["anymask"]["licence"] == "Apache-2.0"
    assert by_name["numpy"]["permits"].startswith("commercial use and redistribution")
    assert by_name["coco"]["kind"] == "terms as stated"
    assert {part["group"] for part in answer.json} == {"code", "package", "weights", "photo", "training data"}
    text = run("licences").out
    assert re.search(r"^  flower.jpg +CC-BY-2.0 +attribution$", text, re.MULTILINE)


def test_the_bill_of_materials(run, monkeypatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert run("licences", "-o", "a.json").code == 0
    document = json.loads(Path("a.json").read_text())
    assert (document["spdxVersion"], document["creationInfo"]["created"]) == (
        "SPDX-2.3",
        "2023-11-14T22:13:20Z",
    )
    ids = [package["SPDXID"] for package in document["packages"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", id) for id in ids)
    for relation in document["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= {*ids, "SPDXRef-DOCUMENT"}
    declared = {package["name"]: package["licenseDeclared"] for package in document["packages"]}
    assert (declared["pillow"], declared["coco"]) == ("MIT-CMU", "NOASSERTION")
    before = Path("a.json").read_text()
    refused = run("licences", "-o", "a.json")
    assert (refused.code, "which exists" in refused.err) == (2, True)
    assert run("licences", "-o", "a.json", "--force").code == 0
    assert Path("a.json").read_text() == before
