"""`shopgraph rules`: a merchandiser's rules in the terminal."""

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from ranking.rules.book import AuditEntry, RuleBook
from ranking.rules.changed import changed_rules
from ranking.rules.conflicts import Checker
from ranking.rules.exchange import findings, rules_of_text, rules_to_text
from ranking.rules.schema import Draft, Rule
from shopgraph.commands.loaded import loaded
from shopgraph.commands.options import Json, Store, root_of, settings_of, utc_now
from shopgraph.dialogues import open_ledger
from shopgraph.errors import BadRecord, BadSource
from shopgraph.terminal import note, print_json, print_table

app = typer.Typer()
rules_app = typer.Typer(no_args_is_help=True, help="The shop's rules: what lists hide, pin, boost, cap, ban.")
app.add_typer(rules_app, name="rules")

RuleArgument = Annotated[str, typer.Argument(help="The rule's id.")]
Author = Annotated[str | None, typer.Option("--author", help="Who does it; by default who is logged in.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the audit.")]
RuleFile = Annotated[
    Path | None,
    typer.Argument(help="JSON of rules as `export` writes it that are not kept yet; - for stdin."),
]


@rules_app.command("list")
def list_rules(context: typer.Context, store: Store = None, as_json: Json = False) -> None:
    """All rules, in the order of composing."""
    with rule_book(context, store) as book:
        found = book.current()
    if as_json:
        print_json({"revision": found.revision, "rules": [_body(rule) for rule in found.rules]})
    else:
        print_table("rules", [_line(rule) for rule in found.rules])


@rules_app.command()
def add(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON as POST /v1/rules takes it; - for stdin.")],
    author: Author = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Keep a new rule; a running service follows at once."""
    draft = _draft(read_text(file), author)
    with rule_book(context, store) as book:
        rule = book.add(draft, utc_now())
    _say(_body(rule), f"{rule.rule_id} is kept: “{rule.name}”", as_json)


@rules_app.command()
def remove(
    context: typer.Context,
    rule: RuleArgument,
    author: Author = None,
    reason: Reason = "",
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Only if this is still its version.")
    ] = None,
    store: Store = None,
) -> None:
    """Take a rule away; `undo` brings it back."""
    with rule_book(context, store) as book:
        expected = book.get(rule).version if version is None else version
        book.remove(rule, who(author), reason, expected, utc_now())
    note(f"{rule} is gone; `shopgraph rules undo` brings it back")


@rules_app.command()
def undo(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(help="Entry of the audit; by default the last one.")] = None,
    author: Author = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Take a change back."""
    with rule_book(context, store) as book:
        entry = book.undo(who(author), utc_now(), number)
    _say(_entry(entry), f"entry {entry.undoes} is undone by entry {entry.number}", as_json)


@rules_app.command()
def audit(
    context: typer.Context,
    after: Annotated[int, typer.Option("--after", min=0, help="Entries after this number.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most entries.")] = 1_000,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Who changed what and when, oldest first."""
    with rule_book(context, store) as book:
        entries = book.audit(after, limit)
    if as_json:
        print_json({"entries": [_entry(entry) for entry in entries]})
        return
    print_table(
        "changes",
        [
            {
                "number": entry.number,
                "time": f"{entry.time:%Y-%m-%d %H:%M}",
                "author": entry.author,
                "action": entry.action,
                "rules": ", ".join(change.rule_id for change in entry.changes),
                "reason": entry.reason,
            }
            for entry in entries
        ],
    )


@rules_app.command()
def export(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Where to; by default stdout.")] = None,
    store: Store = None,
) -> None:
    """All rules as JSON, one a line."""
    with rule_book(context, store) as book:
        text = rules_to_text(book.current().rules)
    if file is None:
        sys.stdout.write(text)
    else:
        file.write_text(text, encoding="utf-8")


@rules_app.command("import")
def import_rules(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON as `export` writes it; - for stdin.")],
    author: Author = None,
    reason: Reason = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Take away all rules that are not in the file.")
    ] = False,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Keep all rules of a file, or none if any is wrong."""
    drafts = rules_of_text(read_text(file), who(author))
    with rule_book(context, store) as book:
        entry = book.replace(drafts, who(author), reason, utc_now(), others_stay=not replace)
    _say(_entry(entry), f"{len(entry.changes)} of {len(drafts)} rules are new or changed", as_json)


@rules_app.command()
def check(context: typer.Context, file: RuleFile = None, store: Store = None, as_json: Json = False) -> None:
    """Conflicts of the rules with each other, the shop and the model."""
    drafts = [] if file is None else rules_of_text(read_text(file), who(None))
    engine = loaded(context, store).engine
    with rule_book(context, store) as book:
        wanted = changed_rules(book.current().rules, drafts, (), utc_now())
    found = Checker(engine.catalogue, engine.hybrid).findings(wanted, utc_now())
    if as_json:
        print_json({"findings": [asdict(each) for each in found]})
    elif found:
        lines = [{"kind": x.kind, "rules": ", ".join(x.rule_ids), "what": x.sentence} for x in found]
        print_table("conflicts", lines)
    else:
        note("no conflicts")


@contextmanager
def rule_book(context: typer.Context, store: str | None) -> Iterator[RuleBook]:
    """The rules of a store."""
    settings = settings_of(context)
    with closing(open_ledger(root_of(settings, store), settings)) as ledger:
        yield RuleBook(ledger)


def read_text(file: Path) -> str:
    """What a file or, for -, stdin holds."""
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSource(f"{file}: not readable: {exc}") from exc


def _draft(text: str, author: str | None) -> Draft:
    try:
        said = json.loads(text)
    except json.JSONDecodeError as exc:
        raise BadSource(f"no JSON: {exc}") from exc
    if isinstance(said, dict):
        said = {"author": who(None), **said, **({} if author is None else {"author": author})}
    try:
        return Draft.model_validate(said)
    except ValidationError as exc:
        field, reason = findings(exc)[0]
        raise BadRecord(field, reason) from exc


def who(author: str | None) -> str:
    """The one named, else who is logged in."""
    return author or getpass.getuser()


def _say(body: dict[str, Any], sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(body)
    else:
        note(sentence)


def _body(rule: Rule) -> dict[str, Any]:
    return rule.model_dump(mode="json")


def _entry(entry: AuditEntry) -> dict[str, Any]:
    changes = [
        {
            "rule_id": change.rule_id,
            "before": None if change.before is None else _body(change.before),
            "after": None if change.after is None else _body(change.after),
        }
        for change in entry.changes
    ]
    return {**asdict(entry), "time": entry.time.isoformat(), "changes": changes}


def _line(rule: Rule) -> dict[str, Any]:
    return {
        "rule": rule.rule_id,
        "name": rule.name,
        "does": ", ".join(effect.type for effect in rule.effects),
        "priority": rule.priority,
        "from": "" if rule.start is None else f"{rule.start:%Y-%m-%d %H:%M}",
        "until": "" if rule.end is None else f"{rule.end:%Y-%m-%d %H:%M}",
        "on": "yes" if rule.enabled else "no",
        "version": rule.version,
        "author": rule.author,
    }
