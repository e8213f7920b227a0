"""A software bill of materials: SPDX 2.3 as JSON (https://spdx.github.io/spdx-spec/v2.3/)."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Sequence
from typing import Any

from anymask.cli.licence_facts import Part

__all__ = ["to_spdx"]

_EXPRESSION = re.compile(r"[A-Za-z0-9.()+-]+( (AND|OR|WITH) [A-Za-z0-9.()+-]+)*")


def to_spdx(parts: Sequence[Part]) -> dict[str, Any]:
    """The document; the first part is anymask itself.

    `SOURCE_DATE_EPOCH` gives its time, for builds that can be repeated.
    """
    root, *others = parts
    created = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    entries = [_package(part) for part in parts]
    names = "".join(sorted(f"{part.name} {part.version}" for part in parts))
    space = uuid.uuid5(uuid.NAMESPACE_URL, f"{names} {time.mktime(created)}")
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"anymask-{root.version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/anymask-{root.version}-{space}",
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", created),
            "creators": [f"Tool: anymask-{root.version}"],
        },
        "packages": entries,
        "relationships": [
            _relation("SPDXRef-DOCUMENT", "DESCRIBES", _id(root)),
            *(_relation(*_related(part, root)) for part in others),
        ],
    }


def _package(part: Part) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "SPDXID": _id(part),
        "name": part.name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": _declared(part.licence),
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": {"package": "LIBRARY", "code": "APPLICATION"}.get(part.group, "OTHER"),
        "comment": "; ".join(filter(None, [part.group, part.licence, part.note])),
    }
    if part.version:
        entry["versionInfo"] = part.version
    if part.group == "package":
        address = f"pkg:pypi/{part.name}@{part.version}"
        reference = {
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": address,
        }
        entry["externalRefs"] = [reference]
    return entry


def _id(part: Part) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", f"{part.group}-{part.name}")


def _declared(licence: str) -> str:
    """The licence if it is an SPDX expression."""
    return (
        licence
        if _EXPRESSION.fullmatch(licence) and licence[:1].isupper() | licence[:1].isdigit()
        else "NOASSERTION"
    )


def _related(part: Part, root: Part) -> tuple[str, str, str]:
    if part.group == "package":
        kind = "OPTIONAL_DEPENDENCY_OF" if part.extra else "DEPENDENCY_OF"
        return _id(part), kind, _id(root)
    if part.group == "training data":
        return _id(part), "DATA_FILE_OF", _id(root)
    return _id(root), "CONTAINS" if "downloaded" not in part.note else "DEPENDS_ON", _id(part)


def _relation(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
