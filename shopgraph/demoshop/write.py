"""Makes the demo shop: draws items, people, tastes and events, and writes them with their truth."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from shopgraph.demoshop.brands import ODD_BRAND
from shopgraph.demoshop.catalogue import DAY, WINDOW_DAYS, Stock, draw_stock
from shopgraph.demoshop.choices import draw_choices, shuffle_tastes
from shopgraph.demoshop.events import draw_events
from shopgraph.demoshop.oracle import save_truth
from shopgraph.demoshop.people import ODD_SHOPPER, SHOPPERS, Shopper, draw_people
from shopgraph.demoshop.tables import write_shop
from shopgraph.demoshop.tastes import Truth, plant
from shopgraph.demoshop.texts import write_texts

MIN_ITEMS, MIN_USERS = 200, 100
_ODD_TASTE = 6.0


@dataclass(frozen=True)
class ShopFacts:
    """What was made; `hostile_user_id` likes the items whose titles are hostile."""

    folder: Path
    truth_path: Path
    n_users: int
    n_items: int
    n_events: int
    shoppers: tuple[Shopper, ...]
    hostile_user_id: str
    hostile_item_ids: tuple[str, ...]
    new_item_ids: tuple[str, ...]


def make_shop(
    folder: Path,
    *,
    rng: np.random.Generator,
    now: datetime,
    n_items: int = 3_240,
    n_users: int = 2_400,
    shuffled_tastes: bool = False,
) -> ShopFacts:
    """Write a shop folder and, beside it, its truth; the same arguments give the same shop.

    Args:
        folder: made if missing; files of an earlier shop are replaced.
        rng: the only source of chance.
        now: aware; the shop's last event is minutes before it.
        n_items: at least MIN_ITEMS.
        n_users: at least MIN_USERS.
        shuffled_tastes: deal the items of all choices out anew: popularity stays, but nobody's
            choices follow their taste or the season.

    Raises:
        ValueError: too few items or users, or a `now` without time zone.
    """
    if n_items < MIN_ITEMS or n_users < MIN_USERS:
        raise ValueError(f"at least {MIN_ITEMS} items and {MIN_USERS} users, got {n_items} and {n_users}")
    if now.tzinfo is None:
        raise ValueError(f"now needs a time zone, got {now.isoformat()}")
    stock = draw_stock(n_items, now, rng)
    people = draw_people(n_users, now, rng)
    truth = _with_odd_shopper(plant(stock, people.members, people.user_ids, rng))
    texts = write_texts(stock.items, rng)
    choices = draw_choices(truth, stock, now, rng)
    if shuffled_tastes:
        choices = shuffle_tastes(choices, rng)
        stock = _launched_before(stock, int(now.timestamp()) - WINDOW_DAYS * DAY)
    events = draw_events(choices, stock, people, now, rng)
    write_shop(folder, stock, texts, people, events)
    return _facts(folder, save_truth(folder, truth), stock, n_users, len(events))


def _facts(folder: Path, truth_path: Path, stock: Stock, n_users: int, n_events: int) -> ShopFacts:
    return ShopFacts(
        folder=folder,
        truth_path=truth_path,
        n_users=n_users,
        n_items=len(stock.items),
        n_events=n_events,
        shoppers=SHOPPERS,
        hostile_user_id=ODD_SHOPPER.user_id,
        hostile_item_ids=tuple(item.item_id for item in stock.items if item.brand == ODD_BRAND),
        new_item_ids=tuple(stock.items[n].item_id for n in np.flatnonzero(stock.is_new)),
    )


def _with_odd_shopper(truth: Truth) -> Truth:
    stable = truth.stable.copy()
    row = truth.user_ids == ODD_SHOPPER.user_id
    stable[np.ix_(row, truth.feature_names == f"brand:{ODD_BRAND}")] += _ODD_TASTE
    return replace(truth, stable=stable)


def _launched_before(stock: Stock, time: int) -> Stock:
    """Dealt-out choices may come before an item's launch; so nothing that sold was launched later."""
    created_at = np.where(stock.is_new, stock.created_at, np.minimum(stock.created_at, time))
    return replace(stock, created_at=created_at)
