"""The words in which a plan is judged: limits, violations, what is withheld, and the judgement."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from .. import codes
from ..addresses import in_order
from ..codes import Code
from ..findings import Finding
from .changes import Changes
from .plan import Plan
from .policy import ApplyPolicy
from .routes import RouteTable

_WAITING = (codes.APPLY_POLICY, codes.HELD, codes.PINNED)
"""No guard refuses such a change: it waits until a person says otherwise."""
_KIND_OF = {"add": "added", "update": "updated", "remove": "removed"}
"""A report has one name for a change that is withheld and another for one that is made."""

type Replan = Callable[[Collection[str], Collection[str]], Plan]
"""Plan the same table again. The first argument has the owned prefixes to spare, the second the
retained prefixes that yield. A replan has no side effects.
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan to be judged, the table that it is for, and the way to plan that table again.

    `owned` are the owned prefixes that the table holds now. Nothing of `plan` is withheld yet.
    """

    table: RouteTable
    owned: frozenset[str]
    plan: Plan
    replan: Replan


@dataclass(frozen=True, slots=True)
class Withheld:
    """A change that is planned and not made, with the code of the reason."""

    prefix: str
    change: str
    why: Code


@dataclass(frozen=True, slots=True)
class Violation:
    """A limit that a plan exceeds."""

    code: Code
    message: str
    observed: int | float
    limit: int | float

    @property
    def forceable(self) -> bool:
        return self.code.forceable


@dataclass(frozen=True, slots=True)
class Approval:
    """The changes of one table that a person approves by approving a run.

    `shown` has the prefixes that would change, by `added`, `updated` and `removed`. `refused` are
    those of them whose removal a guard withheld, with its code: they stay unless that guard is
    forced. `violations` are the names of the violations that were shown.
    """

    shown: Mapping[str, frozenset[str]] = field(default_factory=lambda: Changes().by_kind)
    refused: Mapping[str, Code] = field(default_factory=dict)
    violations: frozenset[str] = frozenset()

    def is_done(self, written: Changes) -> bool:
        """Return whether everything that was approved is written."""
        done = written.by_kind
        return bool(written) and all(self.shown[kind] <= done[kind] for kind in done)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The facts and settings by which a plan is judged.

    - `max_removed_percent` is the largest share of the owned routes that one run may remove.
    - `next_hop_types` (lower case) are the types that the API version in use knows.
    - `foreign_as_when_sound`: the foreign routes are as they were when the table was last sound.
    - `route_limit` is the number of routes that the table may hold, and `tag_route_limit` the
      number of routes with a service tag; None if Azure does not tell it or the plan adds none.
    - `tags` has the IPv4 prefixes of each service tag that the table is about.
    - `unusable` is the code of a source, or of a pin, that cannot be believed now.
    - `apply_policy` says which changes wait for an approval, and `approval` what was approved.
    - `forced` are the names of the violations that a person lets pass.
    - `contested`: the table loses no route.
    - `too_early` is set while a contested table must not be written at all.
    """

    max_removed_percent: int
    next_hop_types: frozenset[str]
    foreign_as_when_sound: bool
    route_limit: int | None = None
    tag_route_limit: int | None = None
    tags: Mapping[str, Collection[str]] = field(default_factory=dict)
    unusable: Code | None = None
    apply_policy: ApplyPolicy = ApplyPolicy.AUTO
    forced: frozenset[str] = frozenset()
    approval: Approval | None = None
    contested: bool = False
    too_early: Violation | None = None

    @property
    def against_removals(self) -> Code | None:
        """The code of what forbids every removal; None if removals are allowed."""
        if self.unusable is not None:
            return self.unusable
        if self.contested:
            return codes.CONTESTED
        return codes.APPLY_POLICY if self.apply_policy is ApplyPolicy.ADDITIVE else None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The part of a plan that may be written, the rest, and what a person needs to look at.

    `proposed` are the changes that would be written if nothing spoke against a removal. If
    `blocked`, nothing may be written at all, not even the routes that the table has already. The
    outcome's status `blocked` says less: it stands for any violation.
    """

    plan: Plan
    proposed: Changes
    withheld: tuple[Withheld, ...] = ()
    violations: tuple[Violation, ...] = ()
    findings: tuple[Finding, ...] = ()
    blocked: bool = False

    @property
    def approval(self) -> Approval:
        """The changes that are still to be made, as a person may approve them."""
        removals = [change for change in self.withheld if change.change == "remove"]

        # A change that a blocked table or a policy keeps waiting waits for this very approval.
        refused = {} if self.blocked else {c.prefix: c.why for c in removals}
        return Approval(
            self.proposed.by_kind,
            {p: why for p, why in refused.items() if why not in _WAITING},
            frozenset(violation.code.name for violation in self.violations),
        )

    def all_withheld(self, table: RouteTable, why: Code) -> "Judgement":
        """Return the judgement with what it lets pass withheld as well."""
        withheld = (*withheld_of(self.plan.changes, why), *self.withheld)
        return replace(self, plan=self.plan.without_changes(table), withheld=withheld)

    def with_more(
        self, findings: Iterable[Finding], withheld: Iterable[Withheld] = ()
    ) -> "Judgement":
        """Return the judgement with these after its own findings and withheld changes."""
        return replace(
            self,
            findings=(*self.findings, *findings),
            withheld=(*self.withheld, *withheld),
        )


def withheld_of(changes: Changes, why: Code) -> tuple[Withheld, ...]:
    """Return all of these changes as withheld for one reason."""
    return tuple(
        Withheld(prefix, change, why)
        for change, kind in _KIND_OF.items()
        for prefix in in_order(changes.by_kind[kind])
    )


def blocking(code: Code, message: str, observed: int) -> Violation:
    """Return a violation that blocks the whole table; its limit is zero."""
    return Violation(code, message, observed, 0)
