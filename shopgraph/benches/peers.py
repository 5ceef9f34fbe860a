"""Contenders as processes: the peers of `benchmarks/peers/` in environments of their own, and ours.

Each process reads a task folder, and leaves `lists.npz` (item_idx, int32, a row a test user, for each view
that it can answer) and `result.json` (seconds, memory, versions, what it chose, why it can't answer a view).
What can't run ends in `ContenderFailed`, with a reason for the table.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nlu.model_files import user_cache_dir

PEER_MODELS = (
    "implicit-als",
    "implicit-bm25",
    "lenskit-als",
    "lenskit-itemknn",
    "rectools-ease",
    "rectools-sasrec",
    "recbole-lightgcn",
    "recbole-kgat",
)
"""Package and model; the package's script is `benchmarks/peers/with_<package>.py`."""

LOG, LISTS, RESULT = "log.txt", "lists.npz", "result.json"

_FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "peers"
_PYTHON = "3.11"
"""What the pinned requirements were resolved for."""

_READY = ".ready"
_MOST_REASON = 200


class ContenderFailed(Exception):
    """Why a contender has no figures; fit for a cell of the table."""


@dataclass(frozen=True)
class Limits:
    """What every contender may use. `settings` bounds each grid, `seconds` search and refit together."""

    seconds: float = 1_800.0
    epochs: int = 200
    settings: int = 8
    threads: int = 1
    device: str = "cpu"


def package_of(model: str) -> str:
    """The package that a peer's model comes from."""
    return model.partition("-")[0]


def environment_folder(package: str) -> Path:
    """Where the environment of a peer lies or would lie; its name changes with the requirements."""
    requirements = (_FOLDER / f"{package}.txt").read_bytes()
    return user_cache_dir() / "peers" / f"{package}-{hashlib.sha256(requirements).hexdigest()[:8]}"


def is_installed(package: str) -> bool:
    """Whether the peer's environment is complete."""
    return (environment_folder(package) / _READY).exists()


def python_of(package: str, on_stage: Callable[[str], None]) -> Path:
    """The interpreter of the peer's environment, which is made where it is missing.

    Raises:
        ContenderFailed: there is no uv, or the packages could not be installed.
    """
    if not (_FOLDER / f"{package}.txt").is_file():
        raise ContenderFailed("benchmarks/peers is not here; run from a checkout of the repository")
    folder = environment_folder(package)
    python = folder / "bin" / "python"
    if is_installed(package):
        return python
    on_stage(f"{package}: installing its environment into {folder}")
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        raise ContenderFailed("uv is not installed, which makes the peers' environments")
    _install([uv, "venv", "--quiet", "--clear", "--python", _PYTHON, str(folder)])
    requirements = str(_FOLDER / f"{package}.txt")
    _install([uv, "pip", "install", "--quiet", "--no-deps", "--python", str(python), "-r", requirements])
    (folder / _READY).touch()
    return python


def run_peer(
    model: str, task: Path, out: Path, limits: Limits, on_stage: Callable[[str], None] = lambda _: None
) -> None:
    """One peer's model on a task; its files are then in `out`.

    Raises:
        ContenderFailed: it could not be installed, ended badly, or took too long.
    """
    package = package_of(model)
    arguments = ["--task", str(task), "--model", model]
    run_script(package, f"with_{package}.py", arguments, out, limits, on_stage)


def run_script(
    package: str,
    script: str,
    arguments: Sequence[str],
    out: Path,
    limits: Limits,
    on_stage: Callable[[str], None],
) -> None:
    """A script of `benchmarks/peers/` in the environment of a package.

    Raises:
        ContenderFailed: as `run_peer`.
    """
    python = python_of(package, on_stage)
    # -E: our PYTHONPATH would lead the peer to our packages
    command = [str(python), "-E", "-B", str(_FOLDER / script), *arguments, "--out", str(out)]
    run_process(command, out, limits, in_out=True)


def run_process(command: Sequence[str], out: Path, limits: Limits, *, in_out: bool = False) -> None:
    """Runs a contender with its output in `out`; it has half as long again as it was told, and is then ended.

    Args:
        command: program and arguments; paths absolute.
        out: made where it is missing.
        limits: threads, device and time.
        in_out: whether it runs in `out`, since some packages leave files where they run.

    Raises:
        ContenderFailed: as `run_peer`.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / LOG).open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(limits),
            cwd=out if in_out else None,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=1.5 * limits.seconds + 120)
        except subprocess.TimeoutExpired as exc:
            raise ContenderFailed(f"not done after {1.5 * limits.seconds + 120:.0f} s") from exc
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if code:
        said = (out / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise ContenderFailed((said[-1] if said else f"ended with code {code}")[:_MOST_REASON])


def _environment(limits: Limits) -> dict[str, str]:
    """Ours, with one number of threads for every library."""
    names = ("OMP_NUM", "MKL_NUM", "OPENBLAS_NUM", "NUMBA_NUM", "RAYON_NUM", "LK_NUM", "POLARS_MAX")
    threads = {f"{name}_THREADS": str(limits.threads) for name in names}
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if limits.device == "cpu" else {}
    return {**os.environ, **threads, **hidden}


def _install(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["uv said nothing"]
        raise ContenderFailed(f"not installed: {said[-1].strip()}"[:_MOST_REASON])
