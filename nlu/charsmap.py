"""Packs a table of character replacements into the bytes that `tokenizers` calls a precompiled charsmap.

The form is SentencePiece's: uint32 byte length of a double-array trie (Darts-clone units), the trie,
then the replacements, each ended by NUL. A key's leaf holds the offset of its replacement.
"""

import struct
import unicodedata
from collections.abc import Iterator, Mapping

_HAS_LEAF = 1 << 8
_LEAF = 1 << 31
_MAX_KEY_BYTES = 5
"""`tokenizers` looks a whole grapheme up only below 6 bytes; longer ones go character by character."""

_Children = dict[int, "_Node"]


class _Node:
    """A node of the trie before packing: children by byte, and the leaf's value if a key ends here."""

    __slots__ = ("children", "value")

    def __init__(self) -> None:
        self.children: _Children = {}
        self.value: int | None = None


def pack_charsmap(replacements: Mapping[str, str]) -> bytes:
    """The charsmap of `replacements`, none of whose keys is empty or holds NUL."""
    texts = bytearray()
    root = _Node()
    for key, replacement in sorted(replacements.items()):
        node = root
        for byte in key.encode():
            node = node.children.setdefault(byte, _Node())
        node.value = len(texts)
        texts += replacement.encode() + b"\0"
    units = _pack_trie(root)
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + bytes(texts)


def with_compositions(replacements: Mapping[str, str]) -> dict[str, str]:
    """`replacements` plus base letter + mark → one character (NFC), as SentencePiece's nmt_nfkc has.

    Only pairs that are looked up as a whole are added; which exist is fixed by Unicode's stability policy.
    """
    composed = {}
    for code_point in range(0xA0, 0x3000):
        pair = unicodedata.normalize("NFD", chr(code_point))
        if len(pair) == 2 and len(pair.encode()) <= _MAX_KEY_BYTES:
            composed[pair] = unicodedata.normalize("NFC", pair)
    return {**composed, **replacements}


def _pack_trie(root: _Node) -> list[int]:
    """Units of the double array: a child by byte c stands at `base ^ c`, the leaf at c = 0.

    No two nodes share a base: a unit names its byte, not its parent.
    """
    units = [0] * 256
    used_bases: set[int] = set()
    taken = bytearray(256)
    taken[0] = 1
    start = 1
    queue = [(root, 0)]
    while queue:
        node, position = queue.pop()
        labels = [*([0] if node.value is not None else []), *node.children]
        base = next(
            candidate
            for candidate in _bases(start, position, labels[0])
            if candidate not in used_bases
            and all(candidate ^ label >= len(taken) or not taken[candidate ^ label] for label in labels)
        )
        used_bases.add(base)
        start = max(start, (base ^ labels[0]) - 256)  # keeps the search short; a few units stay empty
        while len(units) <= base | 0xFF:
            units.extend([0] * 256)
            taken.extend(bytes(256))
        units[position] |= _offset_bits(position ^ base)
        for label in labels:
            taken[base ^ label] = 1
        if node.value is not None:
            units[position] |= _HAS_LEAF
            units[base] = _LEAF | node.value
        for byte, child in node.children.items():
            units[base ^ byte] |= byte
            queue.append((child, base ^ byte))
    return units


def _bases(start: int, position: int, label: int) -> Iterator[int]:
    """Places that put the first label on or after `start` and whose offset can be written down."""
    place = start
    while True:
        base = place ^ label
        if position ^ base and _representable(position ^ base):
            yield base
        place += 1


def _representable(offset: int) -> bool:
    return offset < 1 << 21 or (offset & 0xFF == 0 and offset < 1 << 29)


def _offset_bits(offset: int) -> int:
    """A unit's offset field: 21 bits plain, or shifted by 8 with bit 9 set."""
    return offset << 10 if offset < 1 << 21 else (offset >> 8) << 10 | 1 << 9
