"""The only way a registration changes: with the name of the requester, and with one log record.

A registration that a person has made or changed is theirs: an Azure tag changes only its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from ..domain import codes
from ..domain.armid import RouteTableId
from ..domain.errors import NotAllowed
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
    row could not be read. `after` is None if it is unregistered now. `made_by_tag` is true if it is
    an Azure tag's now, or was one's until it was unregistered.
    """

    route_table_id: RouteTableId
    kind: ChangeKind
    before: Registration | None
    after: Registration | None
    at: datetime | None
    trigger: Trigger
    by: str | None
    made_by_tag: bool


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
        recalled = replace(table.recalling(remembered), by_tag=by.is_azure_tag)
        signed = _signed(recalled, self.clock(), by)
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

        Raise RowUnreadable, NotAllowed, or what `edit` raises. `edit` is called again if others
        have written the row meanwhile.
        """
        at = self.clock()
        last_read: list[RegisteredTable] = []

        def noted(entry: RegisteredTable) -> RegisteredTable:
            last_read[:] = [entry]
            _check_maker(entry, by)
            changed = _with_maker(edit(entry), by, kind)
            return _signed(changed, at, by) if _differs(entry, changed) else changed

        after = self.store.registrations.change(route_table_id, noted)
        if after is not None and _differs(last_read[0], after):
            self._tell_change(kind, last_read[0].registration, after, by)
        return after

    def remove(
        self, route_table_id: RouteTableId, check: Callable[[RegisteredTable], None], by: Requester
    ) -> RegisteredTable | None:
        """Return what was unregistered, or None if it is not registered.

        Raise NotAllowed, or what `check` raises. `check` sees exactly what is going to be
        unregistered. What protects its routes is remembered first, so that it is not lost if the
        process stops. Of a row that cannot be read nothing is known, so what is remembered from an
        earlier time stays.
        """
        at = self.clock()

        def checked(entry: RegisteredTable) -> None:
            _check_maker(entry, by)
            check(entry)
            if entry.unreadable is None:
                self.store.registrations.remember(route_table_id, entry.outlasting(at), at)

        removed = self.store.registrations.delete(route_table_id, checked)
        if removed is not None:
            before = None if removed.unreadable else removed.registration
            self._tell(ChangeKind.UNREGISTERED, before, None, _signed(removed, at, by), by)
        return removed

    def _tell_change(
        self,
        kind: ChangeKind | None,
        before: Registration,
        after: RegisteredTable,
        by: Requester,
    ) -> None:
        now = after.registration
        self._tell(kind or _kind(before, now), before, now, after, by)

    def _tell(
        self,
        kind: ChangeKind,
        before: Registration | None,
        after: Registration | None,
        signed: RegisteredTable,
        by: Requester,
    ) -> None:
        change = RegistrationChange(
            route_table_id=signed.route_table_id,
            kind=kind,
            before=before,
            after=after,
            at=signed.changed_at,
            trigger=by.trigger,
            by=signed.changed_by,
            made_by_tag=signed.by_tag,
        )
        self.on_change(change)


def _check_maker(entry: RegisteredTable, by: Requester) -> None:
    """Raise NotAllowed if an Azure tag asks about what a person has registered."""
    if by.is_azure_tag and not entry.by_tag:
        raise NotAllowed(codes.AZURE_TAG_DIFFERS, "a person has registered the table")


def _with_maker(
    changed: RegisteredTable, by: Requester, kind: ChangeKind | None
) -> RegisteredTable:
    """A discovery only adds what it has found, so the registration is whose it was."""
    stays = by.is_azure_tag or kind is ChangeKind.DISCOVERED
    return replace(changed, by_tag=changed.by_tag and stays)


def _differs(before: RegisteredTable, after: RegisteredTable) -> bool:
    """Return whether the registration is another one, or belongs to somebody else."""
    return (before.registration, before.by_tag) != (after.registration, after.by_tag)


def _signed(table: RegisteredTable, at: datetime, by: Requester) -> RegisteredTable:
    return replace(table, changed_at=at, changed_by=by.name)


def _kind(before: Registration, after: Registration) -> ChangeKind:
    if before.enabled == after.enabled:
        return ChangeKind.CHANGED
    return ChangeKind.ENABLED if after.enabled else ChangeKind.DISABLED
