"""Judge the draft of a table by its limits: which changes the guards withhold, and why.

A guard against removals withholds no addition. A whole table is blocked only if nothing in it can
be written safely.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .. import codes
from ..addresses import in_order
from ..codes import Code
from ..findings import Finding
from .capacity import fit
from .changes import Changes
from .equivalence import without_equivalent
from .judgement import (
    Approval,
    Draft,
    Judgement,
    Limits,
    Violation,
    Withheld,
    blocking,
    withheld_of,
)
from .plan import Plan
from .policy import ApplyPolicy

ALWAYS_REMOVABLE = 3
"""One run may remove this many routes whatever their share, because small tables change too."""


def judge(draft: Draft, limits: Limits, written: Changes) -> Judgement:
    """Judge the plan of one table.

    `written` are the changes that this run has made to the table already. They count too, because
    the limits hold for a whole run.
    """
    blocks = _blocks(draft, limits, written)
    if blocks:
        return _blocked(draft, draft.plan, blocks)

    if limits.apply_policy is ApplyPolicy.APPROVAL:
        changes = draft.plan.changes
        unchanged = draft.plan.without_changes(draft.table)
        return Judgement(unchanged, changes, withheld_of(changes, codes.APPLY_POLICY))

    return _partly_withheld(draft, limits, _sparing(draft, limits, written))


def _blocks(draft: Draft, limits: Limits, written: Changes) -> list[Violation]:
    """Return every reason for which nothing can be written safely."""
    writes = bool(draft.plan.changes) or draft.table.failed
    blocks = (
        _failed_table(draft, limits),
        _unknown_next_hops(draft, limits) if writes else None,
        limits.too_early if writes else None,
        _changed_plan(draft, limits, written),
    )
    return [violation for violation in blocks if violation is not None]


def _failed_table(draft: Draft, limits: Limits) -> Violation | None:
    table = draft.table
    may_be_written = limits.foreign_as_when_sound or codes.TABLE_FAILED.name in limits.forced
    if not table.failed or may_be_written:
        return None
    message = (
        f"the table is in state {table.provisioning_state} and its foreign routes are not as last "
        "seen sound: look at the table and repair it before anything writes it whole"
    )
    return blocking(codes.TABLE_FAILED, message, 1)


def _unknown_next_hops(draft: Draft, limits: Limits) -> Violation | None:
    # A route of ours that the plan sends to the Internet has nothing left that could be lost.
    mended = draft.plan.changes.updated
    kept = [route for route in draft.table.routes if route.prefix not in mended]
    unknown = {r.name for r in kept if r.next_hop_type.lower() not in limits.next_hop_types}
    if not unknown:
        return None

    message = (
        "a write might lose data, because this API version does not know the next hop type of "
        f"{', '.join(sorted(unknown))}"
    )
    return blocking(codes.NEXT_HOP_UNKNOWN, message, len(unknown))


def _changed_plan(draft: Draft, limits: Limits, written: Changes) -> Violation | None:
    approval = limits.approval
    if approval is None or not draft.plan.changes:
        return None

    # A delivery that comes after a write finds less to do than a person has approved, so
    # what is written counts too.
    now = written.then(draft.plan.changes)
    if now.checksum == approval.checksum:
        return None
    message, differences = _difference(approval, now)
    return blocking(codes.PLAN_CHANGED, message, differences)


def _difference(approval: Approval, now: Changes) -> tuple[str, int]:
    """Return how the plan differs from the approved one, and by how many prefixes."""
    parts: list[str] = []
    count = 0
    for kind, planned in now.by_kind.items():
        shown = approval.shown[kind]
        for phrase, prefixes in (("now also", planned - shown), ("no longer", shown - planned)):
            if prefixes:
                parts.append(f"{phrase} {kind}: {', '.join(in_order(prefixes))}")
                count += len(prefixes)
    return f"not the plan that was approved; {'; '.join(parts)}", count


@dataclass(frozen=True, slots=True)
class _Sparing:
    """The removals that are withheld, each with the code of its reason."""

    reasons: Mapping[str, Code] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    findings: tuple[Finding, ...] = ()


def _sparing(draft: Draft, limits: Limits, written: Changes) -> _Sparing:
    """Return the removals to withhold, and the violation if too many would go."""
    removed = draft.plan.changes.removed
    if limits.against_removals is not None:
        return _Sparing(dict.fromkeys(removed, limits.against_removals))

    lost = without_equivalent(removed | written.removed, draft.plan.routes, limits.tags)
    violation = _too_many_removed(draft, limits, written, len(lost))
    if violation is None:
        return _Sparing()

    if violation.code.name in limits.forced:
        message = f"{violation.code} was forced: {violation.message}"
        return _Sparing(findings=(Finding(codes.FORCED, message),))
    return _Sparing(dict.fromkeys(removed & lost, codes.MAX_REMOVED_PERCENT), (violation,))


def _too_many_removed(
    draft: Draft, limits: Limits, written: Changes, lost: int
) -> Violation | None:
    """Judge the share of the owned routes that the run removes without an equivalent."""
    gone = draft.plan.changes.removed | written.removed
    before = len((draft.owned | gone) - written.added)
    percent = 100 * lost / before if before else 0
    limit = limits.max_removed_percent
    if lost <= ALWAYS_REMOVABLE or percent <= limit:
        return None

    message = f"{lost} of {before} routes would be removed and leave addresses without a route"
    return Violation(codes.MAX_REMOVED_PERCENT, message, round(percent, 1), limit)


def _partly_withheld(draft: Draft, limits: Limits, sparing: _Sparing) -> Judgement:
    spared = sparing.reasons
    plan = draft.replan(spared, ()) if spared else draft.plan

    # Room comes last: a route that is spared needs its place in the table too.
    fitting = fit(plan, lambda yielding: draft.replan(spared, yielding), limits)
    findings = (*sparing.findings, *fitting.findings)
    if fitting.violation is not None:
        violations = (*sparing.violations, fitting.violation)
        return _blocked(draft, fitting.plan, violations, findings)

    withheld = tuple(Withheld(prefix, "remove", spared[prefix]) for prefix in in_order(spared))
    proposed = draft.plan.changes
    return Judgement(fitting.plan, proposed, withheld, sparing.violations, findings)


def _blocked(
    draft: Draft,
    plan: Plan,
    violations: Sequence[Violation],
    findings: tuple[Finding, ...] = (),
) -> Judgement:
    proposed = draft.plan.changes

    # If the table has no room, that violation is the last; any before it concern only removals.
    # All other violations that come here block the whole table, so that one of them explains it.
    return Judgement(
        plan.without_changes(draft.table),
        proposed,
        withheld_of(proposed, violations[-1].code),
        tuple(violations),
        findings,
        blocked=True,
    )
