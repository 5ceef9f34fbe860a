"""What is said of skin or hair in a sentence: "my hair is so dry and frizzy", "皮肤有点干"."""

import re
from collections.abc import Iterator

from nlu.grammar.data import table, words
from nlu.grammar.quantities import Quantity
from nlu.names import is_han

_NAMES = {
    (thing, state): name
    for things, states, name in table("states")
    for thing in words(things)
    for state in words(states)
}
_VERY = (
    r"(?: (?:really|very|so|quite|super|a bit|kinda|always|pretty|extremely|too|a little|super|often|both))*"
)
_VERY_ZH = "(?:很|比较|有点儿?|特别|超级?|非常|总是|又|好|太|容易|老是|一直|偏|比较偏)*"


def _one_of(sayings: set[str]) -> str:
    return "|".join(sorted(sayings, key=len, reverse=True))


_THINGS, _STATES = ({pair[part] for pair in _NAMES} for part in (0, 1))
_LATIN_STATE = _one_of({state for state in _STATES if not is_han(state)})
_HAN_STATE = _one_of({state for state in _STATES if is_han(state)})
_SAID = re.compile(
    rf"\b(?P<thing>{_one_of({thing for thing in _THINGS if not is_han(thing)})})"
    rf"(?:'s| is| are| gets?| feels?| tends? to be| has been){_VERY} (?P<state>{_LATIN_STATE})\b"
    rf"(?:(?:,| and|, and| but){_VERY} (?P<second>{_LATIN_STATE})\b)?"
    rf"|(?P<thing_zh>{_one_of({thing for thing in _THINGS if is_han(thing)})}){_VERY_ZH}"
    rf"(?P<state_zh>{_HAN_STATE})(?:[,,、]?(?:又|还|而且|也|和|且){_VERY_ZH}(?P<second_zh>{_HAN_STATE}))?"
)


def find_states(folded: str) -> Iterator[Quantity]:
    """The attributes that sentences about skin and hair name, with their places."""
    for match in _SAID.finditer(folded):
        thing = match["thing"] or match["thing_zh"]
        for state in (match["state"] or match["state_zh"], match["second"] or match["second_zh"]):
            if state and (name := _NAMES.get((thing, state))):
                yield Quantity(name, match.start(), match.end())
