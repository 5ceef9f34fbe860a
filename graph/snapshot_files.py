"""A snapshot as a folder: Parquet for nodes and items, one safetensors file for the arrays."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shopgraph.errors import ArtefactDamaged
from shopgraph.types import (
    Edges,
    EdgeType,
    EventType,
    GraphSnapshot,
    Interactions,
    ItemTable,
    NodeTable,
)

_MANIFEST = "snapshot.json"
_ARRAYS = "arrays.safetensors"
_ITEMS = "items.parquet"
_INTERACTIONS = ("user_idx", "item_idx", "type_code", "value", "time")
_EDGES = ("src", "dst", "weight", "time")
_TEXT_VECTORS = "text_vectors"


def save_snapshot(snapshot: GraphSnapshot, folder: Path) -> None:
    """Write the snapshot into a folder, which is made if missing."""
    (folder / "nodes").mkdir(parents=True, exist_ok=True)
    for label, table in snapshot.nodes.items():
        columns = {"id": table.ids, "name": table.names}
        if table.names_zh:
            columns["name_zh"] = table.names_zh
        frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
        frame.write_parquet(folder / "nodes" / f"{label}.parquet")
    items = snapshot.items
    texts = {"title": items.title, "title_zh": items.title_zh, "text": items.text}
    rest = {"price": items.price, "in_stock": items.in_stock, "created_at": items.created_at}
    pl.DataFrame(texts | rest, schema_overrides=dict.fromkeys(texts, pl.String)).write_parquet(
        folder / _ITEMS
    )
    save_file(_arrays(snapshot), folder / _ARRAYS)
    manifest = {
        "checksum": snapshot.checksum,
        "now": snapshot.now.isoformat(),
        "labels": list(snapshot.nodes),
        "event_types": [[e.name, e.relation, e.default_weight] for e in snapshot.event_types],
        "relations": [list(edge_type) for edge_type in snapshot.relations],
    }
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def load_snapshot(folder: Path) -> GraphSnapshot:
    """The snapshot that `save_snapshot` wrote, equal in every value.

    Raises:
        ArtefactDamaged: a file is missing or is not what `save_snapshot` writes. Silent changes of
            bytes are the artefact's to find: its manifest has a checksum of every file.
    """
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        arrays = load_file(folder / _ARRAYS)
        frame = pl.read_parquet(folder / _ITEMS)
        nodes = {label: _node_table(folder, label) for label in manifest["labels"]}
        edge_types = [EdgeType(*entry) for entry in manifest["relations"]]
        return GraphSnapshot(
            nodes=nodes,
            items=ItemTable(
                tuple(frame["title"]),
                tuple(frame["title_zh"]),
                tuple(frame["text"]),
                frame["price"].to_numpy(),
                frame["in_stock"].to_numpy(),
                frame["created_at"].to_numpy(),
            ),
            event_types=tuple(EventType(*entry) for entry in manifest["event_types"]),
            interactions=Interactions(*(arrays[f"interactions/{name}"] for name in _INTERACTIONS)),
            relations={
                edge_type: Edges(*(arrays[_key(edge_type, name)] for name in _EDGES))
                for edge_type in edge_types
            },
            now=datetime.fromisoformat(manifest["now"]),
            checksum=manifest["checksum"],
            text_vectors=arrays.get(_TEXT_VECTORS),
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, pl.exceptions.PolarsError) as exc:
        raise ArtefactDamaged(f"{folder}: not a whole snapshot ({exc}); train again to make one") from exc


def _arrays(snapshot: GraphSnapshot) -> Mapping[str, NDArray[np.generic]]:
    arrays = {f"interactions/{name}": getattr(snapshot.interactions, name) for name in _INTERACTIONS}
    for edge_type, edges in snapshot.relations.items():
        arrays |= {_key(edge_type, name): getattr(edges, name) for name in _EDGES}
    if snapshot.text_vectors is not None:
        arrays[_TEXT_VECTORS] = snapshot.text_vectors
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _key(edge_type: EdgeType, name: str) -> str:
    return f"{' '.join(edge_type)}/{name}"


def _node_table(folder: Path, label: str) -> NodeTable:
    frame = pl.read_parquet(folder / "nodes" / f"{label}.parquet")
    in_chinese = tuple(frame["name_zh"]) if "name_zh" in frame.columns else ()
    return NodeTable(tuple(frame["id"]), tuple(frame["name"]), in_chinese)
