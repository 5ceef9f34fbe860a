"""Rules as they would be after a change that nobody has kept yet."""

from collections.abc import Collection, Sequence
from datetime import datetime

from ranking.rules.schema import Draft, Rule
from shopgraph.errors import NotFound


def changed_rules(
    rules: Sequence[Rule], added: Sequence[Draft], removed: Collection[str], now: datetime
) -> list[Rule]:
    """The rules with some added, changed (those whose id is known) or removed, in the order of composing.

    Raises:
        NotFound: one that is to be removed is not there.
    """
    known = {rule.rule_id: rule for rule in rules}
    for rule_id in removed:
        if rule_id not in known:
            raise NotFound(f"no rule {rule_id!r} to be removed")
    left = {rule_id: rule for rule_id, rule in known.items() if rule_id not in removed}
    for number, draft in enumerate(added, 1):
        rule_id = draft.rule_id or f"new-{number}"
        kept = {
            "rule_id": rule_id,
            "version": 1,
            "created": known[rule_id].created if rule_id in known else now,
            "updated": now,
        }
        left[rule_id] = Rule.model_validate(draft.model_dump() | kept)
    return sorted(left.values(), key=lambda rule: rule.order)
