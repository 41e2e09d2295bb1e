"""The pictures of the results, as SVG."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

OURS, OTHERS, BOUND = "#0f6cbd", "#9aa0a6", "#616161"
# Text stays text and uses the reader's fonts. The same results give the same file.
mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "ase-route-sync", "font.size": 10}
_COMPARED = {
    "seconds": "seconds until it is done",
    "lastRightAfterSeconds": "seconds until the last table is right",
    "addressSeconds": "seconds x addresses without a route",
}


def side_by_side(measured: Mapping[str, Any]) -> Figure:
    """Draw bars for each way, on logarithmic scales."""
    rows = measured["rows"]
    figure = Figure(figsize=(10, 2.6), layout="constrained")
    plots = figure.subplots(1, len(_COMPARED), sharey=True)
    for plot, (key, title) in zip(plots, _COMPARED.items(), strict=True):
        _draw_bars(plot, rows, key)
        plot.set_title(title, fontsize=10)
        plot.spines[["top", "right"]].set_visible(False)
    plots[0].invert_yaxis()
    return figure


def _draw_bars(plot: Axes, rows: Sequence[Mapping[str, Any]], key: str) -> None:
    """The last row is ours."""
    values = [row[key] for row in rows]
    colours = [OTHERS] * (len(rows) - 1) + [OURS]
    bars = plot.barh([row["way"] for row in rows], values, color=colours)
    plot.bar_label(bars, [f"{value:g}" for value in values], padding=3)
    plot.set_xscale("log")
    plot.set_xlim(0.5, max(values) * 5)


def growth(measured: Mapping[str, Any]) -> Figure:
    """Draw the time of a changed run over the number of tables, beside its bound."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    plot = figure.subplots()
    for workers in sorted({row["workers"] for row in measured["rows"]}):
        rows = [row for row in measured["rows"] if row["workers"] == workers]
        _draw_lines(plot, rows, workers)

    plot.set_xscale("log")
    plot.set_yscale("log")
    plot.set_xlabel("changed tables")
    plot.set_ylabel("seconds, in Azure's time")
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(alpha=0.3)
    plot.legend(frameon=False)
    return figure


def _draw_lines(plot: Axes, rows: Sequence[Mapping[str, Any]], workers: int) -> None:
    tables = [row["tables"] for row in rows]
    width = 1 + workers / 2

    plot.plot(
        tables,
        [row["changed"]["seconds"] * row["speedup"] for row in rows],
        marker="o",
        linewidth=width,
        color=OURS,
        label=f"{workers} worker{'s' if workers > 1 else ''}",
    )
    plot.plot(
        tables,
        [row["boundSeconds"] * row["speedup"] for row in rows],
        linewidth=width,
        linestyle=":",
        color=BOUND,
        label=f"its bound, {workers}",
    )


DRAWN: Mapping[str, Callable[[Mapping[str, Any]], Figure]] = {
    "sideBySide": side_by_side,
    "growth": growth,
}
"""Draws a section of the results."""


def save(figure: Figure, path: Path, *, source: str) -> None:
    """Save the picture. Its metadata names the results from which it was drawn."""
    figure.savefig(path, metadata={"Date": None, "Creator": None, "Source": source})
