"""The goals of this project, and which of them the results miss."""

from collections.abc import Iterator, Mapping
from typing import Any

from .procedure_table import times_of_the_loop
from .scale_page import DEADLINES, cores

MOST_TIMES_BOUND = 1.15
LEAST_TIMES_THE_LOOP = 500
MOST_TIMES_ALONE = 1.5
MOST_TIMES_WITH_FEW_THREADS = 1.1
MOST_SECONDS_OF_ANOTHER_CALL = 1.0
MOST_SECONDS_OF_A_TABLE = 3.0
MOST_STORAGE_CALLS = 7
MOST_CPU_MS = 40
MOST_MIB = 450

type Results = Mapping[str, Any]
type Row = Mapping[str, Any]


def faults(results: Results) -> list[str]:
    """Return a sentence for each goal that the results miss."""
    growth = results["growth"]
    missed = [fault for row in growth["rows"] for fault in _pace_faults(row)]
    for row in (*growth["rows"], *growth["fastRows"]):
        missed += _growth_faults(row)
    missed += [fault for row in growth["fastRows"] for fault in _own_time_faults(row)]

    missed += _procedure_faults(results["procedure"])
    missed += _threads_faults(results["fewThreads"])
    missed += _deadline_faults(results["memory"])
    missed += _throttling_faults(results["throttled"])

    # The other sections say themselves whether they meet their goal.
    if not results["idle"]["goalMet"]:
        missed.append(f"one table on an idle app: {results['idle']['longestSeconds']} s")
    if not results["drift"]["goalMet"]:
        missed.append(f"a deleted route, by event: up to {results['drift']['eventSpread'][1]} s")
    if not results["coldStart"]["goalMet"]:
        missed.append(f"indexing: {results['coldStart']['timesBareImport']} x a bare import")
    if not results["eventStorm"]["goalMet"]:
        missed.append(f"the storm of events: {results['eventStorm']['runs']} runs")
    missed += [
        f"the storm of alerts, {storm['atATime']} at a time: {storm['answeredWithinP99']} s"
        for storm in (results["alertStorm"], results["alertStormOneAtATime"])
        if not storm["goalMet"]
    ]
    return missed


def _procedure_faults(measured: Row) -> Iterator[str]:
    times = times_of_the_loop(measured)
    if times is not None and times < LEAST_TIMES_THE_LOOP:
        yield f"the article's loop takes only {times:.0f} x as long"


def _threads_faults(row: Row) -> Iterator[str]:
    if row["ratio"] > MOST_TIMES_WITH_FEW_THREADS:
        yield f"with five threads: {row['ratio']} x the time with 32"
    if row["otherCallSeconds"] > MOST_SECONDS_OF_ANOTHER_CALL:
        yield f"another call while tables change: {row['otherCallSeconds']} s"


def _deadline_faults(measured: Row) -> Iterator[str]:
    for row in measured["rows"]:
        for key, deadline in measured["deadlines"].items():
            if row[key] >= deadline:
                yield f"on {cores(row)}, {DEADLINES[key]}: {row[key]} s"


def _throttling_faults(row: Row) -> Iterator[str]:
    if row["failed"]:
        yield "tables of a throttled subscription failed"
    alone, meanwhile = row["otherAloneSeconds"], row["otherMeanwhileSeconds"]
    if meanwhile > alone * MOST_TIMES_ALONE:
        yield f"a table of another subscription: {meanwhile} s, alone {alone} s"


def _pace_faults(row: Row) -> Iterator[str]:
    """With few tables, the operations that were drawn decide how long a run takes."""
    if row["tables"] >= 100 and row["timesBound"] > MOST_TIMES_BOUND:
        yield f"{row['tables']} tables, {row['workers']} workers: {row['timesBound']} x the bound"


def _own_time_faults(row: Row) -> Iterator[str]:
    """A table that waits for the processor takes longer than by itself."""
    seconds = row["changed"]["tableSeconds"]
    if row["tables"] < 100 and seconds >= MOST_SECONDS_OF_A_TABLE:
        yield f"{row['tables']} tables: each takes {seconds} s at a service of one second"


def _growth_faults(row: Row) -> Iterator[str]:
    case = f"{row['tables']} tables, {row['workers']} workers"
    changed, unchanged = row["changed"], row["unchanged"]

    if changed["writes"] != 1:
        yield f"{case}: {changed['writes']} writes per changed table"
    if unchanged["reads"] > 1 or unchanged["writes"]:
        yield f"{case}: an unchanged table is read more than once, or written"
    if row["tables"] == 1000 and changed["cpuMsATable"] > MOST_CPU_MS:
        yield f"{case}: {changed['cpuMsATable']} ms CPU per table"
    if row["tables"] == 1000 and changed["storageCallsATable"] > MOST_STORAGE_CALLS:
        yield f"{case}: {changed['storageCallsATable']} storage calls per table"
    if changed["peakMibAWorker"] > MOST_MIB:
        yield f"{case}: {changed['peakMibAWorker']} MiB per worker"
