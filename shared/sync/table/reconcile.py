"""Bring one route table to its plan: read, plan, write, verify. Plan mode stops at the plan."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial, reduce

from ...domain import codes
from ...domain.errors import (
    PermanentError,
    PreconditionFailed,
    TransientError,
)
from ...domain.findings import Finding
from ...domain.registry.holds import with_open
from ...domain.registry.registered_table import RegisteredTable
from ...domain.routing.judgement import Violation, blocking
from ...domain.routing.plan import Plan, foreign_hash, foreign_routes, owned_prefixes
from ...domain.routing.routes import RouteTable
from ...domain.runs.pending import Pending, Written
from ...domain.runs.run import Mode
from ..policy import Policy
from ..ports import Azure, Store
from .planners.proposal import MakePlanner, Planner, Proposal
from .planning import Planning
from .policy_answer import refusal_findings
from .progress import Progress, Reconciled, as_it_stands, outcome_of

MAX_WRITES = 3
"""One delivery writes at most this often, because others may keep writing the same table."""

type _Note = Callable[[RegisteredTable], RegisteredTable]
"""Adds to a table's own row what was seen."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A plan for the table as last read.

    `entry` is the table's own row as it was last read or written. The planner was made with it, and
    `is_outdated` if it would have to know what has been noted there since.
    """

    progress: Progress
    entry: RegisteredTable
    planner: Planner
    proposal: Proposal
    is_outdated: bool = False

    @property
    def plan(self) -> Plan:
        return self.proposal.judgement.plan

    @property
    def is_final(self) -> bool:
        """True if nothing is left to write, or nothing may be written."""
        blocked = self.proposal.judgement.blocked
        return blocked or (self.progress.table.sound and not self.plan.changes)

    def with_entry(self, entry: RegisteredTable) -> "_Attempt":
        """Go on with the newer row.

        The hashes of foreign routes outdate no plan: they count only for a table that is not sound,
        and such a table is planned with the newest row anyway.
        """
        is_outdated = entry.with_sound(self.entry.status.sound_foreign) != self.entry
        return replace(self, entry=entry, is_outdated=is_outdated)

    def planned_again(self, progress: Progress) -> "_Attempt":
        """Plan with the same registration and versions."""
        proposal = self.planner.propose(progress.table, progress.written.changes)
        return replace(self, progress=progress, proposal=proposal)

    def blocked_by(self, violation: Violation) -> "_Attempt":
        """Withhold all changes that the judgement has let pass."""
        judgement = self.proposal.judgement.all_withheld(self.progress.table, violation.code)
        violations = (*judgement.violations, violation)
        blocked = replace(judgement, violations=violations, blocked=True)
        return replace(self, proposal=replace(self.proposal, judgement=blocked))

    def reconciled(self) -> Reconciled:
        outcome = outcome_of(self.progress, self.proposal)
        return Reconciled(self.progress.pending, outcome, self.progress.table, self.entry)


@dataclass(frozen=True, slots=True)
class Reconciler:
    store: Store
    azure: Azure
    policy: Policy
    planning: Planning

    def reconcile(self, pending: Pending, make_planner: MakePlanner, mode: Mode) -> Reconciled:
        """Bring one table to what its planner proposes, or in plan mode say what that takes.

        Raise PermanentError or TransientError; a table that is not as planned is never an outcome.
        """
        # 1. The table comes first: if it changes together with the registration or the versions
        #    that are read next, the ETag of this reading refuses the write.
        progress = self._read(pending)

        # The pass after the last write only looks whether the table is now as planned.
        for writes in range(MAX_WRITES + 1):
            # 2. Somebody else may have brought the table to newer versions, so each plan that
            #    follows a foreign write reads them again.
            attempt = self._attempt(progress, make_planner)
            if mode is Mode.PLAN:
                return self._planned(attempt)

            # 3. A write that fails halfway leaves the table unsound, with its foreign routes as
            #    they were or as planned. Only a note of both can then show that they are right.
            _check_idle(progress.table)
            attempt = self._noted(attempt)
            if attempt.is_final:
                return attempt.reconciled()

            # 4. The body is compared and not the plan, because the body is what Azure gets.
            body = self.azure.route_tables.body(progress.table, attempt.plan.routes)
            attempt = self._checked(attempt, body)
            if attempt.is_final:
                return attempt.reconciled()
            if writes == MAX_WRITES:
                break

            # 5. The intent is recorded first, so that a write whose answer is lost counts too.
            intended = self._record_intent(attempt)

            # 6. One write replaces the whole table. It is no success yet: the table that is read
            #    after it is what counts.
            progress = self._write(intended, attempt.plan, body)

            # 7. If nobody else wrote and the planner knows what was noted, it needs no newer facts.
            if not attempt.is_outdated and self._is_as_sent(progress.table, body):
                attempt = attempt.planned_again(progress)
                if attempt.is_final:
                    return attempt.reconciled()

        raise TransientError(
            codes.NOT_AS_PLANNED,
            f"not as planned after {MAX_WRITES} writes: others keep writing it",
        )

    def as_it_stands(self, pending: Pending) -> Pending:
        """Count what the last write did to the table, if the table can still be read."""
        if not pending.intended.changes:
            return pending
        try:
            return as_it_stands(pending, self.azure.route_tables.read(pending.route_table_id))
        except Exception:  # whatever it is, it must not keep the table from its outcome
            return pending

    def _planned(self, attempt: _Attempt) -> Reconciled:
        """Add what Azure Policy would say to the write, if it may be asked."""
        done = attempt.reconciled()
        table_id = done.entry.route_table_id
        found = refusal_findings(self.azure, table_id, done.table, attempt.plan)
        return replace(done, outcome=done.outcome.with_findings(*found))

    def _read(self, pending: Pending) -> Progress:
        table = self.azure.route_tables.read(pending.route_table_id)
        return Progress(pending, table).with_table(table)

    def _attempt(self, progress: Progress, make_planner: MakePlanner) -> _Attempt:
        entry = self._entry(progress.pending)
        planner = make_planner(entry)
        proposal = planner.propose(progress.table, progress.written.changes)
        return _Attempt(progress, entry, planner, proposal)

    def _entry(self, pending: Pending) -> RegisteredTable:
        found = self.store.registrations.get(pending.route_table_id)
        if found is None or not found.registration.enabled:
            raise PermanentError(
                codes.NOT_REGISTERED, "unregistered or disabled since the run began"
            )
        return found

    def _noted(self, attempt: _Attempt) -> _Attempt:
        """Record what has to be known before anything is written."""
        known = attempt.entry
        notes = [*self._notes(attempt)]
        if not notes:
            return attempt

        def noted(entry: RegisteredTable) -> RegisteredTable:
            return reduce(lambda left, note: note(left), notes, entry)

        entry = self.store.registrations.change(known.route_table_id, noted, known)
        if entry is None or entry.registration != known.registration:
            message = "the registration was changed while the table was planned"
            raise TransientError(codes.REGISTRATION_CHANGED, message)
        return attempt.with_entry(entry)

    def _notes(self, attempt: _Attempt) -> Iterator[_Note]:
        yield from self._note_of_sound(attempt)
        yield from self._note_of_contest(attempt)
        yield from self._note_of_holds(attempt)

    def _note_of_sound(self, attempt: _Attempt) -> Iterator[_Note]:
        table, entry = attempt.progress.table, attempt.entry
        if not table.sound:
            return

        planned = replace(table, routes=attempt.plan.routes)
        sound = frozenset(foreign_hash(t, owner=self.policy.owner) for t in (table, planned))
        if sound != entry.status.sound_foreign:
            yield partial(RegisteredTable.with_sound, hashes=sound)

    def _note_of_contest(self, attempt: _Attempt) -> Iterator[_Note]:
        contest = attempt.proposal.contest
        if contest is not None:
            owned = owned_prefixes(attempt.progress.table, owner=self.policy.owner)
            # Only this case is added: a person may have released the table since it was read.
            yield partial(RegisteredTable.with_undoing, undoing=contest.undone[-1], owned=owned)

    def _note_of_holds(self, attempt: _Attempt) -> Iterator[_Note]:
        entry, proposal = attempt.entry, attempt.proposal
        if proposal.judgement.blocked or not proposal.holds:
            return

        run_id = attempt.progress.pending.run_id
        if with_open(entry.status.holds, proposal.holds, run_id) != entry.status.holds:
            yield partial(
                RegisteredTable.with_open_holds, opened=proposal.holds, rollback_run_id=run_id
            )

    def _checked(self, attempt: _Attempt, body: RouteTable) -> _Attempt:
        """Block the attempt if the write would change foreign routes."""
        foreign = self._foreign_changes(attempt.progress.table, body, attempt.plan)
        if not foreign:
            return attempt
        message = "the write would change routes that are not ours, and was not sent"
        return attempt.blocked_by(blocking(codes.FOREIGN_WOULD_CHANGE, message, len(foreign)))

    def _foreign_changes(self, table: RouteTable, body: RouteTable, plan: Plan) -> list[object]:
        """Return the foreign routes that are in one of the two only."""
        read, sent = (
            foreign_routes(t, owner=self.policy.owner, handed_over=plan.handed_over)
            for t in (table, body)
        )
        return [r for r in read if r not in sent] + [r for r in sent if r not in read]

    def _record_intent(self, attempt: _Attempt) -> Progress:
        """Save what is about to be written, with what its judgement found.

        The delivery that finds the write done may be another one, and reports that too.
        """
        progress = attempt.progress
        findings = (*attempt.proposal.judgement.findings, *_repair_findings(progress.table))
        intended = replace(
            progress.pending,
            applied=progress.written,
            intended=Written(attempt.plan.changes, findings),
            etag=progress.table.etag,
        )
        return replace(progress, pending=self.store.outcomes.save(intended))

    def _write(self, before: Progress, plan: Plan, body: RouteTable) -> Progress:
        route_table_id, table = before.pending.route_table_id, before.table
        try:
            after = self.azure.route_tables.write(route_table_id, body, table.etag)
        except PreconditionFailed:
            # Somebody else wrote the table first and ours was refused, so plan from their table.
            return before.with_table(self.azure.route_tables.read(route_table_id))

        seen = self._findings_of_write(table, after, plan.handed_over)
        return replace(before, correlation_id=after.correlation_id).with_table(after, seen)

    def _is_as_sent(self, table: RouteTable, body: RouteTable) -> bool:
        """Return whether the write is complete and nobody has changed the table since."""
        return table.sound and self._comparable(table) == self._comparable(body)

    def _comparable(self, table: RouteTable) -> tuple[object, ...]:
        """Return the table without the properties that the service may add to our routes."""
        routes = {(route.name, route.prefix, route.next_hop_type) for route in table.routes}
        return routes, foreign_routes(table, owner=self.policy.owner)

    def _findings_of_write(
        self, before: RouteTable, after: RouteTable, handed_over: Collection[str]
    ) -> Iterator[Finding]:
        then, now = (
            foreign_routes(table, owner=self.policy.owner, handed_over=handed_over)
            for table in (before, after)
        )
        if then != now:
            message = "routes that are not ours changed between our write and the reading after it"
            yield Finding(codes.FOREIGN_CHANGED_MEANWHILE, message)


def _repair_findings(table: RouteTable) -> Iterator[Finding]:
    if table.failed:
        message = f"the table was in state {table.provisioning_state}: it was written again whole"
        yield Finding(codes.WAS_FAILED, message)


def _check_idle(table: RouteTable) -> None:
    """Raise TransientError while the routes and the ETag of the table may still change."""
    if table.busy:
        raise TransientError(codes.TABLE_BUSY, f"the table is {table.provisioning_state}")
