"""Find whether Azure Policy would refuse a planned write."""

from ...domain import codes
from ...domain.armid import RouteTableId
from ...domain.errors import RouteSyncError
from ...domain.findings import Finding
from ...domain.routing.plan import Plan
from ...domain.routing.routes import RouteTable
from ..ports import Azure


def refusal_findings(
    azure: Azure, route_table_id: RouteTableId, table: RouteTable, plan: Plan
) -> tuple[Finding, ...]:
    """Return one finding that names each assignment, or none if Azure Policy cannot be asked.

    A plan is right without this answer, and many roles do not allow to ask for it.
    """
    if not plan.changes:
        return ()
    body = azure.route_tables.body(table, plan.routes)
    try:
        refusing = azure.policy_restrictions.refusals(route_table_id, body)
    except RouteSyncError:
        return ()
    if not refusing:
        return ()
    return (Finding(codes.POLICY_WOULD_REFUSE, f"denied by {', '.join(refusing)}"),)
