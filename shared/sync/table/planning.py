"""What a table is to become: for each action of a run, a planner of the table as it is read."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ...domain.addresses import in_order, is_service_tag
from ...domain.findings import Finding, listed
from ...domain.registry.contest import BETWEEN_WRITES, Contest, Undoing, is_undone
from ...domain.registry.holds import Hold, holds_of
from ...domain.registry.registration import Registration
from ...domain.routing.changes import Changes
from ...domain.routing.effective import routing_findings
from ...domain.routing.grace import retained_until, tags_retained_until
from ...domain.routing.handover import make_adoption, make_rollback
from ...domain.routing.plan import Plan, foreign_hash, make_plan, owned_prefixes
from ...domain.routing.policy import ApplyPolicy, strictest
from ...domain.routing.routes import RouteTable
from ...domain.routing.safety import (
    CONTESTED,
    HELD,
    Approval,
    Judgement,
    Limits,
    Replan,
    Violation,
    judge,
    withheld_of,
)
from ...domain.runs.run import Action, Mode, Run
from ..ports import Clock, RouteLimits, Versions
from .sources import Sources, Wanted


@dataclass(frozen=True, slots=True)
class Proposal:
    """What may become of a table now, and the versions that was worked out from.

    `holds` is what an apply has to hold from before it writes. `contest` is there where what we
    had done was found undone, and is news.
    """

    judgement: Judgement
    version_ids: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    contest: Contest | None = None


type TablePlanner = Callable[[RouteTable, Changes], Proposal]
"""Of the table as read, and what the run has done to it already."""
type Planner = Callable[[Registration], TablePlanner]
"""By what is registered and recorded now. It, and what it gives, raise PermanentError where nothing
can be planned.
"""


class Planning:
    def __init__(
        self,
        versions: Versions,
        route_limits: RouteLimits,
        clock: Clock,
        *,
        owner: str,
        allowed_service_tags: Collection[str],
        grace_days: int,
        max_removed_percent: int,
        apply_policy: ApplyPolicy,
        next_hop_types: Callable[[], Collection[str]],
    ) -> None:
        self._sources = Sources(versions, allowed_service_tags=allowed_service_tags)
        self._route_limits = route_limits
        self._clock = clock
        self._owner = owner
        self._grace_days = grace_days
        self._max_removed_percent = max_removed_percent
        self._apply_policy = apply_policy
        self._next_hop_types = next_hop_types

    def of_sync(self, run: Run, mode: Mode, approval: Approval | None) -> Planner:
        """Bring the table to its tags' newest versions.

        They are read when the planner is told the registration, which has to be after the table
        was read: one that somebody brought to a newer version in between refuses the write by its
        ETag, and is planned with that version.
        """
        asked_for = approval is not None or run.request.action is Action.PROVISION
        free = mode is Mode.PLAN or asked_for
        # One forces only what one has seen.
        forced = frozenset(run.request.force) & (approval.violations if approval else frozenset())

        def plan(
            table: RouteTable, registration: Registration, wanted: Wanted, written: Changes
        ) -> Proposal:
            until = self._retained_until(table, registration, wanted)
            limits = replace(
                self._limits(table, registration),
                tags=wanted.tags,
                doubt=wanted.doubts[0].code if wanted.doubts else None,
                policy=ApplyPolicy.AUTO if free else self._policy(registration),
                forced=forced,
                approval=approval,
            )
            replan = self._replan(table, registration, wanted, until, hold=True)
            contest = registration.contest
            limits = self._contested(limits, contest, run)
            judgement = self._judge(table, replan, limits, written)
            found = self._found_undone(run, registration, judgement.proposed)
            if found is not None and found.since != contest.since:
                limits = self._contested(limits, found, run)
                judgement = self._judge(table, replan, limits, written)
            suppressed = Changes()
            if registration.holds:
                unheld = self._replan(table, registration, wanted, until, hold=False)
                suppressed = unheld((), ()).changes.without(judgement.proposed.by_prefix)
            findings = (
                *_approved(run),
                *_contested(found or contest),
                *_held(registration.holds),
                *_ended_exceptions(registration, judgement.plan),
                *wanted.doubts,
                *wanted.comparison,
                *routing_findings(
                    replace(table, routes=judgement.plan.routes),
                    wanted.addresses,
                    owner=self._owner,
                    tags=wanted.tags,
                ),
            )
            return Proposal(
                judgement.adding(findings, withheld_of(suppressed, HELD)),
                wanted.version_ids,
                contest=found,
            )

        def planner(registration: Registration) -> TablePlanner:
            wanted = self._sources.wanted(run, registration)
            return lambda table, written: plan(table, registration, wanted, written)

        return planner

    def _found_undone(
        self, run: Run, registration: Registration, proposed: Changes
    ) -> Contest | None:
        """Once a run; while a contested table rests it is known already."""
        contest, now = registration.contest, self._clock()
        known = contest.undone and contest.undone[-1].run_id == run.run_id
        if known or contest.rests(now) or not is_undone(registration.owned_left, proposed):
            return None
        return contest.with_undoing(Undoing(now, run.run_id, run.request.prompted_by))

    def _contested(self, limits: Limits, contest: Contest, run: Run) -> Limits:
        """The run that found it undone does it again; others wait."""
        if contest.since is None:
            return limits
        now, last = self._clock(), contest.undone[-1]
        rests = None
        if contest.rests(now) and last.run_id != run.run_id:
            longest = BETWEEN_WRITES.total_seconds() / 60
            rests = Violation(
                CONTESTED,
                f"{contest}: written at most once in {longest:g} minutes, until a release",
                observed=round((now - last.at).total_seconds() / 60, 1),
                limit=longest,
                forceable=False,
            )
        return replace(limits, contested=True, rests=rests)

    def of_adoption(self, run: Run) -> Planner:
        """Rename to ours what covers a wanted prefix; nothing else of the table is changed."""

        def planner(registration: Registration) -> TablePlanner:
            wanted = self._sources.wanted(run, registration)
            histories = self._sources.histories(registration)
            once = {prefix for h in histories for version in h.versions for prefix in version.ipv4}
            held = {hold.prefix for hold in registration.holds}

            def plan(table: RouteTable, written: Changes) -> Proposal:
                adoption = make_adoption(
                    table,
                    wanted.desired - held,
                    once - held,
                    owner=self._owner,
                    from_owner=run.request.from_owner,
                )
                limits = self._limits(table, registration)
                judgement = self._judge(table, lambda *_: adoption.plan, limits, written)
                findings = (
                    Finding("Adoption", "routes that cover a wanted prefix are renamed to ours"),
                    *_held(registration.holds),
                    *listed(
                        "StampedByAnother",
                        "they bear another owner's stamp, which fromOwner does not name",
                        adoption.stamped_by_others,
                    ),
                    *listed(
                        "NameTaken", "our name for them is another route's", adoption.name_taken
                    ),
                )
                return Proposal(judgement.adding(findings), wanted.version_ids)

            return plan

        return planner

    def of_removal(self) -> Planner:
        """Take away every route of ours, as somebody asks who needs them no longer."""

        def planner(registration: Registration) -> TablePlanner:
            def plan(table: RouteTable, written: Changes) -> Proposal:
                def replan(spared: Collection[str], _yielding: Collection[str]) -> Plan:
                    return make_plan(table, (), owner=self._owner, retained_until={}, spared=spared)

                limits = replace(self._limits(table, registration), max_removed_percent=100)
                return Proposal(self._judge(table, replan, limits, written))

            return plan

        return planner

    def of_rollback(self, run: Run, done: Changes) -> Planner:
        """Put back what a run changed, and hold it. Raise PermanentError `MOVED_ON`."""
        undone_run_id = run.request.undone_run_id or ""

        def plan(
            table: RouteTable,
            registration: Registration,
            tags: Mapping[str, Collection[str]],
            written: Changes,
        ) -> Proposal:
            undone = {h.prefix for h in registration.holds if h.undone_run_id == undone_run_id}

            def replan(spared: Collection[str], _yielding: Collection[str]) -> Plan:
                return make_rollback(table, done, owner=self._owner, undone=undone, spared=spared)

            limits = replace(
                self._limits(table, registration),
                tags=tags,
                forced=frozenset(run.request.force),
            )
            judgement = self._judge(table, replan, limits, written)
            put_back = done.without({change.prefix for change in judgement.withheld})
            new = holds_of(
                put_back,
                owner=self._owner,
                undone_run_id=undone_run_id,
                rollback_run_id=run.run_id,
            )
            held = {hold.prefix: hold for hold in (*registration.holds, *new)}
            holds = tuple(held[prefix] for prefix in in_order(held))
            rollback = Finding("Rollback", f"what run {undone_run_id} did is undone")
            return Proposal(judgement.adding((rollback, *_held(holds))), holds=holds)

        def planner(registration: Registration) -> TablePlanner:
            tags = self._sources.tags(registration)
            return lambda table, written: plan(table, registration, tags, written)

        return planner

    def _retained_until(
        self, table: RouteTable, registration: Registration, wanted: Wanted
    ) -> Mapping[str, date]:
        """What a tag's route takes over has not left."""
        owned = owned_prefixes(table, owner=self._owner)
        leaving = owned - wanted.desired - wanted.held_by_tag
        tags = {prefix for prefix in leaving if is_service_tag(prefix)}
        prefixes = leaving - tags
        today = self._clock().date()
        return {
            **tags_retained_until(
                tags, registration.former_sources, grace_days=self._grace_days, today=today
            ),
            **retained_until(
                prefixes,
                self._sources.histories(registration) if prefixes else (),
                grace_days=self._grace_days,
                today=today,
            ),
        }

    def _replan(
        self,
        table: RouteTable,
        registration: Registration,
        wanted: Wanted,
        until: Mapping[str, date],
        *,
        hold: bool,
    ) -> Replan:
        holds = registration.holds if hold else ()
        pinned = {hold.prefix for hold in holds if hold.routed}
        off = {hold.prefix for hold in holds if not hold.routed}
        desired = (wanted.desired - off) | pinned

        def replan(spared: Collection[str], yielding: Collection[str]) -> Plan:
            return make_plan(
                table,
                desired,
                owner=self._owner,
                retained_until={p: day for p, day in until.items() if p not in yielding},
                spared=off.union(spared),
                accepted=registration.accepted(self._clock().date()),
                tags=wanted.tags,
            )

        return replan

    def _policy(self, registration: Registration) -> ApplyPolicy:
        return strictest(self._apply_policy, registration.apply_policy or ApplyPolicy.AUTO)

    def _limits(self, table: RouteTable, registration: Registration) -> Limits:
        subscription = registration.route_table_id.subscription_id
        return Limits(
            max_removed_percent=self._max_removed_percent,
            route_limit=lambda: self._route_limits.routes(subscription, table.location),
            tag_route_limit=lambda: self._route_limits.tag_routes(subscription, table.location),
            next_hop_types=frozenset(name.lower() for name in self._next_hop_types()),
            foreign_as_when_sound=(
                table.sound or foreign_hash(table, owner=self._owner) in registration.sound_foreign
            ),
        )

    def _judge(
        self, table: RouteTable, replan: Replan, limits: Limits, written: Changes
    ) -> Judgement:
        return judge(table, owned_prefixes(table, owner=self._owner), replan, limits, written)


