"""Broken files, and the lines that are told."""

import gzip
import json
from pathlib import Path

import pytest

from graph.readers import RejectLog, open_source
from graph.store import NodeBatch
from shopgraph.errors import BadSource
from tests.graph.shop_folders import ITEMS, write_shop, write_table

HEADER = "item_id,title,price\n"


def item_ids_and_rejects(folder: Path) -> tuple[list[str], list[tuple[object, object, object]]]:
    with RejectLog(folder / "out" / "rejects.jsonl") as rejects:
        batches = list(open_source(folder, "shop").batches(rejects))
    ids = [i for b in batches if isinstance(b, NodeBatch) and b.label == "Item" for i in b.frame["id"]]
    lines = (folder / "out" / "rejects.jsonl").read_text().splitlines()
    return ids, [(r["line"], r["field"], r["value"]) for r in map(json.loads, lines)]


def test_csv_lines_are_those_of_an_editor(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(
        HEADER
        + 'i1,"two\nlines",1\n'  # lines 2 and 3
        + "\n"
        + "i2,torn\n"  # line 5
        + "i3,bad,-1\n"  # line 6
        + 'i4,"a ""quoted"" word",2\n'
        + "i5,torn,1,2\n"  # line 8
        + "i6,bad,x\n",  # line 9
        encoding="utf-8",
    )
    ids, rejects = item_ids_and_rejects(tmp_path)
    assert ids == ["i1", "i4"]
    assert sorted(rejects, key=lambda reject: str(reject[0])) == [
        (5, "", "i2,torn"),
        (6, "price", "-1"),
        (8, "", "i5,torn,1,2"),
        (9, "price", "x"),
    ]


def test_torn_lines_at_the_end_of_a_large_csv_are_told(tmp_path: Path) -> None:
    n_items = 400_000  # more than one block
    text = HEADER + "".join(f"i{n},Some title of the item,1\n" for n in range(n_items)) + "torn\n"
    (tmp_path / "items.csv").write_text(text)
    ids, rejects = item_ids_and_rejects(tmp_path)
    assert len(ids) == n_items
    assert rejects == [(n_items + 2, "", "torn")]


def test_semicolons_a_byte_order_mark_and_packed_files(tmp_path: Path) -> None:
    (tmp_path / "items").mkdir()
    (tmp_path / "items" / "1.csv").write_bytes("\ufeffitem_id;title\ni1;Boots, red\n".encode())
    (tmp_path / "items" / "2.csv.gz").write_bytes(gzip.compress(b"item_id,title\ni2,Hat\n"))
    (tmp_path / "items" / "3.jsonl.gz").write_bytes(gzip.compress(b'{"item_id": "i3", "title": "Cap"}\n'))
    assert item_ids_and_rejects(tmp_path) == (["i1", "i2", "i3"], [])


def test_a_csv_with_a_header_alone_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(HEADER)
    assert item_ids_and_rejects(tmp_path) == ([], [])


def test_a_broken_json_line_is_one_reject(tmp_path: Path) -> None:
    good = json.dumps(ITEMS[1])
    (tmp_path / "items.jsonl").write_text(f'{good}\n{{"item_id": "i9", "tit\n\n[1, 2]\n{good}\n')
    ids, rejects = item_ids_and_rejects(tmp_path)
    assert ids == ["i2", "i2"]
    assert rejects == [(2, "", '{"item_id": "i9", "tit\n'), (4, "", "[1, 2]\n")]


def test_a_shown_value_is_cut_at_200_characters(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text("x" * 10_000_000 + "\n" + json.dumps(ITEMS[1]))
    ids, rejects = item_ids_and_rejects(tmp_path)
    assert ids == ["i2"]
    assert rejects == [(1, "", "x" * 200)]


def test_parquet_lines_are_rows(tmp_path: Path) -> None:
    write_table(tmp_path / "items.parquet", [ITEMS[1], ITEMS[1] | {"price": -1.0}])
    assert item_ids_and_rejects(tmp_path) == (["i2"], [(2, "price", "-1.0")])


def test_a_broken_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    write_shop(tmp_path, ".parquet")
    whole = (tmp_path / "items.parquet").read_bytes()
    broken = {
        "items.parquet": [b"", b"not parquet", whole[: len(whole) // 2]],
        "items.csv": [b"", b"item_id,title\ni1,\xff\xfe\n", b"\xff\xfeitem"],
        "items.jsonl.gz": [b"not gzip", gzip.compress(b'{"item_id": "i1", "title": "x"}\n' * 9999)[:60]],
    }
    (tmp_path / "items.parquet").unlink()
    for name, contents in broken.items():
        for content in contents:
            (tmp_path / name).write_bytes(content)
            with pytest.raises(BadSource, match=rf"^{name}: ") as told:
                item_ids_and_rejects(tmp_path)
            assert any(advice in str(told.value) for advice in ("write it anew", "save it", "must name"))
            (tmp_path / name).unlink()


def test_a_page_damaged_inside_a_parquet_file_is_named(tmp_path: Path) -> None:
    write_shop(tmp_path, ".parquet")
    path = tmp_path / "events.parquet"
    content = bytearray(path.read_bytes())
    content[4:200] = b"\xff" * 196  # after the magic number; the footer stays whole
    path.write_bytes(content)
    with pytest.raises(BadSource, match=r"^events.parquet: not a readable Parquet file"):
        item_ids_and_rejects(tmp_path)


def test_a_file_of_broken_lines_or_of_nothing_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text("{\n" * 150)
    assert item_ids_and_rejects(tmp_path)[1] == [(n, "", "{\n") for n in range(1, 151)]
    (tmp_path / "items.jsonl").write_text("")
    assert item_ids_and_rejects(tmp_path) == ([], [])


def test_a_number_past_64_bits_is_a_reject(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text('{"item_id": "i1", "title": "x", "weight": 18446744073709551615}\n')
    assert item_ids_and_rejects(tmp_path) == ([], [(1, "weight", "18446744073709551615")])


def test_a_csv_of_torn_lines_alone_is_told_and_counted(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(HEADER + "torn\n\ntorn too\n")
    assert item_ids_and_rejects(tmp_path) == ([], [(2, "", "torn"), (4, "", "torn too")])
    reader = open_source(tmp_path, "shop")
    assert list(reader.batches(RejectLog())) == []
    assert reader.rows_read == 2


def test_a_quotation_mark_that_is_never_closed_is_named(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text('item_id,title\ni1,Boots\ni2,"5 inch nail\ni3,Hat\n')
    with pytest.raises(BadSource, match=r"^items.csv: the quotation mark before '5 inch nail"):
        item_ids_and_rejects(tmp_path)
    (tmp_path / "items.csv").write_text('item_id,title\ni1,"two\nlines"\n')
    assert item_ids_and_rejects(tmp_path) == (["i1"], [])
