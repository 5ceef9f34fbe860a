from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from graph.ledger import SqliteLedger
from ranking.experiments.book import LOG, ExperimentBook
from ranking.experiments.records import Observation
from shopgraph.errors import BadRecord, Conflict, NotFound
from tests.ranking.experiments.made import NOON, draft

HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with SqliteLedger(tmp_path / "ledger.db") as opened:
        yield opened


@pytest.fixture
def book(ledger: SqliteLedger) -> ExperimentBook:
    return ExperimentBook(ledger)


def test_a_life_from_draft_to_stop_is_in_the_audit(book: ExperimentBook) -> None:
    book.add(draft(reason="hope"), NOON)
    book.change("e1", draft(primary="revenue", author="Al"), 1, NOON + HOUR)
    started = book.start("e1", "Mo", NOON + 2 * HOUR, expected=2)
    assert (started.status, started.started, started.version) == ("running", NOON + 2 * HOUR, 3)
    stopped = book.stop("e1", "Al", "enough seen", NOON + 3 * HOUR)
    assert (stopped.status, stopped.primary, stopped.version) == ("stopped", "revenue", 4)
    said = [(entry.author, entry.action, entry.reason) for entry in book.audit("e1")]
    assert said == [
        ("Mo", "add", "hope"),
        ("Al", "change", ""),
        ("Mo", "start", ""),
        ("Al", "stop", "enough seen"),
    ]
    assert book.audit("other") == []


def test_two_people_with_one_version_are_not_both_served(book: ExperimentBook) -> None:
    book.add(draft(), NOON)
    book.change("e1", draft(primary="revenue"), 1, NOON)
    with pytest.raises(Conflict, match="has version 2, not 1"):
        book.change("e1", draft(primary="conversion"), 1, NOON)
    with pytest.raises(Conflict, match="has version 2, not 1"):
        book.start("e1", "Mo", NOON, expected=1)
    with pytest.raises(NotFound):
        book.change("none", draft("none"), 1, NOON)
    with pytest.raises(BadRecord, match="of another experiment"):
        book.change("e1", draft("e2"), 2, NOON)
    with pytest.raises(Conflict, match="already"):
        book.add(draft(), NOON)


def test_what_runs_keeps_its_arms_and_what_is_stopped_stays_so(book: ExperimentBook) -> None:
    book.add(draft(), NOON)
    book.start("e1", "Mo", NOON)
    with pytest.raises(Conflict, match="is running"):
        book.change("e1", draft(), 2, NOON)
    with pytest.raises(Conflict, match="only a draft"):
        book.start("e1", "Mo", NOON)
    book.stop("e1", "Mo", "", NOON)
    with pytest.raises(Conflict, match="stopped already"):
        book.stop("e1", "Mo", "", NOON)
    with pytest.raises(Conflict, match="only a draft"):
        book.start("e1", "Mo", NOON)


def test_of_two_that_overlap_one_runs(book: ExperimentBook) -> None:
    book.add(draft("e1"), NOON)
    book.add(draft("e2"), NOON)
    book.add(draft("e3", end=NOON + HOUR), NOON)
    book.start("e1", "Mo", NOON)
    with pytest.raises(Conflict, match="'e2' overlaps with 'e1'"):
        book.start("e2", "Mo", NOON)
    book.stop("e1", "Mo", "", NOON)
    book.start("e3", "Mo", NOON)
    book.start("e2", "Mo", NOON + HOUR)  # e3 has ended by itself
    book.add(draft("late", end=NOON), NOON)
    with pytest.raises(Conflict, match="ended at"):
        book.start("late", "Mo", NOON)


def test_without_its_last_arm_an_experiment_stops(book: ExperimentBook) -> None:
    arms = [{"name": name, "weight": 0.25} for name in "abcd"]
    book.add(draft(arms=arms), NOON)
    with pytest.raises(Conflict, match="does not run"):
        book.stop_arm("e1", "b", "guardrail", "harm", NOON)
    book.start("e1", "Mo", NOON)
    for wrong in ("a", "z"):
        with pytest.raises(BadRecord, match="must be one of b, c, d"):
            book.stop_arm("e1", wrong, "guardrail", "harm", NOON)
    assert book.stop_arm("e1", "b", "guardrail", "harm", NOON).status == "running"
    with pytest.raises(Conflict, match="does not run"):
        book.stop_arm("e1", "b", "guardrail", "harm", NOON)
    book.stop_arm("e1", "c", "guardrail", "harm", NOON)
    assert book.stop_arm("e1", "d", "guardrail", "harm", NOON).status == "stopped"


def test_another_process_sees_the_change_and_nothing_changes_otherwise(
    book: ExperimentBook, ledger: SqliteLedger, tmp_path: Path
) -> None:
    with SqliteLedger(tmp_path / "ledger.db") as theirs:
        other = ExperimentBook(theirs)
        assert other.current() == ()
        book.add(draft(), NOON)
        seen = other.current()
        assert [one.experiment_id for one in seen] == ["e1"]
        assert other.current() is seen
    ledger.append(LOG, {"author": "x", "action": "add", "reason": "", "experiment": {"odd": 1}}, NOON)
    assert [one.experiment_id for one in book.current()] == ["e1"]


def test_observations_come_back_after_the_number_given(book: ExperimentBook) -> None:
    first, second = (
        Observation(f"v{n}", "view_item_list", "a", "u", "b", "warm", 0.5, 1.0, 2.0, 3.5, None)
        for n in (1, 2)
    )
    book.record("e1", [first], NOON)
    book.record("e1", [second], NOON)
    ((number, one), (_, two)) = book.observations("e1")
    assert (one, two) == (first, second)
    assert [each for _, each in book.observations("e1", number)] == [second]
    assert book.observations("other") == []
