"""docs/licences.md shows the licences; none at run time is the GPL or AGPL.

To update: python tests/docs/test_licences.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from anymask.cli.licence_facts import KINDS, Part, kind_of, packages, parts

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "licences.md"
HEAD = """# Licences

This page is generated from `anymask licences`, which shows the same for what is installed on your machine,
and with `-o sbom.spdx.json` writes it as an SPDX 2.3 document. It is a summary, not legal advice: the texts
of the licences decide.

- **Code**: Apache-2.0. You may use, change and sell it; keep LICENSE and NOTICE.
- **Packages**: no package that anymask needs at run time is under the GPL or AGPL; a test checks it. The
  wheels of PyAV (extra `video`) carry FFmpeg under the LGPL and the encoders libx264 and libx265 under the
  GPL-2.0-or-later. anymask does not contain them and does not use them unless you ask for such a `--codec`;
  who redistributes these wheels has to meet the GPL, or build PyAV without the two.
- **Weights**: the terms of their authors. The included ones are Apache-2.0 as far as their authors can
  grant it: the images that they were trained on have their own terms, listed below as found, and for many
  none are stated. Whoever needs weights with a known origin trains them: see [training](training.md).
- **Photos**: CC0, public domain, or CC BY, which asks to name the author: see [NOTICE](../NOTICE).
"""


def page(found: list[Part]) -> str:
    """The text of the page."""
    meaning = [
        "| kind | permits |",
        "|---|---|",
        *(f"| {kind} | {permits} |" for kind, permits in KINDS.items()),
    ]
    blocks = [HEAD, "## Kinds\n", *meaning]
    for group in ("package", "weights", "photo", "training data"):
        blocks += [
            f"\n## {group.capitalize()}\n",
            "| name | licence | kind | extra | note |",
            "|---|---|---|---|---|",
        ]
        blocks += [row(part) for part in found if part.group == group]
    return "\n".join(blocks) + "\n"


def row(part: Part) -> str:
    """A line of a table."""
    extra = f"`{part.extra}`" if part.extra else ""
    return f"| {part.name} | {part.licence} | {part.kind} | {extra} | {part.note} |".replace("|  |", "| |")


def rows(text: str) -> dict[str, str]:
    """The lines of all tables by their first cell."""
    return {match[1]: match[0] for match in re.finditer(r"^\| (\S+) \|.*$", text, re.MULTILINE)}


def test_no_package_at_run_time_is_under_the_gpl() -> None:
    found = packages()
    assert {"numpy", "torch", "fastapi", "av", "psycopg-binary"} & {part.name for part in found}
    assert [part.name for part in found if part.kind == "copyleft"] == []


def test_kinds() -> None:
    kinds = {
        "MIT": "permissive",
        "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0": "permissive",
        "Apache-2.0 WITH LLVM-exception": "permissive",
        "LGPL-3.0-only": "weak copyleft",
        "MPL-2.0 AND MIT": "weak copyleft",
        "MIT AND GPL-3.0-or-later": "copyleft",
        "MIT OR GPL-3.0-or-later": "permissive",
        "AGPL-3.0-only": "copyleft",
        "CC-BY-2.0": "attribution",
        "CC0-1.0": "public domain",
        "not stated": "terms as stated",
    }
    assert {licence: kind_of(licence) for licence in kinds} == kinds


def test_the_page_agrees_with_what_is_installed() -> None:
    text = PAGE.read_text("utf-8")
    assert text.startswith(HEAD)
    there = rows(text)
    for part in parts():
        if part.group != "code" and part.name in there and part.name != "av":
            assert f"| {part.kind} |" in there[part.name], "run: python tests/docs/test_licences.py"
    needed = (ROOT / "pyproject.toml").read_text("utf-8").partition("\ndev = [")[0]
    direct = re.findall(r'^    "([a-z0-9-]+)(?:\[[a-z]+\])?[><=!]', needed, re.MULTILINE)
    assert {"numpy", "pillow"} <= set(direct)
    assert [name for name in direct if name not in there] == []
    assert all(part.name in there for part in parts() if part.group in ("weights", "photo", "training data"))


def test_photos_are_credited_as_in_the_notice() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    folder = ROOT / "src" / "anymask" / "images" / "photos"
    photos = {part.name: part for part in parts() if part.group == "photo"}
    assert sorted(photos) == sorted(path.name for path in folder.glob("*.jpg"))
    for name, photo in photos.items():
        paragraph = next(one for one in notice.split("\n\n") if one.startswith(name))
        assert photo.licence.replace("-", " ").replace("CC0 1.0", "CC0 1.0") in paragraph.replace("-", " ")
        assert photo.note.split(",")[0] in " ".join(paragraph.split())


if __name__ == "__main__":
    sys.exit(0 if PAGE.write_text(page(parts()), "utf-8") else 1)
