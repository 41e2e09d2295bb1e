"""Findings about the routes that the wanted addresses really take.

The longest matching prefix decides, so that it is not enough to look for routes on the wanted
prefixes. Source: "Virtual network traffic routing", how Azure selects a route.
"""

import ipaddress
from collections.abc import Collection, Iterator, Mapping

from .. import codes
from ..findings import Finding
from .routes import Route, RouteTable, is_owned

_DEFAULT = "0.0.0.0/0"
_HALVES = ("0.0.0.0/1", "128.0.0.0/1")
"""Some write the default route as these two, which go before `0.0.0.0/0`."""


def routing_findings(
    table: RouteTable,
    wanted: Collection[str],
    *,
    owner: str,
    tags: Mapping[str, Collection[str]],
    service: str | None = None,
) -> tuple[Finding, ...]:
    """Return the findings about the wanted IPv4 prefixes. `tags` has the prefixes in each tag.

    If the table is registered for a service, its name says whose addresses they are.
    """
    foreign = [route for route in table.routes if not is_owned(route, owner)]
    tag_routes = [route for route in foreign if route.network is None]
    owned = [route for route in table.routes if is_owned(route, owner)]
    return (
        *_more_specific(foreign, wanted, service),
        *(finding for route in tag_routes for finding in _tag_route(route, owned, tags)),
        *_default_route(table, service),
        *_learned_routes(table),
    )


def changed_default_routes(table: RouteTable) -> list[Route]:
    """Return the default routes, or halves of one, that do not lead to the Internet."""
    defaults = (route for route in table.routes if route.network in {_DEFAULT, *_HALVES})
    return [route for route in defaults if not route.to_internet]


def _more_specific(
    foreign: Collection[Route], wanted: Collection[str], service: str | None
) -> Iterator[Finding]:
    prefixes = frozenset(wanted)
    elsewhere = [route for route in foreign if not route.to_internet]

    for route in elsewhere:
        for prefix in _prefixes_around(route):
            if prefix in prefixes:
                yield Finding(
                    codes.MORE_SPECIFIC_ROUTE,
                    f"{prefix}{_of(service)}: route {route.name} takes {route.network} to "
                    f"{route.next_hop_type}, not to the Internet",
                )


def _prefixes_around(route: Route) -> Iterator[str]:
    """Yield the IPv4 prefixes that contain the route's own, the largest first."""
    if route.network is not None and ":" not in route.network:
        network = ipaddress.IPv4Network(route.network)
        for length in range(network.prefixlen):
            yield str(network.supernet(new_prefix=length))


def _tag_route(
    route: Route, owned: Collection[Route], tags: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    """Yield what there is to say of one foreign route whose prefix is a service tag."""
    known = route.prefix in tags
    if not known and not route.to_internet:
        yield _tag_route_not_judged(route)
    if known and route.to_internet:
        yield from _covering_tag_route(route, owned, frozenset(tags[route.prefix]))


def _covering_tag_route(
    route: Route, owned: Collection[Route], in_tag: Collection[str]
) -> Iterator[Finding]:
    yield Finding(
        codes.COVERED_BY_PLATFORM,
        f"route {route.name} sends all of {route.prefix} to the Internet, and Azure itself keeps "
        "its addresses current",
    )
    shadowing = sorted(r.name for r in owned if r.network in in_tag)
    if shadowing:
        yield Finding(
            codes.SHADOWS_SERVICE_TAG_ROUTE,
            f"owned routes go before route {route.name}: {', '.join(shadowing)}",
        )


def _tag_route_not_judged(route: Route) -> Finding:
    return Finding(
        codes.TAG_ROUTE_NOT_JUDGED,
        f"it is not visible here whether route {route.name} takes wanted addresses to "
        f"{route.next_hop_type}: its prefix is {route.prefix}",
    )


def _default_route(table: RouteTable, service: str | None) -> Iterator[Finding]:
    by_network = {route.network: route for route in table.routes}
    default = by_network.get(_DEFAULT)

    # Two halves that lead elsewhere leave nothing to the default route.
    split = all(p in by_network and not by_network[p].to_internet for p in _HALVES)
    if default is not None and default.to_internet and not split:
        yield Finding(
            codes.NOT_FORCED_TUNNELLED,
            "the default route goes to the Internet already: without our routes the addresses"
            f"{_of(service)} would go there too",
        )


def _of(service: str | None) -> str:
    return "" if service is None else f" of {service}"


def _learned_routes(table: RouteTable) -> Iterator[Finding]:
    if table.learns_routes:
        yield Finding(
            codes.BGP_ROUTES_NOT_VISIBLE,
            "gateway route propagation is on: routes learned by BGP are not visible here, and a "
            "more specific one would go before ours",
        )
