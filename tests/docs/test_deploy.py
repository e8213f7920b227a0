"""What docs/deploying.md shows: the files are sound and their commands are commands of anymask."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from anymask.cli.options.registry import command
from anymask.cli.parser import Parser

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "examples" / "deploy"


def parse(words: list[str]) -> object:
    """The options of `anymask serve` in a command line; fails where it does not understand one."""
    assert Path(words[0]).name == "anymask"
    assert words[1] == "serve"
    return Parser(command("serve")).parse_args(words[2:])


def test_the_container_runs_a_command_that_there_is() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    (start,) = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)
    options = parse(json.loads(start))
    assert (options.folder, options.host, options.port, options.token) == ("/photos", "0.0.0.0", 8321, None)
    assert re.search(r"^USER anymask$", text, re.MULTILINE), "it does not run as root"
    copied = re.findall(r"^COPY --from=(\w+) ", text, re.MULTILINE)
    assert set(copied) <= set(re.findall(r" AS (\w+)$", text, re.MULTILINE))


def test_the_container_is_built_from_the_package_alone() -> None:
    """Secrets of .env, images and environments stay out; what pyproject.toml names comes in."""
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    taken = {line[1:] for line in ignored if line.startswith("!")}
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    named = re.findall(r'^readme = "(.+)"$', project, re.MULTILINE)
    named += json.loads(re.findall(r"^license-files = (.+)$", project, re.MULTILINE)[0])
    assert taken == {"pyproject.toml", "src", *named}


def test_compose_joins_the_app_and_its_database() -> None:
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    build = services["app"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    assert set(services["app"]["environment"]) == {"ANYMASK_TOKEN", "ANYMASK_DATABASE"}
    assert "@database/anymask" in services["app"]["environment"]["ANYMASK_DATABASE"]
    assert "ports" not in services["database"], "nobody else reaches it"
    [images] = [one for one in services["app"]["volumes"] if isinstance(one, dict)]
    assert (images["target"], images["bind"]["create_host_path"]) == ("/photos", False), "root's otherwise"


def test_the_service_is_a_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "anymask.service").read_text("utf-8")
    (start,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    assert parse(start.split()).host == "127.0.0.1"
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd is not here")
    unit = tmp_path / "anymask.service"
    unit.write_text(
        text.replace("/opt/anymask/bin/anymask", "/bin/true").replace("User=anymask", "User=root")
    )
    done = subprocess.run([verify, "verify", str(unit)], capture_output=True, text=True, timeout=60)
    said = [line for line in done.stderr.splitlines() if "anymask.service" in line]
    assert said == [], done.stderr
