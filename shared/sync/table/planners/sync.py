"""Bring a table to the newest versions of its sources, or to the version that a pin names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from ....domain import codes
from ....domain.addresses import is_service_tag
from ....domain.bounds import out_of_bounds
from ....domain.codes import Code
from ....domain.findings import Finding, listed
from ....domain.registry.contest import BETWEEN_WRITES, Contest, Undoing, is_undone
from ....domain.registry.holds import Hold, held_at
from ....domain.registry.registered_table import RegisteredTable
from ....domain.registry.registration import Registration
from ....domain.routing.capacity import fit
from ....domain.routing.changes import Changes
from ....domain.routing.effective import routing_findings
from ....domain.routing.grace import retained_until, tags_retained_until
from ....domain.routing.judgement import (
    Approval,
    Draft,
    Judgement,
    Limits,
    Replan,
    Violation,
    Withheld,
    withheld_of,
)
from ....domain.routing.plan import Plan, make_plan, owned_prefixes
from ....domain.routing.routes import RouteTable
from ....domain.routing.safety import judge
from ....domain.runs.run import Run
from ...ports import Clock
from ..sources import Sources, Wanted
from .guards import Guards
from .proposal import Proposal, held_findings


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlanner:
    """Plans by what is `wanted`; `sources` tell when a prefix left them.

    `approval` is what a person has approved, if the run applies an earlier plan.
    """

    guards: Guards
    sources: Sources
    clock: Clock
    run: Run
    approval: Approval | None
    entry: RegisteredTable
    wanted: Wanted

    def propose(self, table: RouteTable, written: Changes) -> Proposal:
        until = self._retained_until(table)
        holds = self._holds
        draft = self.guards.draft(table, self._replan(table, until, holds))

        # A contested table has stricter limits, and the table becomes contested if this run finds
        # our changes undone once too often. So this comes before judging. A route that has yielded
        # and is to yield again has come back, too.
        limits = self._limits(draft)
        found = self._found_undone(draft.plan.changes.then(fit(draft, limits).plan.changes))
        contest = found or self.entry.status.contest

        judgement = judge(draft, self._limits_if_contested(limits, contest), written)

        findings = (*self._findings(contest), *self._routing_findings(table, judgement))
        withheld = self._withheld(table, until, draft.plan.changes)

        return Proposal(
            self._with_pin_fault(judgement).with_more(findings, withheld),
            self.wanted.version_ids,
            contest=found,
        )

    def _with_pin_fault(self, judgement: Judgement) -> Judgement:
        """Add that the pin is not followed, which a person has to know at once."""
        fault = self.wanted.pin_fault
        if fault is None:
            return judgement
        return replace(judgement, violations=(*judgement.violations, fault))

    @property
    def _holds(self) -> tuple[Hold, ...]:
        return held_at(self.entry.status.holds, self.clock())

    def _retained_until(self, table: RouteTable) -> Mapping[str, date]:
        """Return the end of the grace of each owned prefix that has left its sources."""
        leaving = self._leaving(table)
        tags = {prefix for prefix in leaving if is_service_tag(prefix)}
        prefixes = leaving - tags
        histories = self.sources.histories(self.entry) if prefixes else ()

        grace_days = self.guards.policy.grace_days
        today = self.clock().date()
        ended_at = self.entry.status.former_sources
        return {
            **tags_retained_until(tags, ended_at, grace_days=grace_days, today=today),
            **retained_until(prefixes, histories, grace_days=grace_days, today=today),
        }

    def _leaving(self, table: RouteTable) -> frozenset[str]:
        owned = owned_prefixes(table, owner=self.guards.policy.owner)

        # A prefix that the route of a tag takes over has not left, and needs no grace. And a pin
        # does not change when a prefix has left.
        staying = self.wanted.desired_unpinned | self.wanted.tag_prefixes
        return owned - staying - self._out_of_bounds

    @property
    def _out_of_bounds(self) -> frozenset[str]:
        """The prefixes that are not believed any more, and that no tag's route takes over."""
        held = {hold.prefix for hold in self.entry.status.holds if not is_service_tag(hold.prefix)}
        bound = self.guards.policy.min_prefix_length
        recorded = self.wanted.out_of_bounds.keys() - self.wanted.tag_prefixes
        return frozenset(recorded | out_of_bounds(held, bound).keys())

    def _replan(
        self, table: RouteTable, until: Mapping[str, date], holds: Sequence[Hold]
    ) -> Replan:
        desired = self._desired(table)

        def replan(spared: Collection[str], yielding: Collection[str]) -> Plan:
            retained = {p: day for p, day in until.items() if p not in yielding}
            return self._plan(table, desired, holds, retained, spared)

        return replan

    def _desired(self, table: RouteTable) -> frozenset[str]:
        """A pin takes no route of ours away that the newest versions want."""
        owned = owned_prefixes(table, owner=self.guards.policy.owner)
        return self.wanted.desired | (self.wanted.desired_unpinned & owned)

    def _plan(
        self,
        table: RouteTable,
        desired: frozenset[str],
        holds: Sequence[Hold],
        retained: Mapping[str, date],
        spared: Collection[str],
    ) -> Plan:
        routed = {hold.prefix for hold in holds if hold.routed}
        left_alone = ({hold.prefix for hold in holds} - routed) | self._out_of_bounds

        # A prefix that is left alone gets no route, and loses none if it has one of ours.
        return make_plan(
            table,
            (desired | routed) - left_alone,
            owner=self.guards.policy.owner,
            retained_until=retained,
            spared=left_alone.union(spared),
            accepted=self.entry.registration.accepted(self.clock().date()),
            tags=self.wanted.tags,
        )

    def _limits(self, draft: Draft) -> Limits:
        approval, unusable = self.approval, self._unusable

        # A person may force only the violations that a plan has shown.
        seen = frozenset() if approval is None else approval.violations
        return replace(
            self.guards.limits(draft, self.entry),
            tags=self.wanted.tags,
            unusable=unusable,
            forced=seen.intersection(self.run.request.force),
            approval=approval,
        )

    @property
    def _unusable(self) -> Code | None:
        """The code of a source, or of a pin, that cannot be believed now."""
        if self.wanted.unusable:
            return self.wanted.unusable[0].code
        fault = self.wanted.pin_fault
        return None if fault is None else fault.code

    def _found_undone(self, proposed: Changes) -> Contest | None:
        """Return the contest with one undoing more, if our changes were found undone.

        Each run notes one undoing at most, and none while a contested table waits.
        """
        contest = self.entry.status.contest
        now = self.clock()
        noted = contest.undone and contest.undone[-1].run_id == self.run.run_id
        undone = is_undone(self.entry.status.owned_left, proposed)
        if noted or contest.waits(now) or not undone:
            return None
        writers = self.run.request.writers_of(self.entry.route_table_id)
        return contest.with_undoing(Undoing(now, self.run.run_id, writers))

    def _limits_if_contested(self, limits: Limits, contest: Contest) -> Limits:
        """Return the limits, stricter if the table is contested.

        The run that found our changes undone makes them again at once; other runs wait.
        """
        if contest.since is None:
            return limits
        now = self.clock()
        waits = contest.waits(now) and contest.undone[-1].run_id != self.run.run_id
        too_early = _too_early(contest, now) if waits else None
        return replace(limits, contested=True, too_early=too_early)

    def _withheld(
        self, table: RouteTable, until: Mapping[str, date], planned: Changes
    ) -> tuple[Withheld, ...]:
        """Return the changes that a run would make as well if nothing were held and pinned."""
        if not self._holds and not self.wanted.pinned:
            return ()

        unheld = self._plan(table, self._desired(table), (), until, ())
        held = unheld.changes.beyond(planned)

        unpinned = self._plan(table, self.wanted.desired_unpinned, (), until, ())
        pinned = unpinned.changes.beyond(planned).without(held.by_prefix)
        return (*withheld_of(held, codes.HELD), *withheld_of(pinned, codes.PINNED))

    def _findings(self, contest: Contest) -> tuple[Finding, ...]:
        return (
            *_approved_findings(self.run),
            *_contested_findings(contest),
            *held_findings(self._holds),
        )

    def _routing_findings(self, table: RouteTable, judgement: Judgement) -> tuple[Finding, ...]:
        after = replace(table, routes=judgement.plan.routes)
        wanted, owner = self.wanted, self.guards.policy.owner
        addresses = wanted.addresses | self._desired(table)
        service = self.entry.registration.service
        return (
            *_ended_exceptions(self.entry.registration, judgement.plan),
            *wanted.findings,
            *_unconfirmed_findings(wanted, table),
            *routing_findings(after, addresses, owner=owner, tags=wanted.tags, service=service),
        )


