"""A run that has ended, or a daily check -> what people are told of it, if anything.

Told is what changed something, what newly needs a person, and what no longer does. A fault that
stays as it is comes once a day, in the digest of the check; where there is none, all is well once a
week.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from .. import codes
from ..armid import RouteTableId
from ..runs.outcome import OutcomeStatus, signature_of
from ..runs.run import Mode, Run, Trigger

ALL_WELL_EVERY = timedelta(days=7)
_LONGEST = 300
"""Characters of one line."""
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*")
_ALARM = "alarm|"
_SOURCE = "source|"
_RUN = "run|"


class NoticeKind(StrEnum):
    CHANGED = "changed"
    FAULT = "fault"
    RECOVERED = "recovered"
    DIGEST = "digest"
    ALL_WELL = "allWell"


@dataclass(frozen=True, slots=True)
class Item:
    """One line: of a route table, or of everything."""

    state: str
    text: str
    route_table_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"state": self.state, "routeTableId": self.route_table_id, "text": self.text}


@dataclass(frozen=True, slots=True)
class Notice:
    """`notice_id` is the id of the run, or of the check. The first items matter most."""

    notice_id: str
    kind: NoticeKind
    title: str
    at: datetime
    facts: Mapping[str, str] = field(default_factory=dict)
    items: tuple[Item, ...] = ()
    path: str | None = None
    """Of its report, behind the app's own address."""


@dataclass(frozen=True, slots=True)
class OpenFault:
    """What a person has to look at. The same signature: nothing new about it."""

    signature: str
    item: Item


@dataclass(frozen=True, slots=True)
class Ledger:
    """What people have been told: open faults, and the days of the last digest and all-well."""

    faults: Mapping[str, OpenFault] = field(default_factory=dict)
    digest_on: date | None = None
    all_well_on: date | None = None
    etag: str = ""


def of_run(
    run: Run,
    outcomes: Sequence[Mapping[str, Any]],
    ledger: Ledger,
    last_run_ids: Mapping[str, str],
) -> tuple[Notice | None, Ledger]:
    """Of a run that has ended. `last_run_ids` are, for each of its tables (by key), the run that
    last said what became of it: what a later run has found is not opened again.
    """
    if run.request.mode is Mode.PLAN and run.request.trigger in {Trigger.HTTP, Trigger.CLI}:
        return None, ledger  # whoever asked for the plan reads it
    current = [o for o in outcomes if last_run_ids.get(_key(o), run.run_id) <= run.run_id]
    standing = {_key(o): _open(o) for o in current if _is_bad(o)}
    standing |= dict(_faults_of(run))
    new = {k: f for k, f in standing.items() if _signature(ledger, k) != f.signature}
    gone = [key for key in ledger.faults.keys() - standing.keys() if _mended(key, run, current)]
    late = [_item(o) for o in outcomes if o not in current and _is_bad(o)]
    changed = [_item(o) for o in outcomes if o["status"] == OutcomeStatus.CHANGED]
    if run.request.mode is Mode.APPLY:  # a known fault need not keep the rest from its routes
        changed += [_item(o) for o in current if _is_bad(o) and _key(o) not in new and _wrote(o)]
    told = replace(
        ledger,
        faults={k: f for k, f in ledger.faults.items() if k not in gone} | standing,
    )
    items = (
        *(fault.item for fault in new.values()),
        *late,
        *(_recovered(ledger.faults[key].item) for key in sorted(gone)),
        *changed,
    )
    if not items:
        return None, told
    kind, title = _headline(len(new) + len(late), len(gone), len(changed))
    facts = {
        "Run": f"{run.request.trigger}, {run.request.mode}: {run.status}",
        **({"Reason": _line(run.request.reason)} if run.request.reason else {}),
        "Route tables": _counted(run.counts),
        **{
            f"Version {v.version_id}": f"+{len(v.added)} -{len(v.removed)} prefixes"
            for v in run.versions
            if v.added or v.removed
        },
    }
    at = run.finished_at or run.started_at
    return Notice(run.run_id, kind, title, at, facts, items, f"runs/{run.run_id}"), told


def of_check(
    report: Mapping[str, Any], ledger: Ledger, registered: Collection[str]
) -> tuple[Notice | None, Ledger]:
    """Of a check's report: at most one a day. `registered` are the keys of the tables that still
    are.
    """
    at = datetime.fromisoformat(report["at"])
    alarms = {_alarm_key(alarm): _alarm(alarm) for alarm in report["alarms"]}
    # Of a table that nobody keeps any more there is nothing to tell.
    kept = {
        key: fault
        for key, fault in ledger.faults.items()
        if not key.startswith("/") or key in registered
    }
    gone = {k: f for k, f in kept.items() if k not in alarms and _seen_mended(k, report)}
    standing = {k: f for k, f in kept.items() if k not in gone} | alarms
    new = {k for k, f in standing.items() if _signature(ledger, k) != f.signature}
    recovered = tuple(_recovered(fault.item) for _, fault in sorted(gone.items()))
    told = replace(ledger, faults=standing)
    tables = f"{report['right']} of {report['tables']} right"
    facts = {"Route tables": tables, "Versions": ", ".join(report["versions"]) or "none"}
    if standing:
        if ledger.digest_on == at.date() and not new and not gone:
            return None, told
        items = (*(fault.item for fault in standing.values()), *recovered)
        title = f"{_number(len(standing), 'fault')} open"
        told = replace(told, digest_on=at.date())
        return Notice(report["checkId"], NoticeKind.DIGEST, title, at, facts, items), told
    if recovered:
        title = f"{_number(len(recovered), 'fault')} no longer open"
        return Notice(report["checkId"], NoticeKind.RECOVERED, title, at, facts, recovered), told
    early = ledger.all_well_on and at.date() - ledger.all_well_on < ALL_WELL_EVERY
    if early or report["right"] < report["tables"]:
        return None, told
    title = f"all well, {_number(report['tables'], 'route table')}, version {facts['Versions']}"
    told = replace(told, all_well_on=at.date())
    return Notice(report["checkId"], NoticeKind.ALL_WELL, title, at, facts), told