def _approved(run: Run) -> tuple[Finding, ...]:
    if run.request.plan_run_id is None:
        return ()
    return (Finding("Approved", f"by the plan of run {run.request.plan_run_id}"),)


def _contested(contest: Contest) -> tuple[Finding, ...]:
    if contest.since is None:
        return ()
    message = f"{contest}: additions only, and at most hourly, until a release"
    return (Finding("Contested", message),)


def _held(holds: Sequence[Hold]) -> tuple[Finding, ...]:
    """One for what is kept and one for what is left alone, of each run that was rolled back."""
    grouped: dict[tuple[str, bool], list[str]] = {}
    for hold in holds:
        grouped.setdefault((hold.undone_run_id, hold.routed), []).append(hold.prefix)
    return tuple(
        fault
        for (run_id, routed), prefixes in grouped.items()
        for fault in listed(
            "Held",
            f"{'kept' if routed else 'left alone'} until a release, since run {run_id} was rolled "
            "back",
            prefixes,
        )
    )


def _ended_exceptions(registration: Registration, plan: Plan) -> tuple[Finding, ...]:
    ended = {e.prefix: e for e in registration.exceptions}
    return tuple(
        Finding("ExceptionEnded", f"{c.prefix}: was accepted until {ended[c.prefix].until}")
        for c in plan.conflicts
        if c.prefix in ended and c.accepted is None and not c.name_taken
    )
