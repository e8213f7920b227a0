"""`anymask doctor`: what is installed, what the machine supports, what is missing."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2

import anymask
from anymask.cli.commands.models import place
from anymask.cli.console import out, out_json, table
from anymask.cli.options.doctor import Options
from anymask.errors import AnymaskError, install_command
from anymask.files import cache_dir
from anymask.files.reports.provenance import cpu_name
from anymask.images.bundled_photos import sample_photo
from anymask.inference.promptable.predict import embed, predict
from anymask.models import load_sam, variants
from anymask.models.measured_threads import fastest, keep, time_in_turns
from anymask.models.onnx_runtime import OnnxSam
from anymask.models.onnx_session import cores, threads
from anymask.types import Prompt

__all__ = ["Finding", "run"]

GOOD, NOTE, BAD = "ok", "note", "FAULT"
PHOTO, CLICK, COVERED = "cat.jpg", (210.0, 180.0), (0.02, 0.98)
"""The bundled photo, a click on its cat, the least and largest share of the photo that a mask may cover."""
TUNING = 2.0
"""Seconds for which `--tune` measures."""
MOST_NAMED = 6
"""Missing packages of an extra that are named; more are counted."""
PACKAGES = ("numpy", "opencv-python-headless", "pillow", "onnxruntime", "safetensors", "rich")


@dataclass(frozen=True)
class Finding:
    """One line; `state` is GOOD, NOTE (works, but could be better) or BAD."""

    topic: str
    state: str
    text: str


def run(options: Options) -> int:
    """Check everything; the exit code is 1 if something does not work."""
    measured = tune() if options.tune else []
    findings = [*measured, *(finding for check in CHECKS for finding in check())]
    faults = [finding for finding in findings if finding.state == BAD]
    if options.as_json:
        out_json({"ok": not faults, "findings": [asdict(finding) for finding in findings]})
    else:
        out(table([[finding.topic, finding.state, finding.text] for finding in findings]))
        out(f"\n{len(faults)} faults found." if faults else "\nEverything works.")
    return 1 if faults else 0


def check_versions() -> list[Finding]:
    """Python, the system, the packages that anymask needs."""
    found = [
        Finding("anymask", GOOD, f"{anymask.__version__} in {Path(str(files('anymask')))}"),
        Finding("python", GOOD, f"{platform.python_version()} in {sys.executable}"),
        Finding("system", GOOD, f"{platform.platform()}"),
    ]
    versions = [(name, _version(name)) for name in PACKAGES]
    texts = [f"{name} {version}" for name, version in versions if version]
    found.append(Finding("packages", GOOD, ", ".join(texts)))
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return {"opencv-python-headless": cv2.__version__}.get(name)


def check_extras() -> list[Finding]:
    """The optional parts of the package, by its own list."""
    try:
        required = metadata.requires("anymask") or []
    except metadata.PackageNotFoundError:
        text = "unknown, as anymask is not installed. Run: pip install -e . in its folder"
        return [Finding("extras", NOTE, text)]
    missing: dict[str, list[str]] = {}
    for extra, package in _extras(required):
        missing.setdefault(extra, [])
        if _version(package) is None and package not in missing[extra]:
            missing[extra].append(package)
    return [_extra(name, packages) for name, packages in missing.items()]


def _extras(required: Sequence[str]) -> list[tuple[str, str]]:
    """(extra, package) of requirements such as "tensorboard>=2.16; extra == 'train'"."""
    found = []
    for line in required:
        package = re.match(r"[\w.-]+", line)
        extra = re.search(r"""extra\s*==\s*['"]([\w.-]+)['"]""", line)
        if package and extra and package.group() != "anymask":
            found.append((extra.group(1), package.group()))
    return found


def _extra(name: str, missing: Sequence[str]) -> Finding:
    if not missing:
        return Finding(f"extra {name}", GOOD, "installed")
    lacks = ", ".join(missing) if len(missing) <= MOST_NAMED else f"{len(missing)} packages"
    return Finding(f"extra {name}", NOTE, f"lacks {lacks}. To add it: {install_command(name)}")


def check_runtimes() -> list[Finding]:
    """What each runtime can do here."""
    shipped = ", ".join(card.name for card in variants().values() if card.address is None)
    found = [Finding("onnxruntime", GOOD, f"{_version('onnxruntime')}: runs {shipped}, on the CPU")]
    if has_torch():
        text = "runs every model; trains, tunes, evaluates and exports models"
        return [*found, Finding("torch", GOOD, f"{_version('torch')}: {text}")]
    text = "not installed; published weights, training, tuning, evaluation and export need it. To add it: "
    return [*found, Finding("torch", NOTE, text + install_command("torch"))]


def has_torch() -> bool:
    """Whether PyTorch can be imported."""
    try:
        return find_spec("torch") is not None
    except ValueError:  # an entry in sys.modules that blocks it
        return False


def check_cpu() -> list[Finding]:
    """Cores, threads, and the features that speed depends on."""
    cores = os.cpu_count() or 1
    named = f"{cpu_name()}, {cores} cores, {threads()} threads used"
    few = NOTE if threads() < cores else GOOD
    more = (
        "" if few == GOOD else " (ANYMASK_THREADS, OMP_NUM_THREADS, or the cores that this process may use)"
    )
    return [Finding("CPU", few, named + more), *_features(), *_float_type()]


