"""ranking/explain.py: which shares become reasons, in which order, with which words."""

from dataclasses import replace

import pytest

from ranking.catalogue import Catalogue
from ranking.explain import Context, Explainer, has_path, merge_shares
from ranking.profiles import LiveEvent, Profiles
from shopgraph.types import ITEM, NamedNode, NodeRef, Path, PathEdge, Share
from tests.planted import NOW
from tests.ranking.engines import shop

SNAPSHOT = shop()
EXPLAINER = Explainer(Catalogue.from_snapshot(SNAPSHOT), SNAPSHOT.event_types)


def context(is_past: bool = True) -> Context:
    profiles = Profiles(SNAPSHOT)
    events = [("a", "view_item"), ("b", "purchase"), ("c", "view_item")]
    profiles.add("new", [LiveEvent(event_id, "i000", name, NOW) for event_id, name in events])
    history = profiles.history("new", NOW)
    assert history is not None
    return Context(history, "en", query="warm socks", is_past=is_past)


def by_brand(past: int, item: int) -> Path:
    back, forth = PathEdge("MADE_BY", False), PathEdge("MADE_BY", True)
    return (NodeRef(ITEM, past), forth, NodeRef("Brand", 0), back, NodeRef(ITEM, item))


PATH = Share("path", 0.2, past_item_idx=0, path=by_brand(0, 4))
LATENT = Share("latent", 0.9, past_item_idx=0)
LEARNED = Share("item_item", 0.5, past_item_idx=0)
POPULAR = Share("feature", -0.7, name="popularity")
TEXT = Share("text", 0.4, name="query")


def test_latent_shares_become_one_and_the_sum_stays() -> None:
    shares = [PATH, LATENT, LEARNED, Share("latent", -0.2, past_item_idx=4), POPULAR]
    merged = merge_shares(shares)
    assert merged[:3] == [PATH, LEARNED, POPULAR]
    assert [(share.kind, share.past_item_idx) for share in merged[3:]] == [("latent", None)]
    assert sum(share.value for share in merged) == pytest.approx(sum(share.value for share in shares))


def test_shares_of_nothing_are_left_out() -> None:
    assert merge_shares([Share("feature", 0.0, name="trending"), LATENT, Share("latent", -0.9)]) == []


def test_reasons_for_come_before_reasons_against_each_by_size() -> None:
    reasons = EXPLAINER.reasons([TEXT, POPULAR, PATH, LATENT, LEARNED], context(), None)
    assert [reason.share for reason in reasons] == [0.9, 0.5, 0.4, 0.2, -0.7]
    assert [reason.part for reason in reasons] == ["graph", "item_item", "text", "graph", "features"]
    assert reasons[-1].text == "How popular it is with all shoppers. (This counts against it.)"


def test_largest_shares_are_picked_whatever_their_sign() -> None:
    reasons = EXPLAINER.reasons([LATENT, LEARNED, POPULAR, TEXT], context(), 2)
    assert [reason.share for reason in reasons] == [0.9, -0.7]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_path_is_among_few_reasons_where_there_is_one(limit: int) -> None:
    reasons = EXPLAINER.reasons([LATENT, LEARNED, POPULAR, TEXT, PATH], context(), limit)
    assert len(reasons) == limit
    assert sum(bool(reason.path) and reason.part == "graph" for reason in reasons) == 1


def test_path_that_speaks_for_the_item_is_preferred() -> None:
    against = Share("path", -0.3, past_item_idx=0, path=by_brand(0, 8))
    (reason,) = EXPLAINER.reasons([LATENT, against, PATH], context(), 1)
    assert reason.share == 0.2


def test_path_is_named_node_by_node() -> None:
    (reason,) = EXPLAINER.reasons([PATH], context(), 3)
    assert reason.path == (
        NamedNode("Item", "i000", "Item 000 of taste 0"),
        PathEdge("MADE_BY", True),
        NamedNode("Brand", "b000", "B 0"),
        PathEdge("MADE_BY", False),
        NamedNode("Item", "i004", "Item 004 of taste 0"),
    )


def test_weightiest_event_gives_the_verb() -> None:
    (reason,) = EXPLAINER.reasons([PATH], context(), 1)
    assert reason.text == "Like “Item 000 of taste 0” that you bought, it is made by B 0."


def test_made_up_history_gives_no_verb() -> None:
    (reason,) = EXPLAINER.reasons([PATH], context(is_past=False), 1)
    assert reason.text == "Like “Item 000 of taste 0”, it is made by B 0."


def test_learned_from_shoppers_names_the_past_item_and_draws_no_edge() -> None:
    (reason,) = EXPLAINER.reasons([LEARNED], context(), 1)
    assert reason.path == (NamedNode("Item", "i000", "Item 000 of taste 0"),)
    assert reason.text.startswith("Learned from shoppers")


def test_latent_is_shown_as_what_it_is() -> None:
    (reason,) = EXPLAINER.reasons([LATENT], context(), 1)
    assert (reason.part, reason.path) == ("graph", ())
    assert "no path" in reason.text


def test_words_of_the_search_stand_in_the_reason() -> None:
    (reason,) = EXPLAINER.reasons([TEXT], context(), 1)
    assert reason.text == "Its description fits “warm socks”."
    (against,) = EXPLAINER.reasons([replace(TEXT, value=-0.1)], context(), 1)
    assert against.text == "Its description fits “warm socks” less than most do."


def test_no_reasons_are_no_reasons() -> None:
    assert EXPLAINER.reasons([PATH], context(), 0) == ()
    assert EXPLAINER.reasons([], context(), 3) == ()


def test_only_a_path_share_is_a_path() -> None:
    assert has_path([LATENT, PATH])
    assert not has_path([LATENT, LEARNED, Share("path", 0.0, past_item_idx=0, path=PATH.path)])


def test_what_several_models_say_of_one_past_item_or_path_is_one_reason() -> None:
    shares = [LEARNED, Share("item_item", 0.25, past_item_idx=0, name="neighbours"), PATH, PATH]
    assert [(share.kind, share.value) for share in merge_shares(shares)] == [
        ("item_item", 0.75),
        ("path", 0.4),
    ]


def test_a_share_of_the_shopper_as_a_whole_names_no_past_item() -> None:
    (reason,) = EXPLAINER.reasons([Share("item_item", 0.3, name="user")], context(), 1)
    assert (reason.part, reason.path) == ("item_item", ())
    assert reason.text == "Learned from what you chose so far as a whole."
