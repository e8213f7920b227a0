"""Resolve image names in annotation files to image files: by exact path, else by a unique file name."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import islice
from pathlib import Path, PurePath
from typing import TypeAlias

from anymask.formats.safe_paths import inner_name, inner_path
from anymask.images.folder import IMAGE_SUFFIXES

__all__ = [
    "PLAIN_FOLDERS",
    "ImageFiles",
    "Images",
    "agree",
    "is_hidden",
    "is_plain",
    "of_number",
    "place_of",
]

PLAIN_FOLDERS = frozenset(
    ("images", "labels", "annotations", "masks", "json", "jpegimages", "image", "label", "data", "instances")
)
"""Folder names that describe the kind of content and do not distinguish images."""
_OF_DOTA = re.compile(r"labeltxt|dota-v\d", re.IGNORECASE)  # the start of the names of DOTA's folders
_MOST_FILES = 500_000  # that are looked through
_DEEPEST = 4  # folders in a folder of annotations
_MANY = 100  # names, for which folders are listed rather than asked for each
_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")  # Label Studio puts this before the names of uploads


def is_hidden(path: PurePath) -> bool:
    """Whether a path in a folder is hidden or of the system: `.DS_Store`, `._a.json`, `__MACOSX/a.json`."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def is_plain(folder: str) -> bool:
    """Whether a folder's name says the kind of content, so that it does not distinguish images."""
    return folder.lower() in PLAIN_FOLDERS or _OF_DOTA.match(folder) is not None


def place_of(path: PurePath) -> tuple[str, ...]:
    """The parts of a path that distinguish images: without folders such as `images`."""
    return (*(part for part in path.parts[:-1] if not is_plain(part)), path.name)


def agree(known: PurePath, wanted: PurePath, *, whole: bool = False) -> bool:
    """Whether two paths match: one ends with the other; with `whole`, `known` ends with `wanted`."""
    a, b = place_of(known)[::-1], place_of(wanted)[::-1]
    return all(x == y for x, y in zip(a, b, strict=False)) and (len(a) >= len(b) or not whole)


Images: TypeAlias = "Path | Mapping[str, Path]"
"""A folder of images, or image files by name."""


