from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.ledger import SqliteLedger
from ranking.rules.book import RuleBook, RuleConflict
from ranking.rules.exchange import rules_to_text
from ranking.rules.schema import Draft
from shopgraph.errors import BadRecord, Conflict, NotFound, StoreUnavailable
from tests.planted import NOW
from tests.ranking.rules.made import boost, draft, hide, pin

HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", "file"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RuleBook]:
    with SqliteLedger(None if request.param == "memory" else tmp_path / "ledger.db") as ledger:
        yield RuleBook(ledger)


def content(book: RuleBook) -> list[dict[str, Any]]:
    """The rules as they stand, but for when and how often they changed."""
    return [rule.model_dump(exclude={"version", "updated"}) for rule in book.current().rules]


def test_a_rule_is_kept_with_who_when_and_why(book: RuleBook) -> None:
    made = book.add(draft(hide("i1"), rule_id="r1", reason="recalled"), NOW)
    assert (made.author, made.reason, made.version, made.created) == ("mia", "recalled", 1, NOW)
    changed = book.change("r1", draft(hide("i2"), author="noor"), 1, NOW + HOUR)
    assert (changed.author, changed.version, changed.created, changed.updated) == ("noor", 2, NOW, NOW + HOUR)
    assert book.current().rules == (changed,)
    first, second = book.audit()
    assert [first.action, second.action, second.author] == ["add", "change", "noor"]
    assert (second.changes[0].before, second.changes[0].after) == (made, changed)
    assert book.audit(after=first.number) == [second]


def test_of_two_who_edit_one_rule_the_second_sees_both_versions(book: RuleBook) -> None:
    book.add(draft(hide("i1"), rule_id="r1"), NOW)
    theirs = book.change("r1", draft(hide("i2")), 1, NOW)
    mine = draft(hide("i3"))
    with pytest.raises(RuleConflict, match="has version 2, not 1") as caught:
        book.change("r1", mine, 1, NOW)
    assert (caught.value.current, caught.value.sent) == (theirs, mine)
    with pytest.raises(RuleConflict):
        book.remove("r1", "mia", "", 1, NOW)
    book.remove("r1", "mia", "", 2, NOW)
    with pytest.raises(RuleConflict, match="was removed, not 2"):
        book.change("r1", mine, 2, NOW)
    assert len(book.audit()) == 3


def test_an_id_names_one_rule(book: RuleBook) -> None:
    book.add(draft(rule_id="r1"), NOW)
    with pytest.raises(Conflict, match="'r1' already"):
        book.add(draft(rule_id="r1"), NOW)
    with pytest.raises(NotFound, match="r2"):
        book.get("r2")
    with pytest.raises(NotFound, match="r2"):
        book.change("r2", draft(), 1, NOW)
    with pytest.raises(BadRecord, match="'r3' in the rule sent"):
        book.change("r1", draft(rule_id="r3"), 1, NOW)


def test_a_rule_that_comes_back_goes_on_counting(book: RuleBook) -> None:
    book.add(draft(rule_id="r1"), NOW)
    book.remove("r1", "mia", "", 1, NOW)
    undone = book.undo("noor", NOW)
    assert (undone.author, undone.action, undone.undoes) == ("noor", "undo", book.audit()[1].number)
    assert book.get("r1").version == 2


def test_undo_goes_back_step_by_step_and_may_be_undone(book: RuleBook) -> None:
    states = [content(book)]
    book.add(draft(hide("i1"), rule_id="r1"), NOW)
    states.append(content(book))
    book.change("r1", draft(hide("i2")), 1, NOW)
    states.append(content(book))
    last = book.undo("mia", NOW)
    assert content(book) == states[1]
    book.undo("mia", NOW)
    assert content(book) == states[0]
    with pytest.raises(NotFound, match="nothing is left"):
        book.undo("mia", NOW)
    with pytest.raises(Conflict, match="changed since"):
        book.undo("mia", NOW, last.number)
    book.undo("mia", NOW, book.audit()[-1].number)
    book.undo("mia", NOW, last.number)
    assert content(book) == states[2]


def test_what_was_changed_since_is_not_undone(book: RuleBook) -> None:
    book.add(draft(rule_id="r1"), NOW)
    first = book.audit()[0].number
    book.change("r1", draft(hide("i2")), 1, NOW)
    with pytest.raises(Conflict, match="undo the later entries first"):
        book.undo("mia", NOW, first)
    with pytest.raises(NotFound, match="no entry 99"):
        book.undo("mia", NOW, 99)


