"""What the house style promises and no linter holds."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import anymask

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PHOTOS = sorted((ROOT / "src" / "anymask" / "images" / "photos").iterdir())


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_public_names_are_sorted() -> None:
    assert anymask.__all__ == sorted(set(anymask.__all__))


@pytest.mark.parametrize("name", [name for name in anymask.__all__ if name != "__version__"])
def test_public_names_exist_and_are_documented(name: str) -> None:
    assert getattr(anymask, name).__doc__
    assert name in dir(anymask)


def test_checkers_and_runtime_see_the_same_names() -> None:
    tree = ast.parse((ROOT / "src/anymask/__init__.py").read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == anymask._HOME
    assert {*typed, "__version__"} == set(anymask.__all__)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match=r"module 'anymask' has no attribute 'segment'"):
        anymask.segment  # noqa: B018


def test_importing_the_package_imports_no_torch() -> None:
    heavy = "{'torch', 'numpy', 'cv2', 'PIL'} & set(sys.modules)"
    assert run_python(f"import sys, anymask; print({heavy} or 'none')") == "none"


def test_values_and_files_import_no_torch() -> None:
    modules = "types formats data geometry images images.read images.colours geometry.rle geometry.regions"
    code = f"import sys, importlib\nfor m in {modules.split()!r}: importlib.import_module('anymask.' + m)\n"
    assert run_python(code + "print('torch' in sys.modules)") == "False"


def test_no_module_has_the_name_of_a_public_function() -> None:
    modules = {path.stem for path in (ROOT / "src/anymask").iterdir() if path.stem != "__init__"}
    assert not modules & set(anymask.__all__)


def test_only_the_classes_of_the_conventions_have_subclasses() -> None:
    trees = [ast.walk(ast.parse(path.read_text("utf-8"))) for path in SOURCES]
    classes = [node for tree in trees for node in tree if isinstance(node, ast.ClassDef)]
    bases = {base.id for node in classes for base in node.bases if isinstance(base, ast.Name)}
    own = {name for name in bases & {node.name for node in classes} if not name.endswith("Error")}
    assert own == {"Attention", "Draft", "Network", "Schema"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_are_short_and_well_named(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < 400
    assert path.stem not in {"utils", "helpers", "common", "core", "misc"}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.stat().st_size], ids=name_of)
def test_modules_say_what_they_are(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert not tree.body[1:] or (imports and imports[0].module == "__future__")


@pytest.mark.parametrize("path", PHOTOS, ids=name_of)
def test_photos_are_small_and_credited(path: Path) -> None:
    assert path.stat().st_size < 200_000
    assert re.search(rf"^{re.escape(path.name)} ", (ROOT / "NOTICE").read_text("utf-8"), re.MULTILINE)
    with Image.open(path) as picture:
        assert (picture.format, picture.mode) == ("JPEG", "RGB")
        assert max(picture.size) <= 1024


def test_the_changelog_knows_the_version() -> None:
    assert f"## {anymask.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
