"""The status of a table when its registration is replaced."""

from datetime import UTC, datetime

from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from tests.builders.azure import rid


def test_a_source_that_comes_back_is_no_former_one():
    first = RegisteredTable(rid("one"), Registration(("A", "B")))
    january, february, march = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))
    second = first.with_registration(Registration(("B",)), january)
    later = second.with_registration(Registration(("C",)), february)
    assert later.status.former_sources == {"A": january, "B": february}
    back = later.with_registration(Registration(("A", "C")), march)
    assert back.status.former_sources.keys() == {"B"}
