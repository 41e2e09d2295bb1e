"""Register the route tables that a discovery has found."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ...domain.armid import RouteTableId
from ...domain.registry.azure_tag import TaggedTable
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.routing.plan import owned_prefixes
from ...domain.routing.policy import ApplyPolicy
from ...domain.routing.routes import RouteTable
from ..policy import Policy
from ..ports import Azure
from ..registrar import ChangeKind, Registrar
from .work import Work

type Edit = Callable[[RegisteredTable], RegisteredTable]


@dataclass(frozen=True, slots=True)
class FoundTables:
    azure: Azure
    policy: Policy
    registrar: Registrar

    def register(
        self, work: Work, table_id: RouteTableId, registration: Registration, complete: Edit
    ) -> None:
        """Register the table, or complete the registration that it has. Raise RouteSyncError.

        A discovery takes minutes. If people register or unregister a table meanwhile, it stays so.
        A table with the Azure tag is left to the next check.
        """
        added = None
        if table_id not in work.part.known and table_id not in work.part.added:
            table = self.azure.route_tables.read(table_id)
            if self._is_left_to_tag(table_id, table):
                work.left_to_tag.add(table_id)
                return
            added = self._added(work, table_id, table, registration)

        kind = ChangeKind.DISCOVERED
        entry = added or self.registrar.change(table_id, complete, work.by, kind)

        work.registered.pop(table_id, None)
        if entry is not None:
            work.registered[table_id] = entry

    def _is_left_to_tag(self, table_id: RouteTableId, table: RouteTable) -> bool:
        """The tag of a table that is not registered may be `off`, or any other service tag."""
        return self.policy.discovers_by_tag and TaggedTable.of(table_id, table).value is not None

    def _added(
        self, work: Work, table_id: RouteTableId, table: RouteTable, registration: Registration
    ) -> RegisteredTable | None:
        # Nobody knows any more for which tags our routes in the table are, so no run may take them
        # away before a person has seen it.
        if owned_prefixes(table, owner=self.policy.owner):
            registration = replace(registration, apply_policy=ApplyPolicy.ADDITIVE)
        new = RegisteredTable(table_id, registration)
        added = self.registrar.add(new, work.by, ChangeKind.DISCOVERED)
        if added is not None:
            work.added.append(table_id)
        return added
