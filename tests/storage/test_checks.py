"""Check reports and the ledger come back as they were written, whatever is in them."""

import functools
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain import codes
from shared.domain.armid import RouteTableId
from shared.domain.codes import lookup
from shared.domain.errors import ConcurrentUpdate
from shared.domain.people.check_report import (
    MOST_LISTED,
    CheckedTable,
    CheckReport,
    Figures,
    check_id_of,
)
from shared.domain.people.health import Alarm, Document
from shared.domain.people.next_steps import About
from shared.domain.people.notices import Item, Ledger, OpenFault, Waiting
from shared.domain.runs.outcome import OutcomeStatus
from shared.domain.runs.run import run_id_of
from shared.storage.checks import CheckLog, LedgerLog
from tests.builders.azure import rid, table_id

from . import values
from .tables import MemoryTable

NOW = datetime(2026, 11, 23, 5, 20, tzinfo=UTC)
LATER = datetime(9000, 1, 1, tzinfo=UTC)
IDS = [RouteTableId.parse(table_id(f"a-route-table-with-a-long-name-{n}")) for n in range(3000)]


@functools.cache
def large_report() -> CheckReport:
    return CheckReport(
        check_id="check-20261123052000000000",
        at=NOW,
        figures=Figures.of([]),
        tables=tuple(
            CheckedTable(
                route_table_id=i,
                right=False,
                status=OutcomeStatus.FAILED,
                error=None,
                days_since_right=n / 7,
                routes=n,
                route_limit=400,
                held=0,
                contested=False,
                poisoned=False,
            )
            for n, i in enumerate(IDS[:MOST_LISTED])
        ),
        service_tags=("AppServiceManagement",),
        differs=(),
        unusable={},
        versions=(),
        document=Document({}, NOW),
        alarms=tuple(
            Alarm(codes.TABLE_STALE, f"not found right for {n} days", i) for n, i in enumerate(IDS)
        ),
    )


RUNS = [run_id_of(NOW, f"{n:08x}") for n in range(len(IDS))]


def about(number: int) -> About:
    return About(route_table_id=IDS[number], run_id=RUNS[number])


@functools.cache
def large_ledger() -> Ledger:
    return Ledger(
        {
            i.key: OpenFault(
                f"{n:016}", Item("failed", "because " * 30, i, NOW, about(n), codes.HELD)
            )
            for n, i in enumerate(IDS)
        },
        waiting={
            i.key: Waiting(
                Item("waits", f"+{n} -{n} in run {RUNS[n]}", i, NOW, about(n), codes.APPLY_POLICY),
                ("AzureCloud.AppServiceManagement-000017", "AzureCloud.ase.one.0a1b2c3d-000009"),
            )
            for n, i in enumerate(IDS)
        },
    )


@given(values.check_reports, st.booleans())
@example(large_report, True)
def test_a_report_comes_back_as_it_was_put(report, due):
    report = values.made(report)
    log = CheckLog(MemoryTable.client())
    log.put(report, notice_due=due)
    assert log.get(report.check_id) == (report, due)
    assert log.latest(until=LATER) == report
    log.told(report.check_id)
    assert log.get(report.check_id) == (report, False)


@given(values.ledgers)
@example(large_ledger)
def test_the_ledger_comes_back_as_it_was_written(ledger):
    ledger = values.made(ledger)
    log = LedgerLog(MemoryTable.client())
    log.write(ledger)
    found = log.read()
    assert replace(found, etag="") == ledger
    log.write(found)
    assert replace(log.read(), etag="") == ledger


def test_what_thousands_of_tables_have_to_say_is_kept(app):
    """An entity holds 1 MiB, in UTF-16."""
    ids = [rid(f"a-route-table-with-a-long-name-{n}") for n in range(3000)]
    alarms = tuple(Alarm(lookup("TableStale"), f"for {n} days", i) for n, i in enumerate(ids))
    report = replace(values.EMPTY_CHECK, alarms=alarms)
    app.checks.put(report, notice_due=True)
    assert app.checks.latest(until=LATER) == report
    assert app.checks.get(values.EMPTY_CHECK.check_id) == (report, True)
    ledgers = LedgerLog(app.account.runs)
    ledgers.write(large_ledger())
    assert replace(ledgers.read(), etag="") == large_ledger()


def test_of_two_that_write_the_ledger_the_second_looks_again(app):
    ledgers = LedgerLog(app.account.runs)
    ledgers.write(Ledger(all_well_on=NOW.date()))
    with pytest.raises(ConcurrentUpdate):
        ledgers.write(Ledger())
    read = ledgers.read()
    written = ledgers.write(read)
    assert written == ledgers.read()
    with pytest.raises(ConcurrentUpdate):
        ledgers.write(read)


def test_a_check_that_was_made_while_the_clock_ran_ahead_is_not_the_latest(app):
    made = {}
    for year in (2026, 2030):
        at = datetime(year, 3, 4, tzinfo=UTC)
        made[year] = replace(values.EMPTY_CHECK, check_id=check_id_of(at), at=at)
        app.checks.put(made[year], notice_due=False)
    assert app.checks.latest(until=datetime(2026, 3, 4, tzinfo=UTC)) == made[2026]
    assert app.checks.latest(until=datetime(2030, 3, 4, tzinfo=UTC)) == made[2030]
    assert app.checks.latest(until=datetime(2026, 3, 3, tzinfo=UTC)) is None
