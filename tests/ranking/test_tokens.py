"""ranking/tokens.py: what was signed comes back, nothing else does."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.tokens import Cursor, Signer
from shopgraph.errors import BadRecord

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
SIGNER = Signer(b"k" * 32)
CURSOR = Cursor(20, NOW, 3, "digest", "v1")


def test_recommendation_id_says_model_arm_propensity_and_time() -> None:
    exposure = SIGNER.verify(SIGNER.recommendation_id("v1", NOW, arm="b", propensity=0.25))
    assert (exposure.model_version, exposure.arm, exposure.propensity) == ("v1", "b", 0.25)
    assert abs((exposure.time - NOW).total_seconds()) < 1e-3


def test_two_ids_of_one_moment_differ_and_fit_where_ids_go() -> None:
    first, second = (SIGNER.recommendation_id("20260131T120000Z-1f0c9a", NOW) for _ in range(2))
    assert first != second
    assert len(first) <= 256


def test_cursor_comes_back_to_the_microsecond() -> None:
    assert SIGNER.read_cursor(SIGNER.cursor(CURSOR)) == CURSOR


def test_other_key_refuses_the_id() -> None:
    with pytest.raises(BadRecord, match="recommendation_id"):
        Signer(b"x" * 32).verify(SIGNER.recommendation_id("v1", NOW))


def test_cursor_is_not_a_recommendation_id() -> None:
    with pytest.raises(BadRecord):
        SIGNER.verify(SIGNER.cursor(CURSOR))


@given(place=st.integers(0, 10_000), bit=st.integers(0, 5))
def test_any_changed_bit_is_refused(place: int, bit: int) -> None:
    token = SIGNER.cursor(CURSOR)
    encoded, _, mac = token.partition(".")
    payload = bytearray(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    payload[place % len(payload)] ^= 1 << bit
    forged = base64.urlsafe_b64encode(bytes(payload)).rstrip(b"=").decode()
    with pytest.raises(BadRecord):
        SIGNER.read_cursor(f"{forged}.{mac}")


@pytest.mark.parametrize("token", ["", ".", "a.b", "no dot", "é.é", "\0", "A" * 10_000, "=.=", "W10.AAAA"])
def test_hostile_tokens_are_refused_with_the_fields_name(token: str) -> None:
    with pytest.raises(BadRecord, match="cursor: is not one that this service gave out"):
        SIGNER.read_cursor(token)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(token: str) -> None:
    with pytest.raises(BadRecord):
        SIGNER.verify(token)


def test_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Signer(b"secret")
