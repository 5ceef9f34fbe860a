"""`chat`: a dialogue in the terminal, one turn a line."""

import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated

import typer

from api.conversing import Conversation, take
from api.turns import Asked, Turn, turn_to_json
from nlu.dialogue.session import Dialogues
from ranking.serialise import to_json
from shopgraph import pipeline
from shopgraph.commands.options import Json, N, Store, opened, root_of, settings_of, utc_now
from shopgraph.dialogues import open_ledger
from shopgraph.terminal import note, print_json, print_list, results

app = typer.Typer()


@app.command()
def chat(
    context: typer.Context,
    user: Annotated[str | None, typer.Option("--user", help="Makes the lists personal.")] = None,
    store: Store = None,
    n: N = 5,
    as_json: Json = False,
) -> None:
    """Find items in a dialogue; lines from a pipe are turns too, and each has its answer on stdout."""
    settings, root = settings_of(context), root_of(settings_of(context), store)
    with closing(opened(settings, store)) as facts, open_ledger(root, settings) as ledger:
        conversation = Conversation(pipeline.load(root, facts, settings, utc_now()), settings.api.clarify)
        dialogues = Dialogues(ledger, settings.dialogues)
        dialogue_id = dialogues.create(user, None, utc_now()).dialogue_id
        for text in _lines(settings.api.max_query_chars):
            turn = take(conversation, dialogues, dialogue_id, Asked(now=utc_now(), text=text, n=n))
            if as_json:
                print_json(turn_to_json(turn))
            else:
                _show(turn)
            sys.stdout.flush()


def _lines(longest: int) -> Iterator[str]:
    """What is typed or piped in, until it ends."""
    asks = sys.stdin.isatty()
    if asks:
        note("What are you looking for? Ctrl-D ends.")
    while True:
        if asks:
            sys.stderr.write("> ")
            sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.rstrip("\r\n")[:longest]


def _show(turn: Turn) -> None:
    results.print(turn.answer, markup=False)
    if turn.list is not None:
        said_already = to_json(turn.list) | {"parsed": {}, "relaxed": []}
        print_list(said_already, "")
    question = turn.dialogue.question
    if question is not None:
        results.print(question.text, markup=False)
