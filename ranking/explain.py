"""From a score's shares to the reasons that a reader sees.

Nothing is searched here: each reason is a share of the score (or several of one name, added up).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np

from ranking.catalogue import Catalogue
from ranking.hybrid import TEXT
from ranking.phrases import (
    Language,
    PastItem,
    against,
    feature_sentence,
    item_item_sentence,
    latent_sentence,
    path_sentence,
    rule_sentence,
    shopper_sentence,
    text_sentence,
)
from ranking.scorer import LETTERS_SHARE, part_of
from shopgraph.types import ITEM, EventType, Histories, NamedNode, NodeRef, Path, PathEdge, Reason, Share


@dataclass(frozen=True, eq=False)
class Context:
    """Whose reasons they are and how they are told.

    Attributes:
        history: batch of one; the past items of the shares are found here.
        language: of the sentences and, where known, of the items' names.
        query: the shopper's words, "" without.
        is_past: false where the history is made up (similar items): "you bought" would be untrue.
    """

    history: Histories
    language: Language
    query: str = ""
    is_past: bool = True


class Explainer:
    """Names, picks and words the shares of a score."""

    def __init__(self, catalogue: Catalogue, event_types: Sequence[EventType]) -> None:
        self._catalogue = catalogue
        self._event_names = [event.name for event in event_types]
        self._event_weights = np.array([event.default_weight for event in event_types])

    def reasons(
        self, shares: Iterable[Share], context: Context, limit: int | None, stated: Reason | None = None
    ) -> tuple[Reason, ...]:
        """The largest shares as reasons: what speaks for the item first, then what speaks against it.

        Args:
            shares: of one item.
            context: the shopper and the language.
            limit: how many; at least one graph path is among them where there is one. None: all.
            stated: a reason without a share, that comes before all others and counts as one.
        """
        first = () if stated is None else (stated,)
        merged = merge_shares(shares)
        chosen = merged if limit is None else _pick(merged, limit - len(first))
        chosen.sort(key=lambda share: (share.value < 0, -abs(share.value)))
        return (*first, *(self.reason(share, context) for share in chosen))

    def reason(self, share: Share, context: Context) -> Reason:
        """One share with its path and its sentence."""
        path = self._named(share.path, context.language)
        if share.kind == "item_item" and share.past_item_idx is not None:
            # learned from shoppers: the past item alone, as there is no edge to draw
            path = (self._catalogue.named(NodeRef(ITEM, share.past_item_idx), context.language),)
        sentence = self._sentence(share, path, context)
        if share.value < 0 and share.kind != "text":
            sentence = against(sentence, context.language)
        return Reason(part_of(share), share.value, path, sentence)

    def _sentence(self, share: Share, path: tuple[NamedNode | PathEdge, ...], context: Context) -> str:
        language = context.language
        match share.kind:
            case "path":
                return path_sentence(path, self._past(share, context), language)
            case "item_item" if share.past_item_idx is None:
                return shopper_sentence(language)
            case "item_item":
                return item_item_sentence(self._past(share, context), language)
            case "latent":
                return latent_sentence(share.name, language)
            case "feature":
                return feature_sentence(share.name, language)
            case "text":
                in_letters = share.name == LETTERS_SHARE
                return text_sentence(context.query, language, in_letters=in_letters, less=share.value < 0)
            case "rule":
                return rule_sentence(share.name, language)
            case _:
                assert_never(share.kind)

    def _past(self, share: Share, context: Context) -> PastItem:
        item_idx = share.past_item_idx
        if item_idx is None:
            raise ValueError(f"a share of kind {share.kind!r} needs its past item")
        name = self._catalogue.named(NodeRef(ITEM, item_idx), context.language).name
        if not context.is_past:
            return PastItem(name, None)
        codes = context.history.type_code[context.history.item_idx == item_idx]
        strongest = codes[np.argmax(self._event_weights[codes])]
        return PastItem(name, self._event_names[strongest])

    def _named(self, path: Path, language: Language) -> tuple[NamedNode | PathEdge, ...]:
        return tuple(
            self._catalogue.named(step, language) if isinstance(step, NodeRef) else step for step in path
        )


def merge_shares(shares: Iterable[Share], *, by_past: bool = False) -> list[Share]:
    """The shares with one for each path and past item, and `latent` as `text` and the rest, over all models.

    Their sum stays what it was; shares of 0 are left out, `latent` comes last. With `by_past` there is one
    `latent` share of each name for each past item.
    """
    merged: dict[tuple[object, ...], Share] = {}
    for share in shares:
        if share.kind == "latent":
            past = share.past_item_idx if by_past else None
            share = Share("latent", share.value, past, name=share.name if share.name == TEXT else "")
        known = merged.setdefault(_merged_by(share), replace(share, value=0.0))
        merged[_merged_by(share)] = replace(known, value=known.value + share.value)
    found = [share for share in merged.values() if share.value]
    return sorted(found, key=lambda share: share.kind == "latent")


def has_path(shares: Iterable[Share]) -> bool:
    """Whether a graph path carries any of the score."""
    return any(share.kind == "path" and share.value for share in shares)


def _merged_by(share: Share) -> tuple[object, ...]:
    """What two shares have in common that a reader would take for one: of models that agree, no names."""
    name = "" if share.kind in ("path", "item_item") else share.name
    return share.kind, share.past_item_idx, share.path, name


def _pick(merged: Sequence[Share], limit: int) -> list[Share]:
    """The largest shares by absolute value, with the best path among them if there is any."""
    ordered = sorted(merged, key=lambda share: -abs(share.value))
    chosen, left = ordered[:limit], ordered[limit:]
    if chosen and not has_path(chosen) and (paths := [share for share in left if share.kind == "path"]):
        chosen[-1] = max(paths, key=lambda share: share.value)
    return chosen
