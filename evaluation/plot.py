"""A report as a picture: one point a model, with its interval."""

from pathlib import Path

from evaluation.report import Report
from shopgraph.errors import DependencyMissing

_INK, _ACCENT, _GRID = "#1f2933", "#0b7285", "#dde3e9"


def write_plot(report: Report, path: Path, metric: str = "ndcg@10") -> None:
    """Write an SVG of one metric; the same report gives the same bytes.

    Raises:
        DependencyMissing: matplotlib is not installed.
        ValueError: the report lacks the metric.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise DependencyMissing("the plot needs matplotlib: pip install 'shopgraph[train]'") from exc
    if missing := [name for name, found in report.models.items() if metric not in found]:
        raise ValueError(f"{missing[0]} has no {metric}")
    names = list(report.models)[::-1]
    found = [report.models[name][metric] for name in names]
    means = [at.mean for at in found]
    spread = [[at.mean - at.low for at in found], [at.high - at.mean for at in found]]
    with mpl.rc_context({"svg.hashsalt": "shopgraph", "svg.fonttype": "none", "text.color": _INK}):
        figure = Figure(figsize=(7, 0.9 + 0.42 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        axes.errorbar(means, range(len(names)), xerr=spread, fmt="o", color=_ACCENT, capsize=3, markersize=5)
        for row, at in enumerate(found):
            axes.annotate(f"{at.mean:.4f}", (at.mean, row), (0, 7), textcoords="offset points", ha="center")
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(-0.6, len(names) - 0.2)
        axes.set_xlim(left=0)
        axes.grid(axis="x", color=_GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        run = report.run
        axes.set_title(
            f"{run.dataset}, {run.protocol}, {run.variant}: {metric} with 95 % interval", fontsize=10
        )
        FigureCanvasSVG(figure)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": "shopgraph"})
