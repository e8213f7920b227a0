"""Pages: tables in boxes of their own, and nothing from texts becomes markup."""

from __future__ import annotations

from anymask.files.reports import page


def test_texts_are_escaped_everywhere() -> None:
    bad = "<b>&"
    made = page.page(
        bad,
        {"command": bad},
        [
            page.heading(bad), page.paragraph(bad), page.notes([bad]), page.folded(bad, [bad]),
            page.table([bad], [[bad]]), page.image(b"png", "png", bad),
        ],
    )  # fmt: skip
    assert "<b>" not in made
    assert made.count("&lt;b&gt;&amp;") == 12


def test_tables_scroll_and_tell_their_kinds_of_rows() -> None:
    made = page.table(["set", "figure"], [["a", "1"], ["b", "2"]], kinds=["", "published"])
    assert made.startswith('<div class="scroll"><table>')
    assert made.count("<tr>") == 2
    assert "<tr class=published><td class=name>b</td><td>2</td></tr>" in made


def test_nothing_to_fold_is_nothing() -> None:
    assert page.folded("title", []) == ""
    assert "<dl>" not in page.page("t", {}, [])
