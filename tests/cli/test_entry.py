"""The entry point: quick help, exit codes, faults of our own."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import anymask
from anymask.cli import main, options, reports
from anymask.cli.commands import like_video
from anymask.cli.options.command import module_of
from anymask.cli.options.registry import NAMES, command, commands
from anymask.cli.parser import Parser


def start(*words: object, code: str | None = None) -> subprocess.CompletedProcess[str]:
    how = ["-m", "anymask"] if code is None else ["-c", code]
    command = [sys.executable, *how, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_imports_the_standard_library_alone() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from anymask.cli import main\n"
        "for words in ([], ['--help'], ['segment', '--help'], ['data'], ['train', '-h'],\n"
        "    ['auto', '--forse']): main(words)\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)), file=sys.stderr)"
    )
    assert start(code=code).stderr.splitlines()[-1] == "['anymask']"


def test_a_command_imports_its_own_options_alone() -> None:
    code = (
        "import sys; from anymask.cli import main\n"
        "main(['segment', '--help'])\n"
        "names = {name.split('.')[-1] for name in sys.modules if name.startswith('anymask.cli.options.')}\n"
        "print(sorted(names), file=sys.stderr)"
    )
    assert start(code=code).stderr == "['command', 'registry', 'segment', 'shared', 'values']\n"


def test_every_module_of_options_is_a_command() -> None:
    folder = Path(options.__file__).parent
    modules = {path.stem for path in folder.glob("*.py") if "COMMAND = Command(" in path.read_text("utf-8")}
    assert modules == set(map(module_of, NAMES))
    assert [one.name for one in commands()] == list(NAMES)


def test_mistakes_are_found_before_torch_is_imported(photo: Path) -> None:
    code = (
        "import sys; from anymask.cli import main\n"
        f"code = main(['segment', {str(photo)!r}, '--point', '999,1'])\n"
        "print(code, 'torch' in sys.modules)"
    )
    assert start(code=code).stdout == "2 False\n"


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_overview(run, words: list[str]) -> None:
    answer = run(*words)
    assert (answer.code, answer.err) == (0, "")
    assert all(f"  {name} " in answer.out for name in NAMES)


def test_group_overview(run) -> None:
    answer = run("data")
    assert "data check" in answer.out
    assert "segment" not in answer.out
    assert run("data", "--help").out == answer.out


@pytest.mark.parametrize("name", NAMES)
def test_help_of_a_command(run, name: str) -> None:
    answer = run(*name.split(), "--help")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: anymask {name}")
    assert max(map(len, answer.out.splitlines())) <= 100


@pytest.mark.parametrize("name", NAMES)
def test_options_are_those_that_the_command_takes(name: str) -> None:
    one = command(name)
    given = {action.dest for action in Parser(one).actions}
    assert given == {field.name for field in dataclasses.fields(one.options)}
    home = importlib.import_module(f"anymask.cli.commands.{module_of(name)}")
    assert inspect.signature(home.run).parameters["options"].annotation == "Options"
    assert home.Options is one.options
    shared = {"print_report": reports, "like_video": like_video}  # what reads some of them for it
    everywhere = {"max_memory"}  # read by `anymask.cli`
    modules = [home, *(module for name, module in shared.items() if name in vars(home))]
    sources = "".join(map(inspect.getsource, modules))
    unread = {word for word in given - everywhere if not re.search(rf"options\.{word}\b|\"{word}\"", sources)}
    assert unread == set()


def test_an_option_means_the_same_in_every_command() -> None:
    """It takes a value or none, a text or a number, and goes to the same field."""
    forms: dict[str, set[object]] = {}
    for one in commands():
        for option, action in Parser(one).by_name.items():
            forms.setdefault(option, set()).add((action.nargs == 0, action.type is None, action.dest))
    assert {option: form for option, form in forms.items() if len(form) > 1} == {}


@pytest.mark.parametrize("name", NAMES)
def test_examples_can_be_parsed(name: str) -> None:
    from anymask.cli.parser import find, parse

    lines = [line for line in command(name).details.splitlines() if line.startswith("  anymask ")]
    assert lines
    for line in lines:
        found, rest = find(line.split()[1:])
        assert found is command(name)
        assert parse(found, rest) is not None


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_version(run, words: list[str]) -> None:
    assert run(*words).out == f"anymask {anymask.__version__}\n"


def test_module_and_script_are_the_entry_point() -> None:
    done = start("version")
    assert (done.returncode, done.stdout) == (0, f"anymask {anymask.__version__}\n")
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8")
    assert 'anymask = "anymask.cli:main"' in text


def fail(error: BaseException):
    def call(options: object) -> int:
        raise error

    return call


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch):
    """Make `anymask version` raise something."""

    def install(error: BaseException) -> None:
        monkeypatch.setattr("anymask.cli.commands.version.run", fail(error))

    return install


def test_a_fault_of_ours(run, broken) -> None:
    broken(RuntimeError("the cat\nis gone"))
    answer = run("version")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        "error: unexpected RuntimeError: the cat is gone. This is a fault of anymask: run the same command "
        "with --debug and report what it prints.\n"
    )


@pytest.mark.parametrize("place", ["before", "after", "environment"])
def test_debug_shows_the_traceback(run, broken, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    broken(RuntimeError("the cat is gone"))
    words = {"before": ["--debug", "version"], "after": ["version", "--debug"]}.get(place, ["version"])
    if place == "environment":
        monkeypatch.setenv("ANYMASK_DEBUG", "1")
    answer = run(*words)
    assert answer.code == 1
    assert "Traceback" in answer.err
    assert "RuntimeError: the cat is gone" in answer.err


def test_debug_shows_the_traceback_of_a_mistake(run) -> None:
    answer = run("segment", "nowhere.jpg", "--point", "1,1", "--debug")
    assert answer.code == 2
    assert "Traceback" in answer.err


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_too_little_memory(run, broken, error: Exception) -> None:
    broken(error)
    answer = run("version")
    assert (answer.code, answer.err.split(".")[0]) == (2, "error: the machine has not enough memory for this")


def test_ctrl_c(run, broken) -> None:
    broken(KeyboardInterrupt())
    answer = run("version")
    assert (answer.code, answer.out, answer.err) == (130, "", "stopped\n")


def test_a_reader_who_leaves_is_no_fault() -> None:
    here, there = os.pipe()
    os.close(here)
    with os.fdopen(there, "w") as stdout:
        command = [sys.executable, "-m", "anymask", "version"]
        done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")


def test_main_takes_the_words_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["anymask", "version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("anymask ")


def test_threads_are_an_option_of_every_command(photo: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("ANYMASK_THREADS", "1")
    assert main(["--threads", "2", "models", "--json"]) == 0
    assert os.environ["ANYMASK_THREADS"] == "2"
    for wrong in ("many", "0"):
        assert main(["segment", str(photo), "--point", "9,9", f"--threads={wrong}"]) == 2
        assert f"--threads must be a number from 1 on, got {wrong}." in capsys.readouterr().err


def test_help_is_a_word_too(run) -> None:
    assert run("help").out == run("--help").out
