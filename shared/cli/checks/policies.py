"""Ask Azure Policy whether it would deny routes to the Internet in the registered tables."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ...app import App
from ...domain import codes
from ...domain.armid import RouteTableId
from ...domain.errors import RouteSyncError
from ...domain.registry.registered_table import RegisteredTable
from ...domain.routing.routes import internet_route
from .diagnosis import Diagnosis, Grade

_PROBE = "192.0.2.0/24"
"""A range for documentation (RFC 5737). No route with it is written."""
_LANES = 8


def policies(context: App, registered: Sequence[RegisteredTable]) -> Iterator[Diagnosis]:
    """Yield nothing if the role does not allow to ask: no run needs the answer."""
    tables = [one.route_table_id for one in registered]
    with ThreadPoolExecutor(_LANES) as lanes:
        answers = [*lanes.map(partial(_refusals, context), tables)]

    yield from _denials(zip(tables, answers, strict=True))
    asked = sum(answer is not None for answer in answers)
    if asked and not any(answers):
        said = f"no assignment would deny routes to the Internet in {asked} route tables"
        yield Diagnosis("policies", Grade.OK, said)


def _denials(
    answers: Iterable[tuple[RouteTableId, tuple[str, ...] | None]],
) -> Iterator[Diagnosis]:
    for table, refusing in answers:
        if refusing:
            said = f"{', '.join(refusing)} would deny routes to the Internet in {table}"
            yield Diagnosis("policies", Grade.WARNING, said, codes.POLICY_WOULD_REFUSE.remedy)


def _refusals(context: App, table_id: RouteTableId) -> tuple[str, ...] | None:
    """Return None if the table cannot be read or Azure Policy cannot be asked."""
    try:
        table = context.azure.route_tables.read(table_id)
        routes = (*table.routes, internet_route(context.policy.owner, _PROBE))
        body = context.azure.route_tables.body(table, routes)
        return context.azure.policy_restrictions.refusals(table_id, body)
    except RouteSyncError:
        return None
