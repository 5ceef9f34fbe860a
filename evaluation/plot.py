"""A report as a picture: one point a model, with its interval."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.report import Report
from shopgraph.errors import DependencyMissing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, ACCENT, GRID = "#1f2933", "#0b7285", "#dde3e9"


def write_plot(report: Report, path: Path, metric: str = "ndcg@10") -> None:
    """Write an SVG of one metric; the same report gives the same bytes.

    Raises:
        DependencyMissing: matplotlib is not installed.
        ValueError: the report lacks the metric.
    """
    if missing := [name for name, found in report.models.items() if metric not in found]:
        raise ValueError(f"{missing[0]} has no {metric}")
    names = list(report.models)[::-1]
    found = [report.models[name][metric] for name in names]
    means = [at.mean for at in found]
    spread = [[at.mean - at.low for at in found], [at.high - at.mean for at in found]]
    with svg_figure(path, (7, 0.9 + 0.42 * len(names))) as axes:
        axes.errorbar(means, range(len(names)), xerr=spread, fmt="o", color=ACCENT, capsize=3, markersize=5)
        for row, at in enumerate(found):
            axes.annotate(f"{at.mean:.4f}", (at.mean, row), (0, 7), textcoords="offset points", ha="center")
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(-0.6, len(names) - 0.2)
        axes.set_xlim(left=0)
        axes.grid(axis="x", color=GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        run = report.run
        axes.set_title(
            f"{run.dataset}, {run.protocol}, {run.variant}: {metric} with 95 % interval", fontsize=10
        )


@contextmanager
def svg_figure(path: Path, size: tuple[float, float]) -> "Iterator[Axes]":
    """Axes to draw on, written as SVG at the end; the same drawing gives the same bytes.

    Args:
        path: of the file.
        size: width and height in inches.

    Raises:
        DependencyMissing: matplotlib is not installed.
    """
    with svg_panels(path, size, (1, 1)) as panels:
        yield panels[0]


@contextmanager
def svg_panels(path: Path, size: tuple[float, float], shape: tuple[int, int]) -> "Iterator[Sequence[Axes]]":
    """As `svg_figure`, with (rows, columns) of axes, row by row.

    Raises:
        DependencyMissing: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise DependencyMissing("the plot needs matplotlib: pip install 'shopgraph[train]'") from exc
    n_rows, n_columns = shape
    with mpl.rc_context({"svg.hashsalt": "shopgraph", "svg.fonttype": "none", "text.color": INK}):
        figure = Figure(figsize=size, layout="constrained")
        yield [figure.add_subplot(n_rows, n_columns, n + 1) for n in range(n_rows * n_columns)]
        FigureCanvasSVG(figure)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": "shopgraph"})
