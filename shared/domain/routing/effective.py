"""Where a table's routes really take the wanted addresses: by longest prefix match, not only by
equal prefixes. Source: "Virtual network traffic routing", how Azure selects a route.
"""

import ipaddress
from collections.abc import Collection, Iterator, Mapping

from ..findings import Finding
from .routes import Route, RouteTable, is_owned

NOT_FORCED_TUNNELLED = "notForcedTunnelled"
_DEFAULT = "0.0.0.0/0"
_HALVES = ("0.0.0.0/1", "128.0.0.0/1")
"""Together a default route that goes before it, as some write it."""


def routing_findings(
    table: RouteTable,
    wanted: Collection[str],
    *,
    owner: str,
    tags: Mapping[str, Collection[str]],
) -> tuple[Finding, ...]:
    """Of the IPv4 prefixes that are wanted in a table, and the tags that hold some of them."""
    foreign = [route for route in table.routes if not is_owned(route, owner)]
    return (
        *_taken_elsewhere(foreign, wanted),
        *_of_tag_routes(table, foreign, owner, tags),
        *_of_other_traffic(table),
    )


def _taken_elsewhere(foreign: Collection[Route], wanted: Collection[str]) -> Iterator[Finding]:
    prefixes = frozenset(wanted)
    for route in foreign:
        if route.network is None or ":" in route.network or route.to_internet:
            continue
        taken = ipaddress.IPv4Network(route.network)
        around = (str(taken.supernet(new_prefix=n)) for n in range(taken.prefixlen))
        for prefix in (p for p in around if p in prefixes):
            yield Finding(
                "MoreSpecificRoute",
                f"{prefix}: route {route.name} takes {taken} to {route.next_hop_type}, "
                "not to the Internet",
            )


def _of_tag_routes(
    table: RouteTable,
    foreign: Collection[Route],
    owner: str,
    tags: Mapping[str, Collection[str]],
) -> Iterator[Finding]:
    for route in (r for r in foreign if r.network is None):
        if route.prefix in tags and route.to_internet:
            yield Finding(
                "CoveredByPlatform",
                f"route {route.name} sends all of {route.prefix} to the Internet, and Azure itself "
                "keeps its addresses",
            )
            held = frozenset(tags[route.prefix])
            shadowing = [r.name for r in table.routes if r.network in held and is_owned(r, owner)]
            if shadowing:
                yield Finding(
                    "ShadowsServiceTagRoute",
                    f"owned routes go before route {route.name}: {', '.join(sorted(shadowing))}",
                )
        elif not route.to_internet and route.prefix not in tags:
            yield Finding(
                "TagRouteNotJudged",
                f"whether route {route.name} takes wanted addresses to {route.next_hop_type} is "
                f"not visible here: its prefix is {route.prefix}",
            )


def _of_other_traffic(table: RouteTable) -> Iterator[Finding]:
    by_prefix = {route.network: route for route in table.routes}
    default = by_prefix.get(_DEFAULT)
    split = all(p in by_prefix and not by_prefix[p].to_internet for p in _HALVES)
    if default is not None and default.to_internet and not split:
        yield Finding(
            NOT_FORCED_TUNNELLED,
            "the default route already goes to the Internet: without these routes the addresses "
            "would go there, too",
        )
    if table.learns_routes:
        yield Finding(
            "BgpRoutesNotVisible",
            "gateway route propagation is on: what is learned by BGP is not visible here, and a "
            "more specific route of it would go before ours",
        )
