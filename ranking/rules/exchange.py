"""Rules as a JSON text that people keep, send and edit: an array with one rule a line."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from ranking.rules.schema import Draft, Rule
from shopgraph.errors import UserMistake

_DECODER = json.JSONDecoder()
_BETWEEN = " \t\r\n,\ufeff"

MOST_FINDINGS = 100
"""Findings after which a text is read no further."""


class BadRules(UserMistake):
    """A text whose rules can't all be read: `errors` has (place, what is wrong) of each finding."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        shown = "; ".join(f"{place}: {reason}" for place, reason in errors[:3])
        more = f" and {len(errors) - 3} more" if len(errors) > 3 else ""
        super().__init__(f"nothing was imported. {shown}{more}")
        self.errors = errors


def rules_to_text(rules: Iterable[Rule]) -> str:
    """The rules' content as a JSON array, one rule a line; versions and times of change are left out."""
    lines = [
        json.dumps(rule.draft().model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
        for rule in rules
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def rules_of_text(text: str, author: str | None = None) -> list[Draft]:
    """The rules of such an array, or of JSON lines; `author` wrote those that name nobody.

    Raises:
        BadRules: any of them breaks a rule, or the text is no JSON; every finding with its line.
    """
    drafts: list[Draft] = []
    errors: list[tuple[str, str]] = []
    seen: dict[str, int] = {}
    try:
        for line, value in _values(text):
            if len(errors) > MOST_FINDINGS:
                break
            try:
                draft = Draft.model_validate(_by(author, value))
            except ValidationError as exc:
                errors += [(f"line {line}: {field}", reason) for field, reason in findings(exc)]
                continue
            if draft.rule_id is not None and seen.setdefault(draft.rule_id, line) != line:
                errors.append((f"line {line}: rule_id", f"stands in line {seen[draft.rule_id]} already"))
            drafts.append(draft)
    except json.JSONDecodeError as exc:
        errors.append((f"line {exc.lineno}", f"no JSON: {exc.msg} at column {exc.colno}"))
    except RecursionError:
        errors.append(("line 1", "no JSON of rules: nested too deep"))
    if errors:
        raise BadRules(errors)
    return drafts


def findings(exc: ValidationError) -> list[tuple[str, str]]:
    """What is wrong with which field, without the values; an effect's kind is no field."""
    return [
        (_field(error["loc"]), error["msg"].removeprefix("Value error, "))
        for error in exc.errors(include_input=False, include_url=False)
    ]


def _field(place: tuple[int | str, ...]) -> str:
    parts = [str(part) for part in place]
    kept = [
        part
        for n, part in enumerate(parts)
        if not (n and (parts[n - 1] == "effect" or parts[n - 2 : n - 1] == ["effects"]))
    ]
    return ".".join(kept) or "rule"


def _by(author: str | None, value: object) -> object:
    if author is None or not isinstance(value, dict):
        return value
    return {"author": author, **value}


def _values(text: str) -> Iterator[tuple[int, Any]]:
    """Each value with the line where it begins."""
    at = _past(text, 0, _BETWEEN)
    in_array = text.startswith("[", at)
    at = _past(text, at + in_array, _BETWEEN)
    line, counted = 1, 0
    while at < len(text) and not (in_array and text[at] == "]"):
        value, end = _DECODER.raw_decode(text, at)
        line, counted = line + text.count("\n", counted, at), at
        yield line, value
        at = _past(text, end, _BETWEEN)
    if in_array and at >= len(text):
        raise json.JSONDecodeError("the array has no end", text, len(text))
    if in_array and text[at + 1 :].strip():
        raise json.JSONDecodeError("something follows the array", text, at + 1)


def _past(text: str, at: int, chars: str) -> int:
    while at < len(text) and text[at] in chars:
        at += 1
    return at
