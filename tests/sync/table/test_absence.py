"""Whether a table that Azure does not find is gone."""

from dataclasses import replace

import pytest

from shared.domain import codes
from shared.domain.codes import lookup
from shared.domain.errors import PassesSoon, PermanentError
from shared.domain.findings import Finding
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.registry.status import LastOutcome, Reading, Status
from shared.domain.runs.outcome import OutcomeStatus
from shared.domain.runs.pending import Pending
from shared.sync.table.absence import error_of_absence, is_absence, is_expected
from tests.builders.azure import rid
from tests.builders.runs import START

NOT_FOUND = PermanentError(codes.ROUTE_TABLE_NOT_FOUND, "no", correlation_id="id")
NO_REFERENCE = PermanentError(lookup("InvalidResourceReference"), "no")
NEW = Pending("run", rid("one"))
MADE = NEW.with_step(Finding(codes.ROUTE_TABLE_CREATED, "made"))
NEVER_READ = RegisteredTable(rid("one"), Registration(("T",)))


def read_before(last_error=None):
    last = LastOutcome("run", START, OutcomeStatus.FAILED, error=last_error)
    status = Status(reading=Reading("westeurope", 1, None), last_outcome=last)
    return replace(NEVER_READ, status=status)


GONE = read_before(Finding(codes.ROUTE_TABLE_GONE, "gone"))


@pytest.mark.parametrize(
    ("pending", "entry", "expected", "code"),
    [
        (NEW, None, False, "RouteTableNotFound"),
        (NEW, NEVER_READ, False, "RouteTableNotFound"),
        (NEW, read_before(), True, "RouteTableGone"),
        (NEW, read_before(Finding(codes.TABLE_BUSY, "busy")), True, "RouteTableGone"),
        (NEW, GONE, False, "RouteTableGone"),
        (MADE, None, True, "RouteTableGone"),
        (MADE, GONE, True, "RouteTableGone"),
    ],
)
def test_a_table_is_expected_if_it_was_there_last_time(pending, entry, expected, code):
    assert is_expected(pending, entry) is expected
    error = error_of_absence(NOT_FOUND, pending, entry)
    assert type(error) is (PassesSoon if expected else PermanentError)
    assert (error.code.name, error.message, error.correlation_id) == (code, "no", "id")


def test_a_reference_that_is_not_found_is_never_a_table_that_is_gone():
    assert is_absence(NO_REFERENCE)
    for pending, kind in ((MADE, PassesSoon), (NEW, PermanentError)):
        error = error_of_absence(NO_REFERENCE, pending, None)
        assert (type(error), error.code) == (kind, NO_REFERENCE.code)
