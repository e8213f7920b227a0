"""`anymask doctor` finds what is there and what is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from anymask.cli.commands import doctor
from anymask.errors import WeightsError, install_command
from anymask.models import devices


def test_all_is_well(run) -> None:
    answer = run("doctor")
    assert (answer.code, answer.err) == (0, "")
    topics = [line.split("  ")[0] for line in answer.out.splitlines()]
    assert {"anymask", "python", "packages", "CPU", "GPU", "cache", "a click"} <= set(topics)
    assert answer.out.endswith("\nEverything works.\n")


def test_a_model_that_does_not_open_is_a_fault(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *, offline: bool) -> None:
        raise WeightsError(f"weights of '{name}' must be in the package, got none.")

    monkeypatch.setattr(doctor, "load_sam", refuse)
    answer = run("doctor", "--json")
    assert (answer.code, answer.json["ok"]) == (1, False)
    (fault,) = [finding for finding in answer.json["findings"] if finding["state"] == doctor.BAD]
    assert fault["topic"] == "a click"
    assert "must be in the package" in fault["text"]


def test_extras_name_what_is_missing_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = "pytest>=8; extra == 'good'", 'no-such-thing>=1; extra == "bad"'
    required = ["numpy>=1", good, bad, bad, "anymask[good]; extra == 'bad'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: required)
    there, lacking = doctor.check_extras()
    assert (there.topic, there.state, there.text) == ("extra good", doctor.GOOD, "installed")
    assert lacking.text == f"lacks no-such-thing. To add it: {install_command('bad')}"


def test_without_metadata_extras_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise doctor.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "requires", refuse)
    (finding,) = doctor.check_extras()
    assert (finding.state, "pip install -e ." in finding.text) == (doctor.NOTE, True)


@pytest.mark.parametrize("has", [True, False])
def test_features_come_with_consequences(monkeypatch: pytest.MonkeyPatch, has: bool) -> None:
    names = ("avx2", "avx512_f", "amx_bf16")
    monkeypatch.setattr(doctor, "capabilities", lambda: dict.fromkeys(names, has))
    monkeypatch.setattr(devices, "has_bf16", lambda device: has)
    monkeypatch.setattr(doctor.platform, "machine", lambda: "x86_64")
    findings = doctor.check_cpu()[1:]
    assert [finding.topic.strip() for finding in findings] == ["AVX2", "AVX-512", "AMX", "bf16"]
    assert all(finding.text.startswith("yes" if has else "no") for finding in findings)


def test_without_torch_the_command_that_adds_it_is_named(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    answer = run("doctor")
    assert (answer.code, answer.err) == (0, "")
    assert f"evaluation and export need it. To add it: {install_command('torch')}" in answer.out
    assert "bf16" not in answer.out


def test_unfinished_downloads_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "sam.pth.part").write_bytes(bytes(10))
    text = doctor.check_models()[0].text
    assert "1 files" in text
    assert "unfinished: sam.pth.part" in text


def test_threads_are_measured_and_kept(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(doctor, "TUNING", 0.0)
    monkeypatch.setattr(doctor, "CHECKS", ())
    answer = run("doctor", "--tune")
    assert (answer.code, "threads, kept in" in answer.out) == (0, True)
    assert (tmp_path / "cache" / "threads.json").is_file()
    (tmp_path / "file").touch()
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path / "file" / "cache"))
    answer = run("doctor", "--tune")
    assert (answer.code, answer.err.startswith("error: ")) == (2, True)
