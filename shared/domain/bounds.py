"""Which address prefixes are believed: public ones that are not too wide."""

import functools
import ipaddress
from collections.abc import Iterable, Mapping, Sequence

_MOST_NAMED = 10
"""A message names this many faults and counts the others."""

# Sources: the IANA registries of special-purpose addresses for IPv4 and IPv6 with the RFC of each
# network, RFC 5771 and 4291 for multicast, RFC 3879 for site-local addresses, and "What is IP
# address 168.63.129.16?" of Azure. No service tag that Microsoft has published touches any of them.
SPECIAL_PURPOSE: Mapping[str, str] = {
    "0.0.0.0/8": "this network (RFC 791)",
    "10.0.0.0/8": "private use (RFC 1918)",
    "100.64.0.0/10": "shared address space (RFC 6598)",
    "127.0.0.0/8": "loopback (RFC 1122)",
    "168.63.129.16/32": "the virtual address of the Azure platform",
    "169.254.0.0/16": "link-local (RFC 3927), with Azure's metadata service",
    "172.16.0.0/12": "private use (RFC 1918)",
    "192.0.0.0/24": "IETF protocol assignments (RFC 6890)",
    "192.0.2.0/24": "documentation (RFC 5737)",
    "192.31.196.0/24": "AS112 (RFC 7535)",
    "192.52.193.0/24": "AMT (RFC 7450)",
    "192.88.99.0/24": "6to4 relays (RFC 7526)",
    "192.168.0.0/16": "private use (RFC 1918)",
    "192.175.48.0/24": "AS112 (RFC 7534)",
    "198.18.0.0/15": "benchmarking (RFC 2544)",
    "198.51.100.0/24": "documentation (RFC 5737)",
    "203.0.113.0/24": "documentation (RFC 5737)",
    "224.0.0.0/4": "multicast (RFC 5771)",
    "240.0.0.0/4": "reserved, with limited broadcast (RFC 1112, RFC 8190)",
    "::/128": "unspecified address (RFC 4291)",
    "::1/128": "loopback (RFC 4291)",
    "::ffff:0:0/96": "IPv4-mapped addresses (RFC 4291)",
    "64:ff9b::/96": "translation between IPv4 and IPv6 (RFC 6052)",
    "64:ff9b:1::/48": "translation between IPv4 and IPv6 (RFC 8215)",
    "100::/64": "discard only (RFC 6666)",
    "100:0:0:1::/64": "dummy prefix (RFC 9780)",
    "2001::/23": "IETF protocol assignments (RFC 2928)",
    "2001:db8::/32": "documentation (RFC 3849)",
    "2002::/16": "6to4 (RFC 3056)",
    "2620:4f:8000::/48": "AS112 (RFC 7534)",
    "3fff::/20": "documentation (RFC 9637)",
    "5f00::/16": "segment routing identifiers (RFC 9602)",
    "fc00::/7": "unique local addresses (RFC 4193)",
    "fe80::/10": "link-local (RFC 4291)",
    "fec0::/10": "site-local addresses (RFC 3879)",
    "ff00::/8": "multicast (RFC 4291)",
}
"""The networks that are never a service's public addresses, and what each of them is."""

_SPECIAL_NETWORKS = {ipaddress.ip_network(text): text for text in SPECIAL_PURPOSE}


# A thousand tables want the same few hundred prefixes, and each of them is judged in every run.
@functools.lru_cache(maxsize=16_384)
def fault_of(prefix: str, min_prefix_length: int) -> str | None:
    """Return why this prefix is not believed; None if it is within bounds.

    `min_prefix_length` is in bits: an IPv4 prefix with fewer bits is out of bounds. Raise
    ValueError if the text is no prefix in CIDR notation.
    """
    network = ipaddress.ip_network(prefix)
    for special, text in _SPECIAL_NETWORKS.items():
        if network.version == special.version and network.overlaps(special):
            return f"{prefix} is not public address space: {text} is {SPECIAL_PURPOSE[text]}"
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
