"""QueryNER (Palen-Michel et al. 2024, CC BY 4.0): shoppers' real queries in English with a tag a word."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nlu.tagger.bio import spans_of
from nlu.tagger.labels import Label, LabelledQuery, QuerySpan
from shopgraph.errors import BadSource

LABELS = (
    "UoM", "color", "condition", "content", "core_product_type", "creator", "department", "material",
    "modifier", "occasion", "origin", "price", "product_name", "product_number", "quantity", "shape", "time",
)  # fmt: skip

_SPLITS = ("train", "validation", "test")
_OURS: Mapping[str, Label] = {
    "core_product_type": "category", "creator": "brand", "product_name": "item", "department": "audience",
    "price": "price", "color": "attribute", "condition": "attribute", "content": "attribute",
    "material": "attribute", "modifier": "attribute", "origin": "attribute", "shape": "attribute",
    "UoM": "attribute", "quantity": "attribute",
}  # fmt: skip
"""What its labels are among ours; occasion, time and product_number say nothing that a slot holds."""


@dataclass(frozen=True)
class TaggedWords:
    """A query's words and their tags (as `nlu.tagger.bio` numbers them, labels in the order of LABELS)."""

    words: tuple[str, ...]
    tags: tuple[int, ...]


def read_queryner(folder: Path) -> dict[str, list[TaggedWords]]:
    """The queries of train, validation and test.

    Raises:
        BadSource: a file is missing or broken.
    """
    try:
        return {split: _read(folder / f"{split}.json.gz") for split in _SPLITS}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise BadSource(f"{folder}: not QueryNER's train, validation and test .json.gz: {exc}") from exc


def as_query(tagged: TaggedWords) -> LabelledQuery:
    """The query as the tagger learns it; a quantity and its unit become one span."""
    starts = [0]
    for word in tagged.words:
        starts.append(starts[-1] + len(word) + 1)
    spans: list[QuerySpan] = []
    before = ""
    for first, last, number in spans_of(tagged.tags):
        name = LABELS[number]
        start, end = starts[first], starts[last] - 1
        if name == "UoM" and before == "quantity" and spans[-1].end == start - 1:
            spans[-1] = spans[-1]._replace(end=end)
        elif name in _OURS:
            spans.append(QuerySpan(start, end, _OURS[name]))
        before = name
    return LabelledQuery(" ".join(tagged.words), "find_items", tuple(spans))


def _read(path: Path) -> list[TaggedWords]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        examples = json.load(file)["examples"]
    return [TaggedWords(tuple(each["tokens"]), tuple(each["ner_tags"])) for each in examples]
