"""A real local Neo4j 5.26 on 127.0.0.1: out of Maven's jars on Java 17, or out of Docker's image.

A home folder holds one server: its data, its configuration, its logs, and `server.json` with the
generated password, which only the owner may read.
"""

import fcntl
import json
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import neo4j
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graph.neo4j_process import (
    has_docker,
    has_java,
    is_running,
    run_container,
    start_java,
    stop,
    tail_of,
)
from shopgraph.errors import DependencyMissing, StoreUnavailable

USER = "neo4j"
BOLT_PORT, HTTP_PORT = 7687, 7474


@dataclass(frozen=True)
class ServerInfo:
    """Where a local server answers. Either `pid` or `container` says what runs it."""

    uri: str
    browser_url: str
    home: str
    user: str = USER
    password: str = field(default="", repr=False)
    pid: int | None = None
    container: str | None = None

    @property
    def store_url(self) -> str:
        """What `open_store` takes; it holds the password."""
        return self.uri.replace("://", f"://{self.user}:{self.password}@", 1)


def up(home: Path, *, timeout_s: float = 180.0) -> ServerInfo:
    """The running server of this home, started if need be; it answers when this returns.

    The first start fetches the jars with Maven (125 MB, once a machine) and makes the password.
    A later start keeps the ports of the first; those that are taken are replaced by free ones.

    Raises:
        DependencyMissing: neither Java 17 with Maven nor a Docker engine is there.
        StoreUnavailable: the server ended or did not answer in time; names its log.
    """
    home = home.expanduser().resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(home):
        running = status(home)
        if running is not None and _answers_yet(running, timeout_s):
            return running
        known = _read(home)
        password = known.password if known else secrets.token_hex(16)
        bolt_port = free_port(_port(known.uri) if known else BOLT_PORT)
        http_port = free_port(_port(known.browser_url) if known else HTTP_PORT)
        info = ServerInfo(
            uri=f"neo4j://127.0.0.1:{bolt_port}",
            browser_url=f"http://127.0.0.1:{http_port}/browser/",
            home=str(home),
            password=password,
        )
        _write(home, info)
        if has_java():
            info = replace(info, pid=start_java(home, bolt_port, http_port, password))
        elif has_docker():
            info = replace(info, container=run_container(home, bolt_port, http_port, password))
        else:
            raise DependencyMissing(
                "a local Neo4j needs Java 17 and Maven (`java -version`, `mvn -v`), or a running Docker "
                "engine (`docker info`); none was found. SQLite needs neither: --store sqlite:///shop.db"
            )
        _write(home, info)
        if not _answers_yet(info, timeout_s):
            raise StoreUnavailable(f"Neo4j ended at its start; its last words:\n{tail_of(home)}")
        return info


def down(home: Path) -> bool:
    """End the server that `up` started for this home; false when none was running."""
    home = home.expanduser().resolve()
    if not home.is_dir():
        return False
    with _locked(home):
        info = status(home)
        if info is None:
            return False
        stop(home, info.pid, info.container)
        _write(home, replace(info, pid=None, container=None))
        return True


def status(home: Path) -> ServerInfo | None:
    """The running server of this home; None when there is none, or it has died."""
    home = home.expanduser().resolve()
    info = _read(home)
    if info is None or not is_running(home, info.pid, info.container):
        return None
    return info


def free_port(wanted: int) -> int:
    """The wanted port of 127.0.0.1, or another one when it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise StoreUnavailable("no free port on 127.0.0.1")


def _answers_yet(info: ServerInfo, timeout_s: float) -> bool:
    """Wait until the server answers; false when it ends instead, as one that was just killed does.

    Raises:
        StoreUnavailable: neither happened in time.
    """
    home = Path(info.home)
    deadline = time.monotonic() + timeout_s
    while is_running(home, info.pid, info.container):
        if _answers(info):
            return True
        if time.monotonic() > deadline:
            stop(home, info.pid, info.container)
            raise StoreUnavailable(
                f"Neo4j at {info.uri} did not answer in {timeout_s:g} s and was stopped; see {home / 'logs'}"
            )
        time.sleep(0.5)
    return False


def _answers(info: ServerInfo) -> bool:
    if not (_listens(_port(info.uri)) and _listens(_port(info.browser_url))):
        return False
    try:
        with neo4j.GraphDatabase.driver(info.uri, auth=(info.user, info.password)) as driver:
            driver.verify_connectivity()
            return True
    except AuthError as exc:
        stop(Path(info.home), info.pid, info.container)
        raise StoreUnavailable(
            f"Neo4j's data in {info.home} has another password than {info.home}/server.json; "
            "put the right one there, or remove the folder to start anew"
        ) from exc
    except (DriverError, Neo4jError):
        return False


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _port(url: str) -> int:
    port = urlsplit(url).port
    if port is None:
        raise ValueError(f"no port in {url!r}")
    return port


def _read(home: Path) -> ServerInfo | None:
    path = home / "server.json"
    if not path.exists():
        return None
    try:
        return ServerInfo(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as exc:
        raise StoreUnavailable(f"{path} is damaged ({exc}); remove it and the folder's data") from exc


def _write(home: Path, info: ServerInfo) -> None:
    path = home / "server.json"
    fresh = home / "server.json.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(info), indent=1), encoding="utf-8")
    fresh.replace(path)


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One `up` or `down` of a home at a time, whichever process asks."""
    with (home / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
