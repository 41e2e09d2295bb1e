"""results.json -> the tables of docs/scale.md, its pictures, and what missed its goal."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from . import pictures

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results.json")
PAGE = ROOT / "docs" / "scale.md"
PICTURES: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], Figure]]] = {
    "side-by-side.svg": ("sideBySide", pictures.side_by_side),
    "growth.svg": ("growth", pictures.growth),
}
"""Each of one section of the results."""
# The goals of this project.
MOST_TIMES_BOUND = 1.25
MOST_TIMES_ALONE = 1.5
MOST_CPU_MS = 40
MOST_MIB = 450
_PAPER = (1_000, 10_000, 100_000)
_WITHIN_MINUTES = 15
_MOST_IN_AN_APP = 10_000
"""Tables: one message sends them all, and one report shows them all."""

type Results = Mapping[str, Any]
type Row = Mapping[str, Any]


def write(results: Results) -> None:
    """The page's tables anew, and its pictures."""
    PAGE.write_text(rendered(PAGE.read_text(), results))
    for name, (section, draw) in PICTURES.items():
        pictures.save(draw(results[section]), PAGE.parent / name, source=fingerprint(results))


def rendered(page: str, results: Results) -> str:
    """The page with each block between its marks made from the results."""
    for name, block in blocks(results).items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, begun, rest = page.partition(begin)
        _, ended, after = rest.partition(end)
        if not (begun and ended):
            raise ValueError(f"{PAGE.name} has no block {name}")
        page = f"{before}{begin}{block}\n{end}{after}"
    return page


def fingerprint(results: Results) -> str:
    """By which a picture says what it was drawn from: SHA-256 (hex)."""
    return hashlib.sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()


def blocks(results: Results) -> dict[str, str]:
    return {
        "machine": _machine(results),
        "side-by-side": _side_by_side(results["sideBySide"]),
        "growth": _growth(results["growth"]),
        "unchanged": _unchanged(results["growth"]),
        "throttled": _throttled(results["throttled"]),
        "cold-start": _cold_start(results["coldStart"]),
        "alert-storm": _alert_storm(results["alertStorm"]),
        "paper": _paper(results["growth"]),
    }


def faults(results: Results) -> list[str]:
    """Each goal that was missed."""
    missed = [fault for row in results["growth"]["rows"] for fault in _faults_of_growth(row)]
    throttled = results["throttled"]
    if throttled["failed"]:
        missed.append("tables of a throttled subscription failed")
    alone, meanwhile = throttled["otherAloneSeconds"], throttled["otherMeanwhileSeconds"]
    if meanwhile > alone * MOST_TIMES_ALONE:
        missed.append(f"a table of another subscription: {meanwhile} s, alone {alone} s")
    if not results["coldStart"]["goalMet"]:
        missed.append(f"indexing: {results['coldStart']['timesBareImport']} x a bare import")
    if not results["alertStorm"]["goals_met"]:
        missed.append("the storm of alerts")
    return missed


def _faults_of_growth(row: Row) -> Iterator[str]:
    named = f"{row['tables']} tables, {row['workers']} workers"
    changed, unchanged = row["changed"], row["unchanged"]
    if row["tables"] > 1 and row["timesBound"] > MOST_TIMES_BOUND:
        yield f"{named}: {row['timesBound']} x the bound"
    if changed["writes"] != 1:
        yield f"{named}: {changed['writes']} writes a changed table"
    if unchanged["reads"] > 1 or unchanged["writes"]:
        yield f"{named}: an unchanged table is read more than once, or written"
    if row["tables"] == 1000 and changed["cpuMsATable"] > MOST_CPU_MS:
        yield f"{named}: {changed['cpuMsATable']} ms CPU a table"
    if changed["peakMibAWorker"] > MOST_MIB:
        yield f"{named}: {changed['peakMibAWorker']} MiB a worker"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _machine(results: Results) -> str:
    machine = results["machine"]
    return (
        f"Measured on {results['measuredAt']}: {machine['cores']} cores, {machine['memoryGib']} GiB"
        f", {machine['system']} on {machine['architecture']}, Python {machine['python']}, in "
        f"{results['minutes']} minutes."
    )


def _side_by_side(measured: Row) -> str:
    rows = measured["rows"]
    ours = rows[-1]
    head = (
        *("way", "seconds", "last table right after", "address-seconds without a route"),
        *("reads", "writes", "polls", "429s", "CPU seconds", "MiB"),
    )
    listed = [
        (
            row["way"],
            _compared(row, ours, "seconds"),
            _compared(row, ours, "lastRightAfterSeconds"),
            _compared(row, ours, "addressSeconds"),
            *(row[key] for key in ("reads", "writes", "polls", "met429", "cpuSeconds", "peakMib")),
        )
        for row in rows
    ]
    text = (
        f"{measured['steps']} steps of the real tag's history, {ours['addresses']} new addresses "
        f"in all, to {measured['tables']} tables in {measured['subscriptions']} subscriptions; "
        f"Azure's waits divided by {measured['speedup']:g}. In brackets: times ours."
    )
    return f"{text}\n\n{_table(head, listed)}"


