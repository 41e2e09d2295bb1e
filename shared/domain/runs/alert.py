"""What an alert is about, and which registered route tables that concerns."""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ..armid import EnvironmentId, RouteTableId

MAX_TARGETS = 1000
"""More than that is as good as all."""


_NETWORK = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourcegroups/[^/]+"
    r"/providers/microsoft\.network/virtualnetworks/.+",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Alert:
    """Something happened. Without targets it is about everything.

    `instance` tells it from every other one; None where nothing in the body does. `callers` are
    names of whoever did what it is about: a user, an object id, an application id.
    """

    name: str
    targets: tuple[str, ...]
    instance: str | None = None
    callers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """A registered table, with what an alert may name instead of it; `subnet_ids` in lower case."""

    route_table_id: RouteTableId
    ase_id: EnvironmentId | None = None
    subnet_ids: frozenset[str] | None = None


def together(alerts: Collection[Alert]) -> Alert:
    """One alert for all of a batch."""
    if len(alerts) == 1:
        return next(iter(alerts))
    everything = not all(alert.targets for alert in alerts)
    targets = dict.fromkeys(target for alert in alerts for target in alert.targets)
    instances = sorted(alert.instance or "" for alert in alerts)
    return Alert(
        name=f"{len(alerts)} events",
        targets=() if everything or len(targets) > MAX_TARGETS else tuple(targets),
        instance=json.dumps(instances) if all(instances) else None,
        callers=frozenset(caller for alert in alerts for caller in alert.callers),
    )


def concerned(targets: Collection[str], places: Iterable[Place]) -> Iterator[Place]:
    """Those whose table, environment or subnet is one of these targets, holds it, or is in it.

    Where it is not known yet which subnets have a table, any of its subscription may.
    """
    exact = {target.lower() for target in targets}
    holding = {ancestor for target in exact for ancestor in _ancestors(target)}
    networks = {match["subscription"] for target in exact if (match := _NETWORK.fullmatch(target))}
    for place in places:
        related = [place.route_table_id.key, *(place.subnet_ids or ())]
        if place.ase_id is not None:
            related.append(place.ase_id.key)
        if (
            any(resource in holding for resource in related)
            or any(not exact.isdisjoint(_ancestors(resource)) for resource in related)
            or (
                place.subnet_ids is None
                and place.route_table_id.subscription_id.lower() in networks
            )
        ):
            yield place


def _ancestors(resource_id: str) -> Iterator[str]:
    """The resource itself, and every shorter path."""
    end = len(resource_id)
    while end > 0:
        yield resource_id[:end]
        end = resource_id.rfind("/", 0, end)
