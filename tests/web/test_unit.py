"""The page's modules that need no browser, tested by Node.js: tests/web/unit."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "tests" / "web" / "unit"
OLDEST = 20
SECONDS = 300


def test_modules_without_a_browser() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is missing; Debian: apt-get install -y nodejs npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST:
        pytest.skip(f"Node.js must be {OLDEST} or newer, got {version}")
    if not (ROOT / "node_modules" / "fake-indexeddb").is_dir():
        pytest.skip("fake-indexeddb is missing; run: make web")
    files = sorted(map(str, UNIT.glob("*.test.js")))
    assert files
    command = [node, "--test", "--test-reporter=tap", "--test-timeout=60000", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    ran = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert ran, done.stdout
    assert int(ran[1]) >= len(files)
