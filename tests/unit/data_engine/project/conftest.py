"""Databases to keep projects in: SQLite files, and a PostgreSQL of our own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from anymask.data_engine.project import Database, open_database, open_project
from anymask.data_engine.project.database import upgrade
from anymask.data_engine.project.project import Project, scan
from anymask.data_engine.project.tables import METADATA


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs: on the path, or where Debian puts it."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server that only these tests use, without a database's name."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed (apt-get install postgresql)")
    pytest.importorskip("psycopg")
    place = Path("/tmp") / f"anymask-pg-{uuid.uuid4().hex[:8]}"  # its socket needs a short path
    place.mkdir(mode=0o700)
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:  # it does not run as root
        shutil.chown(place, user, user)

    def run(program: str, *words: str) -> None:
        lower = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*lower, str(programs / program), *words], cwd=place, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr + done.stdout

    try:
        run("initdb", "-D", str(place / "data"), "-U", "tester", "--auth", "trust", "--no-sync", "-E", "UTF8")
        options = f"-k {place} -c listen_addresses='' -c fsync=off"
        run("pg_ctl", "-D", str(place / "data"), "-w", "-l", str(place / "log"), "-o", options, "start")
        try:
            yield f"postgresql://tester@/%s?host={place}"
        finally:
            run("pg_ctl", "-D", str(place / "data"), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'a.db'}"
    import psycopg

    server, name = request.getfixturevalue("postgres"), f"db{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server % "postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server % name


@pytest.fixture
def old(url: str) -> Database:
    """A database as the first version made it."""
    database = open_database(url)
    with database.writing() as connection:
        tables = METADATA.sorted_tables[::-1]
        for name in (*(table.name for table in tables), "alembic_version"):
            connection.exec_driver_sql(f"DROP TABLE {name}")
        upgrade(connection, "0001")
    return database


@pytest.fixture
def project(url: str, tmp_path: Path, photos: Path) -> Iterator[Project]:
    """A project with one photo."""
    place = tmp_path / "photos"
    place.mkdir()
    shutil.copy(photos / "cat.jpg", place)
    opened = open_project(place, url)
    list(scan(opened))
    yield opened
    opened.close()
