"""A click in Label Studio itself becomes a stored brush mask: the backend tried against the real package.

    python benchmarks/label_studio.py
    python benchmarks/label_studio.py --environment .venv-label-studio --screenshots shots

Installs the pinned package into an environment of its own (1 GB; in a temporary folder, or kept in
`--environment`), starts it and the backend on this machine, makes a project by its API, and clicks on the
photo of a cat in headless Chromium. The brush mask that Label Studio has stored then is compared with the
mask of the same click from anymask. Exits with 1 where they differ.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import APIResponse, Page, Response, sync_playwright

import anymask
from anymask.formats.brush import from_brush
from anymask.geometry import rle

PACKAGE = "label-studio==1.23.2"
PHOTO = Path(__file__).parents[1] / "src" / "anymask" / "images" / "photos" / "cat.jpg"
SIZE = (300, 451)
CLICK = (200.0, 150.0)
"""On the cat, in pixels from the left and the top."""
LEAST = 0.95
"""IoU. A click is at a whole pixel of the screen, a fraction of a pixel beside CLICK."""
PATIENCE = 300.0
"""Seconds for a start; Label Studio makes its database."""
EMAIL, PASSWORD = "annotator@example.com", "annotator-of-cats"
CONFIG = """
<View>
  <Image name="image" value="$image"/>
  <BrushLabels name="brush" toName="image"><Label value="cat"/></BrushLabels>
  <KeyPointLabels name="points" toName="image" smart="true"><Label value="cat"/></KeyPointLabels>
</View>
"""
SETTINGS = {
    "ML_BLOCK_LOCAL_IP": "false",  # it connects to no address of its own machine otherwise
    "SSRF_PROTECTION_ENABLED": "false",
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
}
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main() -> int:
    """Print the IoU; 1 where the masks differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--environment", type=Path, help="where Label Studio is installed, or shall be")
    parser.add_argument("--screenshots", type=Path, help="folder for images of the page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        program = installed(options.environment or Path(place, "environment"))
        with label_studio(program, Path(place)) as address:
            stored = click_in_label_studio(address, Path(place), options.screenshots)
    found = from_brush(stored["value"]["rle"], SIZE)
    prompt = anymask.Prompt([CLICK], [1])
    expected = anymask.predict(anymask.load("compact"), PHOTO, [prompt], multimask=False)
    iou = float(rle.iou([found], [expected.rles[0]])[0, 0])
    print(f"{PACKAGE}: brush mask with the label {stored['value']['brushlabels']}, IoU {iou:.4f}")
    return int(iou < LEAST or stored["value"]["brushlabels"] != ["cat"])


def installed(environment: Path) -> Path:
    """Label Studio's program, in an environment that is made where it is missing."""
    program = environment / "bin" / "label-studio"
    if not program.exists():
        print(f"installing {PACKAGE}, some minutes", flush=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([environment / "bin" / "python", "-m", "pip", "install", "-q", PACKAGE], check=True)
    return program


@contextmanager
def label_studio(program: Path, place: Path) -> Iterator[str]:
    """The address of a new Label Studio with one user."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [program, "start", "--no-browser", "--port", port, "--internal-host", "127.0.0.1"]
    command += ["--data-dir", place / "data", "--username", EMAIL, "--password", PASSWORD]
    # its settings and its database lie in the temporary folder, not in the home of the user
    homes = {name: str(place) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")}
    with running(command, place / "label-studio.log", address + "/health", SETTINGS | homes):
        yield address


@contextmanager
def backend(address: str, token: str, place: Path) -> Iterator[str]:
    """The address of anymask's backend for it."""
    port = free_port()
    module = "anymask.integrations.label_studio_server"
    command = [sys.executable, "-m", module, "--label-studio", address, "--token", token, "--port", port]
    with running(command, place / "backend.log", f"http://127.0.0.1:{port}/health"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(
    command: list[Any], log: Path, health: str, settings: Mapping[str, str] | None = None
) -> Iterator[None]:
    """A process that answers, and is ended; what it wrote is printed where it does not."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | dict(settings or {}),
        )
    try:
        end = time.monotonic() + PATIENCE
        while not answers(health):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command[0]} does not answer:\n{log.read_text('utf-8', 'replace')}")
            time.sleep(0.5)
        yield
    finally:
        process.terminate()
        process.wait()


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:
            return int(answer.status) == 200
    except (URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def click_in_label_studio(address: str, place: Path, screenshots: Path | None) -> dict[str, Any]:
    """The region that is stored after a click on the photo and a press of Submit."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        page = chromium.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(60_000)
        try:
            site = Site(page, address)
            task = site.new_task()
            with backend(address, site.token, place) as ours:
                site.post("ml/", data={"url": ours, "project": task["project"], "is_interactive": True})
                page.goto(f"{address}/projects/{task['project']}/data?task={task['id']}")
                segment(page)
                page.get_by_test_id("bottombar-submit-button").click()
                page.get_by_test_id("bottombar-update-button").wait_for()  # it is stored
                [region] = site.get(f"tasks/{task['id']}/annotations/")[0]["result"]
        finally:
            if screenshots is not None:
                screenshots.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=screenshots / "label-studio.png")
            chromium.close()
    return dict(region)


def segment(page: Page) -> None:
    """Switch on automatic annotation, choose the smart key point, click on the cat."""
    for switch in ("Auto-Annotation", "Auto-Accept Suggestions"):
        page.get_by_text(switch, exact=True).click()
    smart = page.locator(".lsf-toolbar .lsf-tool:visible").last
    for _ in ("brush", "key point"):
        smart.click()
    page.locator(".lsf-label", has_text="cat").last.click()  # the brush has the same label before it
    box = page.locator(".konvajs-content canvas").first.bounding_box()
    assert box is not None
    x, y = (at / side for at, side in zip(CLICK, SIZE[::-1], strict=True))
    with page.expect_response("**/interactive-annotating*") as answer:
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    told(answer.value)
    page.locator(".lsf-tree", has_text="cat").wait_for()


class Site:
    """Label Studio with a user who has signed in: its API."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        page.goto(f"{address}/user/login/")
        page.locator("input[name=email]").fill(EMAIL)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("form [type=submit]").first.click()
        page.wait_for_url(lambda url: "login" not in url)
        cookies = {one["name"]: one["value"] for one in page.context.cookies()}
        self.headers = {"X-CSRFToken": cookies["csrftoken"], "Referer": address}
        self.token = str(self.post("token/")["token"])
        """A personal access token."""

    def get(self, path: str) -> Any:
        return told(self.page.request.get(f"{self.address}/api/{path}"))

    def post(self, path: str, **more: Any) -> Any:
        return told(self.page.request.post(f"{self.address}/api/{path}", headers=self.headers, **more))

    def new_task(self) -> dict[str, Any]:
        """A task with the photo, in a new project."""
        project = self.post("projects/", data={"title": "cats", "label_config": CONFIG})["id"]
        file = {"name": PHOTO.name, "mimeType": "image/jpeg", "buffer": PHOTO.read_bytes()}
        self.post(f"projects/{project}/import", multipart={"file": file})
        [task] = self.get(f"tasks?project={project}")["tasks"]
        return dict(task)


def told(answer: APIResponse | Response) -> Any:
    if not answer.ok:
        raise RuntimeError(f"{answer.url} answers {answer.status}: {answer.text()[:2000]}")
    return answer.json()


if __name__ == "__main__":
    raise SystemExit(main())
