"""`shopgraph evaluate` from files to figures, with models small enough to fit in seconds."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evaluation.report import Report, markdown_table
from evaluation.splits import Protocol
from ranking.config import HybridConfig
from shopgraph import evaluating
from shopgraph.errors import BadSource
from shopgraph.evaluating import Question, evaluate_snapshot, read_snapshot
from shopgraph.settings import Settings
from tests.planted import NOW, planted_snapshot

SMALL = Settings(hybrid=HybridConfig.model_validate({"use_graph": False}), device="cpu")


def report_of(protocol: Protocol, limit_users: int | None = None) -> Report:
    question = Question(Path("planted"), "shop", protocol, ablations=(), limit_users=limit_users)
    snapshot = planted_snapshot(n_users=200, with_text=True)
    return evaluate_snapshot(snapshot, question, SMALL, lambda _: None)


def write_games(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    titles = "".join(f"{item}\tgame {item % 3} number {item}\n" for item in range(30))
    lines = ""
    for user in range(60):
        items = rng.permutation(np.arange(user % 3, 30, 3))[:6]
        lines += f"{user}\t{' '.join(map(str, items[:-1]))}\t{items[-1]}\n"
    (folder / "Games-6k.item.gz").write_bytes(gzip.compress(("item_id\ttitle\n" + titles).encode()))
    (folder / "Games-6k.test.inter.gz").write_bytes(gzip.compress(("user\tpast\tnext\n" + lines).encode()))
    return folder


def write_groceries(folder: Path) -> Path:
    """Every household buys its own two products each week, and once a third one."""
    rows = []
    for household in range(40):
        for week in range(12):
            time = datetime(2017, 1, 1, tzinfo=UTC) + timedelta(weeks=week, minutes=household)
            bought = [household % 20, (household + 7) % 20]
            bought += [(household + week) % 20] if week % 4 == household % 4 else []
            rows += [(household, product, 1, 2.0, time.replace(tzinfo=None)) for product in set(bought)]
    names = ["household_id", "product_id", "quantity", "sales_value", "transaction_timestamp"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "transactions.parquet")
    pl.DataFrame({"product_id": list(range(25)), "department": ["GROCERY"] * 25}).write_parquet(
        folder / "products.parquet"
    )
    return folder


def test_games_look_for_the_next_item_of_the_file(tmp_path: Path) -> None:
    question = Question(write_games(tmp_path), "games", "next-item", ablations=())
    pairs = evaluating.test_pairs(question)
    assert pairs is not None
    assert len(pairs) == 60
    report = evaluate_snapshot(read_snapshot(question, NOW), question, SMALL, lambda _: None)
    # ten items of the own kind, five of them known: chance among them is 1 in 5 at k = 1
    assert report.models["hybrid"]["recall@10"].mean > 0.9
    assert report.models["hybrid"]["recall@10"].mean > report.models["popularity"]["recall@10"].mean


def test_a_cut_by_time_counts_from_the_end_of_the_data(tmp_path: Path) -> None:
    question = Question(write_groceries(tmp_path), "completejourney", "time", days=14.0)
    snapshot = read_snapshot(question, NOW)
    assert snapshot.now.timestamp() == snapshot.interactions.time.max() + 1


def test_repeats_are_reported_beside_what_is_new(tmp_path: Path) -> None:
    source = write_groceries(tmp_path)
    question = Question(source, "completejourney", "time", days=14.0, ablations=(), repeats=True)
    report = evaluate_snapshot(read_snapshot(question, NOW), question, SMALL, lambda _: None)
    counted = report.to_json()["repeats_counted"]["models"]
    assert "last_baskets" not in report.models
    assert counted["last_baskets"]["recall@10"]["mean"] > 0.9
    assert counted["hybrid"]["recall@10"]["mean"] > 0.9
    assert counted["hybrid"]["recall@10"]["mean"] > counted["popularity"]["recall@10"]["mean"]
    assert "repeats_counted" in markdown_table(report)


def test_what_diversity_costs_is_a_section_of_its_own() -> None:
    question = Question(Path("planted"), "shop", "split", ablations=(), trade_off=True, seeds=(0, 1))
    snapshot = planted_snapshot(n_users=60, with_text=True)
    section = evaluate_snapshot(snapshot, question, SMALL, lambda _: None).to_json()["trade_off"]
    assert set(section["curves"]) == {"dpp", "mmr", "novelty", "exposure"}
    first, last = section["curves"]["dpp"][0], section["curves"]["dpp"][-1]
    assert last["diversity@10"]["mean"] > first["diversity@10"]["mean"]


def test_cold_items_are_found_by_their_relations_and_compared_with_warm_ones() -> None:
    report = report_of("cold-items")
    section = report.to_json()["cold"]
    assert section["n_cold"] == 4
    assert set(section["views"]) == {
        "cold_among_cold",
        "cold_among_all",
        "warm_among_as_many",
        "warm_among_all",
        "warm_among_warm",
    }
    assert report.models["hybrid"]["ndcg@10"].mean > 1.2 * report.models["popularity"]["ndcg@10"].mean
    assert section["recall@10_cold_to_warm"]["hybrid"] > 0


def test_a_cold_user_is_folded_in_from_what_is_given() -> None:
    report = report_of("cold-users")
    views = report.to_json()["cold"]["views"]
    assert set(views) == {"given_all", "given_1", "given_3", "given_5"}
    recall = {name: view["models"]["hybrid"]["recall@10"]["mean"] for name, view in views.items()}
    assert recall["given_1"] > views["given_1"]["models"]["popularity"]["recall@10"]["mean"]
    assert recall["given_all"] >= recall["given_1"]


def test_data_without_times_are_not_cut_by_time(tmp_path: Path) -> None:
    question = Question(write_games(tmp_path), "games", "time", ablations=())
    with pytest.raises(BadSource, match="no interaction has a time"):
        evaluate_snapshot(read_snapshot(question, NOW), question, SMALL, lambda _: None)


@pytest.mark.parametrize("protocol", ["split", "cold-items"])
def test_a_limit_of_users_is_told(protocol: Protocol) -> None:
    report = report_of(protocol, limit_users=20)
    assert report.to_json()["sample"] == {"limit_users": 20}
