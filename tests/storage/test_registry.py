"""A registered table comes back as it was written, part by part, whatever is in it."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import example, given

from shared.domain.armid import EnvironmentId, RouteTableId
from shared.domain.codes import lookup
from shared.domain.findings import Finding
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.contest import MOST_KEPT, Contest, Undoing
from shared.domain.registry.holds import Hold
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration, RouteException
from shared.domain.registry.status import LastOutcome, Status, TableNews
from shared.domain.runs.outcome import OutcomeStatus
from shared.storage.registry import Registry
from tests.builders.azure import ase_id_of, rid, table_id
from tests.builders.runs import TAG

from . import values
from .tables import MemoryTable
from .test_runs import NOW, PREFIXES

MOST_TAGS, MOST_EXCEPTIONS, MOST_CALLERS = 50, 1000, 10
LARGE = RegisteredTable(
    RouteTableId.parse(table_id("one")),
    Registration(
        tuple(f"AppServiceManagement.Region{n}" for n in range(MOST_TAGS)),
        EnvironmentId.parse(ase_id_of("one")),
        exceptions=tuple(
            RouteException(prefix, "é" * 50, date(2027, 1, 1))
            for prefix in PREFIXES[:MOST_EXCEPTIONS]
        ),
        note="é" * 1000,
    ),
    Status(
        holds=tuple(Hold(prefix, True, "r" * 29, "r" * 29) for prefix in PREFIXES),
        contest=Contest(
            (Undoing(NOW, "r" * 29, ("somebody@example.com",) * MOST_CALLERS),) * MOST_KEPT, NOW
        ),
        owned_left=frozenset(PREFIXES),
        verified_at=NOW,
    ),
)


def written(table: RegisteredTable) -> Registry:
    """Everything that is known of the table, by way of those who find it out."""
    registry, table_id, status = Registry(MemoryTable.client()), table.route_table_id, table.status
    registry.put(table)
    registry.hold(table_id, status.holds)
    registry.note_sound(table_id, status.sound_foreign)
    registry.contest(table_id, status.contest, status.owned_left or frozenset())
    registry.record(
        table_id,
        TableNews(
            applied_version_ids=status.applied_version_ids,
            verified_at=status.verified_at,
            watched_since=status.watched_since,
            reading=status.reading,
            outcome=status.last_outcome,
        ),
    )
    return registry


def expected(table: RegisteredTable) -> RegisteredTable:
    """Versions are applied if the table was found right with them."""
    status = replace(table.status, owned_left=table.status.owned_left or frozenset())
    if status.verified_at is None:
        status = replace(status, applied_version_ids=())
    return replace(table, status=status)


@given(values.registered_tables)
@example(LARGE)
def test_a_registered_table_comes_back_as_it_was_written(table):
    registry = written(table)
    found = registry.get(table.route_table_id)
    assert found == expected(table)
    assert list(registry.list()) == [found]


@given(values.registered_tables, values.registrations)
def test_to_register_again_leaves_what_was_seen(table, registration):
    registry = written(table)
    anew = expected(table).with_registration(registration, NOW)
    registry.put(anew)
    assert registry.get(table.route_table_id) == anew


@given(values.registered_tables)
def test_a_release_forgets_holds_and_contest_and_nothing_else(table):
    registry = written(table)
    registry.release(table.route_table_id)
    assert registry.get(table.route_table_id) == expected(table).release()


@pytest.mark.parametrize(
    "text",
    [
        table_id("rt-1"),
        table_id("x" * 70).replace("rg-", "Résumé_(1)-"),
        table_id("a.b_c-d").upper(),
        table_id("r").replace("rg-r", "r" * 90),
    ],
)
def test_any_arm_id_is_a_legal_key_whatever_its_case(app, text):
    ase_id = EnvironmentId.parse(ase_id_of("a"))
    table = RegisteredTable(
        RouteTableId.parse(text),
        Registration((TAG,), ase_id, AddressSource.BOTH, RouteStyle.SERVICE_TAG, note="n"),
    )
    app.registry.put(table)
    assert app.registry.get(RouteTableId.parse(text.swapcase().swapcase().lower())) == table
    assert list(app.registry.list()) == [table]
    app.registry.delete(table.route_table_id)
    assert app.registry.get(table.route_table_id) is None


def test_what_was_applied_stays_when_a_registration_is_replaced(app):
    app.registry.put(RegisteredTable(rid("a"), Registration((TAG, "Other"), note="old")))
    last = LastOutcome(
        "run", NOW, OutcomeStatus.FAILED, "sig", Finding(lookup("A"), "b"), poisoned=True
    )
    app.registry.record(
        rid("a"),
        TableNews(
            owned=frozenset({"20.0.0.0/24"}),
            subnet_ids=frozenset({"/subscriptions/s"}),
            applied_version_ids=("v1", "v2"),
            verified_at=NOW,
            watched_since=NOW,
            outcome=last,
        ),
    )
    contest = Contest((Undoing(NOW, "run", ("somebody",)),), NOW)
    app.registry.contest(rid("a"), contest, frozenset({"20.0.1.0/24"}))
    app.registry.put(RegisteredTable(rid("a"), Registration((TAG,))))
    assert app.registry.get(rid("a")) == RegisteredTable(
        rid("a"),
        Registration((TAG,)),
        Status(
            applied_version_ids=("v1", "v2"),
            verified_at=NOW,
            subnet_ids=frozenset({"/subscriptions/s"}),
            owned_left=frozenset({"20.0.1.0/24"}),
            contest=contest,
            last_outcome=last,
            watched_since=NOW,
        ),
    )
    app.registry.release(rid("a"))
    status = app.registry.get(rid("a")).status
    assert (status.contest, status.owned_left, status.holds) == (Contest(), None, ())


def test_what_was_applied_to_a_table_unregistered_meanwhile_registers_nothing(app):
    app.registry.record(rid("a"), TableNews(applied_version_ids=("v1",), verified_at=NOW))
    app.registry.release(rid("a"))
    assert list(app.registry.list()) == []
