"""ranking/profiles.py: histories in memory, with what came in since."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np

from ranking.profiles import LiveEvent, PastEvent, Profiles
from shopgraph.types import USER
from tests.planted import NOW, planted_snapshot

SNAPSHOT = planted_snapshot()


def bought(event_id: str, item_id: str | None, minutes: float = 0.0, event: str = "purchase") -> LiveEvent:
    return LiveEvent(event_id, item_id, event, NOW + timedelta(minutes=minutes))


def items_of(profiles: Profiles, user_id: str) -> list[int]:
    history = profiles.history(user_id, NOW)
    assert history is not None
    return [int(idx) for idx in history.item_idx]


def test_trained_history_is_the_snapshots_row() -> None:
    history, row = Profiles(SNAPSHOT).history("u007", NOW), SNAPSHOT.histories.row(7)
    assert history is not None
    for column in ("indptr", "item_idx", "type_code", "value", "time"):
        assert np.array_equal(getattr(history, column), getattr(row, column))


def test_live_events_come_in_by_time() -> None:
    profiles = Profiles(SNAPSHOT)
    before = items_of(profiles, "u000")
    profiles.add("u000", [bought("b", "i002", minutes=2), bought("a", "i001", minutes=1)])
    profiles.add("u000", [bought("c", "i003", minutes=-1e7)])
    assert items_of(profiles, "u000") == [3, *before, 1, 2]


def test_same_event_id_counts_once() -> None:
    profiles = Profiles(SNAPSHOT)
    assert profiles.add("u000", [bought("a", "i001"), bought("a", "i001")]) == 1
    assert profiles.add("u000", [bought("a", "i001")]) == 0
    assert profiles.n_interactions("u000") == 8 + 1


def test_searches_and_unknown_items_make_no_history_but_a_known_user() -> None:
    profiles = Profiles(SNAPSHOT)
    events = [bought("a", None, event="search"), bought("b", "no such"), bought("c", "i001", event="strange")]
    assert profiles.add("new", events) == 0
    assert items_of(profiles, "new") == []


def test_unknown_user_has_no_history() -> None:
    assert Profiles(SNAPSHOT).history("nobody", NOW) is None


def test_newcomer_is_known_after_the_first_event() -> None:
    profiles = Profiles(SNAPSHOT)
    profiles.add("new/%😀\u202e", [bought("a", "i005")])
    assert items_of(profiles, "new/%😀\u202e") == [5]


def test_later_page_sees_the_first_live_events_alone() -> None:
    profiles = Profiles(SNAPSHOT)
    profiles.add("new", [bought("a", "i001")])
    profiles.add("new", [bought("b", "i002")])
    history = profiles.history("new", NOW, n_live=1)
    assert history is not None
    assert history.item_idx.tolist() == [1]


def test_viewed_is_not_bought() -> None:
    profiles = Profiles(SNAPSHOT)
    profiles.add("new", [bought("a", "i001", event="view_item"), bought("b", "i002")])
    history = profiles.history("new", NOW)
    assert history is not None
    assert profiles.bought(history).tolist() == [2]


def test_history_given_out_does_not_change_any_more() -> None:
    profiles = Profiles(SNAPSHOT)
    profiles.add("new", [bought("a", "i001")])
    history = profiles.history("new", NOW)
    profiles.add("new", [bought("b", "i002")])
    assert history is not None
    assert history.item_idx.tolist() == [1]


def test_events_from_many_threads_are_all_there_once() -> None:
    profiles = Profiles(SNAPSHOT)
    batches: Sequence[list[LiveEvent]] = [
        [bought(f"e{k % 100}", f"i{k % 40:03d}"), bought(f"x{k}", "i000")] for k in range(200)
    ]
    with ThreadPoolExecutor(8) as pool:
        new = sum(pool.map(lambda batch: profiles.add("new", batch), batches))
    assert new == profiles.n_interactions("new") == 100 + 200


def test_latest_are_newest_first_with_the_shops_names() -> None:
    profiles = Profiles(SNAPSHOT)
    profiles.add("u000", [LiveEvent("a", "i001", "rate", NOW, 4.0)])
    latest = profiles.latest("u000", 3)
    assert latest[0] == PastEvent("i001", "rate", NOW, 4.0)
    assert len(latest) == 3
    assert latest[1].time is not None
    assert latest[1].time <= NOW
    assert profiles.latest("nobody", 3) == []


def test_users_are_found_by_id_and_name() -> None:
    profiles = Profiles(SNAPSHOT)
    profiles.introduce("zoe", "Zoë Ng")
    assert profiles.find("U 1", 2) == ["u001", "u010"]
    assert profiles.find("zoë", 5) == ["zoe"]
    assert profiles.name("zoe") == "Zoë Ng"
    assert profiles.name("u003") == SNAPSHOT.nodes[USER].names[3]
    assert profiles.name("stranger") == "stranger"
    assert items_of(profiles, "zoe") == []
