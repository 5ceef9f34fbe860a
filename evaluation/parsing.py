"""How well a parser's answers agree with labels: intent, slots, prices, exclusions, frames, dialogue states.

A label may say "paraben free" among the attributes or rule parabens out; both mean one thing, so either
answer is right for either label, and it counts where the label says it. What a label calls optional
(a product line, a name dropped in passing) is neither asked for nor wrong.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from evaluation.labelled_queries import FlatQuery, LabelledQuery, fold_attribute, fold_name


@dataclass(frozen=True)
class ParsingScores:
    """Agreement over some queries; all but the counts in [0, 1].

    Attributes:
        n_queries: queries or turns scored.
        n_prices: those with a price in the label or in the answer.
        intent: share with the label's intent.
        category, brand, attribute, exclude: F1 = 2·tp / (2·tp + fp + fn), tp, fp and fn summed over all
            queries (micro); 1 where nothing was to be found and nothing was found. `exclude` takes brands,
            categories and attributes together.
        price: share with both ends as labelled, absent where the label has none.
        price_stated: the same, only over the `n_prices`.
        frame: share with everything right but `attribute`: intent, category, brand, price, audience, sort
            and all of exclude.
        frame_and_attributes: share with attributes right, too.
    """

    n_queries: int
    n_prices: int
    intent: float
    category: float
    brand: float
    attribute: float
    exclude: float
    price: float
    price_stated: float
    frame: float
    frame_and_attributes: float


def parsing_scores(labelled: Sequence[LabelledQuery], answers: Mapping[str, FlatQuery]) -> ParsingScores:
    """Agreement of the answers, found by the queries' ids, with the labels.

    Over the turns of dialogues `frame` is the dialogue state accuracy: the share of turns after which
    the whole state (all but `attribute`) is right.

    Raises:
        ValueError: there is no query, or one has no answer.
    """
    if not labelled:
        raise ValueError("there is no query to score")
    if unanswered := [query.id for query in labelled if query.id not in answers]:
        raise ValueError(f"{len(unanswered)} queries have no answer, among them {unanswered[0]!r}")
    judged = [_judge(query, answers[query.id]) for query in labelled]
    stated = [one.price for one in judged if one.has_price]
    return ParsingScores(
        n_queries=len(judged),
        n_prices=len(stated),
        intent=_share(one.intent for one in judged),
        category=_f1(one.category for one in judged),
        brand=_f1(one.brand for one in judged),
        attribute=_f1(one.attribute for one in judged),
        exclude=_f1(one.exclude for one in judged),
        price=_share(one.price for one in judged),
        price_stated=_share(stated),
        frame=_share(one.frame for one in judged),
        frame_and_attributes=_share(one.frame and one.attribute.exact for one in judged),
    )


def scores_by_group(
    labelled: Sequence[LabelledQuery], answers: Mapping[str, FlatQuery]
) -> dict[str, ParsingScores]:
    """Scores of `all`, of each language, of each shop and of each pair (`beauty-en`) that has queries."""
    groups: dict[str, list[LabelledQuery]] = {"all": list(labelled)}
    for query in labelled:
        for name in (query.language, query.shop, f"{query.shop}-{query.language}"):
            groups.setdefault(name, []).append(query)
    return {name: parsing_scores(queries, answers) for name, queries in groups.items()}


def differences(query: LabelledQuery, answer: FlatQuery) -> tuple[str, ...]:
    """The parts of the frame that the answer has wrong, `attribute` among them, in the frame's order."""
    judged = _judge(query, answer)
    return tuple(
        name
        for name in ("intent", "category", "brand", "attribute", "price", "audience", "exclude", "sort")
        if not _right(getattr(judged, name))
    )


# --- one query -----------------------------------------------------------------------------------


class _Counts(NamedTuple):
    hits: int
    wrong: int
    missed: int

    @property
    def exact(self) -> bool:
        return not self.wrong and not self.missed


