"""Load test of `anymask serve`: embedding and mask requests of many concurrent users.

    python benchmarks/server.py                      # 20 clients, 200 clicks a second, 30 s
    python benchmarks/server.py --requests 10000     # memory over 10000 requests

A click sends what the app sends: a check whether the image's embedding changed (every tenth click downloads
it), a save of the mask with If-Match, and at every tenth click a read of all masks of the image. Server and
clients are two processes; the server runs as a user starts it, with the compact model. Clicks start on
schedule, not after the last response, so that a slow server does not reduce its own load. At the end, every
acknowledged mask must be on the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
from timing import print_header

from anymask.geometry import rle

PHOTOS = Path(__file__).resolve().parents[1] / "src" / "anymask" / "images" / "photos"
MODEL = "compact"


def a_mask(rng: np.random.Generator, size: tuple[int, int]) -> str:
    """A mask with about as many runs as a real one: a disc with a rough edge."""
    y, x = np.ogrid[: size[0], : size[1]]
    cy, cx, r = rng.uniform(60, size[0] - 60), rng.uniform(60, size[1] - 60), rng.uniform(20, 60)
    rough = r + 3 * np.sin(np.arctan2(y - cy, x - cx) * rng.integers(5, 20))
    return rle.to_string(rle.encode((y - cy) ** 2 + (x - cx) ** 2 < rough**2))


def computed(pid: int) -> float:
    """CPU time of a process, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Memory of a process, MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Connection:
    """HTTP/1.1 on one persistent connection. A full client library would take as much time as the server."""

    def __init__(self, address: str) -> None:
        self.host, _, self.port = address.removeprefix("http://").rpartition(":")

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(self.host, int(self.port), limit=1 << 20)

    async def request(
        self, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers, body."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", f"Content-Length: {len(body)}"]
        lines += ["Content-Type: application/json", *(f"{name}: {value}" for name, value in headers.items())]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        length = int(found.get("content-length", 0))
        return int(head[0].split()[1]), found, await self.reader.readexactly(length) if length else b""


class Client:
    """One user: a connection, the open image, its masks."""

    def __init__(self, number: int, http: Connection, image: dict) -> None:
        self.number, self.http, self.image = number, http, image
        self.rng = np.random.default_rng(number)
        self.etag: str | None = None
        self.saved: dict[str, int] = {}
        self.times: dict[str, list[float]] = {"embedding": [], "304": [], "save": [], "list": []}
        size = (image["height"], image["width"])
        self.masks = [a_mask(self.rng, size) for _ in range(16)]

    async def timed(
        self, kind: str, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> tuple[dict[str, str], bytes]:
        start = time.perf_counter()
        status, found, data = await self.http.request(
            method, f"/api/images/{self.image['id']}{path}", headers, body
        )
        self.times["304" if status == 304 else kind].append(time.perf_counter() - start)
        assert status in (200, 304), data
        return found, data

    async def click(self, count: int) -> None:
        known = {"If-None-Match": self.etag} if self.etag and count % 10 else {}
        found, _ = await self.timed("embedding", "GET", f"/embedding/{MODEL}", known)
        self.etag = found["etag"]
        id = f"{self.number}-{count % 30}"  # the number of revisions grows, each image keeps 150 masks
        body = {
            "size": [self.image["height"], self.image["width"]],
            "counts": self.masks[count % len(self.masks)],
            "prompts": {"points": [[10.5, 20.5]], "labels": [1]},
            "seconds": 1.0,
        }
        seen = {"If-Match": str(self.saved.get(id, 0))}
        _, data = await self.timed("save", "PUT", f"/masks/{id}", seen, json.dumps(body).encode())
        self.saved[id] = json.loads(data)["revision"]
        if count % 10 == 9:
            await self.timed("list", "GET", "/masks", {})


async def run(address: str, clients: int, rate: float, clicks: int, pid: int) -> None:
    async with httpx.AsyncClient(base_url=address, timeout=600) as http:
        # do not measure the export on first start
        (await http.get(f"/models/{MODEL}/model.json")).raise_for_status()
        images = (await http.get("/api/images")).json()["images"]
        people = [
            Client(number, Connection(address), images[number % len(images)]) for number in range(clients)
        ]
        for person in people:
            await person.http.open()
        for image in images:  # encode once before timing starts
            await http.get(f"/api/images/{image['id']}/embedding/{MODEL}")
        before, work, own = resident(pid), computed(pid), time.process_time()
        start = time.perf_counter()
        busy = [asyncio.Lock() for _ in people]
        late: list[float] = []
        waits: list[float] = []

        async def one(number: int) -> None:
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            late.append(time.perf_counter() - due)
            who = number % clients
            async with busy[who]:  # a user clicks again only after the last response
                await people[who].click(number // clients)
            waits.append(time.perf_counter() - due)

        middle = asyncio.create_task(halfway(pid, clicks / rate / 2))
        await asyncio.gather(*(one(number) for number in range(clicks)))
        seconds = time.perf_counter() - start
        report(people, seconds, clicks, waits, late)
        spent = computed(pid) - work, time.process_time() - own
        print(f"CPU time: server {spent[0]:.1f} s, clients {spent[1]:.1f} s of {seconds:.1f} s")
        print(f"memory: {before:.0f} MB before, {await middle:.0f} MB half-way, {resident(pid):.0f} MB after")
        await check(http, people)


async def halfway(pid: int, seconds: float) -> float:
    """Memory of the server, `seconds` later."""
    await asyncio.sleep(seconds)
    return resident(pid)


def report(people: list[Client], seconds: float, clicks: int, waits: list[float], late: list[float]) -> None:
    requests = sum(len(some) for person in people for some in person.times.values())
    print(f"{clicks / seconds:.0f} clicks/s, {requests / seconds:.0f} requests/s over {seconds:.0f} s")
    for kind in ("embedding", "304", "save", "list"):
        print(row(kind, [one for person in people for one in person.times[kind]]))
    print(row("whole click, from its scheduled time", waits))
    print(row("of which delay of the load generator", late))


def row(name: str, times: list[float]) -> str:
    p50, p99 = np.percentile(1000 * np.array(times or [0.0]), [50, 99])
    return f"  {name:34} {len(times):6}   median {p50:6.1f} ms   p99 {p99:6.1f} ms"


async def check(http: httpx.AsyncClient, people: list[Client]) -> None:
    """Exit with 1 unless every acknowledged mask is on the server."""
    there: dict[tuple[str, str], int] = {}
    for id in {person.image["id"] for person in people}:
        for mask in (await http.get(f"/api/images/{id}/masks")).json()["masks"]:
            there[id, mask["id"]] = mask["revision"]
    lost = [
        id
        for person in people
        for id, revision in person.saved.items()
        if there.get((person.image["id"], id), 0) < revision
    ]
    print(f"masks acknowledged: {sum(len(person.saved) for person in people)}, lost: {len(lost)}")
    if lost:
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--rate", type=float, default=200.0, help="clicks per second, all clients together")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--requests", type=int, help="about this many requests, instead of --seconds")
    options = parser.parse_args()
    clicks = round(options.requests / 2.1) if options.requests else round(options.rate * options.seconds)
    print_header(f"{options.clients} clients, target {options.rate:g} clicks per second")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "photos")
        shutil.copytree(PHOTOS, place)
        server = subprocess.Popen(
            [sys.executable, "-m", "anymask", "serve", str(place), "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            asyncio.run(run(address, options.clients, options.rate, clicks, server.pid))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
