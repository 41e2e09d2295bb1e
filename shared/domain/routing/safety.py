"""Judge the draft of a table by its limits: which changes the guards withhold, and why.

A guard against removals withholds no addition. A whole table is blocked only if nothing in it can
be written safely.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .. import codes
from ..addresses import in_order
from ..codes import Code
from ..findings import Finding
from .capacity import Fitting, fit
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
)
from .policy import ApplyPolicy

ALWAYS_REMOVABLE = 3
"""One run may remove this many routes whatever their share, because small tables change too."""


def judge(draft: Draft, limits: Limits, written: Changes) -> Judgement:
    """Judge the plan of one table.

    `written` are the changes that this run has made to the table already. They count too, because
    the limits hold for a whole run.
    """
    # A route that yields to an addition is a removal like any other, so the room comes first.
    wish = fit(draft, limits)
    blocks = _blocks(draft, limits, written, wish.plan.changes)
    if blocks:
        return _blocked(draft, wish, blocks)

    if limits.apply_policy is ApplyPolicy.APPROVAL:
        return _judgement(wish, wish, {}).all_withheld(draft.table, codes.APPLY_POLICY)
    if limits.approval is not None and limits.approval.is_done(written):
        return _left_to_others(draft, wish)

    return _partly_withheld(draft, limits, written, wish)


def _blocked(draft: Draft, wish: Fitting, blocks: Sequence[Violation]) -> Judgement:
    # Each of them blocks the whole table, so that one explains every change that is not made.
    judgement = _judgement(wish, wish, {}).all_withheld(draft.table, blocks[-1].code)
    return replace(judgement, violations=(*blocks, *wish.violations), blocked=True)


def _left_to_others(draft: Draft, wish: Fitting) -> Judgement:
    """Withhold what came up after everything that was approved was written."""
    judgement = _judgement(wish, wish, {}).all_withheld(draft.table, codes.PLAN_CHANGED)
    return replace(judgement, proposed=Changes())


def _blocks(draft: Draft, limits: Limits, written: Changes, proposed: Changes) -> list[Violation]:
    """Return every reason for which nothing can be written safely."""
    writes = bool(draft.plan.changes) or draft.table.failed
    blocks = (
        _failed_table(draft, limits),
        _unknown_next_hops(draft, limits) if writes else None,
        limits.too_early if writes else None,
        _changed_plan(limits, written, proposed),
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


def _changed_plan(limits: Limits, written: Changes, proposed: Changes) -> Violation | None:
    approval = limits.approval
    if approval is None or not proposed or approval.is_done(written):
        return None

    # A delivery that comes after a write finds less to do than a person has approved, so
    # what is written counts too.
    now = written.then(proposed).by_kind
    if now == approval.shown:
        return None
    message, differences = _difference(approval, now)
    return blocking(codes.PLAN_CHANGED, message, differences)


def _difference(approval: Approval, now: Mapping[str, frozenset[str]]) -> tuple[str, int]:
    """Return how the plan differs from the approved one, and by how many prefixes."""
    parts: list[str] = []
    count = 0
    for kind, planned in now.items():
        shown = approval.shown[kind]
        for phrase, prefixes in (("now also", planned - shown), ("no longer", shown - planned)):
            if prefixes:
                parts.append(f"{phrase} {kind}: {', '.join(in_order(prefixes))}")
                count += len(prefixes)
    return f"not the plan that was approved; {'; '.join(parts)}", count


def _partly_withheld(draft: Draft, limits: Limits, written: Changes, wish: Fitting) -> Judgement:
    against = limits.against_removals
    refused = dict.fromkeys(wish.plan.changes.removed, against) if against is not None else {}
    fitting = _fit_sparing(draft, limits, wish, refused)
    excess = first = _excess(draft, limits, written, fitting)

    # A removal that is refused leaves less room, so that an addition may be left out which would
    # have replaced another route. That is why the rest is judged again.
    while more := _refused(limits, fitting, excess):
        refused |= more
        fitting = _fit_sparing(draft, limits, wish, refused)
        excess = _excess(draft, limits, written, fitting)
        first = first or excess

    judgement = _judgement(wish, fitting, refused)

    return judgement if first is None else _with_excess(judgement, first.violation, limits)


def _with_excess(judgement: Judgement, violation: Violation, limits: Limits) -> Judgement:
    if violation.code.name in limits.forced:
        forced = Finding(codes.FORCED, f"{violation.code} was forced: {violation.message}")
        return replace(judgement, findings=(forced, *judgement.findings))
    return replace(judgement, violations=(violation, *judgement.violations))


def _refused(limits: Limits, fitting: Fitting, excess: "_Excess | None") -> dict[str, Code]:
    """Return the removals that are refused, each with the code of the reason.

    If too many routes would go, those that yield stay first.
    """
    if excess is not None and excess.violation.code.name not in limits.forced:
        return dict.fromkeys(fitting.yielding or excess.lost, codes.MAX_REMOVED_PERCENT)

    # An approved run makes no removal of which the approved plan said that a guard refused it.
    removed = fitting.plan.changes.removed
    known = limits.approval.refused if limits.approval is not None else {}
    return {p: known[p] for p in removed & known.keys() if known[p].name not in limits.forced}


def _fit_sparing(
    draft: Draft, limits: Limits, wish: Fitting, refused: Mapping[str, Code]
) -> Fitting:
    """Fit the draft without the refused removals.

    If one of the routes that yield is refused, none yields. No other route yields instead of a
    refused removal, because nobody was shown that.
    """
    if not refused:
        return wish
    none_refused = refused.keys().isdisjoint(wish.yielding)
    return fit(draft, limits, refused, wish.yielding if none_refused else ())


@dataclass(frozen=True, slots=True)
class _Excess:
    """The planned removals that leave an address without a route, if they are too many."""

    lost: frozenset[str]
    violation: Violation


def _excess(draft: Draft, limits: Limits, written: Changes, fitting: Fitting) -> _Excess | None:
    """Judge the share of the owned routes that the run removes without an equivalent.

    A removal that the run has made was judged before it was made, and counts only beside others. A
    route that the run itself has added was not there before its first write and is no loss, but it
    may be all that the addresses of a removed route have left.
    """
    removed = fitting.plan.changes.removed
    gone = removed | written.removed
    lost = without_equivalent(gone, fitting.plan.routes, limits.tags)
    if not removed & lost:
        return None

    before = (draft.owned | gone) - written.added
    violation = _too_many(len(lost & before), len(before), limits.max_removed_percent)
    return None if violation is None else _Excess(removed & lost, violation)


def _too_many(lost: int, before: int, limit: int) -> Violation | None:
    if lost <= ALWAYS_REMOVABLE or 100 * lost <= limit * before:
        return None
    percent = round(100 * lost / before, 1)
    message = f"{lost} of {before} routes would be removed and leave addresses without a route"
    return Violation(codes.MAX_REMOVED_PERCENT, message, percent, limit)


def _judgement(wish: Fitting, fitting: Fitting, refused: Mapping[str, Code]) -> Judgement:
    """Return the judgement that lets the fitting pass, and withholds the rest of the wish."""
    stay = {**fitting.kept, **refused}
    return Judgement(
        fitting.plan,
        wish.plan.changes,
        (
            *(Withheld(p, "add", fitting.left_out[p]) for p in in_order(fitting.left_out)),
            *(Withheld(p, "remove", stay[p]) for p in in_order(stay)),
        ),
        fitting.violations,
        fitting.findings,
    )
