"""Class names next to YOLO labels: `data.yaml`, or a list with one name per line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anymask.errors import FormatError
from anymask.formats import json_fields

__all__ = ["LISTS", "Classes", "dump", "read_classes"]

LISTS = ("classes.txt", "classification.txt", "obj.names", "_darknet.labels")
"""Names of lists; the second is ISAT's."""
_MOST_TEXT = 1 << 20
"""Letters of a YAML file; a hundred thousand names have fewer."""
_YAML = ("*.yaml", "*.yml")


@dataclass(frozen=True)
class Classes:
    """The classes of a data set."""

    names: Mapping[int, str] = field(default_factory=dict)
    keypoints: bool = False
    """Whether the labels are of poses: boxes and keypoints."""


def read_classes(folders: list[Path]) -> Classes:
    """The names in the first of the folders that has any. Raises FormatError for a corrupt file."""
    for folder in folders:
        for file in [folder / "data.yaml", *(file for form in _YAML for file in sorted(folder.glob(form)))]:
            if file.is_file() and (found := _of_yaml(file)) is not None:
                return found
        for file in (folder / name for name in LISTS):
            if file.is_file():
                lines = json_fields.text(json_fields.read_bytes(file)).splitlines()
                return Classes(dict(enumerate(line.strip() for line in lines)))
    return Classes()


def _of_yaml(file: Path) -> Classes | None:
    """The classes in a YAML file, None if it holds something else."""
    text = json_fields.text(json_fields.read_bytes(file))
    if len(text) > _MOST_TEXT:
        raise FormatError(f"{file.name} must have at most {_MOST_TEXT} letters, got {len(text)}. Shorten it.")
    if "<<" in text:  # merged again and again, a few lines become gigabytes
        raise FormatError(f"{file.name} must hold no merged tables (<<), got some. Write the names out.")
    import yaml  # here, since most readers do without

    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = " ".join(str(error).split())
        raise FormatError(f"{file.name} must be YAML, got {where:.160}. Fix the file.") from None
    if not isinstance(document, dict) or not {"names", "kpt_shape"} & document.keys():
        return None
    return Classes(dict(_named(document.get("names"), file)), "kpt_shape" in document)


def _named(names: object, file: Path) -> Iterator[tuple[int, str]]:
    """Number and name of each class of a list or a table."""
    if names is None:
        return
    if not isinstance(names, (list, dict)):
        raise FormatError(f"names must be a list or a table in {file.name}, got {names!r:.60}. Fix the file.")
    for number, name in names.items() if isinstance(names, dict) else enumerate(names):
        found = json_fields.whole(number)
        if found is None or isinstance(name, (list, dict)):
            raise FormatError(
                f"names must be a text for each number in {file.name}, got {number!s:.30}. Fix the file."
            )
        yield found, "" if name is None else str(name)


def dump(names: Mapping[int, str]) -> str:
    """`data.yaml` of a data set; without `path`, so paths are relative to the folder of the file."""
    import yaml

    document: dict[str, Any] = {"train": "images", "val": "images", "names": dict(names)}
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=float("inf")))
