"""`shopgraph what-if`: what other rules or weights would do."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from evaluation.what_if import Weights, WhatIf, what_if
from ranking.rules.changed import changed_rules
from ranking.rules.exchange import rules_of_text
from shopgraph.commands.loaded import loaded
from shopgraph.commands.options import Json, Store, utc_now
from shopgraph.commands.rules import RuleFile, read_text, rule_book, who
from shopgraph.terminal import note, print_json, print_table, results

app = typer.Typer()


@app.command("what-if")
def ask_what_if(
    context: typer.Context,
    file: RuleFile = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", help="Id of a rule that would go.")] = None,
    user: Annotated[list[str] | None, typer.Option("--user", help="Whose lists to put side by side.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=50, help="Places of a list.")] = 10,
    sample: Annotated[int, typer.Option("--sample", min=0, help="Shoppers for the figures.")] = 1_000,
    graph: Annotated[float, typer.Option(min=0, help="Factor of the part `graph`.")] = 1.0,
    item_item: Annotated[float, typer.Option(min=0, help="Factor of the part `item_item`.")] = 1.0,
    features: Annotated[float, typer.Option(min=0, help="Factor of the part `features`.")] = 1.0,
    text: Annotated[float, typer.Option(min=0, help="Factor of the part `text`.")] = 1.0,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """What other rules or weights would do to lists; nothing is kept."""
    drafts = [] if file is None else rules_of_text(read_text(file), who(None))
    engine = loaded(context, store).engine
    with rule_book(context, store) as book:
        now = utc_now()
        rules = changed_rules(book.current().rules, drafts, remove or (), now)
        found = what_if(
            engine.ruled_by(book),
            rules,
            Weights(graph, item_item, features, text),
            user_ids=user or (),
            n=n,
            sample_size=sample,
            now=now,
        )
    if as_json:
        print_json(asdict(found))
    else:
        _show(found)


def _show(found: WhatIf) -> None:
    for each in found.shoppers:
        lines = [
            {"rank": x.rank, "was": "new" if x.other_rank is None else x.other_rank, "item": x.title}
            for x in each.after
        ]
        print_table(f"{each.user_id}, after", lines)
    if found.sample is not None:
        sample = found.sample
        results.print(f"{sample.n_changed:,} of {sample.n_shoppers:,} lists change", markup=False)
        figures = {"NDCG": sample.ndcg, "coverage": sample.coverage, "short lists": sample.n_short}
        if sample.mean_price is not None:
            figures["mean price"] = sample.mean_price
        shares = {f"{x.label} {x.name}": x for x in sample.exposure if x.before != x.after}
        rows: list[dict[str, Any]] = [
            {"figure": name, "before": x.before, "after": x.after} for name, x in (figures | shares).items()
        ]
        print_table("figures; of brands and categories the share of places", rows)
    for finding in found.findings:
        note(finding.sentence)
