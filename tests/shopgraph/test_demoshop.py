"""The demo shop keeps what docs/demo-shop.md promises."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from graph.ingest import ingest
from graph.open import open_store
from graph.readers import open_source
from shopgraph.demoshop import ShopFacts, make_shop, oracle_scores
from shopgraph.demoshop.circles import CIRCLES
from shopgraph.demoshop.departments_more import DEPARTMENTS
from shopgraph.demoshop.oracle import load_truth
from shopgraph.demoshop.wordings import OTHER_COLOURS, OTHER_NOUNS
from shopgraph.demoshop.words import CHINESE, TAGS, words
from shopgraph.errors import BadSource

NOW = datetime(2026, 1, 31, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> ShopFacts:
    return make_shop(tmp_path_factory.mktemp("demo") / "shop", rng=np.random.default_rng(7), now=NOW)


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> ShopFacts:
    folder = tmp_path_factory.mktemp("demo") / "shuffled"
    rng = np.random.default_rng(7)
    return make_shop(folder, rng=rng, now=NOW, n_items=600, n_users=400, shuffled_tastes=True)


def items_of(shop: ShopFacts) -> pl.DataFrame:
    return pl.read_parquet(shop.folder / "items.parquet")


def events_of(shop: ShopFacts) -> pl.DataFrame:
    return pl.read_parquet(shop.folder / "events" / "*.parquet")


def percentile_of_purchases(shop: ShopFacts) -> float:
    """Mean place of what was bought among all items by the buyer's true utility: 1 best, 0.5 chance.

    What all users have in common is taken out of the utility first.
    """
    bought = events_of(shop).filter(pl.col("event") == "purchase")
    users, item_ids = bought["user_id"].unique().sort().to_list(), items_of(shop)["item_id"].to_list()
    utility = oracle_scores(shop.folder, users, item_ids, NOW - timedelta(days=180))
    utility -= utility.mean(axis=0)
    place = utility.argsort(axis=1).argsort(axis=1) / (len(item_ids) - 1)
    user_row, column = {u: n for n, u in enumerate(users)}, {i: n for n, i in enumerate(item_ids)}
    rows = [user_row[user] for user in bought["user_id"]]
    return float(place[rows, [column[item] for item in bought["item_id"]]].mean())


def test_shop_is_as_large_as_promised(shop: ShopFacts) -> None:
    items, events = items_of(shop), events_of(shop)
    users = pl.read_csv(shop.folder / "users.csv")
    assert len(items) == shop.n_items >= 3_000
    assert items["item_id"].n_unique() == shop.n_items
    assert items["brand"].n_unique() >= 100
    assert items["category"].str.split(" > ").list.first().n_unique() >= 10
    assert set(items["category"].str.split(" > ").list.len()) == {2, 3}
    assert len(users) == users["user_id"].n_unique() == shop.n_users >= 2_000
    assert len(events) == events["event_id"].n_unique() == shop.n_events >= 60_000
    assert set(events["event"]) == {"view_item", "add_to_cart", "purchase", "rate", "search", "select_item"}


def test_items_have_prices_and_texts_in_both_languages(shop: ShopFacts) -> None:
    items = items_of(shop)
    assert items["price"].is_between(0.5, 2_000).all()
    assert (
        items.select("title", "title_zh", "description", "description_zh").null_count().sum_horizontal()[0]
        == 0
    )
    assert items["title_zh"].str.contains(r"\p{Han}").all()
    assert items["description_zh"].str.contains(r"\p{Han}").all()
    keys = {pair.split(":")[0] for pair in items["attributes"].explode()}
    assert {"colour", "material", "size", "audience", "season", "style"} <= keys
    assert 0 < items.filter(~pl.col("in_stock")).height < 0.1 * len(items)


def test_titles_name_what_tastes_are_about(shop: ShopFacts) -> None:
    for title, attributes in items_of(shop).select("title", "attributes").iter_rows():
        missing = [pair for pair in attributes if pair.split(":")[1] not in title]
        assert not missing, title


def test_every_word_of_the_tables_has_its_chinese() -> None:
    known = {value for values in CHINESE.values() for value in values} | set(TAGS)
    for department in DEPARTMENTS:
        pools = [department.styles, department.audiences, department.colours, department.tags]
        pools += [leaf.material for leaf in department.leaves]
        assert {value for pool in pools for value in words(pool)} <= known
        for leaf in department.leaves:
            assert leaf.path.count("/") == leaf.path_zh.count("/"), leaf.path
    for circle in CIRCLES:
        assert set(words(circle.likes)) <= known, circle.name


def test_events_end_at_now_and_follow_each_other(shop: ShopFacts) -> None:
    events = events_of(shop)
    newest = events["time"].max()
    assert isinstance(newest, datetime)
    assert NOW - timedelta(hours=1) < newest <= NOW
    assert events["time"].is_sorted()
    bought, carted = (
        events.filter(pl.col("event") == name).group_by("user_id", "item_id").agg(pl.col("time").min())
        for name in ("purchase", "add_to_cart")
    )
    both = bought.join(carted, on=["user_id", "item_id"], how="left", suffix="_carted")
    assert (both["time"] > both["time_carted"]).all()


def test_nobody_buys_an_item_twice(shop: ShopFacts, shuffled: ShopFacts) -> None:
    for facts in (shop, shuffled):
        bought = events_of(facts).filter(pl.col("event") == "purchase")
        assert not bought.select("user_id", "item_id").is_duplicated().any()


def test_clicks_carry_the_words_of_the_search_before_them(shop: ShopFacts) -> None:
    events = events_of(shop)
    searches = events.filter(pl.col("event") == "search")
    clicks = events.filter(pl.col("event") == "select_item")
    assert searches["item_id"].is_null().all()
    assert searches["query"].is_not_null().all()
    pairs = clicks.sort("time").join_asof(
        searches.sort("time").select("time", "user_id", searched=pl.col("query")), on="time", by="user_id"
    )
    assert pairs["query"].equals(pairs["searched"])


def test_new_items_have_no_events_and_no_event_precedes_its_item(
    shop: ShopFacts, shuffled: ShopFacts
) -> None:
    for facts in (shop, shuffled):
        items, events = items_of(facts), events_of(facts)
        new = items.filter(pl.col("item_id").is_in(facts.new_item_ids))
        assert len(new) >= 5
        assert (new["created_at"] > NOW - timedelta(days=2)).all()
        assert not events["item_id"].is_in(facts.new_item_ids).any()
        joined = events.join(items.select("item_id", "created_at"), on="item_id")
        assert (joined["time"] >= joined["created_at"]).all()


def test_hostile_titles_and_ids_are_there(shop: ShopFacts) -> None:
    odd = items_of(shop).filter(pl.col("item_id").is_in(shop.hostile_item_ids))
    titles = "\n".join(odd["title"])
    for hostile in ("<script>alert(1)</script>", "<img src=x onerror=", '"', "'", "🎁", "إبريق", "\u202e"):
        assert hostile in titles
    for character in "/%":
        assert any(character in item_id for item_id in shop.hostile_item_ids)
        assert character in shop.hostile_user_id
    bought = events_of(shop).filter(
        (pl.col("user_id") == shop.hostile_user_id) & (pl.col("event") == "purchase")
    )
    assert bought["item_id"].is_in(shop.hostile_item_ids).any()


def test_three_named_shoppers_differ_and_one_searches_in_chinese(shop: ShopFacts) -> None:
    events = events_of(shop).join(items_of(shop).select("item_id", "category"), on="item_id", how="left")
    favourite = {}
    for shopper in shop.shoppers:
        own = events.filter(pl.col("user_id") == shopper.user_id)
        bought = own.filter(pl.col("event") == "purchase")
        assert len(bought) >= 10
        assert (own["query"].drop_nulls().str.contains(r"\p{Han}")).all() == (shopper.language == "zh")
        department = bought["category"].str.split(" > ").list.first()
        favourite[shopper.user_id] = department.mode().sort()[0]
    assert set(favourite) == {"alice", "bo", "chen"}
    assert len(set(favourite.values())) == 3


def test_purchases_follow_tastes_unless_shuffled(shop: ShopFacts, shuffled: ShopFacts) -> None:
    assert percentile_of_purchases(shop) > 0.9
    assert percentile_of_purchases(shuffled) == pytest.approx(0.5, abs=0.03)


def test_popularity_survives_shuffling(shuffled: ShopFacts) -> None:
    counts = (
        events_of(shuffled).filter(pl.col("event") == "purchase")["item_id"].value_counts(sort=True)["count"]
    )
    assert int(counts.head(60).sum()) > 0.35 * int(counts.sum())


def test_seasons_show(shop: ShopFacts) -> None:
    bought = events_of(shop).filter(pl.col("event") == "purchase")
    attributes = items_of(shop).select("item_id", winter=pl.col("attributes").list.contains("season:winter"))
    share = (
        bought.join(attributes, on="item_id").group_by(pl.col("time").dt.month()).agg(pl.col("winter").mean())
    )
    by_month = dict(share.iter_rows())
    assert (by_month[12] + by_month[1]) > 1.5 * (by_month[6] + by_month[7])


def test_tastes_drift(shop: ShopFacts) -> None:
    truth = load_truth(shop.folder)
    row = np.array([0])  # alice turns from the playroom to the cottage garden half-way through the year
    garden = np.array([category.startswith("Garden") for category in items_of(shop)["category"]])
    early = truth.utility(row, (NOW - timedelta(days=350)).timestamp())[0]
    late = truth.utility(row, NOW.timestamp())[0]
    assert late[garden].mean() - early[garden].mean() > 0.3


def test_friends_share_a_circle_more_often_than_strangers(shop: ShopFacts) -> None:
    follows = pl.read_csv(shop.folder / "relations.csv").filter(pl.col("relation") == "FOLLOWS")
    truth = load_truth(shop.folder)
    row = {user_id: n for n, user_id in enumerate(truth.user_ids.tolist())}
    taste = truth.stable - truth.stable.mean(axis=0)
    taste /= np.linalg.norm(taste, axis=1, keepdims=True)
    source = np.array([row[user] for user in follows["source"]])
    target = np.array([row[user] for user in follows["target"]])
    friends = (taste[source] * taste[target]).sum(axis=1).mean()
    strangers = (taste[source] * taste[target[::-1]]).sum(axis=1).mean()
    assert friends > strangers + 0.3


def test_same_seed_same_shop(tmp_path: Path) -> None:
    def digest(name: str, seed: int) -> list[str]:
        folder = tmp_path / name
        make_shop(folder, rng=np.random.default_rng(seed), now=NOW, n_items=200, n_users=100)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return [sha256(path.read_bytes()).hexdigest() for path in files]

    first = digest("one", 1)
    assert first == digest("again", 1)
    assert first != digest("other", 2)


def test_shop_is_ingested_without_a_reject(shuffled: ShopFacts, tmp_path: Path) -> None:
    reader = open_source(shuffled.folder, "shop")
    with open_store("sqlite://") as store:
        store.prepare(reader.schema())
        summary = ingest(reader, store, tmp_path / "rejects.jsonl")
    assert summary.n_rejected == 0
    assert summary.new_events == shuffled.n_events


def test_oracle_needs_a_demo_shop(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="not the truth of a demo shop"):
        oracle_scores(tmp_path / "elsewhere", ["alice"], ["KIT-00001"], NOW)


@pytest.mark.parametrize(("n_items", "n_users"), [(199, 100), (200, 99)])
def test_too_small_a_shop_is_refused(tmp_path: Path, n_items: int, n_users: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        make_shop(tmp_path, rng=np.random.default_rng(0), now=NOW, n_items=n_items, n_users=n_users)


def test_shoppers_word_and_spell_queries_otherwise_than_titles(shop: ShopFacts) -> None:
    queries = events_of(shop).filter(pl.col("event") == "search")["query"]
    for other, titled in (("skillet", "frying pan"), ("煎锅", "平底锅")):
        n_other, n_titled = (int(queries.str.contains(words).sum()) for words in (other, titled))
        assert 0.1 < n_other / (n_other + n_titled) < 0.5
    titles = " ".join(items_of(shop)["title"])
    latin = queries.filter(~queries.str.contains(r"\p{Han}"))
    known = {
        word for names in (OTHER_NOUNS, OTHER_COLOURS) for name in names.values() for word in name[0].split()
    }
    known |= set(re.findall(r"\w+", titles.lower())) | {"for"}
    strange = [query for query in latin if set(re.findall(r"\w+", query.lower())) - known]
    assert 0.07 < len(strange) / len(latin) < 0.16


def test_other_words_are_of_nouns_and_colours_that_the_shop_has() -> None:
    nouns = {leaf.noun for department in DEPARTMENTS for leaf in department.leaves}
    assert set(OTHER_NOUNS) <= nouns
    assert set(OTHER_COLOURS) <= set(CHINESE["colour"])
    assert not {other for other, _ in OTHER_NOUNS.values()} & nouns
