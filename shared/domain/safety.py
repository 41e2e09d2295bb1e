"""Plan + limits -> what is withheld of it, and why.

One rule rules all: what speaks against a removal never holds back an addition.
"""

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .plan import Changes, Plan
from .report import Violation, Withheld
from .routes import Route

ALWAYS_REMOVABLE = 3
"""So many routes may go in one run whatever their share: a small table changes too."""
TOO_MANY_REMOVED = "MAX_REMOVED_PERCENT"
TAG_UNAVAILABLE = "TAG_UNAVAILABLE"
_NOTHING = Changes()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is withheld of a plan; a violation is what a person needs to look at."""

    withheld: tuple[Withheld, ...] = ()
    violations: tuple[Violation, ...] = ()

    @property
    def prefixes(self) -> frozenset[str]:
        return frozenset(change.prefix for change in self.withheld)


def judge(
    plan: Plan,
    owned: Collection[str],
    *,
    written: Changes = _NOTHING,
    max_removed_percent: int,
    tag_believed: bool = True,
) -> Judgement:
    """Judge the removals of a plan over a table that holds these owned prefixes.

    `written` is what this run has done to it already: the limit is a run's. Without a tag that can
    be believed nothing is known to be gone.
    """
    if not tag_believed:
        return Judgement(_withheld(plan.removed, TAG_UNAVAILABLE))
    gone = frozenset(plan.removed) | written.removed
    lost = without_equivalent(gone, plan.routes)
    before = len((frozenset(owned) | gone) - written.added)
    percent = 100 * len(lost) / before if before else 0
    if len(lost) <= ALWAYS_REMOVABLE or percent <= max_removed_percent:
        return Judgement()
    violation = Violation(
        code=TOO_MANY_REMOVED,
        message=f"{len(lost)} of {before} routes would go and leave addresses without a route",
        observed=round(percent, 1),
        limit=max_removed_percent,
        forceable=True,
    )
    concerned = [prefix for prefix in plan.removed if prefix in lost]
    return Judgement(_withheld(concerned, TOO_MANY_REMOVED), (violation,))


def without_equivalent(removed: Iterable[str], routes: Sequence[Route]) -> frozenset[str]:
    """Those of the removed prefixes that leave an address which these routes do not send to the
    Internet, by longest prefix match. Owned prefixes are IPv4.
    """
    standing = {
        ipaddress.IPv4Network(route.network): route
        for route in routes
        if route.network and ":" not in route.network
    }
    return frozenset(p for p in removed if not _has_equivalent(ipaddress.IPv4Network(p), standing))


def _has_equivalent(
    prefix: ipaddress.IPv4Network, standing: Mapping[ipaddress.IPv4Network, Route]
) -> bool:
    # More specific routes had their addresses before as well, or are ours.
    inside = (n for n in standing if n.prefixlen > prefix.prefixlen and n.subnet_of(prefix))
    routed_inside = sum(n.num_addresses for n in ipaddress.collapse_addresses(inside))
    if routed_inside == prefix.num_addresses:
        return True
    around = (n for n in standing if n.supernet_of(prefix))
    longest = max(around, key=lambda n: n.prefixlen, default=None)
    return longest is not None and standing[longest].to_internet


def _withheld(prefixes: Iterable[str], why: str) -> tuple[Withheld, ...]:
    return tuple(Withheld(prefix, "remove", why) for prefix in prefixes)