def capabilities() -> Mapping[str, bool] | None:
    """Whether the CPU has avx2, avx512_f and amx_bf16; None where neither the system nor PyTorch tells."""
    info = Path("/proc/cpuinfo")
    flags = re.search(r"^flags\s*:\s*(.+)$", info.read_text(errors="replace") if info.is_file() else "", re.M)
    if flags is not None:
        there = set(flags.group(1).split())
        names = {"avx2": "avx2", "avx512_f": "avx512f", "amx_bf16": "amx_bf16"}
        return {name: flag in there for name, flag in names.items()}
    if not has_torch():
        return None
    import torch

    ask: Callable[[], Mapping[str, Any]] | None = getattr(torch.cpu, "get_capabilities", None)
    return None if ask is None else {name: bool(value) for name, value in ask().items()}


def _features() -> list[Finding]:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return []
    has = capabilities()
    if has is None:
        return []
    return [
        _feature("AVX2", bool(has.get("avx2")), "float32 at full speed", "several times slower without"),
        _feature("AVX-512", bool(has.get("avx512_f")), "wider vectors are used", "AVX2 is used"),
        _feature("AMX", bool(has.get("amx_bf16")), "matrix units are used", "vectors are used"),
    ]


def _feature(name: str, there: bool, if_so: str, if_not: str) -> Finding:
    return Finding(f"  {name}", GOOD if there else NOTE, f"yes: {if_so}" if there else f"no: {if_not}")


def _float_type() -> list[Finding]:
    """What PyTorch computes in; onnxruntime computes in float32."""
    if not has_torch():
        return []
    import torch

    from anymask.models.devices import cpu_bf16_features, has_bf16

    if has_bf16(torch.device("cpu")):
        text = f"yes ({', '.join(cpu_bf16_features())}): models of PyTorch run in bfloat16"
        return [Finding("  bf16", GOOD, text)]
    return [Finding("  bf16", NOTE, "no: models run in float32; bfloat16 would be emulated, far slower")]


def check_gpu() -> list[Finding]:
    """CUDA and MPS, in this build of torch and in this machine."""
    if not has_torch():
        return [Finding("GPU", GOOD, "not used; PyTorch is needed for it")]
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return [Finding("GPU", GOOD, f"CUDA {torch.version.cuda}: {', '.join(names)}")]
    if torch.backends.mps.is_available():
        return [Finding("GPU", GOOD, "MPS; use it with --device mps")]
    build = torch.version.cuda or torch.version.hip
    why = f"for {build}, and it finds no device" if build else "for CPUs"
    return [Finding("GPU", GOOD, f"none; this torch is built {why}")]


def check_models() -> list[Finding]:
    """The cache, and which models can be loaded without a download."""
    folder = cache_dir()
    held = sorted(path for path in folder.glob("*") if path.is_file()) if folder.is_dir() else []
    size = sum(path.stat().st_size for path in held) / 1e6
    here = [card.name for card in variants().values() if place(card) is not None]
    halves = [path.name for path in held if path.suffix == ".part"]
    broken = f"; unfinished: {', '.join(halves)}" if halves else ""
    names = ", ".join(here) or "none"
    return [
        Finding("cache", GOOD, f"{folder}: {len(held)} files, {size:,.0f} MB{broken}"),
        Finding("models here", GOOD if here else NOTE, f"{names} ('anymask models' lists all)"),
    ]


def check_click() -> list[Finding]:
    """Load the compact model and click on a bundled photo."""
    photo = sample_photo(PHOTO)
    try:
        start = time.perf_counter()
        model = load_sam("compact", offline=True)
        opened = time.perf_counter()
        embedding = embed(model, photo)
        prompt = Prompt.point(*CLICK)
        masks = predict(model, embedding, [prompt], multimask=False)
        first = time.perf_counter()
        predict(model, embedding, [prompt], multimask=False)
        again = time.perf_counter()
    except AnymaskError as error:
        return [Finding("a click", BAD, " ".join(str(error).split()))]
    height, width = masks.size
    share = int(masks.areas[0]) / (height * width)
    times = (
        f"loaded in {1000 * (opened - start):.0f} ms, first mask after {1000 * (first - opened):.0f} ms, "
        f"the next after {1000 * (again - first):.0f} ms"
    )
    text = f"{times}; score {masks.scores[0]:.2f}, {share:.0%} of the photo"
    return [Finding("a click", GOOD if COVERED[0] < share < COVERED[1] else BAD, text)]


def tune() -> list[Finding]:
    """Measure the compact model with several numbers of threads, and keep the best for this machine.

    Raises OutputError if the cache is read-only.
    """
    counts = sorted({count for count in (1, 2, 4, 8, cores() // 2, cores()) if 1 <= count <= cores()})
    photo = sample_photo(PHOTO)

    def make(count: int) -> Callable[[], object]:
        model = OnnxSam("compact", threads=count)
        return lambda: embed(model, photo)

    times = time_in_turns(make, counts, TUNING)
    count = fastest(times)
    file = keep(count, cores())
    shown = ", ".join(f"{count}: {1000 * seconds:.0f} ms" for count, seconds in times.items())
    return [Finding("tuned", GOOD, f"{count} threads, kept in {file} (an image encoded with {shown})")]


CHECKS: tuple[Callable[[], list[Finding]], ...] = (
    check_versions,
    check_runtimes,
    check_extras,
    check_cpu,
    check_gpu,
    check_models,
    check_click,
)
