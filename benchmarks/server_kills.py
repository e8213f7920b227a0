"""Kill a server by SIGKILL while four clients save masks, and count what was acknowledged and is lost.

    python benchmarks/server_kills.py --kills 50                              # SQLite in its folder
    python benchmarks/server_kills.py --kills 50 --database postgresql://...  # an empty database

The moment of each kill is random, within a second of the first masks. Whatever a server acknowledged in any
round must be there after the last start, in that revision or a newer one.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np

from anymask.geometry import rle

PHOTO = Path(__file__).resolve().parents[1] / "src" / "anymask" / "images" / "photos" / "cat.jpg"
CODE = """
import sys
from anymask.app.serve import serve
from anymask.app.settings import Settings
from anymask.data_engine.project import open_project
project = open_project(sys.argv[1], *sys.argv[3:])
serve(project, Settings(models=(sys.argv[2],)), "127.0.0.1", 0, lambda address: print(address, flush=True))
"""
CLIENTS, REVISIONS = 4, 3


class Server:
    """A server in a process of its own, with a model that is never asked."""

    def __init__(self, folder: Path, model: Path, database: str | None) -> None:
        given = [str(folder), str(model), *([database] if database else [])]
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE, *given], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        [image] = httpx.get(f"{self.address}/api/images").json()["images"]
        self.image = image

    @property
    def masks(self) -> str:
        return f"{self.address}/api/images/{self.image['id']}/masks"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def mask(image: dict[str, int], x: int) -> dict[str, object]:
    """The body of a request that saves a square."""
    bits = np.zeros((image["height"], image["width"]), bool)
    bits[10:40, x : x + 30] = True
    return {"size": list(bits.shape), "counts": rle.to_string(rle.encode(bits)), "seconds": 1.0}


def save(server: Server, round: int, worker: int, kept: dict[str, int]) -> None:
    """Save masks, each in several revisions, until the server is gone."""
    with httpx.Client(timeout=30) as client:
        for number in range(1_000_000):
            id, seen = f"{round}-{worker}-{number // REVISIONS}", number % REVISIONS
            try:
                answer = client.put(
                    f"{server.masks}/{id}",
                    json=mask(server.image, 10 + seen),
                    headers={"If-Match": str(seen)},
                )
            except httpx.TransportError:
                return
            kept[id] = answer.raise_for_status().json()["revision"]


def burst(server: Server, round: int, kept: dict[str, int], seconds: float) -> None:
    """Let the clients save, and kill the server."""
    before = len(kept)
    threads = [threading.Thread(target=save, args=(server, round, n, kept)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    while len(kept) == before and server.process.poll() is None:
        time.sleep(0.001)
    time.sleep(seconds)
    server.kill()
    for thread in threads:
        thread.join()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--database")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw, kept = random.Random(options.seed), dict[str, int]()
    with tempfile.TemporaryDirectory() as place:
        folder, model = Path(place) / "project", Path(place) / "model"
        for new in (folder, model):
            new.mkdir()
        shutil.copy(PHOTO, folder)
        (model / "model.json").write_text("{}")
        for round in range(options.kills):
            burst(Server(folder, model, options.database), round, kept, draw.uniform(0, 1))
        server = Server(folder, model, options.database)
        there = {one["id"]: one["revision"] for one in httpx.get(server.masks, timeout=600).json()["masks"]}
        server.kill()
    lost = [id for id, revision in kept.items() if there.get(id, 0) < revision]
    count = sum(kept.values())
    print(f"{options.kills} kills: {len(kept)} masks in {count} revisions acknowledged, {len(lost)} lost")
    return 1 if lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
