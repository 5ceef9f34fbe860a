"""`shopgraph parse --batch`: lines of queries in, lines of parsed queries out, dialogues turn by turn."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from nlu.dialogue.state import EMPTY, DialogueState, after_turn
from nlu.flat import flat
from nlu.grammar.kinds import attribute_kind
from nlu.parser import QueryParser
from shopgraph.errors import BadSource
from shopgraph.types import ParsedQuery

_AT_ONCE = 64


class BatchLine(BaseModel):
    """One query; with `dialogue` it is that dialogue's `turn`. Other fields are not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str | int
    text: str
    dialogue: str | int | None = None
    turn: int | None = None


def read_lines(path: Path) -> list[BatchLine]:
    """The lines of a JSON-lines file.

    Raises:
        BadSource: the file can't be read, or a line is no query.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSource(f"{path}: not a readable text file: {exc}") from exc
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(BatchLine.model_validate_json(line))
        except ValidationError as exc:
            wrong = exc.errors(include_url=False)[0]
            raise BadSource(
                f"{path}:{number}: {'.'.join(map(str, wrong['loc'])) or 'line'}: {wrong['msg']}"
            ) from exc
    return found


def parsed_lines(parser: QueryParser, lines: Iterable[BatchLine]) -> Iterator[dict[str, object]]:
    """{id, parsed} for each line, in the order given.

    Turns of one dialogue are taken by `turn`, and each gets the whole state after it. `parsed` has the names
    of each field (the flat form, also as `flat`), and everything else beside it: the slots with their nodes
    as `slots`.
    """
    kept = list(lines)
    queries: list[ParsedQuery] = []
    for start in range(0, len(kept), _AT_ONCE):
        queries += parser.parse_batch([line.text for line in kept[start : start + _AT_ONCE]])
    order = sorted(range(len(kept)), key=lambda n: (kept[n].turn or 0, n))
    states: dict[str | int, DialogueState] = {}
    for n in order:
        dialogue = kept[n].dialogue
        if dialogue is not None:
            before = states.get(dialogue, EMPTY)
            states[dialogue] = after_turn(before, queries[n], attribute_kind, parser.shop)
            queries[n] = states[dialogue].query
    for line, query in zip(kept, queries, strict=True):
        yield {"id": line.id, "parsed": _parsed(query)}


def _parsed(query: ParsedQuery) -> dict[str, object]:
    whole = asdict(query)
    slots = {name: whole.pop(name) for name in ("category", "brand", "attribute", "item", "exclude")}
    return {**whole, **flat(query), "slots": slots, "flat": flat(query)}
