"""Ids for events whose source has none: the same source always gives the same ids."""

from hashlib import sha256

import numpy as np
import polars as pl
from numpy.typing import NDArray

_SEPARATOR = "\x1f"  # a control character, so no id holds it
_ID_BYTES = 12


class EventIds:
    """Derives ids from what an event says and how often the source said just that before.

    So true repeats are kept, and reading the source again changes nothing. One of these serves a
    whole source. It holds 8 bytes for each different event; a chance collision of those only makes
    an occurrence number higher, which is as good an id.
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []
        self._counts_of_repeats: dict[int, int] = {}

    def filled(self, events: pl.DataFrame) -> pl.DataFrame:
        """The events, columns of EVENT_SCHEMA, with every missing `event_id` filled in."""
        missing = events["event_id"].is_null()
        if not missing.any():
            return events
        nameless = events.filter(missing)
        texts = nameless.select(_said()).to_series().to_list()
        digests = [sha256(text.encode()).digest() for text in texts]
        keys = np.frombuffer(b"".join(digests), "<u8")[:: sha256().digest_size // 8]
        occurrences = self._occurrences(keys)
        for n in np.flatnonzero(occurrences):
            numbered = f"{occurrences[n]}{_SEPARATOR}{texts[n]}"
            digests[n] = sha256(numbered.encode()).digest()
        derived = nameless.select(_ids(pl.Series("digest", digests, pl.Binary))).to_series()
        if len(derived) == len(events):
            return events.with_columns(derived)
        place = missing.cum_sum().cast(pl.Int64) - 1
        return events.with_columns(
            pl.when(missing).then(derived.gather(place.clip(0))).otherwise("event_id").alias("event_id")
        )

    def _occurrences(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """How often each key stood anywhere before its place."""
        distinct, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
        order = np.argsort(places, kind="stable")
        firsts = np.cumsum(counts) - counts
        occurrences = np.empty(len(keys), np.int64)
        occurrences[order] = np.arange(len(keys)) - firsts[places[order]]
        seen = self._seen(distinct)
        before = seen.astype(np.int64)
        for n in np.flatnonzero(seen | (counts > 1)):
            key = int(distinct[n])
            before[n] = self._counts_of_repeats.get(key, before[n])
            self._counts_of_repeats[key] = int(before[n] + counts[n])
        self._remember(distinct[~seen])
        return occurrences + before[places]

    def _seen(self, distinct: NDArray[np.uint64]) -> NDArray[np.bool_]:
        seen = np.zeros(len(distinct), np.bool_)
        for run in self._runs:
            places = np.searchsorted(run, distinct).clip(max=len(run) - 1)
            seen |= run[places] == distinct
        return seen

    def _remember(self, new: NDArray[np.uint64]) -> None:
        # Sorted runs, each more than twice the next: few to search, and each key is moved few times.
        if len(new):
            self._runs.append(new)
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate([self._runs[-1], last]), kind="stable")


def _said() -> pl.Expr:
    parts = (
        pl.col("name"),
        pl.col("user_id"),
        pl.col("item_id"),
        pl.col("time").dt.timestamp("us").cast(pl.String),
        pl.col("value").cast(pl.String),
        pl.col("query"),
    )
    return pl.concat_str([part.fill_null("") for part in parts], separator=_SEPARATOR)


def _ids(digests: pl.Series) -> pl.Expr:
    """The second, then 24 hex digits: a log in order of time gives ids in order, which stores like."""
    text = pl.lit(digests).bin.slice(0, _ID_BYTES).bin.encode("hex")
    second = pl.col("time").dt.epoch("s").cast(pl.String)
    return (
        pl.when(second.is_null())
        .then(text)
        .otherwise(pl.concat_str(second, text, separator="-"))
        .alias("event_id")
    )
