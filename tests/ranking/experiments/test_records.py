from ranking.experiments.interleave import credits
from ranking.experiments.records import observed
from ranking.tokens import Signer, Trial
from tests.ranking.experiments.made import NOON

SIGNER = Signer(b"k" * 32)


def test_the_id_alone_says_whose_answer_it_was() -> None:
    trial = Trial("e1", "alias", "cold", credits(["i1", "i2"], [1, 0]))
    token = SIGNER.recommendation_id("v1", NOON, arm="both", propensity=1.0, trial=trial)
    exposure = SIGNER.verify(token)
    assert exposure.trial == trial
    found = observed("ev1", "select_item", exposure, NOON, "i1", 9.0)
    assert found is not None
    assert (found.unit, found.arm, found.segment, found.team, found.money) == (
        "alias",
        "both",
        "cold",
        1,
        0.0,
    )
    assert found.answered == NOON.timestamp()
    bought = observed("ev2", "purchase", exposure, NOON, "i2", 9.0)
    assert bought is not None
    assert (bought.money, bought.team) == (9.0, 0)


def test_what_is_no_part_of_an_experiment_is_not_recorded() -> None:
    outside = SIGNER.verify(SIGNER.recommendation_id("v1", NOON))
    assert observed("ev", "purchase", outside, NOON, "i1", 1.0) is None
    inside = SIGNER.verify(SIGNER.recommendation_id("v1", NOON, arm="b", trial=Trial("e1", "u", "warm")))
    assert observed("ev", "rate", inside, NOON, "i1", 1.0) is None


def test_a_list_of_two_hundred_fits_into_its_id() -> None:
    items = [f"item {n}" for n in range(200)]
    trial = Trial("x" * 32, "u" * 12, "heavy", credits(items, [n % 2 for n in range(200)]))
    token = SIGNER.recommendation_id("20260131T120000Z-1f0c9a", NOON, arm="both", trial=trial)
    assert len(token) <= 1_024
    assert SIGNER.verify(token).trial == trial
    plain = Trial("x" * 32, "u" * 12, "heavy")
    assert len(SIGNER.recommendation_id("20260131T120000Z-1f0c9a", NOON, arm="y" * 32, trial=plain)) <= 320