class ImageFiles:
    """Finds images in a folder, among those known by name, or near an annotation file; never elsewhere.

    Near means: the folder of the annotation file, `images` or `data` in it or next to it, and its parent;
    next to a folder `annotations` also the sibling folders, of those named in the file's name only these
    (`instances_val.json`, `images/val`). A name resolves to the file at exactly this path, which must be in
    one sibling folder alone; else to the only file of this name whose folders do not contradict it; among
    given images also to the only file of this name with another suffix.
    """

    def __init__(
        self,
        beside: Path,
        images: Images | None = None,
        names: Iterable[str] = (),
        near: Sequence[Path] | None = None,
    ) -> None:
        """names: all names that will be looked up, so that a bare file name never matches two of them.

        near: the folders to search without `images`, instead of the default ones.
        """
        self._images = images
        self._known = None if images is None or isinstance(images, Path) else _by_path(images)
        self.folders = [images] if isinstance(images, Path) else list(near or _near(beside))
        self._words = set(_words(beside))
        given = images is not None or near is not None
        self._siblings = [] if given else _siblings(beside, self.folders)
        times = Counter(path.rpartition("/")[2] for path in {inner_name(name) for name in names})
        self._are_many = len(times) > _MANY
        self._shared = {name for name, count in times.items() if count > 1}

    @property
    def are_given(self) -> bool:
        """Whether the images were given by name."""
        return self._known is not None

    def find(self, name: str) -> Path:
        """The file of a name; if there is none, the path where it is expected."""
        path = inner_path(name)
        found = self._exact(path) or self._of_sibling(path) or self._by_name(path)
        if found is None and (self._images is not None or path.suffix.lower() not in IMAGE_SUFFIXES):
            stem = path.with_suffix("") if path.suffix.lower() in IMAGE_SUFFIXES else path
            alike = [] if path.name in self._shared else self.without_suffix(stem)
            found = alike[0] if len(alike) == 1 else None
        if found is not None or self._known is not None:
            return found or path
        missing = self.folders[0] / path.name
        is_other = len(path.parts) > 1 and os.path.isfile(missing)  # an image of the same name
        return self.folders[0] / path if is_other else missing

    def in_subset(self, name: str, subset: str | None) -> tuple[str, Path]:
        """The name and the file of an image of a subset, which lies in a folder of that name or in none."""
        whole = f"{subset}/{name}" if subset else name
        found = self.find(whole)
        if subset and os.path.isfile(found) and not agree(PurePath(found), inner_path(whole), whole=True):
            whole = name  # the images of all subsets lie in one folder
        return whole, found

    def without_suffix(self, stem: PurePath) -> list[Path]:
        """The files with this path, whatever their suffix, in the first folder that has any."""
        if self._known is not None and stem.name not in self._by_stem:
            return []
        for tail in self._tails(stem):
            names = [
                tail.with_name(tail.name + suffix)
                for suffix in (*IMAGE_SUFFIXES, *map(str.upper, IMAGE_SUFFIXES))
            ]
            for place in self._places:
                found = [file for name in names if (file := place(name)) is not None]
                if found:
                    return list({os.path.realpath(file): file for file in found}.values())
        whole = stem.name in self._shared
        deeper = self._by_stem.get(stem.name, ())
        fit = [path for path in deeper if agree(path.with_suffix(""), stem, whole=whole)]
        return [self._index[path.name][path] for path in fit]

    @cached_property
    def _by_stem(self) -> dict[str, list[PurePath]]:
        """The paths of all given images by their names without suffix."""
        found: dict[str, list[PurePath]] = {}
        for paths in self._index.values():
            for path in paths:
                if path.suffix.lower() in IMAGE_SUFFIXES:
                    found.setdefault(path.stem, []).append(path)
        return found

    def names(self) -> list[str]:
        """The names of all images that were given or are near."""
        if self._images is not None:
            known = [path for paths in self._index.values() for path in paths]
        else:
            inside = [folder for folder in self.folders[:2] if folder.is_dir()]
            known = [PurePath(file.name) for folder in inside for file in sorted(folder.iterdir())]
        return [path.as_posix() for path in known if path.suffix.lower() in IMAGE_SUFFIXES]

    @cached_property
    def _places(self) -> list[Callable[[PurePath], Path | None]]:
        """A lookup from path to file for each location to search."""
        if self._known is not None:
            return [self._known.get]
        folders = [folder for folder in self.folders if folder.is_dir()]
        return [_Listed(folder) if self._are_many else partial(_file_in, folder) for folder in folders]

    def _tails(self, path: PurePath) -> Iterator[PurePath]:
        """A path, then the path without its first folder, and so on to the bare name unless shared."""
        yield path
        for start in range(1, len(path.parts)):
            if start == len(path.parts) - 1 and path.name in self._shared:
                return
            yield PurePath(*path.parts[start:])

    def _exact(self, path: PurePath) -> Path | None:
        for tail in self._tails(path):
            for place in self._places:
                if (file := place(tail)) is not None:
                    return file
        return None

    def _of_sibling(self, path: PurePath) -> Path | None:
        """The file of the only sibling folder that has the path."""
        found = [file for folder in self._siblings if (file := _file_in(folder, path)) is not None]
        return found[0] if len(found) == 1 else None

    def _by_name(self, path: PurePath) -> Path | None:
        """The only file of a name deeper in the folder whose path does not contradict it."""
        uploaded = _UPLOADED.fullmatch(path.name)
        names = [path] if uploaded is None else [path, path.with_name(uploaded[1])]
        for one in names:
            if one is not path and (found := self._exact(PurePath(one.name))):
                return found
            alike = self._index.get(one.name) or {}
            whole = path.name in self._shared
            fit = {inside: file for inside, file in alike.items() if agree(inside, one, whole=whole)}
            if len(fit) > 1:  # of several subsets that which the annotation file is called after
                fit = {inside: file for inside, file in fit.items() if self._words & set(inside.parent.parts)}
            if len(fit) == 1:
                return next(iter(fit.values()))
        return None

    @cached_property
    def _index(self) -> dict[str, dict[PurePath, Path]]:
        """All given images: for each file name its paths and their files."""
        index: dict[str, dict[PurePath, Path]] = {}
        if self._known is not None:
            every = iter(self._known.items())
        elif self._images is not None:
            every = _files_in(self.folders[0])
        else:
            return {}
        for path, file in every:
            index.setdefault(path.name, {})[path] = file
        return index


