"""Where figures come from: machine, package versions, commit; every report and benchmark carries it."""

import os
import platform
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "shopgraph",
    "numpy",
    "scipy",
    "faiss-cpu",
    "onnxruntime",
    "torch",
    "torch-geometric",
    "polars",
    "neo4j",
    "fastapi",
    "uvicorn",
)
_GIT_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Machine:
    """The machine as it was when asked; `load_1m` is the load average of the last minute."""

    cpu: str
    cores: int
    memory_gb: float
    load_1m: float
    system: str


@dataclass(frozen=True)
class Provenance:
    """Who measured: `commit` is "unknown" outside a checkout and ends in "-dirty" for changed files."""

    commit: str
    machine: Machine
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The keys `commit`, `machine` and `versions`."""
        return asdict(self)


def read_provenance() -> Provenance:
    """What can be said of this process's machine and code."""
    return Provenance(_commit(), _machine(), _versions())


def peak_rss_mb() -> float:
    """Most memory that this process has held so far, in MB (10⁶ bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would also count the parent's memory, from before the child's exec
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _machine() -> Machine:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        cpu=_cpu_model(),
        cores=os.cpu_count() or 1,
        memory_gb=round(memory / 1e9, 1),
        load_1m=round(os.getloadavg()[0], 2),
        system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    )


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue  # optional, and absent here
    return found


def _commit() -> str:
    """The commit of the checkout that tracks this very file."""
    here = Path(__file__).resolve()
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return "unknown"
    return _git(here.parent, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*") or "unknown"


def _git(folder: Path, *arguments: str) -> str | None:
    """What git printed, None if it failed or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
