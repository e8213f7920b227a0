#!/usr/bin/env bash
# setuptools 84.2.1: importlib.util.find_spec("pip") makes a later `import setuptools` fail.
# find_spec only looks for a module. Expected: nothing else changes, and setuptools can be imported afterwards as before.
# Seen: its finder takes the question for a start of pip and withdraws its own distutils for the rest of the process;
# `import setuptools` then warns and, on Python 3.10 and 3.11, raises AssertionError. torch.compile imports setuptools,
# so a program that asks whether pip is there can no longer compile a model.
# Not guessed: tests of torch.compile failed only after tests of a message that names pip.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check setuptools==84.2.1
try() { (cd "$work" && "$work/venv/bin/python" -W ignore -c "$1" 2>&1 | tail -n 1) || true; }
undisturbed=$(try 'import setuptools; print("imported")')
asked=$(try 'import importlib.util; importlib.util.find_spec("pip"); import setuptools; print("imported")')
echo "without the question: $undisturbed"
echo "after find_spec(\"pip\"): $asked"
[ "$undisturbed" = imported ]
[ "$asked" != imported ]