def _headline(faults: int, recovered: int, changed: int) -> tuple[NoticeKind, str]:
    if faults:
        return NoticeKind.FAULT, f"{_number(faults, 'new fault')}"
    if recovered:
        return NoticeKind.RECOVERED, f"{_number(recovered, 'fault')} no longer open"
    return NoticeKind.CHANGED, f"{_number(changed, 'route table')} changed"


def _faults_of(run: Run) -> Iterator[tuple[str, OpenFault]]:
    """What stopped or limited the whole run."""
    if run.error is None:
        return
    if not run.unusable:
        text = _line(f"{run.error.code}: {run.error.message}")
        yield _RUN + run.error.code.name, OpenFault(run.error.code.name, Item("failed", text))
    for source, why in run.unusable.items():
        yield (
            _SOURCE + source,
            OpenFault(run.error.code.name, Item("failed", _line(f"{source}: {why}"))),
        )


def _mended(key: str, run: Run, outcomes: Iterable[Mapping[str, Any]]) -> bool:
    """Whether this run has shown that an open fault is no more."""
    if key.startswith(_SOURCE):
        return any(_SOURCE + version.source == key for version in run.versions)
    if key.startswith(_RUN):
        return run.error is None
    right = {OutcomeStatus.CHANGED, OutcomeStatus.UNCHANGED}
    return any(_key(o) == key and o["status"] in right for o in outcomes)


def _seen_mended(key: str, report: Mapping[str, Any]) -> bool:
    """Whether this check has shown that an open fault is no more."""
    if key.startswith(_SOURCE):
        tag = key.removeprefix(_SOURCE)
        return tag in report["serviceTags"] and tag not in report["unusable"]
    if key.startswith(_RUN):
        return False
    wrong = [t["routeTableId"].lower() for t in report["routeTables"] if not t["right"]]
    every = len(wrong) == report["tables"] - report["right"]
    return key.startswith(_ALARM) or (every and key not in wrong)


def _signature(ledger: Ledger, key: str) -> str | None:
    known = ledger.faults.get(key)
    return known.signature if known else None


def _key(outcome: Mapping[str, Any]) -> str:
    key: str = outcome["routeTableId"].lower()
    return key


def _is_bad(outcome: Mapping[str, Any]) -> bool:
    return OutcomeStatus(outcome["status"]).is_bad


def _wrote(outcome: Mapping[str, Any]) -> bool:
    return any(outcome[kind] for kind in ("added", "updated", "removed"))


def _open(outcome: Mapping[str, Any]) -> OpenFault:
    return OpenFault(signature_of(outcome), _item(outcome))


def _item(outcome: Mapping[str, Any]) -> Item:
    """Counts and codes: what they are of stands in the report."""
    signs = (("+", "added"), ("~", "updated"), ("-", "removed"))
    counted = [f"{sign}{len(outcome[key])}" for sign, key in signs if outcome[key]]
    conflicts = [c for c in outcome["conflicts"] if c["accepted"] is None]
    contested = [f["message"] for f in outcome["findings"] if f["code"] == codes.CONTESTED.name]
    error = outcome["error"]
    parts = [
        " ".join(counted),
        f"{_number(len(conflicts), 'conflict')}" if conflicts else "",
        ", ".join(violation["code"] for violation in outcome["violations"]),
        f"{error['code']}: {error['message']}" if error else "",
        f"contested: {contested[0]}" if contested else "",
    ]
    text = "; ".join(part for part in parts if part)
    return Item(outcome["status"], _line(text), outcome["routeTableId"])


def _recovered(item: Item) -> Item:
    return replace(item, state="recovered", text=_line(f"was {item.state}: {item.text}"))


def _alarm_key(alarm: Mapping[str, Any]) -> str:
    return f"{_ALARM}{alarm['code']}|{(alarm['routeTableId'] or '').lower()}"


def _alarm(alarm: Mapping[str, Any]) -> OpenFault:
    # Its message counts days: the code alone says whether it is the same.
    text = _line(f"{alarm['code']}: {alarm['message']}")
    return OpenFault(alarm["code"], Item("alarm", text, alarm["routeTableId"]))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.items() if number) or "none"


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _line(text: str) -> str:
    """Short, on one line, and without what may be a key in a link."""
    text = _QUERY.sub(r"\1", " ".join(text.split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def short_name(route_table_id: str) -> str:
    """As people call it."""
    try:
        table = RouteTableId.parse(route_table_id)
    except ValueError:
        return route_table_id
    return f"{table.name} in {table.resource_group}"
