#!/usr/bin/env bash
# fiftyone 1.22.1 (voxel51-eta 0.17.0): cannot be imported in a program that imported importlib_metadata 10 before.
# eta reads the field "author" of its own package's metadata by index; its metadata has no such field. The module of Python
# 3.11 gives None for it, importlib_metadata 10 raises KeyError, and it replaces the finder of every package once imported.
# napari and others import it, so the order of two import lines decides.
# Guessed before running: imported in both orders. Result: missed.
# Seen: "import fiftyone" works alone, and raises KeyError: 'author' after "import importlib_metadata".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check fiftyone==1.22.1 importlib_metadata==10.2.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import os
import subprocess
import sys

environment = {**os.environ, "HOME": os.getcwd(), "FIFTYONE_DO_NOT_TRACK": "1", "MPLCONFIGDIR": os.getcwd()}
lines = {}
for name, code in {"alone": "import eta.constants", "after": "import importlib_metadata, eta.constants",
                   "fiftyone after": "import importlib_metadata, fiftyone"}.items():
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    lines[name] = "imported" if run.returncode == 0 else run.stderr.strip().splitlines()[-1]
print("fiftyone 1.22.1 (voxel51-eta 0.17.0):", lines)
assert lines["alone"] == "imported", "eta has changed"
assert lines["after"] == lines["fiftyone after"] == "KeyError: 'author'", "the behaviour has changed"
PY
