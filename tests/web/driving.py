"""A person in front of the app: where to click in the image, what is stored then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, expect

from anymask.geometry import rle

PATIENCE = 60.0
ROWS = 50
"""Of the list of masks that are made at once."""


def eventually(ask: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first true answer; the last one where none comes in time."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.05)


class Served:
    """`anymask serve` as a process of its own, which can be killed and started again on its port."""

    def __init__(self, folder: Path, *options: str, several: bool = False) -> None:
        """several: whether each subfolder is a project."""
        self.folder, self.options, self.port = folder, options, 0
        self.place = ("--projects", str(folder)) if several else (str(folder),)
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "anymask", "serve", *self.place, "--port", str(self.port)]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [*command, "--device", "cpu", *self.options], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip() + "/"
        self.port = int(self.address.rsplit(":", 1)[1].strip("/"))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        patience: float = PATIENCE,
    ) -> Any:
        request = urllib.request.Request(self.address + path, method=method, headers=headers or {})
        with urllib.request.urlopen(request, timeout=patience) as answer:
            return json.load(answer)

    def images(self) -> dict[str, str]:
        """Ids by name, when the folder has been looked through."""
        eventually(lambda: not self.ask("api/project")["scanning"])
        return {one["name"]: one["id"] for one in self.ask("api/images")["images"]}

    def masks(self, image: str) -> list[dict[str, Any]]:
        return self.ask(f"api/images/{image}/masks")["masks"]

    def set_labels(self, labels: list[dict[str, str]]) -> None:
        body, headers = json.dumps({"labels": labels}).encode(), {"content-type": "application/json"}
        request = urllib.request.Request(self.address + "api/labels", body, headers, method="PUT")
        urllib.request.urlopen(request, timeout=PATIENCE).close()

    def clear(self, image: str) -> None:
        for mask in self.masks(image):
            seen = {"If-Match": str(mask["revision"])}
            self.ask(f"api/images/{image}/masks/{mask['id']}", "DELETE", seen)


def bits(mask: dict[str, Any]) -> np.ndarray:
    """A stored mask (H, W) bool."""
    return rle.decode(rle.from_string(mask["counts"]), tuple(mask["size"]))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


class Person:
    """Works on one image in a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, address: str, image: str) -> Person:
        self.page.goto(f"{address}#/")
        self.page.wait_for_selector("am-gallery")
        self.page.evaluate(
            "Object.assign(document.querySelector('am-app').chosen, { label: null, tool: 'point' })"
        )
        self.page.goto(f"{address}#/image/{image}")
        self.page.wait_for_selector("am-editor[data-ready=yes]")
        return self

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the image lies on the screen."""
        at = self.page.evaluate(
            """([x, y]) => {
                const screen = document.querySelector("am-editor");
                const [left, top] = screen.editor.view.toScreen(x, y);
                const box = screen.imageCanvas.getBoundingClientRect();
                return [box.left + left, box.top + top];
            }""",
            [x, y],
        )
        return at[0], at[1]

    def click(self, x: float, y: float, **options: Any) -> None:
        self.page.mouse.click(*self.place(x, y), **options)

    def drag(self, *points: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*self.place(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.place(*point), steps=5)
        mouse.up()

    def tool(self, name: str) -> None:
        self.page.get_by_role("toolbar", name="Tools").get_by_role("button", name=name).click()

    def option(self, id: str, value: float) -> None:
        """Set a slider."""
        self.page.locator(f"#{id}").fill(str(value))

    def command(self, name: str) -> None:
        """A command for the selected mask."""
        self.page.get_by_role("group", name="Edit the mask").get_by_role("button", name=name).click()

    def says(self, sentence: str) -> None:
        """Wait for a message."""
        expect(self.page.locator(".toast", has_text=sentence).last).to_be_visible()

    def count(self, masks: int) -> None:
        """Wait for a number of masks in the list, of which only rows near those in sight are made."""
        if masks > ROWS:
            expect(self.page.get_by_role("heading", name=f"{masks:,} masks")).to_be_visible()
        else:
            expect(self.page.locator(".masks .mask")).to_have_count(masks)

    def saved(self) -> None:
        """Wait until the model has looked twice and everything is stored."""
        self.page.wait_for_selector("am-editor:not(.busy)")
        self.page.wait_for_selector(".chip[data-state=saved]")
