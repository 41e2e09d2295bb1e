"""Compare prefixes by their addresses: which removed routes are replaced, which still needed."""

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence

from ..addresses import is_service_tag
from .routes import Route

type _Network = ipaddress.IPv4Network


def without_equivalent(
    removed: Iterable[str],
    routes: Sequence[Route],
    tags: Mapping[str, Collection[str]] | None = None,
) -> frozenset[str]:
    """Return the removed prefixes that leave an address without a route to the Internet.

    `routes` are the routes that stay; by longest prefix match one of them has to send each address
    to the Internet. Owned prefixes are IPv4 or a service tag, and `tags` has the IPv4 prefixes of
    each tag. A tag that is not in `tags` counts as leaving addresses without a route.
    """
    gone = frozenset(removed)
    if not gone:
        return gone
    in_tag = {tag: _networks(prefixes) for tag, prefixes in (tags or {}).items()}
    staying = _by_network(routes, in_tag)

    def is_replaced(prefix: str) -> bool:
        networks = _networks_of(prefix, tags or {})
        return bool(networks) and all(_has_equivalent(network, staying) for network in networks)

    return frozenset(prefix for prefix in gone if not is_replaced(prefix))


def sharing_addresses(
    prefixes: Iterable[str], others: Iterable[str], tags: Mapping[str, Collection[str]]
) -> frozenset[str]:
    """Return those of the prefixes that have an address in common with one of the others.

    All of them are IPv4 or a service tag, and `tags` has the IPv4 prefixes of each tag. A tag that
    is not in `tags` counts as sharing addresses.
    """
    ours = {prefix: frozenset(_networks_of(prefix, tags)) for prefix in prefixes}
    theirs = frozenset(network for other in others for network in _networks_of(other, tags))
    if not theirs:
        return frozenset()

    touched = _touched(frozenset().union(*ours.values()), theirs)
    return frozenset(prefix for prefix in ours if not ours[prefix] or ours[prefix] & touched)


def _touched(networks: frozenset[_Network], others: frozenset[_Network]) -> frozenset[_Network]:
    """Return those of the networks that share an address with one of the others."""
    lengths = {network.prefixlen for network in networks}
    around = {wider for other in others for wider in _supernets(other, lengths)}

    # Of two networks that share an address, one contains the other.
    their_lengths = {other.prefixlen for other in others}
    inside = {n for n in networks if not others.isdisjoint(_supernets(n, their_lengths))}
    return frozenset(inside | (networks & around))


def _supernets(network: _Network, lengths: Collection[int]) -> list[_Network]:
    """Return the networks of these lengths that contain this one, which may be itself."""
    shorter = (length for length in lengths if length <= network.prefixlen)
    return [network.supernet(new_prefix=length) for length in shorter]


def _networks_of(prefix: str, tags: Mapping[str, Collection[str]]) -> list[_Network]:
    return _networks(tags.get(prefix, ()) if is_service_tag(prefix) else (prefix,))


def _networks(prefixes: Iterable[str]) -> list[_Network]:
    return [ipaddress.IPv4Network(prefix) for prefix in prefixes]


def _by_network(
    routes: Sequence[Route], in_tag: Mapping[str, Collection[_Network]]
) -> dict[_Network, Route]:
    """Return the route of each IPv4 network, a tag's networks included."""
    by_tag = {network: route for route in routes for network in in_tag.get(route.prefix, ())}
    by_prefix = {
        ipaddress.IPv4Network(route.network): route
        for route in routes
        if route.network and ":" not in route.network
    }
    # A route with the prefix itself goes before the route of a tag that contains it.
    return by_tag | by_prefix


def _has_equivalent(prefix: _Network, staying: Mapping[_Network, Route]) -> bool:
    # The next hop of more specific routes does not matter: foreign ones took their addresses before
    # the removal as well, and ours go to the Internet.
    inside = (n for n in staying if n.prefixlen > prefix.prefixlen and n.subnet_of(prefix))
    routed_inside = sum(n.num_addresses for n in ipaddress.collapse_addresses(inside))
    if routed_inside == prefix.num_addresses:
        return True

    around = (n for n in staying if n.supernet_of(prefix))
    longest = max(around, key=lambda n: n.prefixlen, default=None)
    return longest is not None and staying[longest].to_internet