def _compared(row: Row, ours: Row, key: str) -> str:
    if row is ours:
        return str(row[key])
    return f"{row[key]} ({row[key] / ours[key]:.1f})"


def _growth(measured: Row) -> str:
    head = (
        *("tables", "subscriptions", "workers", "Azure's waits divided by", "seconds"),
        *("bound", "times bound", "reads, writes, polls a table", "429s"),
        *("CPU ms a table", "storage calls a table", "MiB a worker"),
    )
    return _table(head, (_growth_row(row) for row in measured["rows"]))


def _growth_row(row: Row) -> tuple[object, ...]:
    changed = row["changed"]
    asked = ", ".join(f"{changed[key]:g}" for key in ("reads", "writes", "polls"))
    return (
        *(row["tables"], row["subscriptions"], row["workers"], f"{row['speedup']:g}"),
        *(changed["seconds"], f"{row['boundSeconds']} ({row['boundBy']})", row["timesBound"]),
        *(asked, changed["met429"], changed["cpuMsATable"], changed["storageCallsATable"]),
        changed["peakMibAWorker"],
    )


def _unchanged(measured: Row) -> str:
    head = (
        *("tables", "workers", "seconds", "reads a table", "writes", "CPU ms a table"),
        "storage calls a table",
    )
    rows = [
        (
            *(row["tables"], row["workers"], row["unchanged"]["seconds"]),
            *(row["unchanged"]["reads"], f"{row['unchanged']['writes']:g}"),
            *(row["unchanged"]["cpuMsATable"], row["unchanged"]["storageCallsATable"]),
        )
        for row in measured["rows"]
    ]
    return _table(head, rows)


def _throttled(row: Row) -> str:
    return (
        f"{row['tables']} tables of one subscription, {row['workers']} workers, Azure's waits "
        f"divided by {row['speedup']:g}: {row['seconds']} s, {row['timesBound']} x the bound of "
        f"{row['boundSeconds']} s that the {row['boundBy']} set. {row['met429']} requests were "
        f"refused with 429; {row['changed']} tables changed, {row['failed']} failed. A run for one "
        f"table of another subscription, begun meanwhile, took {row['otherMeanwhileSeconds']} s; "
        f"alone it took {row['otherAloneSeconds']} s."
    )


def _cold_start(row: Row) -> str:
    return _table(
        ("", "seconds", "MiB"),
        [
            ("`import azure.functions`", row["bareImportSeconds"], row["bareImportMib"]),
            (
                f"index `function_app.py` ({row['timesBareImport']} x that)",
                row["indexSeconds"],
                row["indexMib"],
            ),
            (
                "the first `health` of the local host, once it is up",
                row["firstHealthSeconds"],
                row["firstHealthMib"],
            ),
        ],
    )


def _alert_storm(row: Row) -> str:
    return (
        f"{row['alerts']} alerts, {row['distinct']} of them distinct, about {row['tables']} "
        f"tables, from {row['callers']} callers at once: half are answered within "
        f"{row['answered_within_p50']} s, 99 of 100 within {row['answered_within_p99']} s, all "
        f"within {row['answered_within_max']} s. They start {row['runs']} runs, of which the last "
        f"ends after {row['settled_after']} s."
    )


def _paper(measured: Row) -> str:
    """Worked out, not measured: from the bound, and what was measured of it with most tables."""
    most = max(measured["rows"], key=lambda row: (row["tables"], row["workers"]))
    lanes = measured["lanes"]
    waves = math.ceil(most["tables"] / lanes / most["workers"])
    wave_minutes = most["changed"]["seconds"] * most["speedup"] / waves / 60
    head = (
        *("tables", f"minutes with {most['workers']} workers"),
        *(f"workers for {_WITHIN_MINUTES} minutes", "storage calls", "apps"),
    )
    rows = [
        (
            f"{tables:,}",
            round(math.ceil(tables / lanes / most["workers"]) * wave_minutes),
            math.ceil(tables / lanes / math.floor(_WITHIN_MINUTES / wave_minutes)),
            f"{round(tables * most['changed']['storageCallsATable']):,}",
            math.ceil(tables / _MOST_IN_AN_APP),
        )
        for tables in _PAPER
    ]
    return _table(head, rows)
