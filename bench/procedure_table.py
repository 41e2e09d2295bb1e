"""The table of the article's procedure, in docs/scale.md and README.md."""

from collections.abc import Mapping
from typing import Any

from .markdown import table, with_multiple
from .procedure import OURS, THE_LOOP
from .world import FAST_SERVICE

type Row = Mapping[str, Any]


def procedure(measured: Row) -> str:
    rows = measured["rows"]
    ours = {service(row): row for row in rows if row["way"] == OURS}

    head = (
        *("way", "an operation takes", "addresses measured", "seconds measured", "seconds"),
        *("the table alone", "address-seconds without a route"),
    )
    lines = (_procedure_row(row, ours[service(row)]) for row in rows)
    return f"{_how_measured(measured)}\n\n{table(head, lines)}"


def _how_measured(measured: Row) -> str:
    text = (
        f"Each figure is the median of {measured['times']}, each for an empty table of its own. "
        "The numbers in brackets are multiples of ours."
    )
    loop = next((row for row in measured["rows"] if row["way"] == THE_LOOP), None)
    if loop is None:
        return text
    return (
        f"{text} The loop was measured for {loop['measuredAddresses']} of the {loop['addresses']} "
        "addresses. Its figures are worked out from them in proportion."
    )


def procedure_today(measured: Row) -> str:
    return procedure({**measured, "rows": _rows_of_today(measured)})


def times_of_the_loop(measured: Row) -> float | None:
    """Return how many times as long the loop takes as ours, at a service of today's speed.

    Return None if the loop was not measured.
    """
    seconds = {row["way"]: row["seconds"] for row in _rows_of_today(measured)}
    loop: float | None = seconds.get(THE_LOOP)
    return None if loop is None else loop / seconds[OURS]


def _rows_of_today(measured: Row) -> list[Row]:
    return [row for row in measured["rows"] if row["operationSeconds"] == [*FAST_SERVICE]]


def _procedure_row(row: Row, ours: Row) -> tuple[object, ...]:
    return (
        *(row["way"], service(row), row["measuredAddresses"], row["measuredSeconds"]),
        *(with_multiple(row, ours, "seconds"), row.get("tableSeconds", "")),
        with_multiple(row, ours, "addressSeconds"),
    )


def service(row: Row) -> str:
    shortest, longest = row["operationSeconds"]
    return f"{shortest:g} to {longest:g} s" if longest else "no time"
