"""The API does what its OpenAPI document says, whatever is sent; docs/http-api.md says the same.

To write the page anew: python tests/http/test_openapi.py
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

from anymask.app.retraining import Retraining
from anymask.app.server import create_app
from anymask.data_engine.project import open_project

PAGE = Path(__file__).resolve().parents[2] / "docs" / "http-api.md"
HOST = {"host": "127.0.0.1"}
MARK = "<!-- written by tests/http/test_openapi.py from here on -->\n"


def document() -> dict:
    """The OpenAPI document."""
    with tempfile.TemporaryDirectory() as folder:
        project = open_project(folder)
        found = create_app(project, scan=False).openapi()
        project.close()
    return found


def reference(found: dict) -> str:
    """All addresses and all values."""
    parts = ["## Addresses\n"]
    for path, methods in found["paths"].items():
        for method, what in methods.items():
            parts.append(f"### {method.upper()} {path}\n\n{what['description']}\n{_operation(what)}")
    parts.append("## Values\n")
    for name, schema in found["components"]["schemas"].items():
        if "properties" in schema and not name.startswith("Body_"):
            parts.append(f"### {name}\n\n{_text(schema)}\n\n{_fields(schema)}")
    return "\n".join(parts)


def _operation(what: dict) -> str:
    rows = []
    for one in what.get("parameters", ()):
        if one["in"] != "path":
            rows.append(f"- {one['in']} `{one['name']}`: {_type(one['schema'])}{_default(one['schema'])}")
    for kind, content in what.get("requestBody", {}).get("content", {}).items():
        rows.append(f"- body: {_type(content['schema'])} ({kind})")
    for status, answer in what["responses"].items():
        if int(status) < 400:
            types = [
                f"{_type(one.get('schema', {}))} ({kind})" for kind, one in answer.get("content", {}).items()
            ]
            rows.append(f"- {status}: {', '.join(types) or answer['description']}")
    return "\n".join(["", *rows, ""])


def _fields(schema: dict) -> str:
    required = schema.get("required", ())
    rows = []
    for name, field in schema["properties"].items():
        must = "" if name in required else " (optional)"
        rows.append(f"- `{name}`: {_type(field)}{_default(field)}{must}{_note(field)}")
    return "\n".join([*rows, ""])


def _note(field: dict) -> str:
    text = _text(field)
    return f". {text}" if text else ""


def _text(schema: dict) -> str:
    return " ".join(schema.get("description", "").split())


def _default(schema: dict) -> str:
    value = schema.get("default")
    return "" if value is None else f", default `{value}`"


def _type(schema: dict) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"`{name}`" if name.startswith("Body_") else f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        items = schema.get("items") or {}
        prefix = schema.get("prefixItems")
        return f"[{', '.join(_type(one) for one in prefix)}]" if prefix else f"list of {_type(items)}"
    return schema.get("type", "any JSON")


def whole_page(found: dict) -> str:
    """The page: what a person wrote, then the reference."""
    head = PAGE.read_text("utf-8").partition(MARK)[0]
    return f"{head}{MARK}\n{reference(found)}"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == whole_page(document()), "run: python tests/http/test_openapi.py"


def test_everything_is_described() -> None:
    found = document()
    for path, methods in found["paths"].items():
        for method, what in methods.items():
            assert what["description"], f"{method} {path}"
            assert {"404", "422", "503"} <= set(what["responses"]), f"{method} {path}"
    assert not re.search("HTTPValidationError", str(found))


@pytest.mark.filterwarnings("ignore::pytest.PytestWarning", "ignore::DeprecationWarning")
def test_whatever_is_sent_gets_an_answer(start, weights, image, square, client, monkeypatch) -> None:
    import schemathesis

    monkeypatch.setattr(Retraining, "start", lambda self: None)  # else it starts a process each time
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import response_schema_conformance

    fuzzed = start(weights)
    address = f"/api/images/{image['id']}/masks/m1"
    client.put(address, json=square(image), headers={"If-Match": "0"})
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", fuzzed.app, headers=HOST)
    settings = hypothesis.settings(max_examples=12, deadline=None, derandomize=True, database=None)
    tried = 0
    for operation in schema.get_all_operations():
        found = operation.ok()

        @settings
        @hypothesis.given(case=found.as_strategy())
        def attack(case) -> None:
            nonlocal tried
            tried += 1
            if "id" in case.path_parameters and tried % 2 and "/images/" in case.path:
                case.path_parameters["id"] = image["id"]
            case.headers.update(HOST)
            answer = case.call(session=fuzzed)
            case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])
            if answer.status_code >= 400:
                assert "error" in answer.json()

        attack()
    assert tried > 200


if __name__ == "__main__":
    sys.exit(0 if PAGE.write_text(whole_page(document()), "utf-8") else 1)
