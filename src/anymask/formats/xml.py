"""Safe XML reading: nothing is fetched, no entity is expanded, elements are read one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from anymask.errors import FormatError
from anymask.files import budget

__all__ = ["elements", "local_name", "plain_text"]

_DEEPEST = 100  # elements within each other
_PIECE = 1 << 16
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def plain_text(text: str) -> str:
    """Text without the characters that XML cannot hold, each replaced by U+FFFD."""
    return _ILLEGAL.sub("\ufffd", text)


def local_name(element: Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition(":")[2]


def elements(data: bytes, path: Path, names: Sequence[str]) -> Iterator[Element]:
    """The root (without children), then every element called one of `names` that lies in no other such.

    Raises FormatError for XML that is damaged, declares entities or nests too deeply.
    """
    reader = _Reader(frozenset(names))
    try:
        for start in chain(range(0, len(data), _PIECE), [-1]):
            reader.feed(data[start : start + _PIECE] if start >= 0 else b"", last=start < 0)
            yield from reader.take()
    except FormatError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:  # of the text, or of its encoding
        raise FormatError(
            f"path must be a complete XML file, got {path} ({error}). Write it again."
        ) from None


class _Reader:
    """Builds the elements asked for while the parser runs."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._depth = self._values = 0
        self._builder: TreeBuilder | None = None
        self._inner = 0
        self._done: list[Element] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.EntityDeclHandler = self._refuse

    def feed(self, piece: bytes, *, last: bool) -> None:
        self._parser.Parse(piece, last)

    def take(self) -> list[Element]:
        done, self._done = self._done, []
        return done

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._values += 4 + 2 * len(attributes)
        if self._values > budget.most("values"):
            budget.check("XML", "values", self._values)
        if self._depth > _DEEPEST:
            raise FormatError(f"XML must nest at most {_DEEPEST} elements, got more. Write the file again.")
        if self._depth == 1:
            self._done.append(Element(tag, attributes))
        elif self._builder is None and tag.rpartition(":")[2] in self._names:
            self._builder, self._inner = TreeBuilder(), 0
        if self._builder is not None:
            self._inner += 1
            self._builder.start(tag, attributes)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if self._builder is not None:
            self._inner -= 1
            self._builder.end(tag)
            if self._inner == 0:
                self._done.append(self._builder.close())
                self._builder = None

    def _text(self, text: str) -> None:
        if self._builder is not None:
            self._builder.data(text)

    def _refuse(self, *_: object) -> None:
        raise FormatError("XML must declare no entities, got some. Write the file again without a DTD.")
