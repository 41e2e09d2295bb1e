"""Membership by an Azure tag: the tag `aseRouteSync` of a route table decides its registration.

The tag registers a table, and changes and removes what it has registered. The lists of Azure only
show where to look: nothing changes before Azure was asked for the very table, because a list may be
incomplete or old.
"""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from ..domain import codes
from ..domain.armid import RouteTableId
from ..domain.codes import Code
from ..domain.errors import (
    ConcurrentUpdate,
    InvalidRequest,
    NotAllowed,
    NotFound,
    TransientError,
)
from ..domain.findings import Finding
from ..domain.people.health import Alarm
from ..domain.people.membership import Membership, not_read_alarms
from ..domain.registry.azure_tag import TagChange, TagEffect, TaggedTable, TagWish
from ..domain.registry.registered_table import RegisteredTable
from ..domain.runs.run import Trigger
from .policy import Policy
from .ports import Azure, Store
from .registering import Registering, RegisterRequest, nothing
from .requester import Requester

LONGEST = timedelta(seconds=40)
"""The daily check needs the rest of its time for the tables themselves."""
_UNLISTED = Finding(
    codes.AUTHORIZATION_FAILED,
    "Azure does not list this subscription: the app's identity has no role there any more",
)
"""Without any role in a subscription, Azure answers as if there were no such subscription."""


@dataclass(slots=True)
class _Look:
    """One look at the route tables of all subscriptions, while it goes on."""

    registering: Registering
    registered: dict[RouteTableId, RegisteredTable]
    ends: float
    changes: list[TagChange] = field(default_factory=list)
    alarms: dict[RouteTableId, Alarm] = field(default_factory=dict)
    not_read: dict[str, Finding] = field(default_factory=dict)

    def made_by_tag(self, subscription_id: str) -> list[RouteTableId]:
        """Return the tables of this subscription that a tag has registered."""
        return [
            table
            for table, entry in self.registered.items()
            if entry.by_tag and table.subscription_id.lower() == subscription_id.lower()
        ]

    def check_time(self) -> None:
        if time.monotonic() >= self.ends:
            raise _too_late()

    def result(self, listed: Sequence[str]) -> Membership:
        """Return what was found in these subscriptions, and which others were not read."""
        not_read = {**dict.fromkeys(self._unlisted(listed), _UNLISTED), **self.not_read}
        count = len({*listed, *not_read})
        unread = not_read_alarms(not_read, self.registered, count)
        return Membership(tuple(self.changes), (*self.alarms.values(), *unread), not_read)

    def _unlisted(self, listed: Sequence[str]) -> list[str]:
        """Return the other subscriptions with registered tables."""
        seen = {subscription_id.lower() for subscription_id in listed}
        return sorted({table.subscription_id.lower() for table in self.registered} - seen)

    def tell(self, tagged: TaggedTable, code: Code, message: str) -> None:
        text = f"{tagged.text}: {message}"
        self.alarms[tagged.route_table_id] = Alarm(code, text, tagged.route_table_id)

    def note(self, tagged: TaggedTable, effect: TagEffect, message: str) -> None:
        self.changes.append(TagChange(tagged.route_table_id, effect, message))


