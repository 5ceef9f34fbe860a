from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from graph.readers.event_ids import EventIds
from graph.store import EVENT_SCHEMA


def events(*rows: tuple[str, str]) -> pl.DataFrame:
    """Views of (user, item)."""
    given_columns = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row").with_columns(
        pl.lit("view_item").alias("name")
    )
    return given_columns.select(
        (pl.col(name) if name in given_columns.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in EVENT_SCHEMA.items()
    )


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=20), min_size=1, max_size=8))
def test_occurrences_are_counted_across_batches(batches: list[list[int]]) -> None:
    ids, before, expected = EventIds(), Counter[int](), dict[str, tuple[int, int]]()
    for batch in batches:
        filled = ids.filled(events(*(("u", str(n)) for n in batch)))
        for n, event_id in zip(batch, filled["event_id"], strict=True):
            assert event_id not in expected
            expected[event_id] = n, before[n]
            before[n] += 1
    whole = EventIds().filled(events(*(("u", str(n)) for batch in batches for n in batch)))
    assert whole["event_id"].to_list() == list(expected)


def test_every_part_of_what_an_event_says_counts() -> None:
    plain = events(("u", "i"))
    changes = [
        pl.lit("purchase").alias("name"),
        pl.lit("v").alias("user_id"),
        pl.lit("j").alias("item_id"),
        pl.lit(datetime(2025, 1, 1, tzinfo=UTC)).cast(EVENT_SCHEMA["time"]).alias("time"),
        pl.lit(2.0, pl.Float32).alias("value"),
        pl.lit("hat").alias("query"),
    ]
    frames = [plain, *(plain.with_columns(change) for change in changes)]
    assert len({EventIds().filled(frame)["event_id"][0] for frame in frames}) == len(frames)


def test_ids_of_the_source_are_kept() -> None:
    frame = events(("u", "i"), ("u", "i"), ("u", "j")).with_columns(
        pl.Series("event_id", [None, "mine", None])
    )
    first, second, third = EventIds().filled(frame)["event_id"]
    assert second == "mine"
    assert first == EventIds().filled(events(("u", "i")))["event_id"][0]
    assert third == EventIds().filled(events(("u", "j")))["event_id"][0]


def test_the_id_of_an_event_never_changes() -> None:
    # Stores hold such ids: another derivation would double their events at the next reading.
    said = "view_item\x1fu1\x1fi1\x1f\x1f\x1f"
    expected = [sha256(text.encode()).hexdigest()[:24] for text in (said, f"1\x1f{said}")]
    assert EventIds().filled(events(("u1", "i1"), ("u1", "i1")))["event_id"].to_list() == expected
    noon = events(("u1", "i1")).with_columns(
        pl.lit(datetime(2025, 1, 1, tzinfo=UTC)).cast(EVENT_SCHEMA["time"]).alias("time")
    )
    said = "view_item\x1fu1\x1fi1\x1f1735689600000000\x1f\x1f"
    assert EventIds().filled(noon)["event_id"][0] == "1735689600-" + sha256(said.encode()).hexdigest()[:24]
