"""A registered table comes back as it was written, part by part, whatever is in it."""

from dataclasses import replace
from datetime import date

from hypothesis import example, given

from shared.domain.armid import EnvironmentId, RouteTableId
from shared.domain.registry.contest import MOST_KEPT, Contest, Undoing
from shared.domain.registry.holds import Hold
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration, RouteException
from shared.domain.registry.status import Standing, Status
from shared.storage.registry import Registry
from tests.builders.azure import ase_id_of, table_id

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
        Standing(
            verified_with=status.applied_version_ids,
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
