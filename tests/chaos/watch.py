"""What must hold in every state that the simulated Azure is ever in, and of every outcome."""

import ipaddress
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from local.azure.call import Call
from local.azure.resources import RouteTable
from local.azure.state import State
from shared.domain.routing.judgement import Approval
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.routing.routes import owned_name
from tests.builders.routes import OWNER

MAX_REMOVED_PERCENT = 50
TAG = "AppServiceManagement"

type Snapshot = tuple[str, ...]
"""A table's routes as JSON, in their order."""


@dataclass(kw_only=True)
class Delivery:
    """One message at a worker, and what was so when it began and when it last wrote."""

    action: str
    run_id: str = ""
    forced: bool = False
    """Whether a person lets the share of removed routes pass."""
    began_with: frozenset[str] = frozenset()
    """The newest version's prefixes when the delivery began."""
    wrote_with: frozenset[str] = frozenset()
    """The same when its write was sent."""
    history: list[tuple[datetime, frozenset[str]]] = field(default_factory=list)
    """Recorded versions when its write was sent, oldest first."""
    today: date = date.min
    handed_over: frozenset[str] = frozenset()
    """Prefixes that a rollback may take back, or an adoption rename."""
    policy: ApplyPolicy = ApplyPolicy.AUTO
    """The table's own, when the delivery began; the app's is auto."""
    approval: Approval | None = None
    """What a plan run showed, where this run applies it."""
    held: frozenset[str] = frozenset()
    """Prefixes that were held when the delivery began."""
    wrote_held: frozenset[str] = frozenset()
    """The same when its write was sent."""
    contested: bool = False
    """Whether the table was when the delivery began."""
    wrote_contested: bool = False
    """The same when its write was sent."""

    @property
    def known(self) -> frozenset[str]:
        """What the tag's own route is taken to hold: the newest version, meanwhile or now."""
        return self.began_with | self.wrote_with


class Watch:
    """Looks at the tables before and after each request."""

    def __init__(
        self,
        state: State,
        tables: Mapping[str, RouteTable],
        grace_days: int,
        route_limit: int,
    ) -> None:
        self._grace_days = grace_days
        self._route_limit = route_limit
        self._by_run: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
        """What each run has removed from each table, and what it has added."""
        self.violations: list[str] = []
        self.states = 0
        self.delivery: Delivery | None = None
        self.seen: dict[str, list[Snapshot]] = {}
        """The states of each table since the last delivery began."""
        self._state = state
        self._tables = tables
        self._last: dict[str, Snapshot] = {}
        self._sound: dict[str, bool] = {}
        for name, table in tables.items():
            self._note(name, snapshot(table))
        state.watch = self.look

    def look(self, call: Call | None) -> None:
        """What changed without a request of ours is somebody else's doing."""
        ours = call is not None and call.request.method == "PUT" and self.delivery is not None
        for name, table in self._tables.items():
            now, before = snapshot(table), self._last[name]
            if ours and call is not None and call.target.key == table.key:
                self._judge(name, before, now)
            if now != before:
                self._note(name, now)
            self._sound[name] = table.provisioning_state == "Succeeded"

    def forget(self, *, but_stale: bool) -> None:
        """Let the last states be the first ones, and what a stale answer would tell."""
        for name, table in self._tables.items():
            noted = self._state.find(RouteTable, table.key, stale=True) if but_stale else None
            self.seen[name] = [*([snapshot(noted)] if noted else []), self._last[name]]

    def last(self, name: str) -> Snapshot:
        return self._last[name]

    def fault(self, name: str, what: str) -> None:
        self.violations.append(f"{name}: {what}")

    def _note(self, name: str, now: Snapshot) -> None:
        self.states += 1
        self._last[name] = now
        self.seen.setdefault(name, []).append(now)

    def _judge(self, name: str, before: Snapshot, now: Snapshot) -> None:
        delivery = self.delivery
        assert delivery is not None
        if before == now and self._sound.get(name):
            self.fault(name, "a write that changes nothing")
        stays = delivery.began_with & delivery.wrote_with
        # A rollback that takes back the tag's route takes back all that the tag holds.
        taken_back = stays if TAG in delivery.handed_over else delivery.handed_over
        for prefix in stays - taken_back:
            if routed(before, prefix, stays) and not routed(now, prefix, stays):
                self.fault(name, f"{prefix} was routed, is wanted, and has no route")
        if foreign(before, delivery.handed_over) != foreign(now, delivery.handed_over):
            self.fault(name, "routes that are not ours changed")
        if delivery.action == "adopt" and not only_renamed(
            before, now, {TAG, *delivery.began_with, *delivery.wrote_with}
        ):
            self.fault(name, "an adoption did more than rename what covers")
        apart = delivery.handed_over
        if delivery.action == "rollback" and others(before, apart) != others(now, apart):
            self.fault(name, "a rollback did more than undo")
        if delivery.action == "sync":
            self._judge_sync(name, before, now, delivery)

    def _judge_sync(self, name: str, before: Snapshot, now: Snapshot, delivery: Delivery) -> None:
        self._judge_share(name, before, now, delivery)
        added = owned(now) - owned(before)
        if added and len(now) > self._route_limit:
            self.fault(name, f"{len(now)} routes were written, and {self._route_limit} may be")

        # A retained route may yield, if something got in for it and no place is left.
        yields = bool(added) and len(now) == self._route_limit
        for prefix in owned(before) - owned(now) - {TAG}:
            if not (prefix in delivery.known and has_route(now, TAG)):
                self._judge_removal(name, prefix, delivery, yields=yields)
        self._judge_approval(name, before, now, delivery)
        contested = delivery.contested and delivery.wrote_contested
        if contested and owned(before) - owned(now):
            self.fault(name, "removed from a contested table")

    def _judge_share(self, name: str, before: Snapshot, now: Snapshot, delivery: Delivery) -> None:
        """All that the run has removed counts, in whichever delivery."""
        gone, added = self._by_run.setdefault((delivery.run_id, name), (set(), set()))
        there = (owned(before) | gone) - added
        gone |= owned(before) - owned(now) - added - {TAG}
        added |= owned(now) - owned(before) - gone
        lost = {p for p in gone if not routed(now, p, delivery.known)}
        just_gone = owned(before) - owned(now)
        too_many = len(lost) > max(3, len(there) * MAX_REMOVED_PERCENT / 100)
        if too_many and lost & just_gone and not delivery.forced:
            self.fault(name, f"too many routes lost in one run: {len(lost)} of {len(there)}")

    def _judge_removal(self, name: str, prefix: str, delivery: Delivery, *, yields: bool) -> None:
        if prefix in delivery.began_with & delivery.wrote_with:
            self.fault(name, f"{prefix} removed, which the newest version holds")
        if prefix in delivery.held & delivery.wrote_held:
            self.fault(name, f"{prefix} removed, which is held")
        left = left_on(prefix, delivery.history)
        early = left is None or delivery.today < left + timedelta(days=self._grace_days)
        if early and not yields:
            self.fault(name, f"{prefix} removed within its grace: it left on {left}")

    def _judge_approval(
        self, name: str, before: Snapshot, now: Snapshot, delivery: Delivery
    ) -> None:
        added, removed = owned(now) - owned(before), owned(before) - owned(now)
        if delivery.approval is not None:
            shown = delivery.approval.shown
            refused = set() if delivery.forced else delivery.approval.refused.keys()
            if not (added <= shown["added"] and removed <= shown["removed"] - refused):
                self.fault(name, "more was written than was approved")
        elif delivery.policy is ApplyPolicy.APPROVAL and hops(before) != hops(now):
            self.fault(name, "written without approval")
        elif delivery.policy is ApplyPolicy.ADDITIVE and removed:
            self.fault(name, "removed without approval")


