"""One answer in the terminal: recommend, search, similar, explain, parse."""

from dataclasses import asdict
from typing import Annotated

import typer

from api.routes.answering import understood
from api.state import ServingState
from ranking.engine import Ask
from ranking.phrases import Language as Spoken
from ranking.serialise import explanation_to_json, to_json
from shopgraph import pipeline
from shopgraph.commands.options import Json, Language, N, Store, opened, root_of, settings_of, utc_now
from shopgraph.errors import BadSettings
from shopgraph.terminal import print_json, print_list, print_table, results

app = typer.Typer()

Reasons = Annotated[int, typer.Option("--reasons", min=0, max=10, help="Most reasons an item.")]


@app.command()
def recommend(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The shop's id of the shopper.")],
    store: Store = None,
    n: N = 10,
    reasons: Reasons = 3,
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """Items for a shopper, with the reasons."""
    ask = Ask(user_id=user, n=n, reasons=reasons, language=_spoken(language), now=utc_now())
    _answer(_serving(context, store), ask, f"For {user}", as_json)


@app.command()
def search(
    context: typer.Context,
    words: Annotated[str, typer.Argument(help="What the shopper says, English or Chinese.")],
    user: Annotated[str | None, typer.Option("--user", help="Makes the order personal.")] = None,
    store: Store = None,
    n: N = 10,
    reasons: Reasons = 3,
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """Items by words."""
    serving = _serving(context, store)
    parsed, vector = understood(serving, words)
    ask = Ask(
        user_id=user,
        n=n,
        reasons=reasons,
        language=_spoken(language),
        parsed=parsed,
        query_vector=vector,
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
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """Items like this one."""
    ask = Ask(similar_to=item, n=n, reasons=reasons, language=_spoken(language), now=utc_now())
    _answer(_serving(context, store), ask, f"Like {item}", as_json)


@app.command()
def explain(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The shop's id of the shopper.")],
    item: Annotated[str, typer.Argument(help="The shop's id of the item.")],
    store: Store = None,
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """Every share of one item's score; the shares sum to the score."""
    engine = _serving(context, store).engine
    found = engine.explain(user, item, now=utc_now(), language=_spoken(language))
    body = explanation_to_json(found)
    if as_json:
        print_json(body)
        return
    results.print(
        f"{body['title']} for {user}: score {body['score']:.4f}, rank {body['rank']} of {body['n_ranked']:,}",
        markup=False,
    )
    parts = [{"part": part, "score": value} for part, value in body["score_parts"].items()]
    print_table("parts", parts)
    shares = [
        {"share": reason["share"], "part": reason["part"], "why": reason["text"]}
        for reason in body["reasons"]
    ]
    print_table("shares", shares)


@app.command()
def parse(
    context: typer.Context,
    words: Annotated[str, typer.Argument(help="What the shopper says.")],
    store: Store = None,
    as_json: Json = False,
) -> None:
    """The words as entities of this shop's graph."""
    parsed = _serving(context, store).parser.parse(words)
    if as_json:
        print_json(asdict(parsed))
        return
    slots = [asdict(slot) for slot in (*parsed.category, *parsed.brand)]
    print_table(f"“{parsed.text}” ({parsed.language})", slots)
    results.print(f"rest: {parsed.rest!r}", markup=False)


def _serving(context: typer.Context, store: str | None) -> ServingState:
    settings = settings_of(context)
    return pipeline.load(root_of(settings, store), opened(settings, store), settings, utc_now())


def _answer(serving: ServingState, ask: Ask, heading: str, as_json: bool) -> None:
    body = to_json(serving.engine.answer(ask))
    if as_json:
        print_json(body)
    else:
        print_list(body, heading)


def _spoken(language: str) -> Spoken:
    match language:
        case "en" | "zh":
            return language
        case _:
            raise BadSettings(f"--language {language!r}: expected en or zh")
