"""Time everything on this machine, in turns with the peers, and write docs/benchmarks/PROCESSOR.md.

    python benchmarks/machine.py                 # about 15 minutes on two quiet cores
    python benchmarks/machine.py --only cold encode

Each part is a process of its own, whose CPU seconds and peak memory are noted besides.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from anymask.evaluate.report import machine
from anymask.files.reports.provenance import commit

HERE = Path(__file__).parent
PAGES = HERE.parent / "docs" / "benchmarks"
PHOTO = HERE.parent / "src" / "anymask" / "images" / "photos" / "cat.jpg"
PARTS = {
    "encode": ["encode.py"],
    "decode": ["decode.py"],
    "automatic": ["automatic.py", "--size", "1500", "2250", "--points", "12"],
    "incontext": ["incontext.py", "--examples", "1"],
}
COLD = {
    "anymask --version": ["--version"],
    "anymask segment, one click": ["segment", str(PHOTO), "--point", "210,180", "--force", "-o"],
    "anymask segment --text": ["segment", str(PHOTO), "--text", "cat", "--force", "-o"],
    "anymask auto, one photo": ["auto", str(PHOTO), "--force", "-o"],
}
TURNS = 5
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


LAUNCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("\\n", time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""Runs a command; its last line is wall seconds, CPU seconds and the peak in KB."""


@dataclass(frozen=True)
class Run:
    """What a process took."""

    wall: float
    processor: float
    peak: float
    """Resident megabytes."""
    text: str


def run(command: list[str]) -> Run:
    """Run a process, started by a small one, as a process counts the memory of the one that started it."""
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH, *command], capture_output=True, text=True, check=True, cwd=HERE.parent
    )
    text, _, measured = done.stdout.rstrip().rpartition("\n")
    wall, busy, peak = map(float, measured.split())
    return Run(wall, busy, peak / 1024, text)


def cold() -> str:
    """A table of new processes, medians of `TURNS`."""
    lines = ["| new process | wall s | CPU s | peak MB |", "| --- | ---: | ---: | ---: |"]
    with tempfile.TemporaryDirectory() as scratch:
        for title, arguments in COLD.items():
            target = [str(Path(scratch) / "out.json")] if arguments[-1] == "-o" else []
            command = [sys.executable, "-m", "anymask", *arguments, *target]
            runs = [run(command) for _ in range(TURNS + 1)][1:]
            wall, busy = (
                statistics.median(getattr(one, name) for one in runs) for name in ("wall", "processor")
            )
            lines.append(f"| {title} | {wall:.2f} | {busy:.2f} | {runs[0].peak:.0f} |")
    return "\n".join(lines)


def part(name: str) -> str:
    """The output of one benchmark, and what its process took."""
    done = run([sys.executable, str(HERE / PARTS[name][0]), *PARTS[name][1:]])
    return f"{done.text.strip()}\n\n({done.wall:.0f} s, {done.processor:.0f} s of CPU)"


def flags() -> str:
    """What the processor can do that matters here."""
    known = set(Path("/proc/cpuinfo").read_text().split()) if Path("/proc/cpuinfo").exists() else set()
    return ", ".join(flag for flag in FLAGS if flag in known) or "unknown"


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=["cold", *PARTS], default=["cold", *PARTS])
    parser.add_argument("-o", "--output", type=Path, help="the page; by default docs/benchmarks/PROCESSOR.md")
    options = parser.parse_args()
    facts = machine()
    name = re.sub(r"[^a-z0-9]+", "-", f"{facts['processor']} {flags().rpartition(', ')[2]}".lower()).strip(
        "-"
    )
    page = options.output or PAGES / f"{name}.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    text = (
        f"# {facts['processor']}, {facts['cores']} cores\n\n"
        f"Measured by `python benchmarks/machine.py` on {time.strftime('%Y-%m-%d')}; commit {commit()}, "
        f"PyTorch {facts['torch']}, Python {facts['python']}. Instructions: {flags()}.\n"
    )
    for one in options.only:
        print(one, flush=True)
        text += f"\n## {one}\n\n{cold() if one == 'cold' else part(one)}\n"
        page.write_text(text, "utf-8")
    print(f"wrote {page}")


if __name__ == "__main__":
    main()
