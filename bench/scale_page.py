"""The tables of docs/scale.md."""

import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .bill import MOST_IN_AN_APP
from .markdown import table, with_multiple
from .procedure_table import procedure, service

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
_WAYS_TO_KNOW: Mapping[str, str] = {
    "event": "an event of Event Grid",
    "alert": "an alert of Azure Monitor",
    "check": "the daily check, started at once",
}
DEADLINES: Mapping[str, str] = {
    "startSeconds": "the host starts and answers the first `health`",
    "runSeconds": "the run, from `POST /api/sync` to its end",
    "tableSeconds": "the longest table",
    "answerSeconds": "the slowest answer to another call during the run",
}
_PAPER = (1_000, 10_000, 100_000)
_WITHIN_MINUTES = 15

type Results = Mapping[str, Any]
type Row = Mapping[str, Any]


def blocks(results: Results) -> dict[str, str]:
    return {
        "machine": _machine(results),
        "procedure": procedure(results["procedure"]),
        "side-by-side": _side_by_side(results["sideBySide"]),
        "growth": _growth(results["growth"]),
        "unchanged": _unchanged(results["growth"]),
        "few-threads": _few_threads(results["fewThreads"]),
        "memory": f"{_memory(results)}\n\n{_deadlines(results['memory'])}",
        "throttled": _throttled(results["throttled"]),
        "idle": _idle(results["idle"]),
        "drift": _drift(results["drift"]),
        "cold-start": _cold_start(results["coldStart"]),
        "alert-storm": _alert_storms(results),
        "event-storm": _event_storm(results["eventStorm"]),
        "paper": _paper(results["growth"]),
    }


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
    return f"{text}\n\n{table(head, rows)}"


def _side_by_side_row(row: Row, ours: Row) -> tuple[object, ...]:
    return (
        row["way"],
        with_multiple(row, ours, "seconds"),
        with_multiple(row, ours, "lastRightAfterSeconds"),
        with_multiple(row, ours, "addressSeconds"),
        *(row[key] for key in ("reads", "writes", "polls", "met429", "cpuSeconds", "peakMib")),
    )


def _growth(measured: Row) -> str:
    head = (
        *("tables", "subscriptions", "workers", "an operation takes", "Azure's waits divided by"),
        *("seconds", "bound", "times bound", "reads, writes, polls per table", "429s"),
        *("a table's own seconds", "CPU ms per table", "the same in calibration loops"),
        *("storage calls per table", "its queue's calls", "MiB per worker"),
    )
    rows = [*measured["rows"], *measured["fastRows"]]
    loops = sorted(row["calibrationMs"] for row in rows)
    text = (
        f"The calibration loop took {statistics.median(loops)} ms of processor time (median), "
        f"{loops[0]} to {loops[-1]} ms just before the rows."
    )
    return f"{table(head, map(_growth_row, rows))}\n\n{text}"


def _growth_row(row: Row) -> tuple[object, ...]:
    changed = row["changed"]
    requests = ", ".join(f"{changed[key]:g}" for key in ("reads", "writes", "polls"))
    return (
        *(row["tables"], row["subscriptions"], row["workers"], service(row)),
        *(
            f"{row['speedup']:g}",
            changed["seconds"],
            f"{row['boundSeconds']} ({row['boundBy']})",
            row["timesBound"],
        ),
        *(requests, changed["met429"], changed["tableSeconds"], changed["cpuMsATable"]),
        *(changed["loopsATable"], changed["storageCallsATable"], changed["queueCallsATable"]),
        changed["peakMibAWorker"],
    )


def _unchanged(measured: Row) -> str:
    head = (
        *("tables", "workers", "seconds", "reads per table", "writes", "CPU ms per table"),
        "storage calls per table",
    )
    return table(head, (_unchanged_row(row) for row in measured["rows"]))


def _unchanged_row(row: Row) -> tuple[object, ...]:
    unchanged = row["unchanged"]
    return (
        *(row["tables"], row["workers"], unchanged["seconds"]),
        *(unchanged["reads"], f"{unchanged['writes']:g}"),
        *(unchanged["cpuMsATable"], unchanged["storageCallsATable"]),
    )


def _few_threads(row: Row) -> str:
    return (
        f"A run that changes {row['tables']} tables takes {row['secondsFive']} s if the pool of "
        f"the worker has five threads, and {row['secondsThirtyTwo']} s if it has 32: "
        f"{row['ratio']} x as long. Azure's waits are divided by "
        f"{row['speedup']:g}. Another call meanwhile, an alert about nothing, is answered within "
        f"{row['otherCallSeconds']} s."
    )


def _memory(results: Results) -> str:
    """The worker was measured by the cases of growth, and the host by itself."""
    row, growth = results["memory"], results["growth"]
    cases = [*growth["rows"], *growth["fastRows"]]
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

    head = ("", "deadline", *(f"seconds on {cores(row)}" for row in rows))
    lines = [
        (name, f"{measured['deadlines'][key]:,g}", *(row[key] for row in rows))
        for key, name in DEADLINES.items()
    ]
    work = ("processor time of worker and local host", "", *(row["cpuSeconds"] for row in rows))
    return f"{text}\n\n{table(head, [*lines, work])}"


def cores(row: Row) -> str:
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
    return f"{text}\n\n{table(head, rows)}"


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
    return table(("", "seconds", "MiB"), [bare, index, health])


def _alert_storms(results: Results) -> str:
    storm, one_at_a_time = results["alertStorm"], results["alertStormOneAtATime"]
    return (
        f"{storm['callers']} callers at once send {storm['alerts']} alerts, {storm['distinct']} of "
        f"them distinct, about {storm['tables']} tables, to one instance that does everything. "
        f"{_answers(storm)}\n\nThe next figures keep to the limits of a real host with the fewest "
        "instances: one for HTTP, which takes one request at a time, and one for each queue "
        "function. Each worker has five threads. All of them share the cores of one machine, so "
        f"this is the median of storms in which 99 of 100 took {_listed(one_at_a_time)} s. "
        f"{_answers(one_at_a_time)}"
    )


def _listed(storms: Row) -> str:
    *first, last = storms["answeredWithinP99OfEach"]
    return f"{', '.join(map(str, first))} and {last}"


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
    return table(head, rows)


def _paper_row(tables: int, largest: Row, lanes: int) -> tuple[object, ...]:
    # A wave is as many tables as all workers serve at a time.
    waves = math.ceil(largest["tables"] / lanes / largest["workers"])
    wave_minutes = largest["changed"]["seconds"] * largest["speedup"] / waves / 60

    minutes = math.ceil(tables / lanes / largest["workers"]) * wave_minutes
    workers = math.ceil(tables / lanes / math.floor(_WITHIN_MINUTES / wave_minutes))
    changed = largest["changed"]
    storage_calls = round(tables * (changed["storageCallsATable"] + changed["queueCallsATable"]))
    apps = math.ceil(tables / MOST_IN_AN_APP)
    return f"{tables:,}", round(minutes), workers, f"{storage_calls:,}", apps
