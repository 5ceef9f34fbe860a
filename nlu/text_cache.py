"""Vectors by text, so that only new texts are encoded.

One SQLite file (WAL, several processes at once), one table: sha256 of encoder name, kind and
text → float32 vector.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from nlu.batching import Kind
from shopgraph.errors import ArtefactDamaged, BadSettings
from shopgraph.types import FloatMatrix, FloatVector, TextEncoder, iter_batches

Progress = Callable[[int, int], None]
"""Told (texts done, texts in all)."""

_FILE = "text_vectors.sqlite"
_CHUNK = 512
_TABLE = "CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, vector BLOB NOT NULL)"
_READ = "SELECT key, vector FROM vectors WHERE key IN (SELECT value FROM json_each(?))"
_WRITE = "INSERT OR REPLACE INTO vectors (key, vector) VALUES (?, ?)"
_FORGET = "DELETE FROM vectors WHERE rowid <= (SELECT max(rowid) FROM vectors) - ?"


class TextCache:
    """The cache of one folder; the `max_texts` latest vectors are kept (384 dimensions: 1.6 KB each)."""

    def __init__(self, folder: Path, max_texts: int = 1_000_000) -> None:
        """Opens or creates the file.

        Raises:
            BadSettings: the folder can't be written.
            ArtefactDamaged: the file is no such cache.
        """
        self._path = folder / _FILE
        self._max_texts = max_texts
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection, connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(_TABLE)
        except (OSError, sqlite3.OperationalError) as exc:
            raise BadSettings(f"cache folder {folder}: can't be written ({exc}); name another one") from exc
        except sqlite3.DatabaseError as exc:
            raise ArtefactDamaged(f"{self._path}: not a cache of text vectors ({exc}); delete it") from exc

    def read(self, keys: Sequence[str]) -> Mapping[str, FloatVector]:
        """The vectors of those keys that are known."""
        with closing(self._connect()) as connection:
            rows = connection.execute(_READ, [json.dumps(list(keys))])
            return {key: np.frombuffer(vector, "<f4") for key, vector in rows}

    def write(self, keys: Sequence[str], vectors: FloatMatrix) -> None:
        """Adds one vector a key, and forgets the oldest beyond `max_texts`."""
        with closing(self._connect()) as connection, connection:
            rows = vectors.astype("<f4")
            connection.executemany(
                _WRITE, [(key, row.tobytes()) for key, row in zip(keys, rows, strict=True)]
            )
            connection.execute(_FORGET, [self._max_texts])

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=30)


def embed_texts(
    encoder: TextEncoder,
    texts: Sequence[str],
    cache: TextCache | None = None,
    on_progress: Progress | None = None,
    kind: Kind = "passage",
) -> FloatMatrix:
    """Unit vectors, shape (len(texts), dim), row n for texts[n]; each distinct text is encoded once at most.

    Vectors are stored as they are made: a run that was killed goes on where it was.
    """
    keys = [_key(encoder.name, kind, text) for text in texts]
    first_row = {key: row for row, key in reversed(list(enumerate(keys)))}
    known: dict[str, FloatVector] = {}
    if cache is not None:
        distinct = list(first_row)
        for part in iter_batches(len(distinct), 10_000):
            known.update(cache.read(distinct[part]))
    # Like lengths together: an encoder pads a batch to its longest text.
    missing = sorted(
        (key for key in first_row if key not in known), key=lambda key: len(texts[first_row[key]])
    )
    done = len(first_row) - len(missing)
    for part in iter_batches(len(missing), _CHUNK):
        chunk = missing[part]
        vectors = encoder.encode([texts[first_row[key]] for key in chunk], kind)
        if cache is not None:
            cache.write(chunk, vectors)
        known.update(zip(chunk, vectors, strict=True))
        done += len(chunk)
        if on_progress is not None:
            on_progress(done, len(first_row))
    if not keys:
        return np.zeros((0, encoder.dim), np.float32)
    return np.stack([known[key] for key in keys])


def embed_items(
    encoder: TextEncoder, texts: Sequence[str], cache_dir: Path, on_progress: Progress | None = None
) -> FloatMatrix:
    """`embed_texts` of items' texts with the cache that lies in `cache_dir`."""
    return embed_texts(encoder, texts, TextCache(cache_dir), on_progress)


def _key(encoder_name: str, kind: Kind, text: str) -> str:
    whole = "\0".join((encoder_name, kind, text))
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
