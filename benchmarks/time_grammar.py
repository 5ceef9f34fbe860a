"""CPU time of reading queries by grammar alone and by grammar and linker, one thread.

python benchmarks/time_grammar.py SNAPSHOT_FOLDER QUERIES

QUERIES is a text file, one query a line (of tab-separated lines the second cell). Each is read ten times.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import thread_time_ns

import numpy as np

from graph.snapshot import load_snapshot
from nlu.grammar.reader import Grammar
from nlu.names import tidy
from nlu.parser import QueryParser
from nlu.shop import shop_names

_ROUNDS = 10


def percentiles(read: Callable[[str], object], queries: list[str]) -> dict[str, float]:
    """Milliseconds of one query: the middle, the 99th percentile and the longest."""
    taken = []
    for _ in range(_ROUNDS):
        for query in queries:
            started = thread_time_ns()
            read(query)
            taken.append((thread_time_ns() - started) / 1e6)
    p50, p99, longest = np.percentile(taken, (50, 99, 100))
    return {"p50_ms": round(p50, 3), "p99_ms": round(p99, 3), "max_ms": round(longest, 3)}


def main(snapshot_folder: Path, queries_file: Path) -> None:
    """Prints both as JSON."""
    lines = queries_file.read_text(encoding="utf-8").splitlines()
    queries = [line.split("\t")[min(1, line.count("\t"))] for line in lines if line and line[0] != "#"]
    shop = shop_names(load_snapshot(snapshot_folder))
    parser, grammar = QueryParser(shop), Grammar(shop)
    figures = {
        "n_queries": len(queries),
        "grammar": percentiles(lambda query: grammar.read(tidy(query)), queries),
        "grammar_and_linker": percentiles(parser.parse, queries),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
