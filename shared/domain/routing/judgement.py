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
    """The changes and violations that a plan run showed for one table.

    `shown` has the prefixes by `added`, `updated` and `removed`, including the withheld ones,
    but not the held ones.
    """

    checksum: str
    shown: Mapping[str, frozenset[str]]
    violations: frozenset[str]

    @classmethod
    def of(
        cls,
        checksum: str,
        changes: Mapping[str, Collection[str]],
        withheld: Iterable[Withheld],
        violations: Iterable[Violation],
    ) -> "Approval":
        """Return what a person approves after a plan run has shown these changes and violations.

        `changes` has the prefixes by `added`, `updated` and `removed`.
        """
        shown = {kind: set(changes[kind]) for kind in _KIND_OF.values()}

        # A prefix that a rollback holds is not part of the plan that was shown.
        for change in withheld:
            if change.why != codes.HELD:
                shown[_KIND_OF[change.change]].add(change.prefix)
        return cls(
            checksum,
            {kind: frozenset(prefixes) for kind, prefixes in shown.items()},
            frozenset(violation.code.name for violation in violations),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The facts and settings by which a plan is judged.

    - `max_removed_percent` is the largest share of the owned routes that one run may remove.
    - `next_hop_types` (lower case) are the types that the API version in use knows.
    - `foreign_as_when_sound`: the foreign routes are as they were when the table was last sound.
    - `route_limit` is the number of routes that the table may hold, and `tag_route_limit` the
      number of routes with a service tag; None if Azure does not tell it or the plan adds none.
    - `tags` has the IPv4 prefixes of each service tag that the table is about.
    - `unusable` is the code of a source that cannot be believed now.
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

    `proposed` are all changes that were judged, including the withheld ones. If `blocked`, nothing
    may be written at all, not even the routes that the table has already. The outcome's status
    `blocked` says less: it stands for any violation.
    """

    plan: Plan
    proposed: Changes
    withheld: tuple[Withheld, ...] = ()
    violations: tuple[Violation, ...] = ()
    findings: tuple[Finding, ...] = ()
    blocked: bool = False

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
