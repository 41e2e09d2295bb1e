"""Alerts and events, and the registered route tables that they concern."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ..armid import EnvironmentId, RouteTableId, VirtualNetworkId, ignoring_case

MAX_TARGETS = 1000
"""An alert with more targets than this counts as an alert about everything."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something happened to the targets, or to anything if there are no targets.

    `instance` tells the alert from every other alert; it is None if nothing in the body does.
    `callers` name who caused the event: a user, an object id or an application id. `advice` says
    what people can change in the alert rule if the alert concerns no registered table.
    """

    name: str
    targets: tuple[str, ...]
    instance: str | None = None
    callers: frozenset[str] = frozenset()
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing follows from what came, for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Place:
    """A registered table and the resources that an alert may name instead of it.

    `subnet_ids` are the keys of the subnets that have the table, and None if nobody has read yet
    which ones have it.
    """

    route_table_id: RouteTableId
    ase_id: EnvironmentId | None = None
    subnet_ids: frozenset[str] | None = None


def merge_alerts(alerts: Collection[Alert]) -> Alert:
    """Return one alert that stands for a whole batch."""
    if len(alerts) == 1:
        return next(iter(alerts))

    callers = frozenset[str]().union(*(alert.callers for alert in alerts))
    return Alert(
        f"{len(alerts)} events", _merged_targets(alerts), _merged_instance(alerts), callers
    )


def _merged_targets(alerts: Collection[Alert]) -> tuple[str, ...]:
    # An alert without targets is about everything, and so is the batch that has one.
    everything = not all(alert.targets for alert in alerts)
    targets = _unique_targets(alerts)
    return () if everything or len(targets) > MAX_TARGETS else targets


def _merged_instance(alerts: Collection[Alert]) -> str | None:
    # If one event has no id, no id can be made that recognises the batch when it comes again.
    instances = sorted(alert.instance or "" for alert in alerts)
    return json.dumps(instances) if all(instances) else None


def select_places(targets: Collection[str], places: Iterable[Place]) -> Iterator[Place]:
    """Yield each place that one of the targets concerns.

    A target concerns a place if it is the place's table, environment or subnet, or if one of the
    two resources contains the other.
    """
    exact = {ignoring_case(target) for target in targets}
    ancestors = {ancestor for target in exact for ancestor in _ancestors(target)}
    network_subscriptions = _network_subscriptions(exact)

    for place in places:
        resources = _resource_keys(place)
        contains_target = not ancestors.isdisjoint(resources)
        within_target = any(not exact.isdisjoint(_ancestors(key)) for key in resources)

        # If the table's subnets are not known yet, any network of its subscription may have them.
        subscription = place.route_table_id.subscription_id.lower()
        may_be_in_network = place.subnet_ids is None and subscription in network_subscriptions

        if contains_target or within_target or may_be_in_network:
            yield place


def _unique_targets(alerts: Iterable[Alert]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(target for alert in alerts for target in alert.targets))


def _network_subscriptions(targets: Iterable[str]) -> set[str]:
    """Return the subscriptions of the targets that are virtual networks or within one."""
    networks = (VirtualNetworkId.around(target) for target in targets)
    return {network.subscription_id.lower() for network in networks if network is not None}


def _resource_keys(place: Place) -> list[str]:
    keys = [place.route_table_id.key, *(place.subnet_ids or ())]
    if place.ase_id is not None:
        keys.append(place.ase_id.key)
    return keys


def _ancestors(resource_id: str) -> Iterator[str]:
    """Yield the id itself and every shorter path that contains it."""
    end = len(resource_id)
    while end > 0:
        yield resource_id[:end]
        end = resource_id.rfind("/", 0, end)
