"""The facts from which every planner has its plan judged."""

from dataclasses import dataclass

from ....domain.addresses import is_service_tag
from ....domain.registry.registered_table import RegisteredTable
from ....domain.routing.judgement import Draft, Limits, Replan
from ....domain.routing.plan import foreign_hash, owned_prefixes
from ....domain.routing.policy import ApplyPolicy
from ....domain.routing.routes import RouteTable
from ...policy import Policy
from ...ports import RouteLimits


@dataclass(frozen=True, slots=True)
class Guards:
    """Gathers the facts that the guards of `judge` need, so that `judge` itself reads nothing.

    `policy` are the app's settings. `apply_policy` is the one by which this plan is judged, which
    may be another than the app's.
    """

    route_limits: RouteLimits
    policy: Policy
    apply_policy: ApplyPolicy = ApplyPolicy.AUTO

    def draft(self, table: RouteTable, replan: Replan) -> Draft:
        """Plan a table with nothing spared and nothing yielding."""
        owned = owned_prefixes(table, owner=self.policy.owner)
        return Draft(table, owned, replan((), ()), replan)

    def limits(self, draft: Draft, entry: RegisteredTable) -> Limits:
        """Gather the limits of one draft; the planner adds the limits of its action."""
        table = draft.table
        route_limit, tag_route_limit = self._route_limits(draft, entry)
        return Limits(
            max_removed_percent=self.policy.max_removed_percent,
            next_hop_types=frozenset(name.lower() for name in self.policy.next_hop_types),
            foreign_as_when_sound=table.sound or self._is_as_when_sound(table, entry),
            route_limit=route_limit,
            tag_route_limit=tag_route_limit,
            apply_policy=self.apply_policy,
        )

    def _route_limits(self, draft: Draft, entry: RegisteredTable) -> tuple[int | None, int | None]:
        """Return how many routes, and routes with a service tag, the table may hold."""
        subscription_id, region = entry.route_table_id.subscription_id, draft.table.location

        # Azure is asked only if routes are added, at once or after an approval.
        added = draft.plan.changes.added
        adds_tags = any(is_service_tag(prefix) for prefix in added)
        return (
            self.route_limits.routes(subscription_id, region) if added else None,
            self.route_limits.tag_routes(subscription_id, region) if adds_tags else None,
        )

    def _is_as_when_sound(self, table: RouteTable, entry: RegisteredTable) -> bool:
        return foreign_hash(table, owner=self.policy.owner) in entry.status.sound_foreign
