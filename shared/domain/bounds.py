"""Which address prefixes are believed: public ones that are not too wide."""

import functools
import ipaddress
from collections.abc import Iterable, Mapping, Sequence

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST_NAMED = 10
"""A message names this many faults and counts the others."""

# Source: IANA special-purpose registries; the globally reachable blocks in them are left out.
_NEVER_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/127",
        "2001:db8::/32",
        "fc00::/7",
        "fe80::/10",
        "ff00::/8",
    )
)


# A thousand tables want the same few hundred prefixes, and each of them is judged in every run.
@functools.lru_cache(maxsize=16_384)
def fault_of(prefix: str, min_prefix_length: int) -> str | None:
    """Return why this prefix is not believed; None if it is within bounds.

    `min_prefix_length` is in bits: an IPv4 prefix with fewer bits is out of bounds. Raise
    ValueError if the text is no prefix in CIDR notation.
    """
    network = ipaddress.ip_network(prefix)
    if any(network.version == n.version and network.overlaps(n) for n in _NEVER_PUBLIC):
        return f"{prefix} is not public address space"
    if isinstance(network, ipaddress.IPv4Network) and network.prefixlen < min_prefix_length:
        return f"{prefix} is wider than /{min_prefix_length}"
    return None


def out_of_bounds(prefixes: Iterable[str], min_prefix_length: int) -> Mapping[str, str]:
    """Return the prefixes that are not believed, each with the reason."""
    faults = {prefix: fault_of(prefix, min_prefix_length) for prefix in prefixes}
    return {prefix: fault for prefix, fault in faults.items() if fault is not None}


def shortened(faults: Sequence[str]) -> str:
    """Name the first ten faults and count the others."""
    more = len(faults) - _MOST_NAMED
    counted = [f"and {more} more"] if more > 0 else []
    return "; ".join((*faults[:_MOST_NAMED], *counted))
