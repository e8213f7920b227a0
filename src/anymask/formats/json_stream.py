"""Read large JSON files without loading them: member by member, long lists element by element."""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Callable, Iterator
from json.decoder import JSONDecodeError
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from anymask.errors import FormatError
from anymask.files import budget
from anymask.formats.json_fields import check_values

__all__ = ["JsonStream"]

_PIECE = 1 << 16  # bytes that are read at once; their values stay in the cache
_SPACE = " \t\n\r"
_NEXT_OBJECT = re.compile(r",\s*\{")
_FAULTS = (ValueError, RecursionError, msgspec.MsgspecError)
_DECODE = json.JSONDecoder().raw_decode


class JsonStream:
    """Values of a JSON file in the order of the file."""

    def __init__(self, file: BinaryIO, path: str | os.PathLike[str]) -> None:
        """file: open for reading; path: its name in errors."""
        self._file, self._path = file, path
        head = file.read(4)
        self._rest = head
        self._decoder = codecs.getincrementaldecoder(json.detect_encoding(head))()
        self._text, self._at, self._ended = "", 0, False
        self._is_odd = False  # whether the text that was read cannot be decoded at once

    def members(self) -> Iterator[str]:
        """The names of the members of an object; the caller takes each one's value before the next."""
        self._expect("{")
        if self._next() == "}":
            self._at += 1
            return
        while True:
            name = self.value()
            if not isinstance(name, str):
                raise self._damage("a name that is no text")
            self._expect(":")
            yield name
            if not self._goes_on("}"):
                return

    def elements(self) -> Iterator[Any]:
        """The values of a list, one at a time."""
        for block in self.blocks():
            yield from block

    def blocks(self, kind: type[Any] = dict) -> Iterator[list[Any]]:
        """The values of a list, some at a time.

        kind: what objects are decoded to, a `msgspec.Struct` for example. Single ones are dictionaries
        nevertheless: the last of the list, and those that cannot be decoded so.
        """
        self._expect("[")
        if self._next() == "]":
            self._at += 1
            return
        decode = msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]
        while True:
            while values := self._whole_objects(decode):
                yield values
                if not self._fill(_PIECE):
                    break
            yield [self.value()]
            if not self._goes_on("]"):
                return

    def is_list(self) -> bool:
        """Whether the next value is a list."""
        return self._next() == "["

    def is_object(self) -> bool:
        """Whether the next value is an object."""
        return self._next() == "{"

    def value(self) -> Any:
        """The next value. Raises FormatError if it is corrupt."""
        self._next()
        size = _PIECE
        while True:
            self._check_budget()
            try:
                value, end = _DECODE(self._text, self._at)
            except (JSONDecodeError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._fill(size):
                    raise self._damage(str(error)) from None
            else:
                if end < len(self._text) or not self._fill(size):  # a number may go on
                    self._at = end
                    return value
            size *= 2

    def _whole_objects(self, decode: Callable[[str], list[Any]]) -> list[Any]:
        """All objects of a list but the last, as far as the text was read, where the list goes on with them.

        What is a list when brackets are put around it can be nothing else within the list, so that a comma in
        the middle of an object or a text is never taken for one between two.
        """
        self._next()
        end = len(self._text)
        while end > self._at and not _NEXT_OBJECT.match(self._text, end):
            end = self._text.rfind("},", self._at, end) + 1
        if end <= self._at or self._is_odd:
            return []
        try:
            values = decode("[" + self._text[self._at : end] + "]")
        except _FAULTS:  # the one at fault is found one by one
            self._is_odd = True
            return []
        self._at = end + 1
        return values

    def _check_budget(self) -> None:
        """Raise FormatError if what is to be parsed now, one value or a piece, exceeds the budget."""
        if len(self._text) - self._at > 2 * _PIECE:
            name = f"a value of {Path(self._path).name}"
            budget.check(name, "bytes", len(self._text) - self._at)
            check_values(self._text[self._at :], name)

    def close(self) -> None:
        """Raise FormatError if anything follows the value."""
        if self._next():
            raise self._damage("more than one value")

    def _goes_on(self, end: str) -> bool:
        """Whether a comma follows; else `end` must."""
        found = self._next()
        if found not in (",", end) or not found:
            raise self._damage(f"{found!r} instead of a comma or '{end}'")
        self._at += 1
        return found == ","

    def _expect(self, mark: str) -> None:
        if self._next() != mark:
            raise self._damage(f"{self._next()!r} instead of '{mark}'")
        self._at += 1

    def _next(self) -> str:
        """The next character that is no space, empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill(_PIECE):
                return ""

    def _fill(self, size: int) -> bool:
        """Read on; False at the end of the file. What was taken is dropped."""
        if self._ended:
            return False
        data, self._rest = self._rest + self._file.read(size), b""
        self._ended = len(data) < size
        try:
            more = self._decoder.decode(data, self._ended)
        except UnicodeDecodeError as error:
            raise self._damage(str(error)) from None
        self._text, self._at, self._is_odd = self._text[self._at :] + more, 0, False
        return bool(more) or not self._ended

    def _damage(self, what: str) -> FormatError:
        return FormatError(f"path must be a complete JSON file, got {self._path} ({what}). Write it again.")
