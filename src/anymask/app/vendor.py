"""Set up the browser app: `python -m anymask.app.vendor` fetches onnxruntime-web.

onnxruntime-web runs the networks in the browser. The package is fetched by the user's own npm client, so that
proxies and mirrors work, and is used only if its hash is the one below. Three of its files are kept, with a
note on their origin.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from anymask.errors import AnymaskError, DownloadError
from anymask.files import staged

__all__ = ["FOLDER", "check_vendored", "main", "vendor"]

PACKAGE, VERSION, LICENCE = "onnxruntime-web", "1.30.0", "MIT"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
FOLDER = Path(__file__).parent / "static" / "vendor"
"""The folder of the files; ignored by git, included in wheels."""
NOTE = "PROVENANCE.json"
COMMAND = f"{shlex.quote(sys.executable)} -m anymask.app.vendor"
_SECONDS = 300


def main() -> int:
    """Fetch the files unless they are there. Returns 0, or 2 after printing an error."""
    try:
        news = "made" if vendor(FOLDER) else "there already"
    except AnymaskError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr.write(f"{PACKAGE} {VERSION}: {news}, in {FOLDER}\n")
    return 0


def vendor(folder: Path) -> bool:
    """Write the files to `folder`, all or none; False if this version is there already.

    Raises DownloadError without npm, without a connection, or for a package with another hash.
    """
    if is_vendored(folder):
        return False
    with tempfile.TemporaryDirectory() as place:
        archive = _pack(Path(place))
        check_digest(archive.read_bytes())
        with staged(folder, force=True, may_replace=lambda name: name in {*FILES, NOTE}) as new:
            new.mkdir()
            _unpack(archive, new)
            (new / NOTE).write_text(json.dumps(_provenance(), indent=2) + "\n", "utf-8")
    return True


def is_vendored(folder: Path) -> bool:
    """Whether `folder` holds the files of this version."""
    try:
        note = json.loads((folder / NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return note == _provenance() and all((folder / name).is_file() for name in FILES)


def check_vendored(folder: Path = FOLDER) -> None:
    """Raise DownloadError, with the command to run, unless the files are there."""
    if not is_vendored(folder):
        raise DownloadError(
            f"the browser app must have {PACKAGE} {VERSION}, got none in {folder}. Run: {COMMAND}"
        )


def check_digest(archive: bytes) -> None:
    """Raise DownloadError unless the package has the known hash."""
    found = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != SHA512:
        raise DownloadError(
            f"{PACKAGE} {VERSION} must have the sha512 {SHA512[:12]}..., got {found[:12]}.... "
            "Do not use it; check what your npm registry serves."
        )


def _provenance() -> dict[str, object]:
    return {
        "package": PACKAGE,
        "version": VERSION,
        "licence": LICENCE,
        "sha512": SHA512,
        "fetched_by": f"npm pack {PACKAGE}@{VERSION}",
        "files": list(FILES),
    }


def _pack(place: Path) -> Path:
    """The package's archive, fetched by npm."""
    npm = shutil.which("npm")
    if npm is None:
        raise DownloadError(
            f"npm must be installed to fetch {PACKAGE}, got none. "
            f"Install it (Debian: apt-get install -y npm), then run: {COMMAND}"
        )
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--ignore-scripts"]
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise DownloadError(
            f"npm must answer within {_SECONDS} s, got nothing. Check the connection, then run: {COMMAND}"
        ) from None
    archive = place / f"{PACKAGE}-{VERSION}.tgz"
    if done.returncode or not archive.is_file():
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise DownloadError(
            f"npm must fetch {PACKAGE} {VERSION}, got: {reason[0]}. Check the connection, then run: {COMMAND}"
        )
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        for name in FILES:
            member = tar.extractfile(f"package/dist/{name}")
            assert member is not None, "the digest was right"
            (folder / name).write_bytes(member.read())


if __name__ == "__main__":
    sys.exit(main())
