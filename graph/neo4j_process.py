"""Starting and ending the process, or container, of a local Neo4j server."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from string import Template

from shopgraph.errors import DependencyMissing, StoreUnavailable

IMAGE = "neo4j:5.26-community"
VERSION = "5.26.30"

_JAVA = (
    "java", "-Xms512m", "-Xmx1g", "-XX:+UseParallelGC", "-XX:+ExitOnOutOfMemoryError",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
)  # fmt: skip
_STOP_S = 60.0

# Children of this process: kept so that their end is noticed here too.
_children: dict[int, subprocess.Popen[bytes]] = {}


def has_java() -> bool:
    """Whether Java and Maven, or Java and the jars of an earlier start, are there."""
    return shutil.which("java") is not None and (_lib().is_dir() or shutil.which("mvn") is not None)


def has_docker() -> bool:
    """Whether a Docker engine answers, not just its command."""
    return shutil.which("docker") is not None and _run(["docker", "info"]).returncode == 0


def start_java(home: Path, bolt_port: int, http_port: int, password: str) -> int:
    """Start a server and return its process id; data without a database gets the password first.

    Raises:
        DependencyMissing: Maven could not fetch the jars.
        StoreUnavailable: Neo4j refused the password or could not write its home.
    """
    jars = f"{_jars()}/*"
    for folder in ("conf", "logs"):
        (home / folder).mkdir(exist_ok=True)
    conf = Template((files("graph") / "neo4j" / "neo4j.conf").read_text(encoding="utf-8"))
    text = conf.substitute(bolt_port=bolt_port, http_port=http_port)
    (home / "conf" / "neo4j.conf").write_text(text, encoding="utf-8")
    if not (home / "data" / "databases").exists():
        _set_password(home, jars, password)
    with (home / "logs" / "console.log").open("wb") as log:
        process = subprocess.Popen(
            [*_JAVA, "-cp", jars, "org.neo4j.server.CommunityEntryPoint",
             f"--home-dir={home}", f"--config-dir={home / 'conf'}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    _children[process.pid] = process
    return process.pid


def run_container(home: Path, bolt_port: int, http_port: int, password: str) -> str:
    """Start a container that keeps its data in `home` and return its name.

    Raises:
        StoreUnavailable: Docker refused; carries its words.
    """
    name = _container_name(home)
    (home / "data").mkdir(exist_ok=True)
    settings = (
        f"NEO4J_AUTH=neo4j/{password}",
        "NEO4J_server_memory_heap_max__size=1g",
        "NEO4J_server_memory_pagecache_size=512m",
        f"NEO4J_server_bolt_advertised__address=127.0.0.1:{bolt_port}",
    )
    with _secret(home, "\n".join(settings)) as env:
        _run(["docker", "rm", "-f", name])
        done = _run([
            "docker", "run", "-d", "--name", name, "--env-file", str(env),
            "-p", f"127.0.0.1:{bolt_port}:7687", "-p", f"127.0.0.1:{http_port}:7474",
            "-v", f"{home / 'data'}:/data", IMAGE,
        ])  # fmt: skip
    if done.returncode:
        raise StoreUnavailable(f"docker run {IMAGE} failed: {_last_lines(done.stderr)}")
    return name


def is_running(home: Path, pid: int | None, container: str | None) -> bool:
    """Whether that process or container lives and is this home's server, not a reused number."""
    if container is not None:
        done = _run(["docker", "inspect", "-f", "{{.State.Running}}", container])
        return done.stdout.strip() == "true"
    if pid is None:
        return False
    if pid in _children:
        return _children[pid].poll() is None  # its command line may not be there yet
    return f"--home-dir={home}" in _command_of(pid)


def stop(home: Path, pid: int | None, container: str | None) -> None:
    """End it: asked first, killed after a minute."""
    if container is not None:
        _run(["docker", "stop", container])
        return
    if pid is None:
        return
    for order, patience_s in ((signal.SIGTERM, _STOP_S), (signal.SIGKILL, 10.0)):
        deadline = time.monotonic() + patience_s
        with suppress(ProcessLookupError):
            if is_running(home, pid, None):
                os.kill(pid, order)
        while is_running(home, pid, None) and time.monotonic() < deadline:
            time.sleep(0.1)


def tail_of(home: Path) -> str:
    """The last lines that the server wrote."""
    log = home / "logs" / "console.log"
    return _last_lines(log.read_text(encoding="utf-8", errors="replace")) if log.exists() else "(no log)"


def _lib() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "shopgraph" / f"neo4j-{VERSION}"


def _jars() -> Path:
    """The folder of the server's jars, fetched by Maven when missing; a half copy never counts."""
    lib = _lib()
    if lib.is_dir():
        return lib
    lib.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=lib.parent) as scratch:
        pom = Path(scratch) / "pom.xml"
        pom.write_bytes((files("graph") / "neo4j" / "pom.xml").read_bytes())
        fetched = Path(scratch) / "lib"
        done = _run(
            ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime",
             f"-DoutputDirectory={fetched}"]
        )  # fmt: skip
        if done.returncode or not fetched.is_dir():
            raise DependencyMissing(f"Maven could not fetch Neo4j {VERSION}: {_last_lines(done.stdout)}")
        # Another process may have been quicker: its copy is as good.
        with suppress(OSError):
            fetched.rename(lib)
    return lib


def _set_password(home: Path, jars: str, password: str) -> None:
    environment = {**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    with _secret(home, password) as secret:
        # @file: the password never shows in a process list
        command = ["java", "-cp", jars, "org.neo4j.cli.AdminTool", "dbms", "set-initial-password"]
        done = _run([*command, f"@{secret}"], environment)
    if done.returncode:
        raise StoreUnavailable(f"Neo4j could not set its password in {home}: {_last_lines(done.stderr)}")


@contextmanager
def _secret(home: Path, text: str) -> Iterator[Path]:
    """A file that only the owner may read, gone when the block ends."""
    handle, name = tempfile.mkstemp(dir=home)
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        yield path
    finally:
        path.unlink()


def _run(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def _command_of(pid: int) -> str:
    """The command line of a process; empty when there is none, or it is a zombie."""
    proc = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return _run(["ps", "-o", "command=", "-p", str(pid)]).stdout


def _container_name(home: Path) -> str:
    return f"shopgraph-neo4j-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-8:])
