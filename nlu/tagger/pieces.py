"""Tokens of a text ↔ its characters ↔ the tags of spans."""

from collections.abc import Sequence
from typing import NamedTuple

from tokenizers import Encoding

from nlu.tagger.bio import BioSpan, TagVector, tags_of
from nlu.tagger.labels import TAGGED, QuerySpan

_NUMBER = {pair: number for number, pair in enumerate(TAGGED)}


class Pieces(NamedTuple):
    """The tokens of a text that hold some of its characters.

    `rows` are their places among all tokens of the encoding, `spans` their (start, end) in the text.
    """

    rows: list[int]
    spans: list[tuple[int, int]]


def pieces_of(encoding: Encoding, prefix: str, text: str) -> Pieces:
    """The pieces of `text`, which was encoded behind `prefix`; spaces at a token's edges are not counted."""
    rows: list[int] = []
    spans: list[tuple[int, int]] = []
    for row, (start, end) in enumerate(encoding.offsets):
        first, last = max(start - len(prefix), 0), end - len(prefix)
        while first < last and text[first] == " ":
            first += 1
        if first < last:
            rows.append(row)
            spans.append((first, last))
    return Pieces(rows, spans)


def piece_tags(pieces: Pieces, spans: Sequence[QuerySpan]) -> TagVector:
    """One tag a piece: a piece belongs to the span that holds more than half of it."""
    found = []
    for span in spans:
        inside = [
            place
            for place, (start, end) in enumerate(pieces.spans)
            if 2 * (min(end, span.end) - max(start, span.start)) > end - start
        ]
        if inside:
            found.append(BioSpan(inside[0], inside[-1] + 1, _NUMBER[span.label, span.excluded]))
    return tags_of(found, len(pieces.rows))


def query_span(pieces: Pieces, span: BioSpan) -> QuerySpan:
    """The characters from a span's first piece to its last."""
    label, excluded = TAGGED[span.label]
    return QuerySpan(pieces.spans[span.start][0], pieces.spans[span.end - 1][1], label, excluded)
