import pytest

from shopgraph.terminal import print_list, print_table


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


def test_list_says_what_the_shop_lacks_and_gives_no_share_to_what_words_mean(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reasons = [
        {"part": "query", "share": 0.0, "text": "‘tea’ → category Tea"},
        {"part": "text", "share": 0.5, "text": "It fits."},
    ]
    item = {"rank": 1, "title": "Tea", "item_id": "i1", "score": 0.5, "reasons": reasons, "no_path": False}
    parsed = {"language": "en", "missing": [{"text": "lipstick"}]}
    print_list({"items": [item], "parsed": parsed, "fallback_reason": None, "shortfall_reason": None}, "tea")
    shown = capsys.readouterr()
    assert "0.000" not in shown.out
    assert "+0.500 It fits." in shown.out
    assert "This shop has no “lipstick”." in shown.err
