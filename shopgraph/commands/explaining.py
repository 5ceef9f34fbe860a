"""Why an item stands where it does, in the terminal: explain."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from api.routes.answering import understood
from api.state import ServingState
from ranking.contrast import contrast
from ranking.counterfactual import (
    Without,
    WithoutEdge,
    WithoutPast,
    WithoutRelation,
    WithoutWord,
    counterfactual,
)
from ranking.decomposition import decompose
from ranking.engine import Ask
from ranking.serialise import explanation_to_json
from ranking.serialise_why import (
    contrast_to_json,
    counterfactual_to_json,
    decomposition_to_json,
    smallest_to_json,
)
from ranking.smallest import smallest_set
from shopgraph.commands.loaded import loaded, spoken
from shopgraph.commands.options import Json, Language, N, Store, utc_now
from shopgraph.errors import BadSettings
from shopgraph.terminal import note, print_json, print_table, results

app = typer.Typer()

NOBODY = "-"
"""Stands for a shopper where words alone are asked with."""

_EDGE = re.compile(r"(?P<src>\w+):(?P<src_id>.+) -(?P<relation>\w+)-> (?P<dst>\w+):(?P<dst_id>.+)", re.DOTALL)


@app.command()
def explain(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help=f"The shop's id of the shopper; {NOBODY} for nobody.")],
    item: Annotated[str, typer.Argument(help="The shop's id of the item.")],
    words: Annotated[str, typer.Option("--words", help="What was searched for.")] = "",
    tree: Annotated[bool, typer.Option("--tree", help="Parts, past items, paths.")] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            help="Score and rank without a fact: past:ITEM, event:NAME:ITEM, relation:NAME, word:WORD or "
            "'edge:Item:ID -MADE_BY-> Brand:ID'. May be given several times.",
        ),
    ] = None,
    smallest: Annotated[
        bool, typer.Option("--smallest", help="The fewest past items that keep it in the first -n.")
    ] = False,
    n: N = 10,
    versus: Annotated[str | None, typer.Option("--versus", help="Another item to compare with.")] = None,
    store: Store = None,
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """Every share of one item's score, or what it would be without some facts, or beside another item."""
    if sum((tree, bool(without), smallest, versus is not None)) > 1:
        raise BadSettings("explain: take one of --tree, --without, --smallest and --versus at a time")
    facts = [fact_of(text) for text in without or ()]
    serving = loaded(context, store)
    parsed, vector = understood(serving, words) if words.strip() else (None, None)
    ask = Ask(
        user_id=None if user == NOBODY else user,
        now=utc_now(),
        language=spoken(language),
        parsed=parsed,
        query_vector=vector,
    )
    n_places = n if smallest else None
    body, show = _answer(serving, ask, item, tree, facts, n_places, versus)
    if as_json:
        print_json(body)
    else:
        show(body)


def fact_of(text: str) -> Without:
    """What `--without` names.

    Raises:
        BadSettings: it is of no known form.
    """
    kind, _, rest = text.partition(":")
    name, _, event_item = rest.partition(":")
    edge = _EDGE.fullmatch(rest) if kind == "edge" else None
    if rest and kind == "past":
        return WithoutPast(rest)
    if name and event_item and kind == "event":
        return WithoutPast(event_item, name)
    if rest and kind == "relation":
        return WithoutRelation(rest)
    if rest and kind == "word":
        return WithoutWord(rest)
    if edge is not None:
        return WithoutEdge((edge["src"], edge["src_id"]), edge["relation"], (edge["dst"], edge["dst_id"]))
    raise BadSettings(
        f"--without {text!r}: expected past:ITEM, event:NAME:ITEM, relation:NAME, word:WORD "
        "or edge:Item:ID -RELATION-> Label:ID"
    )


def _answer(
    serving: ServingState,
    ask: Ask,
    item: str,
    tree: bool,
    facts: Sequence[Without],
    n_places: int | None,
    versus: str | None,
) -> tuple[dict[str, Any], Callable[[Mapping[str, Any]], None]]:
    """What was asked for, and how it is shown."""
    engine = serving.engine
    if tree:
        return decomposition_to_json(decompose(engine, ask, item)), _show_tree
    if facts:
        found = counterfactual(engine, ask, item, facts, lambda text: understood(serving, text))
        return counterfactual_to_json(found), _show_counterfactual
    if n_places is not None:
        return smallest_to_json(smallest_set(engine, ask, item, n_places)), _show_smallest
    if versus is not None:
        return contrast_to_json(contrast(engine, ask, item, versus)), _show_contrast
    return explanation_to_json(engine.explain(ask, item)), _show_shares


def _show_shares(body: Mapping[str, Any]) -> None:
    _headline(body["title"], body)
    print_table("parts", [{"part": part, "score": value} for part, value in body["score_parts"].items()])
    print_table("shares", [_line(reason) for reason in body["reasons"]])


def _show_tree(body: Mapping[str, Any]) -> None:
    _headline(body["title"], body)
    for part in body["parts"]:
        results.print(f"{part['part']}: {part['value']:+.4f}", markup=False)
        for past in part["past_items"]:
            done = ", ".join(past["events"])
            results.print(f"  {past['value']:+.4f} {past['title']} ({done})", markup=False)
            for reason in past["reasons"]:
                results.print(f"    {reason['share']:+.4f} {reason['text']}", markup=False)
        for reason in part["others"]:
            results.print(f"  {reason['share']:+.4f} {reason['text']}", markup=False)
    note(f"the shares sum to the score within {body['sum_error']:.1g}")


def _show_counterfactual(body: Mapping[str, Any]) -> None:
    before, after = body["before"], body["after"]
    _headline(body["title"], before)
    _headline("without it", after)
    rows = [
        {
            "part": part,
            "before": value,
            "after": after["score_parts"][part],
            "change": body["change_by_part"][part],
        }
        for part, value in before["score_parts"].items()
    ]
    print_table("parts", rows)
    if after["fallback_reason"] is not None:
        note(after["fallback_reason"].replace("_", " "))
    if body["kept_as_trained"]:
        note(f"as trained, relations and edges included: {', '.join(body['kept_as_trained'])}")


def _show_smallest(body: Mapping[str, Any]) -> None:
    match body["outcome"]:
        case "found":
            sure = "no smaller set does" if body["method"] == "exact" else "there may be a smaller set"
            results.print(f"without {', '.join(body['past_item_ids'])}; {sure}", markup=False)
            _show_counterfactual(body["counterfactual"])
        case "not_listed":
            results.print(f"it is not among the first {body['n']}")
        case _:
            results.print(f"no past items were found that keep it among the first {body['n']}")


def _show_contrast(body: Mapping[str, Any]) -> None:
    for which in ("above", "below"):
        _headline(body[which]["title"], body[which])
    rows = [
        {
            "difference": each["difference"],
            "above": each["above"],
            "below": each["below"],
            "part": each["part"],
            "why": each["text"],
        }
        for each in body["differences"]
    ]
    print_table("differences", rows)


def _headline(title: str, standing: Mapping[str, Any]) -> None:
    place = f"rank {standing['rank']:,} of {standing['n_ranked']:,}"
    results.print(f"{title}: score {standing['score']:.4f}, {place}", markup=False)


def _line(reason: Mapping[str, Any]) -> dict[str, Any]:
    return {"share": reason["share"], "part": reason["part"], "why": reason["text"]}
