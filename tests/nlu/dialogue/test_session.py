from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from graph.ledger import SqliteLedger
from nlu.dialogue.session import (
    DIALOGUE,
    FEEDBACK,
    Dialogue,
    DialogueConfig,
    Dialogues,
    Narrowing,
    OpenOption,
    OpenQuestion,
)
from nlu.dialogue.state import DialogueState
from shopgraph.errors import Conflict, NotFound
from shopgraph.types import Excluded, ParsedQuery, Slot

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def ledger() -> SqliteLedger:
    return SqliteLedger(None)


@pytest.fixture
def dialogues(ledger: SqliteLedger) -> Dialogues:
    return Dialogues(ledger, DialogueConfig(ttl_s=3_600, max_turns=3))


def said(word: str, dialogue: Dialogue) -> Dialogue:
    query = dialogue.state.query
    return replace(dialogue, state=replace(dialogue.state, query=replace(query, rest=f"{query.rest}{word}")))


def test_everything_is_read_back_as_it_was_kept(dialogues: Dialogues) -> None:
    made = dialogues.create("al/ice", "zh", NOW)
    slot = Slot("红", "Attribute", "colour:red", "red", 0.5, "llm")
    query = ParsedQuery("红的", "zh", attribute=(slot,), exclude=Excluded(brand=(slot,)), price_max=3.5)
    question = OpenQuestion("price", "price", "?", 1.5, (OpenOption("0–3", 2, (), None, 3.0),))
    whole = replace(
        made,
        state=DialogueState(query, ("a", "b")),
        narrowing=Narrowing(below=2.5, similar_to="x"),
        question=question,
        asked=("price",),
        listed=query,
    )
    moved = dialogues.advance(made.dialogue_id, lambda _: whole, NOW)
    assert moved == replace(whole, state=replace(whole.state, n_turns=1))
    assert dialogues.get(made.dialogue_id, NOW) == moved


def test_a_turn_that_comes_between_is_not_lost(dialogues: Dialogues) -> None:
    one = dialogues.create(None, None, NOW).dialogue_id
    calls: list[Dialogue] = []

    def slow(dialogue: Dialogue) -> Dialogue:
        if not calls:
            calls.append(dialogue)
            dialogues.advance(one, lambda other: said("a", other), NOW)
        return said("b", dialogue)

    moved = dialogues.advance(one, slow, NOW)
    assert (moved.state.query.rest, moved.state.n_turns) == ("ab", 2)


def test_who_has_seen_another_turn_is_told(dialogues: Dialogues) -> None:
    one = dialogues.create(None, None, NOW).dialogue_id
    dialogues.advance(one, lambda same: same, NOW, after=0)
    with pytest.raises(Conflict, match="has 1 turns, not 0"):
        dialogues.advance(one, lambda same: same, NOW, after=0)


def test_a_dialogue_ends_after_its_turns_and_its_time(dialogues: Dialogues, ledger: SqliteLedger) -> None:
    one = dialogues.create(None, None, NOW).dialogue_id
    for minutes in (30, 60, 90):  # each turn begins the hour anew
        dialogues.advance(one, lambda same: same, NOW + timedelta(minutes=minutes))
    with pytest.raises(Conflict, match="3 turns"):
        dialogues.advance(one, lambda same: same, NOW + 2 * HOUR)
    with pytest.raises(NotFound):
        dialogues.get(one, NOW + 3 * HOUR)
    dialogues.create(None, None, NOW + 3 * HOUR)
    assert ledger.get(DIALOGUE, one, NOW) is None  # swept, even for a clock that runs late


def test_a_dialogue_that_is_forgotten_is_gone(dialogues: Dialogues, ledger: SqliteLedger) -> None:
    one = dialogues.create("alice", None, NOW).dialogue_id
    dialogues.note(one, {"thumbs": "up"}, NOW)
    dialogues.remove(one, NOW)
    with pytest.raises(NotFound):
        dialogues.remove(one, NOW)
    assert [entry.body for entry in ledger.read_log(FEEDBACK)] == [{"dialogue_id": one, "thumbs": "up"}]


def test_what_another_version_kept_is_no_dialogue(dialogues: Dialogues, ledger: SqliteLedger) -> None:
    ledger.put(DIALOGUE, "old", {"turns": []}, now=NOW)
    with pytest.raises(NotFound, match="another version"):
        dialogues.get("old", NOW)