def _by_path(images: Mapping[str, Path]) -> dict[PurePath, Path]:
    return {PurePath(inner_path(name)): file for name, file in images.items()}


def _file_in(folder: str | Path, name: PurePath) -> Path | None:
    """A file in a folder, None if it does not exist."""
    path = os.path.join(folder, str(name))
    return Path(path) if os.path.isfile(path) else None  # false too for names that are too long


class _Listed:
    """Looks names up in a folder. One that the folder's listing lacks costs no access to the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, _MOST_FILES)]
        self._names = None if len(names) == _MOST_FILES else frozenset(map(_alike, names))

    def __call__(self, name: PurePath) -> Path | None:
        is_missing = self._names is not None and len(name.parts) == 1 and _alike(str(name)) not in self._names
        return None if is_missing else _file_in(self._folder, name)


def _alike(name: str) -> str:
    """A name as file systems compare it at most: without case, accents composed."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def _files_in(folder: Path) -> Iterator[tuple[PurePath, Path]]:
    """The files of a folder with their relative paths, up to a limit."""
    for count, file in enumerate(folder.rglob("*")):
        inside = file.relative_to(folder)
        if count < _MOST_FILES and not is_hidden(inside) and file.is_file():
            yield inside, file


def _near(beside: Path) -> list[Path]:
    folder, above = beside.parent, beside.parent.parent
    near = [folder, folder / "images", above / "images", above]
    near += [place / "data" for place in (folder, above) if (place / "data").is_dir()]  # FiftyOne's
    return near + _mirrored(folder)


def _mirrored(folder: Path) -> list[Path]:
    """The folder of the images of a folder of annotations: `images/a/b` of `labels/a/b`."""
    above = folder.parents
    return [
        above[at + 1] / "images" / folder.relative_to(above[at])
        for at in range(min(_DEEPEST, len(above) - 1))
        if is_plain(above[at].name)
    ]


def _siblings(beside: Path, near: Sequence[Path]) -> list[Path]:
    """The folders next to a folder `annotations`; where some are named in the file's name, only these."""
    if beside.parent.name.lower() != "annotations":
        return []
    root = beside.parent.parent
    inside = [entry for folder in (root, root / "images") for entry in sorted(folder.glob("*"))]
    found = [
        entry
        for entry in inside
        if entry not in near and entry.is_dir() and not is_hidden(entry.relative_to(root))
    ]
    return [entry for entry in found if entry.name in _words(beside)] or found


def _words(file: Path) -> list[str]:
    """The words of a file's name: instances and val2017 of `instances_val2017.json`."""
    return re.split(r"[^A-Za-z0-9]+", file.stem)


def of_number(number: int, files: ImageFiles) -> str | None:
    """The only image whose name ends with a number, such as COCO's `000000000042.jpg`."""
    found = {
        name
        for name in files.names()
        if (digits := re.search(r"(\d+)$", PurePath(name).stem)) is not None and int(digits[1]) == number
    }
    return found.pop() if len(found) == 1 else None
