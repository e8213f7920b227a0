"""Where a report comes from: the code and the machine."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import anymask

__all__ = ["commit", "cpu_name", "facts", "host"]


def cpu_name() -> str:
    """The name of the CPU as the system gives it."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(errors="replace") if info.is_file() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def host() -> dict[str, Any]:
    """The hardware and versions that do not depend on PyTorch."""
    return {
        "processor": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def commit() -> str:
    """The commit of this package's checkout, followed by "+" if files are modified; "" without one."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return ""
    head = _git(root, "rev-parse", "--short=12", "HEAD")
    return head + "+" if head and _git(root, "status", "--porcelain", "--untracked-files=no") else head


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def facts(command: str = "") -> dict[str, str]:
    """The head of a page: the command (left out where it is ""), the time, the version and the machine."""
    code = commit()
    machine = host()
    return {
        **({"command": command} if command else {}),
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "version": f"anymask {anymask.__version__}" + (f", commit {code}" if code else ""),
        "machine": f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}",
    }