def _unconfirmed_findings(wanted: Wanted, table: RouteTable) -> tuple[Finding, ...]:
    """Report the tags whose route Azure may refuse. It has accepted those that have one already."""
    accepted = {route.prefix for route in table.routes}
    tags = [tag for tag in wanted.unconfirmed_tags if tag not in accepted]
    return listed(codes.TAG_ROUTE_UNCONFIRMED, "only Azure knows it of", tags)


def _approved_findings(run: Run) -> tuple[Finding, ...]:
    if run.request.plan_run_id is None:
        return ()
    return (Finding(codes.APPROVED, f"by the plan of run {run.request.plan_run_id}"),)


def _contested_findings(contest: Contest) -> tuple[Finding, ...]:
    if contest.since is None:
        return ()
    message = f"{contest}: nothing is removed, and written at most hourly, until a release"
    return (Finding(codes.CONTESTED, message),)


def _too_early(contest: Contest, now: datetime) -> Violation:
    minutes = BETWEEN_WRITES.total_seconds() / 60
    message = f"{contest}: written at most once in {minutes:g} minutes, until a release"
    since = round((now - contest.undone[-1].at).total_seconds() / 60, 1)
    return Violation(codes.CONTESTED, message, since, minutes)


def _ended_exceptions(registration: Registration, plan: Plan) -> tuple[Finding, ...]:
    exceptions = {exception.prefix: exception for exception in registration.exceptions}
    return tuple(
        Finding(
            codes.EXCEPTION_ENDED, f"{c.prefix}: was accepted until {exceptions[c.prefix].until}"
        )
        for c in plan.conflicts
        if c.prefix in exceptions and c.accepted is None and not c.name_taken
    )
