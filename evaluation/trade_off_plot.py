"""The trade-off as a picture: NDCG against each aim, a curve for each slider."""

from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.plot import GRID, svg_panels
from evaluation.trade_off import K, Point, TradeOff

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INTERVAL_ALPHA = 0.4
_STYLES = {
    "dpp": ("#0b7285", "o", "diversity by DPP, 0 to 1"),
    "mmr": ("#e8590c", "s", "diversity by MMR, 0 to 1"),
    "novelty": ("#7048e8", "^", "novelty, 0 to 1"),
    "exposure": ("#2b8a3e", "D", "shares of groups, none to all"),
}
_TITLES = {
    f"diversity@{K}": "unlikeness within a list",
    f"novelty@{K}": "novelty, bits",
    f"category_divergence@{K}": "categories away from the past, nats",
    f"coverage@{K}": "share of the catalogue shown",
    f"gini@{K}": "Gini of exposure",
}


def write_trade_off_plot(found: TradeOff, path: Path, title: str) -> None:
    """Write a panel for each metric as SVG; the same figures give the same bytes.

    Raises:
        DependencyMissing: matplotlib is not installed.
    """
    first = next(iter(found.curves.values()))[0]
    metrics = [metric for metric in _TITLES if metric in first.per_user or metric in first.of_all]
    lifted = _lifted(found)
    panels = [*metrics, *([lifted] if lifted else [])]
    n_rows = -(-len(panels) // 3)
    with svg_panels(path, (10.5, 0.7 + 3.1 * n_rows), (n_rows, 3)) as axes:
        for place, metric in zip(axes, panels, strict=False):
            for name, points in found.curves.items():
                _draw(place, name, points, metric)
            place.set_xlabel(_TITLES.get(metric, f"exposure of {metric}"))
            place.grid(color=GRID)
            place.set_axisbelow(True)
            place.spines[["top", "right"]].set_visible(False)
        for place in axes[len(panels) :]:
            place.set_axis_off()
        axes[0].set_ylabel(f"NDCG@{K}")
        handles = axes[0].get_legend_handles_labels()
        axes[0].figure.legend(*handles, fontsize=8, frameon=False, loc="outside lower center", ncols=4)
        axes[1].set_title(f"{title}\n{found.n_users:,} shoppers; large: the order of the score", fontsize=10)


def value_of(point: Point, metric: str) -> float:
    """A metric of a point, or the exposure of the group of that name."""
    if metric in point.per_user:
        return point.per_user[metric].mean
    return point.of_all[metric] if metric in point.of_all else point.exposure[metric]


def _lifted(found: TradeOff) -> str | None:
    """The group that the shares change most."""
    points = found.curves.get("exposure", ())
    if len(points) < 2:
        return None
    named = list(points[0].exposure)[:-1]  # without all others
    change = {name: abs(points[-1].exposure[name] - points[0].exposure[name]) for name in named}
    return max(change, key=lambda name: change[name])


def _draw(axes: "Axes", name: str, points: tuple[Point, ...], metric: str) -> None:
    color, marker, label = _STYLES[name]
    ndcg = [point.per_user[f"ndcg@{K}"] for point in points]
    at = [value_of(point, metric) for point in points]
    axes.plot(at, [each.mean for each in ndcg], color=color, marker=marker, markersize=4, label=label)
    axes.plot(at[:1], [ndcg[0].mean], color=color, marker=marker, markersize=9)
    spread = [[each.mean - each.low for each in ndcg], [each.high - each.mean for each in ndcg]]
    means = [each.mean for each in ndcg]
    axes.errorbar(at, means, yerr=spread, fmt="none", ecolor=color, alpha=_INTERVAL_ALPHA, linewidth=1)