class _Judged(NamedTuple):
    intent: bool
    category: _Counts
    brand: _Counts
    attribute: _Counts
    price: bool
    has_price: bool
    audience: bool
    exclude: _Counts
    sort: bool

    @property
    def frame(self) -> bool:
        flags = self.intent and self.price and self.audience and self.sort
        return flags and self.category.exact and self.brand.exact and self.exclude.exact


class _Attributes(NamedTuple):
    """Folded attributes of one side: those wanted, those wanted absent ("X free"), those ruled out."""

    wanted: frozenset[str]
    absent: frozenset[str]
    ruled_out: frozenset[str]


def _judge(query: LabelledQuery, answer: FlatQuery) -> _Judged:
    label, may = query.parsed, query.optional
    attribute, ruled_out = _attribute_counts(label, answer, may.attribute)
    brands, categories = _folded(may.brand), _folded(may.category)
    exclude = (
        ruled_out,
        _counts(_folded(label.exclude.brand), _folded(answer.exclude.brand), brands),
        _counts(_folded(label.exclude.category), _folded(answer.exclude.category), categories),
    )
    ends = (label.price_min, label.price_max, answer.price_min, answer.price_max)
    return _Judged(
        intent=label.intent == answer.intent,
        category=_counts(_folded(label.category), _folded(answer.category), categories),
        brand=_counts(_folded(label.brand), _folded(answer.brand), brands),
        attribute=attribute,
        price=_same(label.price_min, answer.price_min) and _same(label.price_max, answer.price_max),
        has_price=any(end is not None for end in ends),
        audience=label.audience == answer.audience,
        exclude=_sum(exclude),
        sort=label.sort == answer.sort,
    )


def _attribute_counts(
    label: FlatQuery, answer: FlatQuery, optional: Sequence[str]
) -> tuple[_Counts, _Counts]:
    """Counts of `attribute` and of `exclude.attribute`, where "X free" and ruling X out answer each other."""
    true, said = _attributes(label), _attributes(answer)
    may = frozenset().union(*_split(optional))
    either_said, either_true = said.absent | said.ruled_out, true.absent | true.ruled_out
    wanted = _counts(true.wanted, said.wanted, may)
    absent = _two_sided(true.absent, either_said, said.absent - either_true - may)
    ruled_out = _two_sided(true.ruled_out, either_said, said.ruled_out - either_true - may)
    return _sum((wanted, absent)), ruled_out


def _attributes(query: FlatQuery) -> _Attributes:
    wanted, absent = _split(query.attribute)
    return _Attributes(wanted, absent, frozenset(map(fold_attribute, query.exclude.attribute)))


def _split(attributes: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Folded attributes without those of the form "X free", and the X of those."""
    folded = [fold_attribute(attribute) for attribute in attributes]
    absent = {name: match.group(1) or match.group(2) for name in folded if (match := _ABSENT.fullmatch(name))}
    return frozenset(folded) - frozenset(absent), frozenset(absent.values())


def _counts(true: AbstractSet[str], said: AbstractSet[str], optional: AbstractSet[str]) -> _Counts:
    return _two_sided(true, said, said - true - optional)


def _two_sided(true: AbstractSet[str], said: AbstractSet[str], wrong: AbstractSet[str]) -> _Counts:
    return _Counts(len(true & said), len(wrong), len(true - said))


def _sum(counts: Iterable[_Counts]) -> _Counts:
    hits, wrong, missed = zip(*counts, strict=True)
    return _Counts(sum(hits), sum(wrong), sum(missed))


def _f1(counts: Iterable[_Counts]) -> float:
    hits, wrong, missed = _sum(counts)
    return 2 * hits / (2 * hits + wrong + missed) if hits + wrong + missed else 1.0


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values) if values else 1.0


def _right(verdict: bool | _Counts) -> bool:
    return verdict if isinstance(verdict, bool) else verdict.exact


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < _CENT / 2


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(fold_name, names))


_CENT = 0.01
_ABSENT = re.compile(r"(.+) free|(?:non|no|without) (.+)")
