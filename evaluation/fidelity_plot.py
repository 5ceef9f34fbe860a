"""Deletion and insertion curves of explained paths as a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.plot import ACCENT, INK, svg_panels

_MUTED = "#9aa5b1"
_ORDERS = {
    "by_share": ("largest share first", ACCENT, "-"),
    "random": ("at random", _MUTED, "--"),
    "by_popularity": ("most popular node first", INK, ":"),
}


def write_fidelity_plot(curves: Mapping[str, Any], path: Path, title: str) -> None:
    """Write an SVG of what is left of the score's paths; the same curves give the same bytes.

    Args:
        curves: as `evaluation.path_fidelity.curves` gives them, of at least one case.
        path: of the file.
        title: what was measured.

    Raises:
        DependencyMissing: matplotlib is not installed.
    """
    steps = curves["steps"]
    with svg_panels(path, (7.4, 3.4), (1, 2)) as panels:
        for axes, what, start in zip(panels, ("deletion", "insertion"), (1.0, 0.0), strict=True):
            for order, (label, colour, line) in _ORDERS.items():
                left = [start, *curves[order][what]["left"]]
                axes.plot([0, *steps], left, line, color=colour, marker="o", markersize=3.5, label=label)
            axes.set_xlabel({"deletion": "paths taken out", "insertion": "paths put back"}[what])
            axes.set_ylim(min(0.0, *axes.get_ylim()), max(1.0, *axes.get_ylim()))
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_title(what, fontsize=10)
        panels[0].set_ylabel("left of what all paths carry")
        panels[1].legend(frameon=False, fontsize=8)
        panels[0].figure.suptitle(
            f"{title}: score without and with paths, n = {curves['n_cases']}", fontsize=10
        )
