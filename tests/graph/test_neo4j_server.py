"""A real server, started, found, killed and ended."""

import json
import os
import signal
import socket
import stat
import threading
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from graph import neo4j_server as local_neo4j
from graph.neo4j_server import ServerInfo, free_port
from graph.open import open_store
from graph.schema import ShopSchema
from graph.store import EventBatch, GraphStore
from shopgraph.errors import DependencyMissing
from tests.graph.stores import PURCHASED, edge_rows, events, items

N_BATCHES, N_EVENTS = 60, 100


@pytest.mark.neo4j
def test_a_second_up_finds_the_running_server(neo4j_server: ServerInfo) -> None:
    home = Path(neo4j_server.home)
    assert local_neo4j.status(home) == neo4j_server
    assert local_neo4j.up(home) == neo4j_server


@pytest.mark.neo4j
def test_the_password_is_the_owners_alone(neo4j_server: ServerInfo) -> None:
    mode = (Path(neo4j_server.home) / "server.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert len(neo4j_server.password) >= 32
    assert neo4j_server.password not in repr(neo4j_server)
    assert neo4j_server.password not in Path(f"/proc/{neo4j_server.pid}/cmdline").read_text()


@pytest.mark.neo4j
def test_browser_answers_on_this_machine_alone(neo4j_server: ServerInfo) -> None:
    with urllib.request.urlopen(neo4j_server.browser_url, timeout=30) as page:
        assert b"Neo4j" in page.read()
    address = _address_of_this_machine()
    if address.startswith("127."):
        pytest.skip("this machine has no address but 127.0.0.1")
    for url in (neo4j_server.uri, neo4j_server.browser_url):
        with socket.socket() as probe:
            assert probe.connect_ex((address, urlsplit(url).port or 0)) != 0


@pytest.mark.neo4j
@pytest.mark.slow
def test_killed_in_the_middle_and_started_again_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = local_neo4j.up(home)
    assert first.pid is not None
    batches = [
        events(*((f"e{n}-{k}", "purchase", f"u{k}", "i1") for k in range(N_EVENTS))) for n in range(N_BATCHES)
    ]
    statuses: list[str] = []
    with open_store(first.store_url) as store:
        store.prepare(ShopSchema())
        store.write_nodes(items("i1"))
        writing = threading.Thread(target=_write, args=(store, batches, statuses))
        writing.start()
        while len(statuses) < 5 * N_EVENTS:
            writing.join(0.01)
        os.kill(first.pid, signal.SIGKILL)
        second = local_neo4j.up(home)
        writing.join(120)
        assert (second.uri, second.pid != first.pid) == (first.uri, True)
        assert statuses == ["stored"] * (N_BATCHES * N_EVENTS)
        found = [row["event_id"] for row in edge_rows(store, PURCHASED)]
        assert len(found) == len(set(found)) == N_BATCHES * N_EVENTS
    assert local_neo4j.down(home)
    assert local_neo4j.status(home) is None
    assert not local_neo4j.down(home)


def test_a_folder_without_a_server_has_none(tmp_path: Path) -> None:
    assert local_neo4j.status(tmp_path) is None
    assert not local_neo4j.down(tmp_path)
    assert not local_neo4j.down(tmp_path / "nowhere")


def test_another_process_with_the_servers_old_number_is_left_alone(tmp_path: Path) -> None:
    said = {"uri": "neo4j://127.0.0.1:1", "browser_url": "http://127.0.0.1:2/browser/", "home": str(tmp_path)}
    (tmp_path / "server.json").write_text(json.dumps({**said, "pid": os.getpid()}))
    assert local_neo4j.status(tmp_path) is None
    assert not local_neo4j.down(tmp_path)


def test_without_java_and_docker_it_says_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DependencyMissing, match=r"needs Java 17 and Maven.*Docker.*sqlite:///"):
        local_neo4j.up(tmp_path / "home")


def test_a_taken_port_is_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port(port) not in (0, port)
    assert free_port(port) == port


def _write(store: GraphStore, batches: Sequence[EventBatch], statuses: list[str]) -> None:
    for batch in batches:
        statuses += store.write_events(batch)


def _address_of_this_machine() -> str:
    """The address that other machines would use."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
