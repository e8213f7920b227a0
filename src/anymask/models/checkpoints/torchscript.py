"""The tensors of a TorchScript archive, read without running anything that it holds.

An archive is a zip file: `data.pkl` describes a tree of modules, each tensor is a view of a storage in
`data/`, and `code/` is never read. The pickle may only name modules, tensors and plain containers; all of
them become inert objects here, and tensors are made after the pickle has been read. The tensors together may
not be larger than the file.
"""

from __future__ import annotations

import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from anymask.files import open_regular

__all__ = ["is_archive", "read_tensors"]

DEEPEST = 32
"""Levels of modules in modules."""
_DTYPES = {
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_LISTS = ("build_boollist", "build_doublelist", "build_intlist", "build_tensorlist", "restore_type_tag")
_MEMO = ("PUT", "BINPUT", "LONG_BINPUT")


def is_archive(file: Path) -> bool:
    """Whether a file is a TorchScript archive, as `torch.jit.save` writes it."""
    try:
        with open_regular(file) as stream, zipfile.ZipFile(stream) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of an archive by the names that a state dict has.

    Raises `pickle.UnpicklingError` for an archive that names anything else than modules, tensors and plain
    containers, and other errors for a corrupt one.
    """
    with open_regular(file) as stream, zipfile.ZipFile(stream) as archive:
        size = stream.seek(0, 2)
        if sum(entry.file_size for entry in archive.infolist() if _is_stored(entry)) > size:
            raise zipfile.BadZipFile("entries that are larger than the file")
        tree, folder = _description(archive)
        return _Storages(archive, folder, size).tensors(tree)


def _is_stored(entry: zipfile.ZipInfo) -> bool:
    return entry.compress_type == zipfile.ZIP_STORED


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file of the archive. Raises `zipfile.BadZipFile` if it is compressed, and so of any size."""
    if not _is_stored(archive.getinfo(name)):
        raise zipfile.BadZipFile(f"{name} compressed")
    return archive.read(name)


def _description(archive: zipfile.ZipFile) -> tuple[Any, str]:
    """The content of data.pkl, and the folder in the archive in which it lies."""
    names = [name for name in archive.namelist() if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(names) != 1:
        raise zipfile.BadZipFile(f"{len(names)} files data.pkl")
    data = _read(archive, names[0])
    for opcode, argument, _ in pickletools.genops(data):  # refuses lengths beyond the end
        if opcode.name in _MEMO and int(argument or 0) > len(data):
            raise pickle.UnpicklingError("a memo index beyond the size of the pickle")
    return _Inert(BytesIO(data)).load(), names[0].removesuffix("data.pkl")


class _Module:
    """A module with its attributes."""

    def __init__(self) -> None:
        self.content: object = {}

    def __setstate__(self, state: object) -> None:
        """Called for objects; for a class it fails, so that a pickle cannot change one."""
        self.content = state


class _Call:
    """A call that a pickle asks for: of a function that rebuilds a tensor or a list."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: object) -> None:
        """As in `_Module`; the result of a call has no state."""
        raise pickle.UnpicklingError("a state of a tensor or a list")

    @property
    def is_tensor(self) -> bool:
        """Whether the first argument is a storage."""
        return isinstance(self.arguments[0], tuple) if self.arguments else False


class _Inert(pickle.Unpickler):
    """Reads a pickle of which nothing is called but the classes above."""

    def find_class(self, module: str, name: str) -> Any:
        """The class or the name for a global. Raises `pickle.UnpicklingError` for one that is not allowed."""
        if module.startswith("__torch__.") or module == "__torch__":
            return _Module
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Call
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch.jit._pickle" and name in _LISTS:
            return _Call
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"GLOBAL {module}.{name}")

    def persistent_load(self, pid: object) -> object:
        """A storage: ("storage", type, key, device, length), checked where it is used."""
        return pid


class _Storages:
    """The storages of an archive."""

    def __init__(self, archive: zipfile.ZipFile, folder: str, budget: int) -> None:
        self._archive, self._folder, self._budget = archive, folder, budget
        self._read: dict[str, Tensor] = {}

    def tensors(self, tree: object) -> dict[str, Tensor]:
        """The tensors of a tree of modules, by name."""
        return {name: self._tensor(view.arguments) for name, view in _views(tree)}

    def _tensor(self, arguments: Any) -> Tensor:
        (_, kind, key, _, length), offset, size, stride, *_ = arguments
        numbers = (length, offset, *size, *stride)
        if not all(type(number) is int and number >= 0 for number in numbers) or len(size) != len(stride):
            raise pickle.UnpicklingError("a tensor without a shape")
        storage = self._storage(str(key), _DTYPES[kind])
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        self._budget -= prod(size) * storage.element_size()
        if len(storage) != length or (prod(size) and last >= length) or self._budget < 0:
            raise pickle.UnpicklingError("a tensor larger than its storage")
        return storage.as_strided(size, stride, offset)

    def _storage(self, key: str, dtype: torch.dtype) -> Tensor:
        if key not in self._read:
            data = _read(self._archive, f"{self._folder}data/{key}")
            self._read[key] = torch.frombuffer(bytearray(data), dtype=dtype) if data else torch.empty(0)
        found = self._read[key]
        return found if found.dtype == dtype else found.view(dtype)


def _views(tree: object) -> Iterator[tuple[str, _Call]]:
    """The tensors of a tree by name; a module in several places counts in the first."""
    pending, seen = [((), tree)], set[int]()
    while pending:
        path, module = pending.pop()
        if not isinstance(module, _Module) or id(module) in seen:
            continue
        if len(path) > DEEPEST or not isinstance(module.content, Mapping):
            raise pickle.UnpicklingError("a module without attributes, or too many levels")
        seen.add(id(module))
        for name, value in module.content.items():
            if isinstance(value, _Call) and value.is_tensor:
                yield ".".join((*path, str(name))), value
            pending.append(((*path, str(name)), value))  # type: ignore[arg-type]
