from pathlib import Path
from xml.etree import ElementTree

import pytest

from evaluation.bootstrap import Interval
from evaluation.plot import write_plot
from evaluation.report import Report, Run

pytest.importorskip("matplotlib", reason="the plot belongs to the train extra")

REPORT = Report(
    Run("beauty & more", "split", "clean", 10, 20, (1,), 1.0, 100.0, "cpu"),
    {
        "hybrid": {"ndcg@10": Interval(0.09, 0.085, 0.095)},
        "popularity": {"ndcg@10": Interval(0.012, 0.011, 0.013)},
    },
)


def test_plot_is_an_svg_that_names_every_model_and_value(tmp_path: Path) -> None:
    write_plot(REPORT, tmp_path / "plot.svg")
    texts = {element.text for element in ElementTree.parse(tmp_path / "plot.svg").iter() if element.text}
    assert {"hybrid", "popularity", "0.0900", "0.0120"} <= texts
    assert any("beauty & more" in text for text in texts)


def test_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    write_plot(REPORT, tmp_path / "first.svg")
    write_plot(REPORT, tmp_path / "second.svg")
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_missing_metric_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="recall@10"):
        write_plot(REPORT, tmp_path / "plot.svg", "recall@10")
