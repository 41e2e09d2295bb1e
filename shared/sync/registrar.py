"""The only way a registration changes: with the name of the requester, and with one log record."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from ..domain.armid import RouteTableId
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import Registration
from ..domain.runs.run import Trigger
from .ports import Clock, Store
from .requester import Requester


class ChangeKind(StrEnum):
    """What happened to a registration, as its log record says."""

    REGISTERED = "registered"
    CHANGED = "changed"
    ENABLED = "enabled"
    DISABLED = "disabled"
    UNREGISTERED = "unregistered"
    DISCOVERED = "discovered"
    """A search registered the table, or gave its registration an environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationChange:
    """One change of a registration. `before` is None if the table was not registered, or if its
    row could not be read. `after` is None if it is unregistered now.
    """

    route_table_id: RouteTableId
    kind: ChangeKind
    before: Registration | None
    after: Registration | None
    at: datetime | None
    trigger: Trigger
    by: str | None


@dataclass(frozen=True, slots=True)
class Registrar:
    store: Store
    clock: Clock
    on_change: Callable[[RegistrationChange], None]

    def add(
        self, table: RegisteredTable, by: Requester, kind: ChangeKind = ChangeKind.REGISTERED
    ) -> RegisteredTable | None:
        """Register the table. Return None if it is registered already.

        If it was registered lately, whatever protects its routes still does.
        """
        remembered = self.store.registrations.remembered(table.route_table_id)
        signed = _signed(table.recalling(remembered), self.clock(), by)
        if not self.store.registrations.add(signed):
            return None
        self._tell(kind, None, signed.registration, signed, by)
        return signed

    def change(
        self,
        route_table_id: RouteTableId,
        edit: Callable[[RegisteredTable], RegisteredTable],
        by: Requester,
        kind: ChangeKind | None = None,
    ) -> RegisteredTable | None:
        """Return the table as changed, or None if it is not registered.

        Raise RowUnreadable, or what `edit` raises. `edit` is called again if others have written
        the row meanwhile.
        """
        at = self.clock()
        last_read: list[RegisteredTable] = []

        def noted(entry: RegisteredTable) -> RegisteredTable:
            last_read[:] = [entry]
            changed = edit(entry)
            same = changed.registration == entry.registration
            return changed if same else _signed(changed, at, by)

        after = self.store.registrations.change(route_table_id, noted)
        if after is not None and after.registration != last_read[0].registration:
            before, now = last_read[0].registration, after.registration
            self._tell(kind or _kind(before, now), before, now, after, by)
        return after

    def remove(
        self, route_table_id: RouteTableId, check: Callable[[RegisteredTable], None], by: Requester
    ) -> RegisteredTable | None:
        """Return what was unregistered, or None if it is not registered. Raise what `check` raises.

        `check` sees exactly what is going to be unregistered. What protects its routes is
        remembered first, so that it is not lost if the process stops. Of a row that cannot be read
        nothing is known, so what is remembered from an earlier time stays.
        """
        at = self.clock()

        def checked(entry: RegisteredTable) -> None:
            check(entry)
            if entry.unreadable is None:
                self.store.registrations.remember(route_table_id, entry.outlasting(at), at)

        removed = self.store.registrations.delete(route_table_id, checked)
        if removed is not None:
            before = None if removed.unreadable else removed.registration
            signed = _signed(removed, at, by)
            self._tell(ChangeKind.UNREGISTERED, before, None, signed, by)
        return removed

    def _tell(
        self,
        kind: ChangeKind,
        before: Registration | None,
        after: Registration | None,
        signed: RegisteredTable,
        by: Requester,
    ) -> None:
        self.on_change(
            RegistrationChange(
                route_table_id=signed.route_table_id,
                kind=kind,
                before=before,
                after=after,
                at=signed.changed_at,
                trigger=by.trigger,
                by=signed.changed_by,
            )
        )


def _signed(table: RegisteredTable, at: datetime, by: Requester) -> RegisteredTable:
    return replace(table, changed_at=at, changed_by=by.name)


def _kind(before: Registration, after: Registration) -> ChangeKind:
    if before.enabled == after.enabled:
        return ChangeKind.CHANGED
    return ChangeKind.ENABLED if after.enabled else ChangeKind.DISABLED
