"""Answer times of the API at 12,000 items, one worker, beside a bare FastAPI answer in the same run.

One connection asks again and again (closed loop), so times are those of an idle service. The servers
are processes of their own; client and server share the machine.
"""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from graph.open import open_store
from graph.readers import open_source
from shopgraph import pipeline
from shopgraph.commands.options import utc_now
from shopgraph.demoshop.write import make_shop
from shopgraph.settings import Settings
from shopgraph.terminal import note

N_ITEMS, N_USERS = 12_000, 3_000
N_REQUESTS, N_WARM_UP = 1_000, 100
_BARE = "shopgraph.benches.bare_app"


def run(settings: Settings) -> list[dict[str, Any]]:
    """One row for each route and the bare answer; `ratio_to_bare` compares the medians."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        user_ids, item_ids = _prepare(folder, settings)
        routes = {
            "recommend with reasons": [
                f"/v1/users/{quote(u, safe='')}/recommendations?n=10" for u in user_ids
            ],
            "recommend without reasons": [
                f"/v1/users/{quote(u, safe='')}/recommendations?n=10&reasons=0" for u in user_ids
            ],
            "similar": [f"/v1/items/{quote(i, safe='')}/similar?n=10" for i in item_ids],
            "search": [
                f"/v1/search?n=10&q={quote(words)}" for words in ("red shoes", "跑鞋", "wool winter coat")
            ],
        }
        serve = ["-m", "shopgraph", "serve", "--store", _url(folder)]
        with _server([sys.executable, "-m", _BARE], folder) as port:
            bare = _times(port, ["/"])
        with _server([sys.executable, *serve], folder) as port:
            measured = {name: _times(port, paths) for name, paths in routes.items()}
        with _server([sys.executable, "-m", _BARE], folder) as port:
            bare = np.concatenate([bare, _times(port, ["/"])])
    reference = float(np.median(bare))
    return [_row(name, times, reference) for name, times in {"bare FastAPI": bare, **measured}.items()]


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'shop.db'}"


def _prepare(folder: Path, settings: Settings) -> tuple[list[str], list[str]]:
    """A trained shop of 12,000 items; one epoch, since the time of an answer does not depend on them."""
    note(f"making and training a shop of {N_ITEMS:,} items")
    make_shop(folder / "shop", rng=np.random.default_rng(0), now=utc_now(), n_items=N_ITEMS, n_users=N_USERS)
    quick = settings.hybrid.graph.model_copy(update={"epochs": 1})
    hybrid = settings.hybrid.model_copy(update={"graph": quick})
    settings = settings.model_copy(update={"artefacts": folder / "artefacts", "hybrid": hybrid})
    with open_store(_url(folder)) as store:
        pipeline.ingest(open_source(folder / "shop", "shop"), store)
        snapshot = pipeline.take_snapshot(store, utc_now())
    root = settings.artefact_root(_url(folder))
    pipeline.train(snapshot, root, settings, utc_now(), note, lambda done, total: None)
    rng = np.random.default_rng(1)
    active = np.flatnonzero(np.diff(snapshot.histories.indptr) > 0)
    user_ids = [snapshot.nodes["User"].ids[n] for n in rng.choice(active, 200, replace=False)]
    item_ids = [snapshot.nodes["Item"].ids[n] for n in rng.choice(snapshot.n_items, 200, replace=False)]
    return user_ids, item_ids


@contextmanager
def _server(command: list[str], folder: Path) -> Iterator[int]:
    """A server process on a free port of 127.0.0.1, ended afterwards."""
    port = _free_port()
    environment = {
        **os.environ,
        "SHOPGRAPH_ARTEFACTS": str(folder / "artefacts"),
        "SHOPGRAPH_API__PORT": str(port),
    }
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: "subprocess.Popen[bytes]", timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError(f"the server on port {port} did not come up in {timeout_s:.0f} s")


def _times(port: int, paths: list[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds of each answer on one kept connection, shape (N_REQUESTS,)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = np.empty(N_REQUESTS)
    try:
        for n in range(-N_WARM_UP, N_REQUESTS):
            started = time.perf_counter()
            connection.request("GET", paths[n % len(paths)])
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{paths[n % len(paths)]} answered {answer.status}")
            if n >= 0:
                found[n] = time.perf_counter() - started
    finally:
        connection.close()
    return found


def _row(name: str, times: np.ndarray[tuple[int], np.dtype[np.float64]], bare: float) -> dict[str, Any]:
    return {
        "route": name,
        "n_items": N_ITEMS,
        "n_requests": len(times),
        "p50_ms": round(float(np.median(times)) * 1e3, 3),
        "p99_ms": round(float(np.quantile(times, 0.99)) * 1e3, 3),
        "requests_per_s": round(len(times) / float(times.sum()), 1),
        "ratio_to_bare": round(float(np.median(times)) / bare, 2),
    }
