"""Notices: what people are told, and the ledger of what they were told already.

A notice says what changed, what newly needs a person, and what no longer does. What stays open is
repeated once a day, by the check.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from ..armid import RouteTableId
from ..codes import Code
from ..runs.outcome import Outcome
from ..runs.run import Mode, Run, Trigger
from .check_report import CheckReport
from .next_steps import About, NextStep

MOST_REMEMBERED = 2000
"""The most faults, and the most tables that wait. The others are told again in each run.

The ledger is one row of storage.
"""
OVERVIEW = "dashboard"
"""The path of the page about all route tables."""
_LONGEST = 300
"""Characters of one line."""
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*")


class NoticeKind(StrEnum):
    CHANGED = "changed"
    FAULT = "fault"
    RECOVERED = "recovered"
    WAITS = "waits"
    SERVICE_TAG_CHANGED = "serviceTagChanged"
    REGISTRATIONS = "registrations"
    DIGEST = "digest"
    ALL_WELL = "allWell"


@dataclass(frozen=True, slots=True)
class Item:
    """One line, about a route table or about the whole app.

    `since` is when it began. `code` says what to do, with the ids of `about`.
    """

    state: str
    text: str
    route_table_id: RouteTableId | None = None
    since: datetime | None = None
    about: About = field(default_factory=About)
    code: Code | None = None

    @property
    def run_id(self) -> str:
        """The run that showed it, or "" if a check did."""
        return self.about.run_id or ""


@dataclass(frozen=True, slots=True)
class Notice:
    """`notice_id` is the id of the run or of the check. The first items matter most.

    The `title` and the `summary` stand alone. `path` leads to the page about it, after the app's
    own address.
    """

    notice_id: str
    kind: NoticeKind
    title: str
    at: datetime
    summary: str
    facts: Mapping[str, str] = field(default_factory=dict)
    items: tuple[Item, ...] = ()
    steps: tuple[NextStep, ...] = ()
    path: str = OVERVIEW


@dataclass(frozen=True, slots=True)
class OpenFault:
    """Something that a person has to look at. It is news only if its signature changes."""

    signature: str
    item: Item


@dataclass(frozen=True, slots=True)
class Waiting:
    """The changes of a table that wait for an approval, by the newest run in which they wait.

    They are news only if they come from newer versions.
    """

    item: Item
    version_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The record of what people were told.

    `faults` are open, by a key that stays the same from day to day: a route table's, or an alarm's,
    source's or run's. `waiting` is by route table key. `versions` has the last version of each
    service tag of which people were told. The days are those of the last digest, of the last
    all-well, and of the last time that people were told what waits. `tags_told` is the last check
    of which people were told what Azure tags have registered.
    """

    faults: Mapping[str, OpenFault] = field(default_factory=dict)
    digest_on: date | None = None
    all_well_on: date | None = None
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    waits_told_on: date | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    tags_told: str = ""
    etag: str = ""


def is_asked_plan(run: Run) -> bool:
    """Return whether the run is a plan that a person asked for."""
    request = run.request
    return request.mode is Mode.PLAN and request.trigger in {Trigger.HTTP, Trigger.CLI}


def end_of(run: Run) -> datetime:
    return run.finished_at or run.started_at


def page_of(run_id: str) -> str:
    """Return the path of the run's page, after the app's own address."""
    return f"{OVERVIEW}?run={run_id}"


def by_age(
    run: Run, outcomes: Iterable[Outcome], last_run_ids: Mapping[str, str]
) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes that are the last of their table, and the others.

    `last_run_ids` has, by route table key, the run that settled the table last.
    """
    current: list[Outcome] = []
    late: list[Outcome] = []
    for outcome in outcomes:
        is_last = last_run_ids.get(key_of(outcome), run.run_id) <= run.run_id
        (current if is_last else late).append(outcome)
    return current, late


def found_right(check: CheckReport, keys: Iterable[str]) -> frozenset[str]:
    """Return those of the route tables with these keys that this check has found right."""
    if not check.all_listed:
        return frozenset()
    return frozenset(keys) - {one.route_table_id.key for one in check.tables if not one.right}


def key_of(outcome: Outcome) -> str:
    return outcome.route_table_id.key


def counted(
    *, added: Collection[object], updated: Collection[object], removed: Collection[object]
) -> str:
    """Return the numbers of these changes, for example `+12 -3`."""
    signs = (("+", added), ("~", updated), ("-", removed))
    return " ".join(f"{sign}{len(changes)}" for sign, changes in signs if changes)


def number_of(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def one_line(text: str) -> str:
    """Return the text shortened to one line, without any query of a link: it may hold a key."""
    return shortened(_QUERY.sub(r"\1", " ".join(text.split())), _LONGEST)


def shortened(text: str, longest: int) -> str:
    """Return the text, cut to this number of characters if it is longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def short_name(route_table_id: RouteTableId) -> str:
    """Return the name by which people know the route table."""
    return f"{route_table_id.name} in {route_table_id.resource_group}"
