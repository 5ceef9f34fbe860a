"""The shop's rules: reading, changing, taking back, moving them as a file."""

import re
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request
from fastapi.responses import Response

from api.examples import answers
from api.problems import problem
from api.routes.answering import json_response, now
from api.rule_models import (
    AUDIT_ENTRY,
    FINDING,
    RULE,
    AuditEntryOut,
    AuditOut,
    FindingsOut,
    RuleChanges,
    RulesOut,
    UndoIn,
)
from api.state import Rules, Serving
from ranking.rules.book import AuditEntry, RuleConflict
from ranking.rules.changed import changed_rules
from ranking.rules.conflicts import Checker
from ranking.rules.exchange import rules_of_text, rules_to_text
from ranking.rules.schema import Draft, Name, Rule, RuleId

router = APIRouter(prefix="/v1/rules", tags=["rules"])

ThatRule = Annotated[RuleId, Path(description="The rule's id.", examples=["summer-own-brand"])]
Version = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of the version that was changed.", examples=['"1"']),
]
Author = Annotated[Name, Query(description="Who does it.", examples=["mia"])]
Reason = Annotated[str, Query(max_length=2_000, description="Why.")]
_ETAG = re.compile(r'(?:W/)?"?(\d{1,9})"?')


@router.get(
    "", response_model=RulesOut, summary="All rules", responses=answers({"revision": 12, "rules": [RULE]})
)
def list_rules(rules: Rules) -> Response:
    """In the order of composing: by priority, then the older first. Those that have ended are among them."""
    found = rules.current()
    body = [rule.model_dump(mode="json") for rule in found.rules]
    return json_response({"revision": found.revision, "rules": body})


@router.post(
    "",
    response_model=Rule,
    status_code=201,
    summary="Add a rule",
    responses=answers(RULE, 201, 409, 503),
)
def add_rule(body: Draft, rules: Rules) -> Response:
    """It holds from the next request on, in every worker."""
    return _one(rules.add(body, now()), 201)


@router.get(
    "/audit",
    response_model=AuditOut,
    summary="Who changed what",
    responses=answers({"entries": [AUDIT_ENTRY]}),
)
def audit(
    rules: Rules,
    after: Annotated[int, Query(ge=0, description="Entries after this number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """The log of all changes, oldest first. Nothing of it is ever changed."""
    return json_response({"entries": [_entry(entry) for entry in rules.audit(after, limit)]})


@router.get("/export", summary="All rules as a file", responses=answers([RULE]))
def export(rules: Rules) -> Response:
    """A JSON array with one rule a line, which `/v1/rules/import` takes."""
    named = {"Content-Disposition": 'attachment; filename="rules.json"'}
    return Response(rules_to_text(rules.current().rules), 200, named, media_type="application/json")


@router.post(
    "/import",
    response_model=AuditEntryOut,
    summary="Keep a file of rules",
    responses=answers(AUDIT_ENTRY, 200, 409, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}},
        }
    },
)
async def import_rules(
    request: Request,
    rules: Rules,
    author: Author,
    reason: Reason = "",
    replace: Annotated[bool, Query(description="Take away all rules that are not in the file.")] = False,
) -> Response:
    """All rules or none: if any is wrong, `errors` names each finding by its line and nothing is kept."""
    text = (await request.body()).decode("utf-8", "replace")
    entry = rules.replace(rules_of_text(text, author), author, reason, now(), others_stay=not replace)
    return json_response(_entry(entry))


@router.post(
    "/undo",
    response_model=AuditEntryOut,
    summary="Take a change back",
    responses=answers(AUDIT_ENTRY, 200, 404, 409, 503),
)
def undo(body: UndoIn, rules: Rules) -> Response:
    """The rules of an entry are again what they were before it, and lists what they were then."""
    return json_response(_entry(rules.undo(body.author, now(), body.number)))


@router.post(
    "/check", response_model=FindingsOut, summary="Find conflicts", responses=answers({"findings": [FINDING]})
)
def check(body: RuleChanges, rules: Rules, serving: Serving) -> Response:
    """Conflicts among the rules as they would be after a change; nothing is kept."""
    wanted = changed_rules(rules.current().rules, body.add, body.remove, now())
    checker = Checker(serving.engine.catalogue, serving.engine.hybrid)
    return json_response({"findings": [asdict(found) for found in checker.findings(wanted, now())]})


@router.get("/{rule_id}", response_model=Rule, summary="One rule", responses=answers(RULE, 200, 404))
def get_rule(rule_id: ThatRule, rules: Rules) -> Response:
    """Its ETag is its version, which a change has to name."""
    return _one(rules.get(rule_id))


@router.put(
    "/{rule_id}",
    response_model=Rule,
    summary="Change a rule",
    responses=answers(RULE, 200, 404, 409, 428, 503),
)
def change_rule(
    rule_id: ThatRule, body: Draft, rules: Rules, request: Request, if_match: Version = None
) -> Response:
    """All of its content anew. If somebody else changed it first: 409 with `current` and `sent`."""
    expected = _version(if_match)
    try:
        return _one(rules.change(rule_id, body, expected, now()))
    except RuleConflict as exc:
        return _conflict(exc, request)


@router.delete(
    "/{rule_id}",
    status_code=204,
    summary="Take a rule away",
    responses=answers(None, 204, 404, 409, 428, 503),
)
def remove_rule(
    rule_id: ThatRule,
    rules: Rules,
    request: Request,
    author: Author,
    reason: Reason = "",
    if_match: Version = None,
) -> Response:
    """It can be taken back by `/v1/rules/undo`."""
    expected = _version(if_match)
    try:
        rules.remove(rule_id, author, reason, expected, now())
    except RuleConflict as exc:
        return _conflict(exc, request)
    return Response(status_code=204)


def _one(rule: Rule, status: int = 200) -> Response:
    response = json_response(rule.model_dump(mode="json"), status)
    response.headers["ETag"] = f'"{rule.version}"'
    return response


def _version(if_match: str | None) -> int:
    if if_match is None:
        raise HTTPException(428, "send If-Match with the ETag of the version that you changed")
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise HTTPException(428, 'If-Match is no ETag of a rule: expected a number, as "3"')
    return int(found[1])


def _conflict(exc: RuleConflict, request: Request) -> Response:
    both = {
        "expected": exc.expected,
        "current": None if exc.current is None else exc.current.model_dump(mode="json"),
        "sent": None if exc.sent is None else exc.sent.model_dump(mode="json"),
    }
    return problem(409, str(exc), request.url.path, more=both)


def _entry(entry: AuditEntry) -> dict[str, object]:
    changes = [
        {
            "rule_id": change.rule_id,
            "before": None if change.before is None else change.before.model_dump(mode="json"),
            "after": None if change.after is None else change.after.model_dump(mode="json"),
        }
        for change in entry.changes
    ]
    body = {name: getattr(entry, name) for name in ("number", "time", "author", "action", "reason", "undoes")}
    return {**body, "changes": changes}
