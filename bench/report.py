"""The tables and pictures of the pages in docs/, and the goals missed, from results.json."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from . import cost_page, pictures
from .bill import MOST_IN_AN_APP
from .markdown import fill
from .markdown import table as _table

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results.json")
PAGE = ROOT / "docs" / "scale.md"
PICTURES: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], Figure]]] = {
    "side-by-side.svg": ("sideBySide", pictures.side_by_side),
    "growth.svg": ("growth", pictures.growth),
}
"""Each picture shows one section of the results."""
# These are the goals of this project.
MOST_TIMES_BOUND = 1.25
MOST_TIMES_ALONE = 1.5
MOST_TIMES_WITH_FEW_THREADS = 1.1
MOST_SECONDS_OF_ANOTHER_CALL = 1.0
MOST_CPU_MS = 40
MOST_MIB = 450
_WAYS_TO_KNOW: Mapping[str, str] = {
    "event": "an event of Event Grid",
    "alert": "an alert of Azure Monitor",
    "check": "the daily check, started at once",
}
_DEADLINES: Mapping[str, str] = {
    "startSeconds": "the host starts and answers the first `health`",
    "runSeconds": "the run, from `POST /api/sync` to its end",
    "tableSeconds": "the longest table",
    "answerSeconds": "the slowest answer to another call during the run",
}
_PAPER = (1_000, 10_000, 100_000)
_WITHIN_MINUTES = 15

type Results = Mapping[str, Any]
type Row = Mapping[str, Any]


def write(results: Results) -> None:
    """Write the tables and pictures of both pages."""
    PAGE.write_text(render(PAGE.read_text(), results))
    cost_page.PAGE.write_text(fill(cost_page.PAGE.read_text(), cost_page.blocks(results)))
    for name, (section, draw) in PICTURES.items():
        pictures.save(draw(results[section]), PAGE.parent / name, source=fingerprint(results))


def render(page: str, results: Results) -> str:
    """Return the page with each block made from the results. Raise ValueError if one is missing."""
    return fill(page, blocks(results))


def fingerprint(results: Results) -> str:
    """Return the SHA-256 (hex) by which a picture names its results."""
    return hashlib.sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()


def blocks(results: Results) -> dict[str, str]:
    return {
        "machine": _machine(results),
        "side-by-side": _side_by_side(results["sideBySide"]),
        "growth": _growth(results["growth"]),
        "unchanged": _unchanged(results["growth"]),
        "threads": _threads(results["threads"]),
        "memory": f"{_memory(results)}\n\n{_deadlines(results['memory'])}",
        "throttled": _throttled(results["throttled"]),
        "idle": _idle(results["idle"]),
        "drift": _drift(results["drift"]),
        "cold-start": _cold_start(results["coldStart"]),
        "alert-storm": _alert_storms(results),
        "event-storm": _event_storm(results["eventStorm"]),
        "paper": _paper(results["growth"]),
    }


def faults(results: Results) -> list[str]:
    """Return a sentence for each goal that the results miss."""
    missed = [fault for row in results["growth"]["rows"] for fault in _growth_faults(row)]
    missed += _threads_faults(results["threads"])
    missed += _deadline_faults(results["memory"])
    missed += _throttling_faults(results["throttled"])
    if not results["idle"]["goalMet"]:
        missed.append(f"one table on an idle app: {results['idle']['longestSeconds']} s")
    if not results["drift"]["goalMet"]:
        missed.append(f"a deleted route, by event: up to {results['drift']['eventSpread'][1]} s")
    if not results["coldStart"]["goalMet"]:
        missed.append(f"indexing: {results['coldStart']['timesBareImport']} x a bare import")
    if not results["eventStorm"]["goalMet"]:
        missed.append(f"the storm of events: {results['eventStorm']['runs']} runs")
    missed += [
        f"the storm of alerts, {storm['atATime']} at a time"
        for storm in (results["alertStorm"], results["alertStormOneAtATime"])
        if not storm["goalMet"]
    ]
    return missed


def _threads_faults(row: Row) -> Iterator[str]:
    if row["ratio"] > MOST_TIMES_WITH_FEW_THREADS:
        yield f"with {row['few']} threads: {row['ratio']} x the time with {row['many']}"
    if row["otherCallSeconds"] > MOST_SECONDS_OF_ANOTHER_CALL:
        yield f"another call while tables change: {row['otherCallSeconds']} s"


def _deadline_faults(measured: Row) -> Iterator[str]:
    for row in measured["rows"]:
        for key, deadline in measured["deadlines"].items():
            if row[key] >= deadline:
                yield f"on {_cores(row)}, {_DEADLINES[key]}: {row[key]} s"


def _throttling_faults(row: Row) -> Iterator[str]:
    if row["failed"]:
        yield "tables of a throttled subscription failed"
    alone, meanwhile = row["otherAloneSeconds"], row["otherMeanwhileSeconds"]
    if meanwhile > alone * MOST_TIMES_ALONE:
        yield f"a table of another subscription: {meanwhile} s, alone {alone} s"


def _growth_faults(row: Row) -> Iterator[str]:
    case = f"{row['tables']} tables, {row['workers']} workers"
    changed, unchanged = row["changed"], row["unchanged"]

    if row["tables"] > 1 and row["timesBound"] > MOST_TIMES_BOUND:
        yield f"{case}: {row['timesBound']} x the bound"
    if changed["writes"] != 1:
        yield f"{case}: {changed['writes']} writes per changed table"
    if unchanged["reads"] > 1 or unchanged["writes"]:
        yield f"{case}: an unchanged table is read more than once, or written"
    if row["tables"] == 1000 and changed["cpuMsATable"] > MOST_CPU_MS:
        yield f"{case}: {changed['cpuMsATable']} ms CPU per table"
    if changed["peakMibAWorker"] > MOST_MIB:
        yield f"{case}: {changed['peakMibAWorker']} MiB per worker"


def _machine(results: Results) -> str:
    machine = results["machine"]
    return (
        f"Measured on {results['measuredAt']}: {machine['cores']} cores, {machine['memoryGib']} GiB"
        f", {machine['system']} on {machine['architecture']}, Python {machine['python']}, in "
        f"{results['minutes']} minutes."
    )


def _side_by_side(measured: Row) -> str:
    ours = measured["rows"][-1]
    text = (
        f"{measured['steps']} steps of the real tag's history add {ours['addresses']} addresses to "
        f"{measured['tables']} tables in {measured['subscriptions']} subscriptions. Azure's waits "
        f"are divided by {measured['speedup']:g}. The numbers in brackets are multiples of ours."
    )

    head = (
        *("way", "seconds", "last table right after", "address-seconds without a route"),
        *("reads", "writes", "polls", "429s", "CPU seconds", "MiB"),
    )
    rows = [_side_by_side_row(row, ours) for row in measured["rows"]]
    return f"{text}\n\n{_table(head, rows)}"


def _side_by_side_row(row: Row, ours: Row) -> tuple[object, ...]:
    return (
        row["way"],
        _with_multiple(row, ours, "seconds"),
        _with_multiple(row, ours, "lastRightAfterSeconds"),
        _with_multiple(row, ours, "addressSeconds"),
        *(row[key] for key in ("reads", "writes", "polls", "met429", "cpuSeconds", "peakMib")),
    )


def _with_multiple(row: Row, ours: Row, key: str) -> str:
    if row is ours:
        return str(row[key])
    return f"{row[key]} ({row[key] / ours[key]:.1f})"


def _growth(measured: Row) -> str:
    head = (
        *("tables", "subscriptions", "workers", "Azure's waits divided by", "seconds"),
        *("bound", "times bound", "reads, writes, polls per table", "429s"),
        *("CPU ms per table", "storage calls per table", "MiB per worker"),
    )
    return _table(head, (_growth_row(row) for row in measured["rows"]))


def _growth_row(row: Row) -> tuple[object, ...]:
    changed = row["changed"]
    requests = ", ".join(f"{changed[key]:g}" for key in ("reads", "writes", "polls"))
    return (
        *(row["tables"], row["subscriptions"], row["workers"], f"{row['speedup']:g}"),
        *(changed["seconds"], f"{row['boundSeconds']} ({row['boundBy']})", row["timesBound"]),
        *(requests, changed["met429"], changed["cpuMsATable"], changed["storageCallsATable"]),
        changed["peakMibAWorker"],
    )


def _unchanged(measured: Row) -> str:
    head = (
        *("tables", "workers", "seconds", "reads per table", "writes", "CPU ms per table"),
        "storage calls per table",
    )
    return _table(head, (_unchanged_row(row) for row in measured["rows"]))


def _unchanged_row(row: Row) -> tuple[object, ...]:
    unchanged = row["unchanged"]
    return (
        *(row["tables"], row["workers"], unchanged["seconds"]),
        *(unchanged["reads"], f"{unchanged['writes']:g}"),
        *(unchanged["cpuMsATable"], unchanged["storageCallsATable"]),
    )


def _threads(row: Row) -> str:
    return (
        f"A run that changes {row['tables']} tables takes {row['secondsWithFew']} s if the pool of "
        f"the worker has {row['few']} threads, and {row['secondsWithMany']} s if it has "
        f"{row['many']}: {row['ratio']} x as long. Azure's waits are divided by "
        f"{row['speedup']:g}. Another call meanwhile is answered within "
        f"{row['otherCallSeconds']} s."
    )


def _memory(results: Results) -> str:
    """The worker was measured by the cases of growth, and the host by itself."""
    row, cases = results["memory"], results["growth"]["rows"]
    tables = max(case["tables"] for case in cases)
    worker = max(c["changed"]["peakMibAWorker"] for c in cases if c["tables"] == tables)

    # The size of an instance is in MB.
    together = round((worker + row["hostMib"]) * 1.048576)
    size = row["instanceMb"]
    return (
        f"With {tables:,} tables, a worker takes up to {worker} MiB, and the Functions host takes "
        f"up to {row['hostMib']} MiB beside it: {together} MB together. So an instance of {size} "
        f"MB has {size - together} MB left. Azure adds {row['platformMb']} MB for the processes of "
        "the system and of the host."
    )


def _deadlines(measured: Row) -> str:
    rows = measured["rows"]
    text = f"A host has just started, and a run changes {measured['tables']} tables:"
    if len(rows) == 1:
        text = f"The processor could not be limited on this machine. {text}"

    head = ("", "deadline", *(f"seconds on {_cores(row)}" for row in rows))
    lines = [
        (name, f"{measured['deadlines'][key]:,g}", *(row[key] for row in rows))
        for key, name in _DEADLINES.items()
    ]
    work = ("processor time of worker and local host", "", *(row["cpuSeconds"] for row in rows))
    return f"{text}\n\n{_table(head, [*lines, work])}"


def _cores(row: Row) -> str:
    return "all cores" if row["cores"] is None else f"{row['cores']} of a core"


def _throttled(row: Row) -> str:
    return (
        f"A run for {row['tables']} tables of one subscription, with {row['workers']} workers and "
        f"Azure's waits divided by {row['speedup']:g}, took {row['seconds']} s: "
        f"{row['timesBound']} x the bound of {row['boundSeconds']} s that the {row['boundBy']} "
        f"set. Azure refused {row['met429']} requests with 429; {row['changed']} tables changed, "
        f"and {row['failed']} failed. Meanwhile a run for one table of another subscription took "
        f"{row['otherMeanwhileSeconds']} s; alone it took {row['otherAloneSeconds']} s."
    )


def _idle(row: Row) -> str:
    return (
        f"{row['runs']} runs for one changed table on an idle app, with an Azure that answers at "
        f"once and polls that are up to {row['pollSeconds']:g} s apart, took {row['medianSeconds']}"
        f" s (median) and at most {row['longestSeconds']} s, from `POST /api/sync` to the end of "
        "the run."
    )


def _drift(row: Row) -> str:
    head = ("the app gets to know it by", "seconds", "seconds at recorded latencies")
    rows = [
        (name, _median_and_spread(row, way), _median_and_spread(row["recorded"], way))
        for way, name in _WAYS_TO_KNOW.items()
    ]
    text = (
        f"The median of {row['deletions']} deletions, and in brackets the shortest and the longest "
        f"time, with polls that are up to {row['pollSeconds']:g} s apart:"
    )
    return f"{text}\n\n{_table(head, rows)}"


def _median_and_spread(row: Row, way: str) -> str:
    shortest, longest = row[f"{way}Spread"]
    return f"{row[f'{way}Seconds']} ({shortest} to {longest})"


def _cold_start(row: Row) -> str:
    bare = ("`import azure.functions`", row["bareImportSeconds"], row["bareImportMib"])
    index = (
        f"index `function_app.py` ({row['timesBareImport']} x that)",
        row["indexSeconds"],
        row["indexMib"],
    )
    health = (
        "answer the first `health`, when the local host is ready",
        row["firstHealthSeconds"],
        row["firstHealthMib"],
    )
    return _table(("", "seconds", "MiB"), [bare, index, health])


def _alert_storms(results: Results) -> str:
    storm, one_at_a_time = results["alertStorm"], results["alertStormOneAtATime"]
    return (
        f"{storm['callers']} callers at once send {storm['alerts']} alerts, {storm['distinct']} of "
        f"them distinct, about {storm['tables']} tables. {_answers(storm)}\n\nIf the host takes "
        f"only one request at a time, nothing is lost either. {_answers(one_at_a_time)}"
    )


def _answers(storm: Row) -> str:
    return (
        f"Half are answered within {storm['answeredWithinP50']} s, 99 of 100 within "
        f"{storm['answeredWithinP99']} s, and all within {storm['answeredWithinMax']} s. They "
        f"start {storm['runs']} runs, which write {storm['tablesWritten']} tables, and the last "
        f"run ends after {storm['settledAfter']} s."
    )


def _event_storm(storm: Row) -> str:
    return (
        f"{storm['events']} events about {storm['tables']} tables reach the queue within "
        f"{storm['sentAfter']} s. They start {storm['runs']} runs, which write "
        f"{storm['tablesWritten']} tables, and the last run ends after {storm['settledAfter']} s. "
        f"Each table is read {storm['readsATable']} times on average, and Azure refuses "
        f"{storm['met429']} requests with 429."
    )


def _paper(measured: Row) -> str:
    """Calculate larger numbers of tables from the largest case that was measured."""
    largest = max(measured["rows"], key=lambda row: (row["tables"], row["workers"]))
    head = (
        *("tables", f"minutes with {largest['workers']} workers"),
        *(f"workers for {_WITHIN_MINUTES} minutes", "storage calls", "apps"),
    )
    rows = [_paper_row(tables, largest, measured["lanes"]) for tables in _PAPER]
    return _table(head, rows)


def _paper_row(tables: int, largest: Row, lanes: int) -> tuple[object, ...]:
    # A wave is as many tables as all workers serve at a time.
    waves = math.ceil(largest["tables"] / lanes / largest["workers"])
    wave_minutes = largest["changed"]["seconds"] * largest["speedup"] / waves / 60

    minutes = math.ceil(tables / lanes / largest["workers"]) * wave_minutes
    workers = math.ceil(tables / lanes / math.floor(_WITHIN_MINUTES / wave_minutes))
    storage_calls = round(tables * largest["changed"]["storageCallsATable"])
    apps = math.ceil(tables / MOST_IN_AN_APP)
    return f"{tables:,}", round(minutes), workers, f"{storage_calls:,}", apps
