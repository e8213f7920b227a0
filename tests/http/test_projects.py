"""Several projects on one server: each has its members, and none sees another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from anymask.app.projects import create_projects_app, project_folders
from anymask.app.settings import Settings
from anymask.errors import InputError

from .conftest import HERE

BOSS = {"authorization": "Bearer boss|secret"}


@pytest.fixture
def root(tmp_path: Path, photos: Path) -> Path:
    """A folder with two projects."""
    for name, photo in (("cats", "cat.jpg"), ("flowers", "flower.jpg")):
        (tmp_path / "work" / name).mkdir(parents=True)
        shutil.copy(photos / photo, tmp_path / "work" / name)
    return tmp_path / "work"


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    """A client of a server of both, with a token."""
    app = create_projects_app(project_folders(root)[0], Settings(token="boss|secret"))
    with TestClient(app, base_url=HERE, raise_server_exceptions=False) as client:
        yield client


def named(answer) -> list[str]:
    return [one["name"] for one in answer.json()["projects"]]


def test_members_of_one_project_see_it_alone(client: TestClient) -> None:
    assert client.get("/api/projects").json() == {"projects": [], "token": True}
    made = client.post("/p/cats/api/people", json={"name": "ann", "role": "reviewer"}, headers=BOSS).json()
    ann = {"authorization": f"Bearer {made['token']}"}
    assert named(client.get("/api/projects", headers=ann)) == ["cats"]
    [cats, flowers] = client.get("/api/projects", headers=BOSS).json()["projects"]
    assert (cats["images"], flowers["role"]) == (1, "admin")
    assert [image["name"] for image in client.get("/p/cats/api/images", headers=ann).json()["images"]] == [
        "cat.jpg"
    ]
    assert client.get("/p/flowers/api/images", headers=ann).status_code == 401
    assert client.get("/p/other/api/images", headers=BOSS).status_code == 404


def test_one_token_signs_in_to_all_projects_that_it_opens(client: TestClient) -> None:
    wrong = client.post("/api/session", json={"token": "x"})
    assert (wrong.status_code, wrong.json()["error"]) == (
        401,
        "This token is not valid in any project. Ask an admin for yours.",
    )
    assert client.post("/api/session", json={"token": "boss|secret"}).status_code == 204
    assert named(client.get("/api/projects")) == ["cats", "flowers"]
    for name in ("cats", "flowers"):
        assert client.get(f"/p/{name}/api/project").json()["person"]["role"] == "admin"
    assert client.delete("/p/cats/api/session").status_code == 204
    assert client.get("/p/cats/api/project").status_code == 401
    assert client.get("/p/flowers/api/project").status_code == 200
    assert client.delete("/api/session").status_code == 204
    assert client.get("/p/flowers/api/project").status_code == 401
    assert named(client.get("/api/projects")) == []


def test_two_members_tokens_are_kept_side_by_side(client: TestClient) -> None:
    for name in ("cats", "flowers"):
        made = client.post(f"/p/{name}/api/people", json={"name": "ann", "role": "annotator"}, headers=BOSS)
        assert client.post("/api/session", json={"token": made.json()["token"]}).status_code == 204
    assert named(client.get("/api/projects")) == ["cats", "flowers"]
    assert client.get("/p/cats/api/project").json()["person"]["name"] == "ann"


def test_the_pages_and_the_limits_are_those_of_a_single_project(client: TestClient, photos: Path) -> None:
    assert "am-projects" in client.get("/").text
    page = client.get("/p/cats", headers=BOSS)
    assert (page.url.path, "am-app" in page.text) == ("/p/cats/", True)
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert client.get("/p/dogs", headers=BOSS).status_code == 404
    assert client.get("/p/cats/static/main.js").headers["content-type"].startswith("text/javascript")
    data = (photos / "coffee.jpg").read_bytes()  # more than a JSON request may have values, as a file
    added = client.post("/p/cats/api/images", files={"files": ("coffee.jpg", data)}, headers=BOSS)
    assert added.status_code == 201
    other = client.post("/api/session", json={"token": "x"}, headers={"origin": "http://evil.example"})
    assert other.status_code == 403


def test_without_a_token_all_projects_are_listed(root: Path) -> None:
    with TestClient(create_projects_app(project_folders(root)[0], Settings()), base_url=HERE) as client:
        assert named(client.get("/api/projects")) == ["cats", "flowers"]


def test_folders_that_cannot_be_projects_are_told(root: Path, tmp_path: Path) -> None:
    (root / "new ones").mkdir()
    (root / ".hidden").mkdir()
    found, left_out = project_folders(root)
    assert ([one.name for one in found], left_out) == (["cats", "flowers"], ["new ones"])
    (tmp_path / "empty").mkdir()
    for place, reason in ((tmp_path / "empty", "with a subfolder for each project"), ("gone", "that exists")):
        with pytest.raises(InputError, match=f"--projects must be a folder {reason}"):
            project_folders(place)


@pytest.mark.parametrize("more", [("photos",), ("--database", "postgresql://h/d"), ("--static", "site")])
def test_options_of_one_project_are_refused(run, root: Path, more: tuple[str, ...]) -> None:
    answer = run("serve", "--projects", root, *more)
    assert answer.code == 2
    assert "--projects must be given without" in answer.err
