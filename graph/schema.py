"""The one registry: event names, relation types, labels, and what an id may look like.

Names that end up in Cypher or SQL come from here or from a checked `schema.toml`, never from a
request.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shopgraph.errors import BadRecord, BadSource
from shopgraph.types import ITEM, USER, EdgeType, EventType

BRAND, CATEGORY, ATTRIBUTE, QUERY = "Brand", "Category", "Attribute", "Query"

# GA4's names and our `rate`; the weights are starting points, training learns its own.
EVENT_TYPES = (
    EventType("view_item", "VIEWED", 0.2),
    EventType("select_item", "SELECTED", 0.3),
    EventType("add_to_cart", "ADDED_TO_CART", 0.5),
    EventType("rate", "RATED", 0.6),
    EventType("purchase", "PURCHASED", 1.0),
)
"""Interactions: User → Item. `type_code` in a snapshot is the place in this tuple."""

SEARCH = EventType("search", "SEARCHED", 0.0)
"""User → Query: the only event without an item."""

EVENT_BY_NAME: Mapping[str, EventType] = {event.name: event for event in (*EVENT_TYPES, SEARCH)}

MADE_BY = EdgeType(ITEM, "MADE_BY", BRAND)
IN_CATEGORY = EdgeType(ITEM, "IN_CATEGORY", CATEGORY)
CHILD_OF = EdgeType(CATEGORY, "CHILD_OF", CATEGORY)
HAS_ATTRIBUTE = EdgeType(ITEM, "HAS_ATTRIBUTE", ATTRIBUTE)
ALSO_BOUGHT = EdgeType(ITEM, "ALSO_BOUGHT", ITEM)
ALSO_VIEWED = EdgeType(ITEM, "ALSO_VIEWED", ITEM)
BOUGHT_TOGETHER = EdgeType(ITEM, "BOUGHT_TOGETHER", ITEM)
SEARCHED = EdgeType(USER, SEARCH.relation, QUERY)

CORE_LABELS = (USER, ITEM, BRAND, CATEGORY, ATTRIBUTE, QUERY)
CORE_RELATIONS = (
    MADE_BY,
    IN_CATEGORY,
    CHILD_OF,
    HAS_ATTRIBUTE,
    ALSO_BOUGHT,
    ALSO_VIEWED,
    BOUGHT_TOGETHER,
)

MAX_ID_LENGTH = 256
_LABEL = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
_RELATION = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class ShopSchema:
    """The labels and relations of one shop: the core ones and what its `schema.toml` adds."""

    labels: tuple[str, ...] = CORE_LABELS
    relations: tuple[EdgeType, ...] = field(default=CORE_RELATIONS)

    def merged(self, other: "ShopSchema") -> "ShopSchema":
        """Both schemas' labels and relations, each once, ours first."""
        return ShopSchema(
            tuple(dict.fromkeys((*self.labels, *other.labels))),
            tuple(dict.fromkeys((*self.relations, *other.relations))),
        )


def read_schema(path: Path) -> ShopSchema:
    """The core schema plus the extra labels and relations of a `schema.toml`.

    The file's form: `labels = ["Place"]` and `[[relations]]` with `source`, `relation`, `target`.

    Raises:
        BadSource: not TOML, an unknown key, or a name that breaks Neo4j's conventions.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise BadSource(f"{path}: not a readable TOML file: {exc}") from exc
    if unknown := set(content) - {"labels", "relations"}:
        raise BadSource(f"{path}: unknown key {sorted(unknown)[0]!r}; known: labels, relations")
    labels = tuple(_checked(label, _LABEL, path) for label in content.get("labels", []))
    known = {*CORE_LABELS, *labels}
    relations = []
    for entry in content.get("relations", []):
        if set(entry) != {"source", "relation", "target"}:
            raise BadSource(
                f"{path}: each [[relations]] needs source, relation and target, got {sorted(entry)}"
            )
        edge_type = EdgeType(entry["source"], _checked(entry["relation"], _RELATION, path), entry["target"])
        for label in (edge_type.src, edge_type.dst):
            if label not in known:
                raise BadSource(
                    f"{path}: {edge_type.relation} names the label {label!r}; declare it in labels"
                )
        if edge_type.relation in {event.relation for event in EVENT_BY_NAME.values()}:
            raise BadSource(f"{path}: {edge_type.relation} is reserved for events")
        relations.append(edge_type)
    return ShopSchema().merged(ShopSchema(labels, tuple(relations)))


def check_id(value: object, field_name: str) -> str:
    """The id itself, if it is one.

    Raises:
        BadRecord: not a string of 1 to 256 characters without control characters.
    """
    if not isinstance(value, str):
        raise BadRecord(field_name, f"must be a string, got {type(value).__name__}")
    if not 1 <= len(value) <= MAX_ID_LENGTH:
        raise BadRecord(field_name, f"must have 1 to {MAX_ID_LENGTH} characters, got {len(value)}")
    if _CONTROL.search(value):
        raise BadRecord(field_name, "must not hold control characters")
    return value


def id_property(label: str) -> str:
    """The property that holds a label's id: `item_id`, `brand_id`, `loyalty_card_id`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", label).lower() + "_id"


def _checked(name: object, pattern: re.Pattern[str], path: Path) -> str:
    if not isinstance(name, str) or not pattern.fullmatch(name):
        raise BadSource(f"{path}: {name!r} is not a usable name; expected {pattern.pattern}")
    return name