def test_an_import_is_one_change(book: RuleBook) -> None:
    book.add(draft(hide("i1"), rule_id="r1"), NOW)
    book.add(draft(hide("i9"), rule_id="r9"), NOW)
    before = content(book)
    sent = [draft(hide("i2"), rule_id="r1"), draft(hide("i3")), draft(hide("i9"), rule_id="r9")]
    entry = book.replace(sent, "mia", "season", NOW, others_stay=True)
    assert len(entry.changes) == 2  # what is the same is not changed
    assert [rule.version for rule in book.current().rules if rule.rule_id == "r9"] == [1]
    book.undo("mia", NOW)
    assert content(book) == before
    book.replace([draft(hide("i4"), rule_id="r4")], "mia", "", NOW, others_stay=False)
    assert [rule.rule_id for rule in book.current().rules] == ["r4"]
    book.undo("mia", NOW)
    assert content(book) == before
    with pytest.raises(ValueError, match="one id"):
        book.replace([draft(rule_id="x"), draft(rule_id="x")], "mia", "", NOW, others_stay=True)


def test_another_worker_sees_a_change_in_its_next_look(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with SqliteLedger(path) as one, SqliteLedger(path) as other:
        mine, theirs = RuleBook(one), RuleBook(other)
        seen = theirs.current()
        assert theirs.current() is seen
        mine.add(draft(rule_id="r1"), NOW)
        assert [rule.rule_id for rule in theirs.current().rules] == ["r1"]
        one.put("dialogue", "d1", {}, now=NOW)  # what is no rule leaves the list the same object
        assert theirs.current() is theirs.current()
        theirs.change("r1", draft(hide("i5")), 1, NOW)
        assert mine.current().rules == theirs.current().rules


def test_of_many_who_write_at_once_nobody_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    SqliteLedger(path).close()

    def add(n: int) -> None:
        with SqliteLedger(path) as ledger:
            RuleBook(ledger).add(draft(hide(f"i{n}"), rule_id=f"r{n}"), NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))
    with SqliteLedger(path) as ledger:
        book = RuleBook(ledger)
        assert {rule.rule_id for rule in book.current().rules} == {f"r{n}" for n in range(12)}
        numbers = [entry.number for entry in book.audit()]
        assert numbers == sorted(numbers)


def test_a_ledger_that_fails_leaves_the_rules_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with SqliteLedger(path) as ledger, SqliteLedger(path) as other:
        book = RuleBook(ledger)
        book.add(draft(rule_id="r1"), NOW)
        RuleBook(other).add(draft(rule_id="r2"), NOW)
        known = book.current().rules
        RuleBook(other).add(draft(rule_id="r3"), NOW)
        for file in tmp_path.iterdir():
            file.unlink()
        path.write_bytes(b"no ledger any more" * 500)
        assert book.current().rules == known
        with pytest.raises(StoreUnavailable):
            book.add(draft(), NOW)


effects = st.sampled_from([hide("i1"), hide("i2"), pin("i3", 1), boost(2, brand_ids=["b"])])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abc"), effects),
        st.tuples(st.just("remove"), st.sampled_from("abc"), st.none()),
        st.tuples(st.just("import"), st.lists(st.sampled_from("abc"), unique=True), effects),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_undoing_everything_restores_every_state_on_the_way(steps: list[tuple[str, Any, Any]]) -> None:
    with SqliteLedger(None) as ledger:
        book = RuleBook(ledger)
        states = [rules_to_text(book.current().rules)]
        for step in steps:
            if _apply(book, *step):
                states.append(rules_to_text(book.current().rules))
        for state in reversed(states[:-1]):
            book.undo("mia", NOW)
            assert rules_to_text(book.current().rules) == state


def _apply(book: RuleBook, what: str, which: Any, effect: Any) -> bool:
    known = {rule.rule_id: rule for rule in book.current().rules}
    if what == "import":
        drafts: list[Draft] = [draft(effect, rule_id=rule_id) for rule_id in which]
        book.replace(drafts, "mia", "", NOW, others_stay=False)
    elif what == "remove":
        if which not in known:
            return False
        book.remove(which, "mia", "", known[which].version, NOW)
    elif which in known:
        book.change(which, draft(effect), known[which].version, NOW)
    else:
        book.add(draft(effect, rule_id=which), NOW)
    return True
