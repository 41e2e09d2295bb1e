"""Runs and outcomes come back as they were written, whatever is in them."""

import functools
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import example, given

from shared.domain import codes
from shared.domain.armid import RouteTableId
from shared.domain.routing.changes import Change, Changes
from shared.domain.routing.judgement import Withheld
from shared.domain.runs.outcome import Outcome, OutcomeStatus
from shared.domain.runs.pending import Pending, Written
from shared.domain.runs.run import Mode, Run, RunRequest, Trigger, VersionSeen, run_id_of
from shared.storage.runs import OutcomeLog, RunLog
from tests.builders.azure import table_id
from tests.builders.routes import owned

from . import values
from .tables import MemoryTable

NOW = datetime(2026, 11, 23, 6, 0, 0, 123456, tzinfo=UTC)
MOST_TABLES, MOST_ROUTES = 10_000, 1000
"""What a request may name, and what Azure lets a table hold."""
TABLE = RouteTableId.parse(table_id("one"))
PREFIXES = tuple(f"20.{n // 256}.{n % 256}.0/24" for n in range(MOST_ROUTES))


@functools.cache
def large_run() -> Run:
    return Run(
        run_id_of(NOW, "0123abcd"),
        RunRequest(
            Trigger.HTTP,
            Mode.APPLY,
            route_tables=tuple(
                RouteTableId.parse(table_id(f"a-route-table-with-a-long-name-{n}"))
                for n in range(MOST_TABLES)
            ),
            reason="é" * 1000,
        ),
        NOW,
        versions=(VersionSeen("v", "c", "AppServiceManagement", "1", PREFIXES, PREFIXES),),
    )


@functools.cache
def large_changes() -> Changes:
    return Changes(
        {
            p: Change(owned(p, "VirtualAppliance", nextHopIpAddress="10.0.0.4"), owned(p))
            for p in PREFIXES
        }
    )


@functools.cache
def large_outcome() -> Outcome:
    return Outcome(
        TABLE,
        OutcomeStatus.BLOCKED,
        updated=PREFIXES,
        covered=PREFIXES,
        withheld=tuple(
            Withheld(prefix, "remove", codes.MAX_REMOVED_PERCENT) for prefix in PREFIXES
        ),
        changes=large_changes(),
    )


@functools.cache
def large_pending() -> Pending:
    return Pending(
        "run", TABLE, applied=Written(large_changes()), intended=Written(large_changes())
    )


def there[T](found: T | None) -> T:
    assert found is not None
    return found


@given(values.runs)
@example(large_run)
def test_a_run_comes_back_as_it_was_written(run):
    run = values.made(run)
    log = RunLog(MemoryTable.client())
    log.create(run)
    found = there(log.get(run.run_id))
    assert replace(found, etag="") == run
    ended = log.replace(replace(found, notice_due=True))
    log.told(ended)
    assert replace(there(log.get(run.run_id)), etag="") == replace(run, notice_due=False)


@given(values.outcomes)
@example(large_outcome)
def test_an_outcome_comes_back_as_it_was_settled(outcome):
    outcome = values.made(outcome)
    log = OutcomeLog(MemoryTable.client())
    log.expect("run", [outcome.route_table_id])
    log.settle(there(log.get_pending("run", outcome.route_table_id)), outcome)
    found = there(log.get("run", outcome.route_table_id))
    assert found == outcome
    assert found.signature == outcome.signature
    assert str(found.route_table_id) == str(outcome.route_table_id)


@given(values.pendings)
@example(large_pending)
def test_what_is_pending_comes_back_as_it_was_saved(pending):
    pending = values.made(pending)
    log = OutcomeLog(MemoryTable.client())
    log.expect("run", [pending.route_table_id])
    expected = there(log.get_pending("run", pending.route_table_id))
    saved = log.save(replace(pending, row_etag=expected.row_etag))
    assert log.get_pending("run", pending.route_table_id) == saved
    assert replace(saved, row_etag="") == pending
