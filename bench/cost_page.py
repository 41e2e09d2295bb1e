"""The tables of docs/cost.md."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import log_weight
from .bill import (
    DAYS,
    DEFAULTS,
    MONTHS,
    MOST_IN_AN_APP,
    PRICES,
    Month,
    Settings,
    costs,
    counts_at,
    rows_gb,
    usage_of,
)
from .markdown import table

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"
SIZES = (10, 1_000, 100_000)
PARTS: Mapping[str, Sequence[str]] = {
    "Flex Consumption": ("executions", "gbSeconds"),
    "storage operations": ("queueOperations", "tableOperations", "blobWrites", "blobReads"),
    "log": ("logGb", "keptGbMonths"),
    "Event Grid": ("eventOperations",),
    "log alert rules": ("alertRules",),
}
"""The meters of each part of the bill."""
_EVERY_HOUR = DAYS / MONTHS * 24
CHOICES: Mapping[str, Settings] = {
    "as the template makes it": DEFAULTS,
    "an instance of each app is always awake": replace(DEFAULTS, awake_hours=_EVERY_HOUR),
    "no `FunctionAppLogs`": replace(DEFAULTS, has_host_log=False),
    "no log of the storage account": replace(DEFAULTS, has_storage_log=False),
    "a check every second day": replace(DEFAULTS, checks=DEFAULTS.checks / 2),
}
_COUNTS: Mapping[str, str] = {
    "executions": "executions",
    "seconds": "seconds of work",
    "queueOperations": "queue operations",
    "tableOperations": "table operations",
    "storageChanges": "of both, the writes and deletions",
    "logRecords": "log entries of the app",
    "logBytes": "their bytes",
    "events": "events",
    "rowBytes": "bytes of new rows",
}
_KINDS: Mapping[str, str] = {
    "unchanged": "a run with nothing to change",
    "changed": "a run in which every table changes",
    "check": "a daily check",
}


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    month = results["month"]
    return {
        "month": _month(month),
        "largest": _largest(month),
        "choices": _choices(month),
        "work": _work(month),
        "weights": _weights(),
        "prices": _prices(),
    }


def parts_of(month: Month, tables: int, settings: Settings = DEFAULTS) -> dict[str, float]:
    """Return the US dollars of each part of a month's bill."""
    by_meter = costs(usage_of(month, tables, settings))
    return {part: sum(by_meter[meter] for meter in meters) for part, meters in PARTS.items()}


def _month(month: Month) -> str:
    used = [usage_of(month, tables) for tables in SIZES]
    parts = [parts_of(month, tables) for tables in SIZES]
    operations = [sum(one[meter] for meter in PARTS["storage operations"]) for one in used]

    rows = [
        ("apps", *(math.ceil(tables / MOST_IN_AN_APP) for tables in SIZES)),
        ("executions", *(_count(one["executions"]) for one in used)),
        ("GB-seconds, about", *(_count(one["gbSeconds"], figures=1) for one in used)),
        ("storage operations", *map(_count, operations)),
        ("GB of rows, after 400 days", *(_figure(rows_gb(month, tables)) for tables in SIZES)),
        ("GB of log", *(_figure(one["logGb"]) for one in used)),
        *((f"US$: {part}", *(_dollars(one[part]) for one in parts)) for part in PARTS),
        ("**US$ a month**", *(f"**{_dollars(sum(one.values()))}**" for one in parts)),
    ]
    return table(("in a month", *(f"{tables:,} tables" for tables in SIZES)), rows)


def _largest(month: Month) -> str:
    lines = []
    for tables in SIZES:
        parts = parts_of(month, tables)
        largest = max(parts, key=lambda part: parts[part])
        share = 100 * parts[largest] / sum(parts.values())
        lines.append(f"- With {tables:,} tables: {largest}, {share:.0f} percent.")
    return "\n".join(lines)


def _choices(month: Month) -> str:
    rows = [
        (name, *(_dollars(sum(parts_of(month, tables, settings).values())) for tables in SIZES))
        for name, settings in CHOICES.items()
    ]
    return table(("US$ a month", *(f"{tables:,} tables" for tables in SIZES)), rows)


def _work(month: Month) -> str:
    few, many = month["tables"]
    rows = [
        (name, *(_line(month, kind, count) for kind in _KINDS)) for count, name in _COUNTS.items()
    ]
    text = (
        f"Counted with {few} and with {many} tables. Each cell has the part that does not depend "
        "on the tables, and the part of one table."
    )
    return f"{text}\n\n{table(('counted', *_KINDS.values()), rows)}"


def _line(month: Month, kind: str, count: str) -> str:
    at_none = counts_at(month, kind, 0)[count]
    of_one = counts_at(month, kind, 1)[count] - at_none
    return f"{_figure(at_none)} + {_figure(of_one)}"


def _weights() -> str:
    executions = log_weight.execution(), log_weight.host_execution()
    entries = log_weight.entry(), log_weight.host_entry()
    rows = [
        ("an execution: its request, and the three entries of the host", *map(_count, executions)),
        ("an entry of the app, without its message", *map(_count, entries)),
        ("a message that a function sends", _count(log_weight.message_sent()), "-"),
        ("an hour in which an instance is awake", _count(log_weight.awake_hour()), "-"),
    ]
    return table(("bytes, estimated", "Application Insights", "`FunctionAppLogs`"), rows)


def _prices() -> str:
    head = ("meter", "US$", "for", "free each month", "region", "read on")
    return table(head, (_price(one) for one in json.loads(PRICES.read_text())["meters"]))


def _price(one: Mapping[str, Any]) -> tuple[object, ...]:
    source = f"[{one['name']}]({quote(one['source'], safe=':/?$=')})"
    reading = f"[{one['date'] or 'no date'}]({one['quotedBy']})"
    usd = f"{one['usd']:f}".rstrip("0").rstrip(".")
    return source, usd, one["unit"], f"{one['free']:,}", one["region"], reading


def _count(number: float, *, figures: int = 2) -> str:
    """Two figures are as many as most of these numbers are good for."""
    return f"{float(f'{number:.{figures}g}'):,.0f}"


def _figure(number: float) -> str:
    if number >= 10:
        return _count(number)
    return f"{float(f'{number:.2g}'):g}"


def _dollars(number: float) -> str:
    if number >= 10:
        return _count(number)
    return f"{number:.2f}" if number < 1 else f"{number:.1f}"
