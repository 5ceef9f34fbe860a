"""What the command line shows: results on stdout, everything else on stderr."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from nlu.dialogue.replies import absent
from ranking.searching import QUERY_PART

notes = Console(stderr=True, highlight=False)
results = Console(highlight=False, soft_wrap=False)

_NARROWEST = 10
"""Characters that a column of a table needs to be read."""


def note(text: str) -> None:
    """One line on stderr; the text is data, never markup."""
    notes.print(Text(text), soft_wrap=True)


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[float, float | None, str], None]]:
    """A bar on stderr; call what it yields with (done, total, remark)."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[remark]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=notes, transient=True) as bar:
        task = bar.add_task(title, total=None, remark="")

        def show(done: float, total: float | None, remark: str = "") -> None:
            bar.update(task, completed=done, total=total, remark=remark)

        yield show


def print_list(answer: Mapping[str, Any], heading: str) -> None:
    """A ranked list as a table: rank, title, score, the first reasons."""
    table = Table(title=Text(heading), title_justify="left", expand=False, show_lines=True)
    table.add_column("#", justify="right")
    table.add_column("item")
    table.add_column("score", justify="right")
    table.add_column("why")
    for item in answer["items"]:
        why = "\n".join(_told(reason) for reason in item["reasons"])
        if item["no_path"]:
            why += "\n(no graph path)"
        table.add_row(
            str(item["rank"]), Text(f"{item['title']}\n{item['item_id']}"), f"{item['score']:.3f}", Text(why)
        )
    results.print(table)
    if missing := answer.get("parsed", {}).get("missing"):
        note(absent([span["text"] for span in missing], answer["parsed"]["language"]))
    for relaxed in answer.get("relaxed", ()):
        note(relaxed["sentence"])
    if reranked := answer.get("reranked"):
        note(_said_of_order(reranked))
    for reason in (answer["fallback_reason"], answer["shortfall_reason"]):
        if reason:
            note(reason.replace("_", " "))


def _told(reason: Mapping[str, Any]) -> str:
    """A reason with its share; what the words mean has none."""
    text: str = reason["text"]
    return text if reason["part"] == QUERY_PART else f"{reason['share']:+.3f} {text}"


def print_table(title: str, rows: list[dict[str, Any]]) -> None:
    """Rows of one shape as a table, floats with four digits; of many columns, a list for each row."""
    names = list(rows[0]) if rows else []
    if len(names) * _NARROWEST > results.width:
        results.print(Text(title))
        for row in rows:
            _print_row(row)
        return
    table = Table(title=Text(title), title_justify="left")
    for name in names:
        table.add_column(name, justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    results.print(table)


def _said_of_order(reranked: Mapping[str, Any]) -> str:
    """What put a list in order beside the score, in one line."""
    said = [f"{name} {reranked[name]:g}" for name in ("diversity", "novelty") if reranked[name]]
    for group in reranked["exposure"]:
        missed = f" ({group['reason'].replace('_', ' ')})" if group["reason"] else ""
        said.append(f"{group['group']} {group['share']:.0%}{missed}")
    return f"in order by more than the score: {', '.join(said)}"


def _print_row(row: Mapping[str, Any]) -> None:
    lines = Table.grid(padding=(0, 2))
    for name, value in row.items():
        if value is not None:
            lines.add_row(Text(name), _cell(value))
    results.print(lines)
    results.print()


def _cell(value: object) -> Text:
    return Text(f"{value:.4g}" if isinstance(value, float) else str(value))
