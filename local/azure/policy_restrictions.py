"""Azure Policy: assignments that deny route tables, and the question what they would deny.

Sources: "Policy Restrictions - Check At Resource Group Scope" and its example. UNCONFIRMED: the
details of an evaluation, and the text of the refusal of a write.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from .authorization import within
from .call import Call
from .errors import ArmError


@dataclass(frozen=True, slots=True)
class DenyingPolicy:
    """An assignment that denies every route table with a route of this next hop."""

    assignment_id: str
    next_hop_type: str = "Internet"

    @property
    def scope(self) -> str:
        return self.assignment_id.split("/providers/")[0]

    def denies(self, resource_id: str, routes: Iterable[Mapping[str, Any]]) -> bool:
        next_hops = {route["properties"]["nextHopType"] for route in routes}
        return within(resource_id, self.scope) and self.next_hop_type in next_hops


class PolicyRestrictionApi:
    kind = "Microsoft.PolicyInsights/checkPolicyRestrictions"

    def post(self, call: Call) -> Response:
        content = call.json()["resourceDetails"]["resourceContent"]
        denying = _denying(call, call.target.group_id, content["properties"].get("routes") or ())
        evaluations = [_evaluation(policy) for policy in denying]
        result = {"policyEvaluations": evaluations}
        return JSONResponse({"fieldRestrictions": [], "contentEvaluationResult": result})


def refuse_by_policy(call: Call, resource_id: str, routes: Iterable[Mapping[str, Any]]) -> None:
    for policy in _denying(call, resource_id, routes):
        name, assignment = resource_id.rpartition("/")[2], policy.assignment_id
        said = f"Resource '{name}' was disallowed by policy. Policy identifiers: '{assignment}'."
        raise ArmError(403, "RequestDisallowedByPolicy", said, gateway=True)


def _denying(
    call: Call, resource_id: str, routes: Iterable[Mapping[str, Any]]
) -> Iterator[DenyingPolicy]:
    return (policy for policy in call.state.policies if policy.denies(resource_id, routes))


def _evaluation(policy: DenyingPolicy) -> dict[str, object]:
    expression = {
        "result": "True",
        "expressionKind": "field",
        "expression": "Microsoft.Network/routeTables/routes[*].nextHopType",
        "path": "properties.routes[*].nextHopType",
        "expressionValue": policy.next_hop_type,
        "targetValue": policy.next_hop_type,
        "operator": "equals",
    }

    return {
        "policyInfo": {
            "policyDefinitionId": "/providers/microsoft.authorization/policyDefinitions/deny",
            "policyAssignmentId": policy.assignment_id,
        },
        "evaluationResult": "NonCompliant",
        "evaluationDetails": {"evaluatedExpressions": [expression]},
    }
