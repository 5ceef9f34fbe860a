"""One answer in the terminal: recommend, search, similar, explain, parse."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api.routes.answering import understood
from api.state import ServingState
from nlu.flat import parsed_to_json
from ranking.engine import Ask
from ranking.serialise import to_json
from shopgraph.commands import explaining
from shopgraph.commands.loaded import loaded, spoken
from shopgraph.commands.options import (
    Diversity,
    Json,
    Language,
    N,
    Novelty,
    Store,
    utc_now,
)
from shopgraph.errors import BadSettings
from shopgraph.parse_batch import parsed_lines, read_lines
from shopgraph.terminal import print_json, print_list, print_table, results
from shopgraph.types import ParsedQuery

app = typer.Typer()
app.add_typer(explaining.app)

Reasons = Annotated[int, typer.Option("--reasons", min=0, max=10, help="Most reasons an item.")]


@app.command()
def recommend(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The shop's id of the shopper.")],
    store: Store = None,
    n: N = 10,
    reasons: Reasons = 3,
    diversity: Diversity = None,
    novelty: Novelty = None,
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """Items for a shopper, with the reasons."""
    ask = Ask(
        user_id=user,
        n=n,
        reasons=reasons,
        language=spoken(language),
        diversity=diversity,
        novelty=novelty,
        now=utc_now(),
    )
    _answer(loaded(context, store), ask, f"For {user}", as_json)


@app.command()
def search(
    context: typer.Context,
    words: Annotated[str, typer.Argument(help="What the shopper says, English or Chinese.")],
    user: Annotated[str | None, typer.Option("--user", help="Makes the order personal.")] = None,
    store: Store = None,
    n: N = 10,
    reasons: Reasons = 3,
    diversity: Diversity = None,
    novelty: Novelty = None,
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """Items by words."""
    serving = loaded(context, store)
    parsed, vector = understood(serving, words)
    ask = Ask(
        user_id=user,
        n=n,
        reasons=reasons,
        language=spoken(language),
        parsed=parsed,
        query_vector=vector,
        diversity=diversity,
        novelty=novelty,
        now=utc_now(),
    )
    _answer(serving, ask, f"“{words}”", as_json)


@app.command()
def similar(
    context: typer.Context,
    item: Annotated[str, typer.Argument(help="The shop's id of the item.")],
    store: Store = None,
    n: N = 10,
    reasons: Reasons = 3,
    diversity: Diversity = None,
    novelty: Novelty = None,
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """Items like this one."""
    ask = Ask(
        similar_to=item,
        n=n,
        reasons=reasons,
        language=spoken(language),
        diversity=diversity,
        novelty=novelty,
        now=utc_now(),
    )
    _answer(loaded(context, store), ask, f"Like {item}", as_json)


@app.command()
def parse(
    context: typer.Context,
    words: Annotated[str | None, typer.Argument(help="What the shopper says.")] = None,
    batch: Annotated[
        Path | None,
        typer.Option("--batch", help="JSON lines with id, text and, in dialogues, dialogue and turn."),
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """The words as entities of this shop's graph."""
    if (words is None) == (batch is None):
        raise BadSettings("parse: give the words or --batch FILE, one of them")
    lines = read_lines(batch) if batch is not None else []
    parser = loaded(context, store).parser
    if words is None:
        for line in parsed_lines(parser, lines):
            print_json(line)
    elif as_json:
        print_json(parsed_to_json(parser.parse(words)))
    else:
        _show_parsed(parser.parse(words))


def _show_parsed(parsed: ParsedQuery) -> None:
    wanted = (*parsed.category, *parsed.brand, *parsed.attribute, *parsed.item)
    out = (*parsed.exclude.category, *parsed.exclude.brand, *parsed.exclude.attribute)
    slots = [{**asdict(slot), "wanted": "yes"} for slot in wanted]
    slots += [{**asdict(slot), "wanted": "no"} for slot in out]
    print_table(f"“{parsed.text}” ({parsed.language}, {parsed.intent})", slots)
    said = ("price_min", "price_max", "currency", "audience", "sort")
    for name in said:
        if (value := getattr(parsed, name)) is not None:
            results.print(f"{name}: {value}", markup=False)
    for missing in parsed.missing:
        near = ", ".join(slot.name for slot in missing.nearest)
        results.print(f"not in this shop: {missing.text!r}; nearest: {near}", markup=False)
    results.print(f"rest: {parsed.rest!r}", markup=False)


def _answer(serving: ServingState, ask: Ask, heading: str, as_json: bool) -> None:
    body = to_json(serving.engine.answer(ask))
    if as_json:
        print_json(body)
    else:
        print_list(body, heading)
