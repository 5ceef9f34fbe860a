from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from graph.ledger import LedgerStore, SqliteLedger
from shopgraph.errors import BadSettings, Conflict, StoreUnavailable

NOON = datetime(2026, 3, 1, 12, 0, 0, 250_001, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", "file"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LedgerStore]:
    with SqliteLedger(None if request.param == "memory" else tmp_path / "ledger.db") as opened:
        yield opened


def test_a_document_comes_back_as_it_was_written(ledger: LedgerStore) -> None:
    body = {"words": ["红色", "a'b"], "n": 1.5, "none": None}
    assert ledger.put("rule", "r/1", body, now=NOON, expires=NOON + HOUR) == 1
    found = ledger.get("rule", "r/1", NOON)
    assert found is not None
    assert (found.key, found.body, found.version) == ("r/1", body, 1)
    assert (found.updated, found.expires) == (NOON, NOON + HOUR)
    assert ledger.get("dialogue", "r/1", NOON) is None


def test_who_expects_another_version_is_refused(ledger: LedgerStore) -> None:
    assert ledger.put("rule", "r1", {"v": 1}, now=NOON, expected=0) == 1
    assert ledger.put("rule", "r1", {"v": 2}, now=NOON, expected=1) == 2
    for wrong in (0, 1, 3):
        with pytest.raises(Conflict, match="has version 2"):
            ledger.put("rule", "r1", {"v": 9}, now=NOON, expected=wrong)
    found = ledger.get("rule", "r1", NOON)
    assert found is not None
    assert found.body == {"v": 2}


def test_what_has_expired_is_not_there_and_starts_anew(ledger: LedgerStore) -> None:
    ledger.put("dialogue", "d1", {"v": 1}, now=NOON, expires=NOON + HOUR)
    ledger.put("dialogue", "d2", {"v": 2}, now=NOON)
    assert ledger.get("dialogue", "d1", NOON + HOUR) is None
    assert [one.key for one in ledger.documents("dialogue", NOON + HOUR)] == ["d2"]
    assert ledger.put("dialogue", "d1", {"v": 3}, now=NOON + HOUR, expected=0) == 1
    ledger.put("dialogue", "d3", {}, now=NOON, expires=NOON + HOUR)
    assert [ledger.remove_expired(NOON), ledger.remove_expired(NOON + HOUR)] == [0, 1]


def test_documents_come_by_key_a_page_at_a_time(ledger: LedgerStore) -> None:
    for key in ("c", "a", "b"):
        ledger.put("rule", key, {"key": key}, now=NOON)
    first = ledger.documents("rule", NOON, limit=2)
    assert [one.key for one in first] == ["a", "b"]
    assert [one.key for one in ledger.documents("rule", NOON, after=first[-1].key)] == ["c"]
    assert [ledger.remove("rule", "b"), ledger.remove("rule", "b")] == [True, False]


def test_a_log_keeps_its_order(ledger: LedgerStore) -> None:
    numbers = [ledger.append("audit", {"n": n}, NOON + n * HOUR) for n in range(3)]
    ledger.append("other", {}, NOON)
    entries = ledger.read_log("audit")
    assert [(entry.number, entry.body["n"]) for entry in entries] == list(zip(numbers, range(3), strict=True))
    assert entries[1].time == NOON + HOUR
    assert [entry.body["n"] for entry in ledger.read_log("audit", after=numbers[0], limit=1)] == [1]


def test_of_many_writers_one_wins_each_version(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"

    def add_one(_: int) -> int:
        with SqliteLedger(path) as ledger:
            while True:
                found = ledger.get("count", "one", NOON)
                n, version = (0, 0) if found is None else (found.body["n"], found.version)
                try:
                    return ledger.put("count", "one", {"n": n + 1}, now=NOON, expected=version)
                except Conflict:
                    continue

    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(add_one, range(12)))
    assert sorted(versions) == list(range(1, 13))
    with SqliteLedger(path) as ledger:
        found = ledger.get("count", "one", NOON)
    assert found is not None
    assert found.body == {"n": 12}


def test_another_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("not a ledger, and long enough to be none: " * 30)
    with pytest.raises(StoreUnavailable, match=r"note\.txt"):
        SqliteLedger(path)
    with pytest.raises(BadSettings, match="does not exist"):
        SqliteLedger(tmp_path / "absent" / "ledger.db")


def test_an_entry_that_would_not_follow_the_expected_one_is_refused(ledger: LedgerStore) -> None:
    first = ledger.append("rules", {"n": 1}, NOON, expected=0)
    ledger.append("other", {}, NOON)
    with pytest.raises(Conflict, match=f"ends with entry {first}, not 0"):
        ledger.append("rules", {"n": 2}, NOON, expected=0)
    ledger.append("rules", {"n": 3}, NOON, expected=first)
    assert [entry.body["n"] for entry in ledger.read_log("rules")] == [1, 3]


def test_the_stamp_changes_with_each_write_and_only_then(ledger: LedgerStore) -> None:
    stamps = [ledger.stamp()]
    for n in range(3):
        ledger.append("rules", {"n": n}, NOON)
        stamps += [ledger.stamp(), ledger.stamp()]
    assert stamps[1::2] == stamps[2::2]
    assert len(set(stamps)) == 4


def test_the_stamp_tells_of_other_processes_writes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with SqliteLedger(path) as ledger, SqliteLedger(path) as another:
        before = ledger.stamp()
        another.put("rule", "r1", {}, now=NOON)
        assert ledger.stamp() != before


def test_entries_added_together_are_there_in_order_or_not_at_all(ledger: LedgerStore) -> None:
    ledger.append_all("seen", [{"n": 1}, {"n": 2}], NOON)
    with pytest.raises(ValueError, match="JSON"):
        ledger.append_all("seen", [{"n": 3}, {"n": float("nan")}], NOON)
    assert [(entry.body["n"], entry.time) for entry in ledger.read_log("seen")] == [(1, NOON), (2, NOON)]
