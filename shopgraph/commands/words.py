"""`train-text`, `train-nlu`: the text encoder and the query parser learn the shop."""

import typer

from shopgraph import pipeline
from shopgraph.commands.options import Json, Store, opened, root_of, settings_of, utc_now
from shopgraph.terminal import note, print_json

app = typer.Typer()


@app.command()
def train_text(context: typer.Context, store: Store = None, as_json: Json = False) -> None:
    """Teach the text encoder the shop's words; SHOPGRAPH_ENCODER then names the folder that is printed."""
    from shopgraph.text_training import train_text

    settings = settings_of(context)
    with opened(settings, store) as source:
        snapshot = pipeline.take_snapshot(source, utc_now())
    trained = train_text(snapshot, root_of(settings, store), settings, utc_now(), note)
    if as_json:
        print_json({**vars(trained), "encoder": str(trained.encoder)})
        return
    note(f"validation NDCG@10 {trained.ndcg_before:.4f} before, {trained.ndcg:.4f} after")
    note(f"trained in {trained.seconds:.0f} s; to use it: SHOPGRAPH_ENCODER={trained.encoder}")


@app.command()
def train_nlu(context: typer.Context, store: Store = None, as_json: Json = False) -> None:
    """Teach the query parser the shop's names: intents and slots, on queries made from the graph."""
    from shopgraph.nlu_training import train_nlu as train

    settings = settings_of(context)
    with opened(settings, store) as source:
        snapshot = pipeline.take_snapshot(source, utc_now())
    trained = train(snapshot, root_of(settings, store), settings, utc_now(), note)
    if as_json:
        print_json({**vars(trained), "folder": str(trained.folder)})
        return
    note(
        f"unseen templates: span F1 {trained.span_f1:.4f}, intent {trained.intent_accuracy:.4f}; "
        f"trained in {trained.seconds:.0f} s"
    )
