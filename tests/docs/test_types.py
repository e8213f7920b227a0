"""The Python blocks of the documentation and the examples pass `mypy --strict`, as a user's code would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SETTINGS = """[mypy]
strict = true
[mypy-anymask.*]
follow_imports = silent
[mypy-onnxruntime.*]
ignore_missing_imports = true
[mypy-torch.*]
follow_imports = skip
"""
"""Without torch, as where anymask is installed without extras; reading its types takes most of the time."""
MISTAKES = """import anymask
prompts = [anymask.Prompt.point(1, 1)]
anymask.predict(anymask.load("compact"), "a.jpg", prompts)
anymask.predict(anymask.load("context"), "a.jpg", prompts)
anymask.segment_like(anymask.load("sam_vit_b"), "a.jpg", [])
anymask.segment_like(anymask.load("seggpt_vit_l"), "a.jpg", [])
anymask.predict(anymask.load("my.pth"), "a.jpg", prompts)
anymask.predict(anymask.load_sam("my.pth"), "a.jpg", prompts)
anymask.segment_like(anymask.load_painter("my.pth"), "a.jpg", [])
"""


def errors(folder: Path) -> list[str]:
    """The errors that mypy reports about the files of a folder, a project of its own."""
    (folder / "mypy.ini").write_text(SETTINGS)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir=cache", "."],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line]


@pytest.mark.slow
def test_blocks_and_examples_pass_mypy_and_mistakes_do_not(tmp_path: Path) -> None:
    for page in PAGES:
        code = "".join(BLOCK.findall(page.read_text("utf-8")))
        (tmp_path / f"{page.stem.replace('-', '_')}_md.py").write_text(code, "utf-8")
    for example in (ROOT / "examples").glob("*.py"):
        (tmp_path / f"example_{example.name}").write_text(example.read_text("utf-8"), "utf-8")
    (tmp_path / "mistakes.py").write_text(MISTAKES)
    found = errors(tmp_path)
    assert [line for line in found if not line.startswith("mistakes.py")] == []
    assert [line.split(":")[1] for line in found] == ["4", "5", "7"]
