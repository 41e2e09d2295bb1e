"""Ask Azure Policy about a write without sending it.

Right: Microsoft.PolicyInsights/checkPolicyRestrictions/read, although the request is a POST.
Source: "Policy Restrictions - Check At Resource Group Scope".
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ..domain.armid import RouteTableId
from ..domain.routing.routes import RouteTable
from .client import ArmClients
from .errors import arm_answers

API_VERSION = "2022-03-01"
"""The first stable version. A later one adds the effect, but other clouds may lag behind it."""


class ArmPolicyRestrictions:
    def __init__(self, clients: ArmClients) -> None:
        self._clients = clients

    def refusals(self, route_table_id: RouteTableId, body: RouteTable) -> tuple[str, ...]:
        """Return the ids of the policy assignments that would deny this write of the table.

        Raise PermanentError, for example if the role does not allow to ask, or TransientError.
        """
        content = {"type": "Microsoft.Network/routeTables", "name": route_table_id.name, **body.raw}
        details = {
            "resourceContent": content,
            "apiVersion": self._clients.api_version_network,
        }
        with arm_answers():
            answer = self._clients.post(_url(route_table_id), {"resourceDetails": details}).json()
            result = answer.get("contentEvaluationResult") or {}
            return _assignments(result.get("policyEvaluations") or ())


def _url(route_table_id: RouteTableId) -> str:
    return (
        f"/subscriptions/{route_table_id.subscription_id}/resourceGroups/"
        f"{route_table_id.resource_group}/providers/Microsoft.PolicyInsights"
        f"/checkPolicyRestrictions?api-version={API_VERSION}"
    )


def _assignments(evaluations: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return each assignment once: an initiative may have several policies that deny."""
    denying = (each for each in evaluations if each["evaluationResult"] == "NonCompliant")
    return tuple(dict.fromkeys(str(each["policyInfo"]["policyAssignmentId"]) for each in denying))
