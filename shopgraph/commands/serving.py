"""`serve` and `demo`."""

from contextlib import closing
from pathlib import Path
from socket import AF_INET, IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, socket
from typing import Annotated, Any

import typer
import uvicorn
from threadpoolctl import threadpool_limits

from api.app import create_app
from api.state import ServingState
from nlu.dialogue.session import Dialogues
from ranking.rules.book import RuleBook
from shopgraph import pipeline
from shopgraph.commands.options import Json, Store, opened, root_of, settings_of, utc_now
from shopgraph.dialogues import open_ledger
from shopgraph.errors import BadSettings
from shopgraph.experimenting import open_experiments
from shopgraph.settings import Settings
from shopgraph.terminal import note, print_json, print_list

app = typer.Typer()

Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="Port; 0 takes a free one.")]


@app.command()
def serve(context: typer.Context, store: Store = None, host: Host = None, port: Port = None) -> None:
    """Answer over HTTP: the API, the console at /console/, its page at /docs, metrics at /metrics."""
    settings = _listening(settings_of(context), host, port)
    with closing(opened(settings, store)) as facts:
        root = root_of(settings, store)
        serve_state(pipeline.load(root, facts, settings, utc_now()), settings, root)


@app.command()
def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Option(help="Where the demo shop and its models go.")] = Path("demo"),
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the answers.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seeds shop and training.")] = 7,
    host: Host = None,
    port: Port = None,
    as_json: Json = False,
) -> None:
    """Make a shop, load it, train, evaluate, answer three shoppers with reasons, and serve."""
    from shopgraph.demo import run_demo

    settings = _listening(settings_of(context), host, port)
    done = run_demo(folder, settings, seed, utc_now())
    if as_json:
        body: dict[str, Any] = {
            "shoppers": done.lists,
            "evaluation": done.report.to_json(),
            "model_version": done.serving.engine.model_version,
        }
        print_json(body)
    else:
        for answer in done.lists:
            print_list(answer, f"For {done.serving.engine.profiles.name(answer['user_id'])}")
    with closing(done.serving.store):
        if not no_serve:
            serve_state(done.serving, settings, folder)


def serve_state(serving: ServingState, settings: Settings, root: Path) -> None:
    """Serve until interrupted; says where. Dialogues, experiments and rules are kept in the folder `root`."""
    config = settings.api
    with listener(config.host, config.port) as listening, open_ledger(root, settings) as ledger:
        host, port = listening.getsockname()
        note(f"console  http://{host}:{port}/console/")
        note(f"API      http://{host}:{port}/docs")
        experiments = open_experiments(ledger, root, serving, settings)
        api = create_app(
            serving, config, Dialogues(ledger, settings.dialogues), experiments, RuleBook(ledger)
        )
        server = uvicorn.Server(uvicorn.Config(api, access_log=False, log_level="warning"))
        with threadpool_limits(1):  # a second thread makes one small product slower, not quicker
            server.run(sockets=[listening])


def listener(host: str, port: int) -> socket:
    """A bound socket whose connections send at once.

    Raises:
        BadSettings: the address can't be listened on.
    """
    listening = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)
    # Every connection inherits it; without it a body waits up to 40 ms for the head's acknowledgement.
    listening.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    try:
        listening.bind((host, port))
    except OSError as exc:
        listening.close()
        raise BadSettings(f"{host}:{port} can't be listened on ({exc.strerror}); try --port 0") from exc
    return listening


def _listening(settings: Settings, host: str | None, port: int | None) -> Settings:
    given = {"host": host, "port": port}
    api = settings.api.model_copy(update={name: value for name, value in given.items() if value is not None})
    return settings.model_copy(update={"api": api})
