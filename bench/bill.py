"""The cost of a month, worked out from the counts of `bench/month.py` and from prices.json.

The counts at another number of tables lie on the straight line through the two that were measured.
Only the weight of the log is estimated (`bench/log_weight.py`).
"""

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from shared.log import MOST_CHARACTERS

from . import log_weight

PRICES = Path(__file__).with_name("prices.json")
MOST_IN_AN_APP = 10_000
"""The most tables of one app, because one message sends all and one report shows all."""
MONTHS = 12
WEEKS = 52
DAYS = 365
CHANGES = 11
"""In how many of the runs of a year every table changes: as often as the real tag does."""
CHECKED_SINGLY = 1000
"""About so many tables the daily check reads itself, in the two minutes that it has."""
CALLS_A_MINUTE = 185
"""The calls to the storage account of an idle instance: see "Waits for polls" in docs/scale.md."""
OWN_CALLS_A_MINUTE = 5
"""The host's own ones of these calls. It renews its locks, so they are writes."""
INSTANCE_GB = 2.0
RUN_RETENTION_DAYS = 400
ALERT_RULES = 5
_PAID_MONTHS = (90 - 31) / (DAYS / MONTHS)
"""The log is kept for 90 days. 31 are free, and for Application Insights all 90."""
BYTES_A_GB = 1e9

type Month = Mapping[str, Any]
"""The section `month` of the results."""
type Count = float | Mapping[str, float]
"""The executions are counted for each function."""
type Usage = dict[str, float]
"""How much of each meter is used in a month."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices that change a month's cost most. The defaults are those of the template."""

    awake_hours: float = DAYS / MONTHS
    """How long an instance of each app is awake in a month without work: an hour a day."""
    checks: float = DAYS / MONTHS
    """How often the daily check runs in a month."""
    has_host_log: bool = True
    has_storage_log: bool = True


DEFAULTS = Settings()


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for so many units, after a number of units that are free each month."""

    usd: float
    per: float
    free: float

    def cost(self, quantity: float) -> float:
        return max(0.0, quantity - self.free) / self.per * self.usd


@cache
def prices() -> Mapping[str, Price]:
    meters = json.loads(PRICES.read_text())["meters"]
    return {one["meter"]: Price(one["usd"], one["per"], one["free"]) for one in meters}


def costs(usage: Usage) -> dict[str, float]:
    """Return the US dollars of each meter. All apps share what is free."""
    return {meter: prices()[meter].cost(quantity) for meter, quantity in usage.items()}


def usage_of(month: Month, tables: int, settings: Settings = DEFAULTS) -> Usage:
    """Return what so many tables use in a month, in as many apps as they need."""
    apps = math.ceil(tables / MOST_IN_AN_APP)
    work = _work(month, tables / apps, settings)
    insights, host, storage = _log_gb(work, settings)
    idle_minutes = 60 * settings.awake_hours

    of_one_app = {
        "executions": work["executions"],
        "gbSeconds": work["seconds"] * INSTANCE_GB,
        "queueOperations": work["queueOperations"] + idle_minutes * CALLS_A_MINUTE,
        "tableOperations": work["tableOperations"],
        "blobWrites": work["blobWrites"],
        "blobReads": work["blobReads"],
        "logGb": insights + host + storage,
        "keptGbMonths": (host + storage) * _PAID_MONTHS,
        # Event Grid counts that an event comes, and that it is delivered.
        "eventOperations": 2 * work["events"],
        "alertRules": ALERT_RULES,
    }
    return {meter: quantity * apps for meter, quantity in of_one_app.items()}


def rows_gb(month: Month, tables: int) -> float:
    """Return the GB of the rows of all runs, from the day on when the first ones are removed."""
    apps = math.ceil(tables / MOST_IN_AN_APP)
    in_a_month = apps * _work(month, tables / apps, DEFAULTS)["rowBytes"]
    return in_a_month * RUN_RETENTION_DAYS / (DAYS / MONTHS) / BYTES_A_GB


def _work(month: Month, tables: float, settings: Settings) -> Mapping[str, float]:
    """Add up what the runs and the checks of a month do in one app with so many tables."""
    singly = min(tables, CHECKED_SINGLY)
    parts = [
        ("unchanged", (WEEKS - CHANGES) / MONTHS, tables),
        ("changed", CHANGES / MONTHS, tables),
        ("check", settings.checks, singly),
    ]
    if tables > singly:
        # The check leaves the other tables to a run.
        parts.append(("unchanged", settings.checks, tables - singly))

    work: defaultdict[str, float] = defaultdict(float)
    for kind, times, number in parts:
        for name, count in counts_at(month, kind, number).items():
            work[name] += times * count
    return work


def counts_at(month: Month, kind: str, tables: float) -> dict[str, float]:
    """Return each count at this number of tables, on the line through both measured numbers."""
    at_few, at_many = month[kind]
    few, many = month["tables"]
    part = (tables - few) / (many - few)
    counts = {name: _between(at_few[name], at_many[name], part) for name in at_few}
    if kind == "check":
        # Its one record lists the tables, and leaves out those that it has no room for.
        counts["logBytes"] = min(counts["logBytes"], MOST_CHARACTERS)
    return counts


def _between(at_few: Count, at_many: Count, part: float) -> float:
    """Return the count at this part of the way. Chance must not bring it below 0."""
    least = _number(at_few)
    return max(0.0, least + part * (_number(at_many) - least))


def _number(count: Count) -> float:
    return sum(count.values()) if isinstance(count, Mapping) else count


def _log_gb(work: Mapping[str, float], settings: Settings) -> tuple[float, float, float]:
    """Return the GB in Application Insights, in the host's log and in that of the storage."""
    records, messages = work["logRecords"], work["logBytes"]
    insights = (
        work["executions"] * log_weight.execution()
        + records * log_weight.entry()
        + messages
        + work["messagesSent"] * log_weight.message_sent()
        + settings.awake_hours * log_weight.awake_hour()
    )
    host = work["executions"] * log_weight.host_execution() + records * log_weight.host_entry()
    changes = work["storageChanges"] + settings.awake_hours * 60 * OWN_CALLS_A_MINUTE

    return (
        insights / BYTES_A_GB,
        (host + messages) / BYTES_A_GB * settings.has_host_log,
        changes * log_weight.STORAGE_CHANGE / BYTES_A_GB * settings.has_storage_log,
    )
