"""Lists of arms, and one list that two arms draft, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from ranking.ask import Ask, digest
from ranking.engine import Engine
from ranking.experiments.interleave import drafted, team_draft
from ranking.searching import model_item
from ranking.tokens import Cursor
from shopgraph.errors import BadRecord
from shopgraph.types import Recommendation


@dataclass(frozen=True, eq=False)
class Treatment:
    """What answers for an arm; `diversity` and `novelty` stand where a question says nothing of them."""

    engine: Engine
    diversity: float | None = None
    novelty: float | None = None

    def answer(self, ask: Ask) -> Recommendation:
        """The arm's list."""
        return self.engine.answer(self.asked(ask))

    def asked(self, ask: Ask) -> Ask:
        """The question as the arm answers it."""
        return replace(
            ask,
            diversity=self.diversity if ask.diversity is None else ask.diversity,
            novelty=self.novelty if ask.novelty is None else ask.novelty,
        )


def interleaved(
    experiment_id: str, treatments: Sequence[Treatment], ask: Ask, seed: int
) -> tuple[Recommendation, list[int]]:
    """A page of the list that two arms draft, and who drafted each of its items.

    Both arms answer from the list's start; the coins depend on shopper, moment and question alone, so that a
    later page goes on with the list of the first.

    Args:
        experiment_id: cursors are of this one alone.
        treatments: the two arms.
        ask: the question; its cursor is one of ours.
        seed: of the coins, one for each shopper.

    Raises:
        BadRecord: the cursor belongs to another question or experiment.
    """
    first = treatments[0].engine
    if ask.parsed is not None and ask.similar_to is None:
        ask = replace(ask, similar_to=model_item(ask.parsed, first.catalogue))
    here = _place(first, experiment_id, ask)
    end = here.offset + ask.n
    lists = [_from_start(treatment, ask, here, end, first) for treatment in treatments]
    ids = [[item.item_id for item in list_.items] for list_ in lists]
    teams = team_draft(ids[0], ids[1], end, np.random.default_rng([seed, _coins(here)]))
    items = [{item.item_id: item for item in list_.items} for list_ in lists]
    page = []
    for place, item_id in enumerate(drafted(ids[0], ids[1], teams)[here.offset :], here.offset):
        page.append(replace(items[teams[place]][item_id], rank=place + 1))
    more = len(teams) == end and any(list_.next_cursor for list_ in lists)
    further = replace(here, offset=end)
    shorter = max(lists, key=lambda list_: len(list_.items)).shortfall_reason
    drafted_list = replace(
        lists[0],
        items=tuple(page),
        shortfall_reason=shorter if len(page) < ask.n else None,
        next_cursor=first.signer.cursor(further) if more else None,
        reranked=None,
    )
    return drafted_list, teams[here.offset :]


def _place(engine: Engine, experiment_id: str, ask: Ask) -> Cursor:
    """Where the page starts."""
    asked, version = digest(ask), f"interleaved/{experiment_id}"
    if ask.cursor is None:
        n_live = 0 if ask.user_id is None else engine.profiles.n_live(ask.user_id)
        return Cursor(0, ask.now, n_live, asked, version)
    cursor = engine.signer.read_cursor(ask.cursor)
    if (cursor.ask, cursor.model_version) != (asked, version):
        raise BadRecord("cursor", "belongs to another question or an experiment that ended; ask without it")
    return cursor


def _from_start(treatment: Treatment, ask: Ask, here: Cursor, n: int, first: Engine) -> Recommendation:
    """An arm's list of n items as of the first page; another version's engine counts live events anew."""
    asked, engine = treatment.asked(ask), treatment.engine
    n_live = here.n_live
    if engine.profiles is not first.profiles and ask.user_id is not None:
        n_live = engine.profiles.n_live(ask.user_id)
    start = Cursor(0, here.now, n_live, digest(asked), engine.model_version)
    return engine.answer(replace(asked, n=n, cursor=engine.signer.cursor(start)))


def _coins(here: Cursor) -> int:
    text = f"{here.now.isoformat()}\0{here.ask}".encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest())
