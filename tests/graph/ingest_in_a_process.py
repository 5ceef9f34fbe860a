"""Ingests a shop folder in a process of its own, telling each batch done, for the test that kills it."""

import sys
from pathlib import Path

from graph.ingest import ingest
from graph.readers import open_source
from graph.sqlite_store import SqliteStore


def main(source: Path, store_path: Path, n_batches: int) -> None:
    """Ingest, and wait for ever when so many batches are done: it must be killed."""
    n_done = 0

    def tell(bytes_read: int, total_bytes: int, rows_per_s: float) -> None:
        nonlocal n_done
        n_done += 1
        sys.stdout.write("done\n")
        sys.stdout.flush()
        if n_done == n_batches:
            sys.stdin.read()

    with SqliteStore(store_path) as store:
        ingest(open_source(source, "shop"), store, on_progress=tell)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
