import pytest

from shopgraph.terminal import print_table


def test_few_columns_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("edges", [{"type": "MADE_BY", "edges": 12, "share": 0.123456}])
    shown = capsys.readouterr().out
    assert "│ MADE_BY │    12 │ 0.1235 │" in shown


def test_many_columns_are_a_list_without_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    row = {f"figure_{n}": n / 7 for n in range(20)}
    print_table("bench", [{**row, "missing": None}, row])
    shown = capsys.readouterr().out
    assert shown.count("figure_13  1.857") == 2
    assert "missing" not in shown
    assert "…" not in shown