def snapshot(table: RouteTable) -> Snapshot:
    return tuple(json.dumps(route, sort_keys=True) for route in table.routes)


def properties_of(state: Snapshot) -> list[tuple[str, dict[str, Any]]]:
    routes = [json.loads(text) for text in state]
    return [(route["name"], route["properties"]) for route in routes]


def owned(state: Snapshot) -> frozenset[str]:
    return frozenset(
        p["addressPrefix"]
        for name, p in properties_of(state)
        if name == owned_name(OWNER, p["addressPrefix"])
    )


def foreign(state: Snapshot, apart_from: Collection[str] = ()) -> list[str]:
    return others(state, owned(state).union(apart_from))


def others(state: Snapshot, apart_from: Collection[str]) -> list[str]:
    """All routes but those of these prefixes."""
    listed = zip(state, properties_of(state), strict=True)
    return [text for text, (_, p) in listed if p["addressPrefix"] not in apart_from]


def hops(state: Snapshot) -> list[tuple[str, str]]:
    return sorted((p["addressPrefix"], p["nextHopType"]) for _, p in properties_of(state))


def only_renamed(before: Snapshot, now: Snapshot, wanted: Collection[str]) -> bool:
    """Whether nothing but names is another, and these only of unstamped routes that cover."""
    for (old_name, old), (new_name, new) in zip(
        properties_of(before), properties_of(now), strict=True
    ):
        covers = old["nextHopType"] == "Internet" and old["addressPrefix"] in wanted
        adoptable = covers and not old_name.startswith("old--")
        adopted = adoptable and new_name == owned_name(OWNER, old["addressPrefix"])
        if old != new or not (old_name == new_name or adopted):
            return False
    return True


def routed(state: Snapshot, prefix: str, held: Collection[str]) -> bool:
    """By longest prefix match, tried on the first and the last address. A route of the tag is one
    of each prefix it holds, behind a route of that prefix itself.
    """
    network = ipaddress.ip_network(prefix)
    return all(_hop(state, address, held) == "Internet" for address in (network[0], network[-1]))


def has_route(state: Snapshot, prefix: str) -> bool:
    """To the Internet, with this very prefix."""
    return (prefix, "Internet") in hops(state)


def _hop(
    state: Snapshot,
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    held: Collection[str],
) -> str:
    matching = [
        (network.prefixlen, prefix == p["addressPrefix"], p["nextHopType"])
        for _, p in properties_of(state)
        for prefix in (held if p["addressPrefix"] == TAG else [p["addressPrefix"]])
        if address in (network := ipaddress.ip_network(prefix))
    ]
    return max(matching, default=(0, False, ""))[2]


def left_on(prefix: str, history: Iterable[tuple[datetime, frozenset[str]]]) -> date | None:
    """The day of the first version without it after the last with it; else of the first of all."""
    left: date | None = None
    was_there = False
    for at, prefixes in history:
        if left is None or (was_there and prefix not in prefixes):
            left = at.date()
        was_there = prefix in prefixes
    return left


type Rightness = Callable[[Snapshot], bool]


def right(wanted: Collection[str], held: Collection[str], *, by_tag: bool) -> Rightness:
    """Whether each wanted prefix has its route, or is somebody else's on purpose."""

    def judge(state: Snapshot) -> bool:
        others = {json.loads(text)["properties"]["addressPrefix"] for text in foreign(state)}
        names = {json.loads(text)["name"].lower() for text in foreign(state)}
        taken = {p for p in (*wanted, TAG) if owned_name(OWNER, p).lower() in names}
        excused = taken.union(held, others)
        if by_tag and TAG in excused:
            return True
        return all(p in excused or routed(state, p, wanted) for p in wanted)

    return judge
