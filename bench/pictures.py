"""Pictures of the results, as SVG."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

OURS, OTHERS, BOUND = "#0f6cbd", "#9aa0a6", "#616161"
# Text stays text, in whatever font the reader has; the same results give the same file.
mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "ase-route-sync", "font.size": 10}
_COMPARED = {
    "seconds": "seconds until it is done",
    "lastRightAfterSeconds": "seconds until the last table is right",
    "addressSeconds": "seconds x addresses without a route",
}


def side_by_side(measured: Mapping[str, Any]) -> Figure:
    """Bars of each way, on scales of tens."""
    rows = measured["rows"]
    figure = Figure(figsize=(10, 2.6), layout="constrained")
    places = figure.subplots(1, len(_COMPARED), sharey=True)
    for place, (key, title) in zip(places, _COMPARED.items(), strict=True):
        values = [row[key] for row in rows]
        colours = [OTHERS] * (len(rows) - 1) + [OURS]
        bars = place.barh([row["way"] for row in rows], values, color=colours)
        place.bar_label(bars, [f"{value:g}" for value in values], padding=3)
        place.set_xscale("log")
        place.set_xlim(0.5, max(values) * 5)
        place.set_title(title, fontsize=10)
        place.spines[["top", "right"]].set_visible(False)
    places[0].invert_yaxis()
    return figure


def growth(measured: Mapping[str, Any]) -> Figure:
    """A changed run's time over the number of tables, beside what latency and throttling allow."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    place = figure.subplots()
    workers = sorted({row["workers"] for row in measured["rows"]})
    for number in workers:
        rows = [row for row in measured["rows"] if row["workers"] == number]
        tables = [row["tables"] for row in rows]
        width = 1 + number / 2
        place.plot(
            tables,
            [row["changed"]["seconds"] * row["speedup"] for row in rows],
            marker="o",
            linewidth=width,
            color=OURS,
            label=f"{number} worker{'s' if number > 1 else ''}",
        )
        place.plot(
            tables,
            [row["boundSeconds"] * row["speedup"] for row in rows],
            linewidth=width,
            linestyle=":",
            color=BOUND,
            label=f"its bound, {number}",
        )
    place.set_xscale("log")
    place.set_yscale("log")
    place.set_xlabel("changed tables")
    place.set_ylabel("seconds, in Azure's time")
    place.spines[["top", "right"]].set_visible(False)
    place.grid(alpha=0.3)
    place.legend(frameon=False)
    return figure


def save(figure: Figure, path: Path, *, source: str) -> None:
    """With the results that it was drawn from, as its source."""
    figure.savefig(path, metadata={"Date": None, "Creator": None, "Source": source})