@dataclass(frozen=True, slots=True)
class TagMembership:
    store: Store
    azure: Azure
    policy: Policy
    registering: Registering
    longest: timedelta = LONGEST

    def follow(self) -> Membership:
        """Bring the registrations to the Azure tags of all tables that the identity can see.

        An error of one table or of one subscription keeps no other from being followed. A table
        that was not read stays registered as it is. It is safe to repeat.
        """
        try:
            subscriptions = self.azure.environments.subscriptions()
        except Exception as error:  # whatever it is, the check goes on with the registered tables
            return Membership(alarms=not_read_alarms({"": _found(error)}, (), 0))

        look = self._look()
        # If the time is short, it is not always the same subscriptions that get none.
        for subscription_id in random.sample(subscriptions, len(subscriptions)):
            self._look_alone(subscription_id, look)
        return look.result(subscriptions)

    def _look_alone(self, subscription_id: str, look: _Look) -> None:
        try:
            self._look_through(subscription_id, look)
        except Exception as error:  # whatever it is, it is this subscription's failure alone
            look.not_read[subscription_id] = _found(error)

    def _look(self) -> _Look:
        # Each new tag is looked up in the same answers of Azure, which are large.
        pull = self.registering.pull.asking_once()
        return _Look(
            registering=replace(self.registering, pull=pull),
            registered={one.route_table_id: one for one in self.store.registrations.list()},
            ends=time.monotonic() + self.longest.total_seconds(),
        )

    def _look_through(self, subscription_id: str, look: _Look) -> None:
        """Raise what keeps the rest of the subscription from being looked at."""
        tagged = self._follow_listed(subscription_id, look)

        # The list was read to its end, and may lack a page nevertheless.
        for table_id in look.made_by_tag(subscription_id):
            if table_id not in tagged:
                look.check_time()
                self._follow_read(table_id, look)

    def _follow_listed(self, subscription_id: str, look: _Look) -> set[RouteTableId]:
        """Return the tables that have the tag, after each of them was followed."""
        found: set[RouteTableId] = set()
        look.check_time()
        for table_id, table in self.azure.route_tables.list(subscription_id):
            look.check_time()
            with _alone(TaggedTable(table_id), look):
                tagged = TaggedTable.of(table_id, table)
                if tagged.value is not None:
                    found.add(table_id)
                    self._follow(tagged, look, is_listed=True)
        return found

    def _follow_read(self, table_id: RouteTableId, look: _Look) -> None:
        """Follow the tag as the table itself shows it. Only this changes a registration."""
        with _alone(TaggedTable(table_id), look):
            tagged = TaggedTable.of(table_id, self.azure.route_tables.read(table_id))
            if tagged.value is None:
                self._unregister(tagged, look)
            else:
                self._follow(tagged, look)

    def _follow(self, tagged: TaggedTable, look: _Look, *, is_listed: bool = False) -> None:
        with _alone(tagged, look):
            wish = TagWish.of(tagged)
            entry = look.registered.get(tagged.route_table_id)
            if entry is None:
                self._register(tagged, wish, look, is_listed=is_listed)
            elif entry.unreadable is None:
                said = ", ".join(wish.differences(entry.registration))
                if said:
                    self._correct(tagged, wish, said, look, is_listed=is_listed)

    def _register(
        self, tagged: TaggedTable, wish: TagWish, look: _Look, *, is_listed: bool
    ) -> None:
        if wish.enabled and self._is_of_others(tagged, look):
            return

        by, table_id = _requester(tagged), tagged.route_table_id
        request = _with_wish(wish, RegisterRequest(resource_id=str(table_id)))
        if is_listed:
            # Azure is not asked again every day about a table whose tag is wrong.
            look.registering.judge(request, by)
            self._follow_read(table_id, look)
        else:
            look.registering.register(request, by, nothing)
            look.note(tagged, TagEffect.REGISTERED, f"its Azure tag is {tagged.text}")

    def _is_of_others(self, tagged: TaggedTable, look: _Look) -> bool:
        """Return whether another app may keep the table right, and tell it."""
        others = sorted(tagged.owners - {self.policy.owner})
        if others:
            said = f"the table has routes of {', '.join(others)}, so this app leaves it alone"
            look.tell(tagged, codes.STAMPED_BY_ANOTHER, said)
        return bool(others)

    def _correct(
        self, tagged: TaggedTable, wish: TagWish, said: str, look: _Look, *, is_listed: bool
    ) -> None:
        if not self._may_correct(tagged, wish, said, look):
            return
        if is_listed:
            self._follow_read(tagged.route_table_id, look)
            return

        edit = partial(_with_wish, wish)
        look.registering.change(str(tagged.route_table_id), edit, _requester(tagged))
        message = f"its Azure tag is {tagged.text}, and it was registered {said}"
        look.note(tagged, TagEffect.CHANGED, message)

    def _may_correct(self, tagged: TaggedTable, wish: TagWish, said: str, look: _Look) -> bool:
        """Return whether the tag may change what is registered, and tell it if not."""
        known = look.registered[tagged.route_table_id]
        if not known.by_tag:
            message = f"a person has registered the table {said}"
            look.tell(tagged, codes.AZURE_TAG_DIFFERS, message)
            return False

        # Another app may have taken over a table that was off.
        enables = wish.enabled and not known.registration.enabled
        return not (enables and self._is_of_others(tagged, look))

    def _unregister(self, tagged: TaggedTable, look: _Look) -> None:
        look.registering.unregister(str(tagged.route_table_id), _requester(tagged))
        message = "its Azure tag is gone: its routes stay, and the app leaves them alone"
        look.note(tagged, TagEffect.UNREGISTERED, message)


@contextmanager
def _alone(tagged: TaggedTable, look: _Look) -> Iterator[None]:
    """Tell each error in here, so that it keeps no other table from being followed.

    If somebody has changed the same registration meanwhile, the next check judges it anew.
    """
    try:
        yield
    except (ConcurrentUpdate, NotAllowed, NotFound):
        pass
    except InvalidRequest as error:
        if error.code != codes.ALREADY_REGISTERED:
            look.tell(tagged, codes.AZURE_TAG_WRONG, _faults_of(error))
    except Exception as error:  # whatever it is, it is this table's failure alone
        _tell_error(tagged, _found(error), look)


def _found(error: Exception) -> Finding:
    """Return what the error says. If the time ends within a call, the call fails."""
    found = Finding.of(error)
    return Finding.of(_too_late()) if found.code == codes.OUT_OF_TIME else found


def _too_late() -> TransientError:
    return TransientError(codes.NOT_LOOKED_AT, "the check had no time left for it")


def _faults_of(error: InvalidRequest) -> str:
    return "; ".join(fault.message for fault in error.faults) or error.message


def _tell_error(tagged: TaggedTable, found: Finding, look: _Look) -> None:
    """Each run tells that a table is gone."""
    if found.code != codes.ROUTE_TABLE_NOT_FOUND:
        look.tell(tagged, codes.AZURE_TAGS_NOT_READ, f"{found.code}: {found.message}")


def _with_wish(wish: TagWish, known: RegisterRequest) -> RegisterRequest:
    if not wish.enabled:
        return replace(known, enabled=False)
    tags = wish.service_tags or None
    return replace(known, enabled=True, service=wish.service, region=wish.region, service_tags=tags)


def _requester(tagged: TaggedTable) -> Requester:
    return Requester(Trigger.CHECK, f"Azure tag {tagged.text}", is_azure_tag=True)
