"""Trained artefacts: immutable, versioned folders with checksums, and one file that says which is current.

    root/versions/<version>/manifest.json, *.safetensors, *.faiss, …   never changed once it is there
    root/current.json                                                 {"version", "previous": [older, …]}

A folder comes into being by one rename and `current.json` by one replace, so that a reader, or a crash
at any moment, sees either the old state or the new one.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shopgraph.errors import ArtefactDamaged, ArtefactMissing

MANIFEST = "manifest.json"
_CURRENT = "current.json"
_DRAFT_PREFIX = ".draft-"
_VERSION = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")
_PICKLES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".dill"})
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class FileEntry:
    """What a file must be: its SHA-256 and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """What was trained: `metadata` is the trainer's, `files` maps paths within the folder."""

    version: str
    created: datetime
    metadata: Mapping[str, Any]
    files: Mapping[str, FileEntry]


@dataclass(frozen=True)
class Artefact:
    """A version whose files have all been checked."""

    folder: Path
    manifest: Manifest


class ArtefactDraft:
    """A version in the making: write files into `folder`, then commit once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def commit(self, metadata: Mapping[str, Any], now: datetime) -> str:
        """Seal the folder under a new version name (UTC time, then a hash) and return the name.

        Args:
            metadata: anything that JSON can hold.
            now: the moment of creation, aware.

        Raises:
            ValueError: nothing was written, a file is a pickle or a link, or the metadata is not JSON.
        """
        files = {name: _entry(path) for name, path in _walk(self.folder)}
        if not files:
            raise ValueError(f"{self.folder}: an artefact needs at least one file")
        if pickles := [name for name in files if Path(name).suffix in _PICKLES]:
            raise ValueError(f"{pickles[0]}: pickles are not allowed in an artefact; use safetensors")
        digest = hashlib.sha256(repr((self.folder.name, sorted(files.items()))).encode()).hexdigest()
        version = f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}Z-{digest[:8]}"
        content = {
            "version": version,
            "created": now.astimezone(UTC).isoformat(),
            "metadata": dict(metadata),
            "files": {name: vars(entry) for name, entry in files.items()},
        }
        content["sha256"] = _digest(content)
        _write_durably(self.folder / MANIFEST, json.dumps(content, indent=1, ensure_ascii=False))
        for name in files:
            _sync(self.folder / name)
        for folder in {(self.folder / name).parent for name in files}:
            _sync(folder)
        self.folder.rename(self.folder.parent / version)
        _sync(self.folder.parent)
        return version


class ArtefactRoot:
    """All versions of one shop's artefact, below one folder that is created when first written to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._versions = root / "versions"

    @contextmanager
    def create(self) -> Iterator[ArtefactDraft]:
        """A draft to write into; what was not committed is deleted on leaving."""
        self._versions.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_DRAFT_PREFIX, dir=self._versions))
        folder.chmod(0o755)
        try:
            yield ArtefactDraft(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def versions(self) -> tuple[str, ...]:
        """Every version, oldest first."""
        if not self._versions.is_dir():
            return ()
        return tuple(sorted(path.name for path in self._versions.iterdir() if _VERSION.fullmatch(path.name)))

    def current(self) -> str | None:
        """The version in service, None before the first `activate`.

        Raises:
            ArtefactDamaged: `current.json` is not readable.
        """
        return self._state()[0]

    def activate(self, version: str) -> None:
        """Put a version into service, after checking all of its files.

        Raises:
            ArtefactMissing: there is no such version.
            ArtefactDamaged: its files are not those that were trained.
        """
        self.open(version)
        with self._locked():
            current, previous = self._state()
            if version != current:
                self._write_state(version, previous if current is None else [*previous, current])

    def rollback(self) -> str:
        """Go back to the version that was in service before the current one, and return it.

        Raises:
            ArtefactMissing: there is none to go back to.
            ArtefactDamaged: its files are not those that were trained.
        """
        with self._locked():
            _, previous = self._state()
            if not previous:
                raise ArtefactMissing(f"{self._root}: no earlier version to roll back to")
            self.open(previous[-1])
            self._write_state(previous[-1], previous[:-1])
        return previous[-1]

    def open(self, version: str | None = None) -> Artefact:
        """A version (by default the current one) whose every file has been checked.

        Raises:
            ArtefactMissing: nothing was trained here, or there is no such version.
            ArtefactDamaged: a file is missing, extra, truncated or altered; the message names it.
        """
        version = version or self.current()
        if version is None:
            raise ArtefactMissing(f"{self._root}: nothing has been trained here yet; run `shopgraph train`")
        folder = self._versions / version
        if not _VERSION.fullmatch(version) or not folder.is_dir():
            known = ", ".join(self.versions()[-5:]) or "none"
            raise ArtefactMissing(f"{self._root}: no version {version!r}; the latest are: {known}")
        manifest = _read_manifest(folder)
        _verify(folder, manifest)
        return Artefact(folder, manifest)

    def _state(self) -> tuple[str | None, list[str]]:
        path = self._root / _CURRENT
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            return str(state["version"]), [str(version) for version in state["previous"]]
        except FileNotFoundError:
            return None, []
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise ArtefactDamaged(f"{path}: not readable ({exc}); delete it and activate a version") from exc

    def _write_state(self, version: str, previous: list[str]) -> None:
        draft = self._root / f".{_CURRENT}.new"  # one writer at a time: the lock is held
        _write_durably(draft, json.dumps({"version": version, "previous": previous}, indent=1))
        draft.replace(self._root / _CURRENT)
        _sync(self._root)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other processes from switching versions meanwhile."""
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sealed = content.pop("sha256")
        if sealed != _digest(content) or content["version"] != folder.name:
            raise _damaged(path, "was altered after training")
        files = {name: FileEntry(**entry) for name, entry in content["files"].items()}
        created = datetime.fromisoformat(content["created"])
        return Manifest(content["version"], created, content["metadata"], files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise _damaged(path, f"is not a readable manifest ({exc})") from exc


def _verify(folder: Path, manifest: Manifest) -> None:
    """Raises ArtefactDamaged unless the folder holds exactly the manifest's files."""
    try:
        found = dict(_walk(folder))
    except ValueError as exc:
        raise _damaged(folder, str(exc)) from exc
    found.pop(MANIFEST, None)
    for name in sorted(manifest.files.keys() - found.keys()):
        raise _damaged(folder / name, "is missing")
    for name in sorted(found.keys() - manifest.files.keys()):
        raise _damaged(folder / name, "does not belong to it")
    for name, entry in manifest.files.items():
        size = found[name].stat().st_size
        if size != entry.size:
            raise _damaged(found[name], f"has {size:,} bytes where {entry.size:,} were trained")
        if _entry(found[name]) != entry:
            raise _damaged(found[name], "has other content than was trained (checksum differs)")


def _damaged(path: Path, what: str) -> ArtefactDamaged:
    return ArtefactDamaged(
        f"artefact damaged: {path} {what}; train again, or go back with `shopgraph artefacts rollback`"
    )


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """(path within the folder, full path) of every file, in order."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ValueError(f"{path} is no plain file")
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def _entry(path: Path) -> FileEntry:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return FileEntry(digest.hexdigest(), size)


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
