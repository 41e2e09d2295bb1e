"""Tables as the domain reads them, and plans that have been judged."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from shared.domain.routing.changes import Changes
from shared.domain.routing.judgement import Draft, Judgement, Limits
from shared.domain.routing.plan import Plan, make_plan, owned_prefixes
from shared.domain.routing.routes import RouteTable
from shared.domain.routing.safety import judge

from .routes import OWNER

LIMITS = Limits(
    max_removed_percent=10,
    route_limit=400,
    next_hop_types=frozenset(
        {"internet", "virtualappliance", "none", "vnetlocal", "virtualnetworkgateway"}
    ),
    foreign_as_when_sound=False,
)


def table(*routes: dict[str, Any], state: str = "Succeeded") -> RouteTable:
    return RouteTable.from_arm(
        {"etag": "1", "properties": {"routes": list(routes), "provisioningState": state}}
    )


def judged(
    existing: RouteTable,
    desired: Iterable[str],
    *,
    retained: Mapping[str, date] | None = None,
    written: Changes | None = None,
    **limits: Any,
) -> tuple[Judgement, frozenset[str]]:
    """Return the judgement, and the owned prefixes that stand after what it leaves of the plan."""

    def replan(spared: Collection[str], yielding: Collection[str]) -> Plan:
        return make_plan(
            existing,
            set(desired),
            owner=OWNER,
            retained_until={p: d for p, d in (retained or {}).items() if p not in yielding},
            spared=spared,
        )

    draft = Draft(existing, owned_prefixes(existing, owner=OWNER), replan((), ()), replan)
    judgement = judge(draft, replace(LIMITS, **limits), written or Changes())
    after = RouteTable("", "Succeeded", judgement.plan.routes, {})
    return judgement, owned_prefixes(after, owner=OWNER)


def some(count: int) -> list[str]:
    """Return so many prefixes, in numerical order."""
    return [f"20.1.{number}.0/24" for number in range(count)]


def codes(judgement: Judgement) -> list[str]:
    return [violation.code.name for violation in judgement.violations]
