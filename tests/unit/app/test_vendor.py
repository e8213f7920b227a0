"""Fetching onnxruntime-web, with a stand-in for npm."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import stat
import tarfile
from pathlib import Path

import pytest

from anymask.app import vendor
from anymask.errors import DownloadError


def package(names: tuple[str, ...] = vendor.FILES) -> bytes:
    """An archive as npm packs it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name in names:
            info = tarfile.TarInfo(f"package/dist/{name}")
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
    return out.getvalue()


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A program called npm that packs a small package whose hash is the one known."""
    data = package()
    (tmp_path / "data.tgz").write_bytes(data)
    program = tmp_path / "npm"
    program.write_text(f"#!/bin/sh\ncp {tmp_path}/data.tgz {vendor.PACKAGE}-{vendor.VERSION}.tgz\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(vendor, "SHA512", base64.b64encode(hashlib.sha512(data).digest()).decode())
    return data


def test_the_files_come_with_a_note(npm: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "vendor"
    assert vendor.vendor(folder)
    assert {path.name for path in folder.iterdir()} == {*vendor.FILES, vendor.NOTE}
    note = json.loads((folder / vendor.NOTE).read_text("utf-8"))
    assert (note["version"], note["licence"]) == ("1.30.0", "MIT")
    assert not vendor.vendor(folder)
    vendor.check_vendored(folder)


def test_a_file_that_is_gone_is_fetched_again(npm: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "vendor"
    vendor.vendor(folder)
    (folder / vendor.FILES[0]).unlink()
    assert vendor.vendor(folder)


def test_another_package_is_refused(npm: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor, "SHA512", "AAAABBBBCCCCDDDD")
    with pytest.raises(DownloadError, match=r"must have the sha512 AAAABBBBCCCC\.\.\., got .* Do not use it"):
        vendor.vendor(tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()


def test_without_npm_the_command_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DownloadError, match=r"npm must be installed .* -m anymask\.app\.vendor"):
        vendor.vendor(tmp_path / "vendor")


def test_without_a_connection_npm_is_quoted(
    npm: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "npm").write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2; exit 1\n")
    with pytest.raises(DownloadError, match=r"npm must fetch onnxruntime-web 1\.30\.0, got: npm error"):
        vendor.vendor(tmp_path / "vendor")


def test_a_silent_npm_is_not_waited_for(npm: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "npm").write_text("#!/bin/sh\nexec sleep 5\n")
    monkeypatch.setattr(vendor, "_SECONDS", 0.1)
    with pytest.raises(DownloadError, match=r"npm must answer within 0\.1 s"):
        vendor.vendor(tmp_path / "vendor")


def test_the_server_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"must have onnxruntime-web .* Run: .* -m anymask\.app\.vendor"):
        vendor.check_vendored(tmp_path)


def test_the_program_answers_by_its_exit_code(
    npm: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vendor, "FOLDER", tmp_path / "vendor")
    for news in ("made", "there already"):
        assert vendor.main() == 0
        assert capsys.readouterr().err == f"onnxruntime-web 1.30.0: {news}, in {tmp_path / 'vendor'}\n"
    monkeypatch.setattr(vendor, "FOLDER", tmp_path / "other")
    monkeypatch.setattr(vendor, "SHA512", "other")
    assert vendor.main() == 2
    assert "must have the sha512" in capsys.readouterr().err
