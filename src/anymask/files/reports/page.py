"""A report as one HTML page that needs no other file: parts of it, and the frame around them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

__all__ = ["figures", "folded", "heading", "image", "notes", "page", "paragraph", "table"]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 75rem; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin: 2rem 0 .5rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: 13px; color: #444 }
dd { margin: 0; overflow-wrap: anywhere } dd.command { font-family: ui-monospace, monospace }
.scroll { overflow-x: auto; margin: 1rem 0 }
table { border-collapse: collapse; font-size: 13px }
td, th { padding: .2rem .5rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
th { vertical-align: bottom }
td.name, th.name { text-align: left }
td:first-child, th:first-child { text-align: left; position: sticky; left: 0; background: #fff }
td.name + td.name { white-space: normal; min-width: 9rem }
tr.published { color: #666 }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); gap: 1rem }
figure { margin: 0 } figcaption { font-size: 13px; color: #444 }
svg, img { max-width: 100%; height: auto }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem } .legend svg { vertical-align: -3px }
.warning { border-left: 4px solid #c8502d; padding-left: .7rem }
"""


def page(title: str, facts: Mapping[str, str], parts: Iterable[str]) -> str:
    """The page. facts: where it comes from, below the title. parts: HTML."""
    head = "".join(
        f'<dt>{escape(name)}</dt><dd class="{escape(name)}">{escape(value)}</dd>'
        for name, value in facts.items()
    )
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>\n"
        f"<h1>{escape(title)}</h1>{f'<dl>{head}</dl>' if head else ''}\n{''.join(parts)}</html>\n"
    )


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1, kinds: Sequence[str] = ()
) -> str:
    """A table in a box of its own that scrolls.

    names: how many columns at the left hold text. kinds: the class of each row; "" or too short: none.
    """

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=name' if at < names else ''}>{escape(cell)}</{tag}>"
            for at, cell in enumerate(row)
        )

    classes = [*kinds, *[""] * (len(rows) - len(kinds))]
    lines = (
        f"<tr{f' class={kind}' if kind else ''}>{cells(row, 'td')}</tr>"
        for row, kind in zip(rows, classes, strict=True)
    )
    return f'<div class="scroll"><table><tr>{cells(heads, "th")}</tr>{"".join(lines)}</table></div>\n'


def figures(pieces: Iterable[str]) -> str:
    """Figures, two in a row where the window is wide."""
    return f'<div class="figures">{"".join(f"<figure>{one}</figure>" for one in pieces)}</div>\n'


def image(data: bytes, kind: str, caption: str) -> str:
    """An image inside the page with its caption. kind: "png" or "jpeg"."""
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return f'<img alt="{escape(caption)}" src="{source}"><figcaption>{escape(caption)}</figcaption>'


def heading(text: str) -> str:
    """The title of a section."""
    return f"<h2>{escape(text)}</h2>\n"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph. kind: its class, such as "warning"."""
    return f"<p{f' class={kind}' if kind else ''}>{escape(text)}</p>\n"


def notes(texts: Iterable[str]) -> str:
    """A list of sentences."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>\n"


def folded(title: str, texts: Iterable[str]) -> str:
    """A list of sentences that opens on a click; nothing without any."""
    found = list(texts)
    return f"<details><summary>{escape(title)}</summary>{notes(found)}</details>\n" if found else ""
