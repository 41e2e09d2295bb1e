"""Planted bugs, one of each kind that the product must not have. Each must be found."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from shared.arm.route_tables import ArmRouteTables
from shared.domain import armid
from shared.domain.armid import RouteTableId
from shared.domain.errors import RouteSyncError
from shared.domain.registry import holds
from shared.domain.routing import handover, plan, rows, safety
from shared.domain.routing.capacity import Fitting
from shared.domain.routing.judgement import Approval, Draft
from shared.domain.routing.plan import Plan
from shared.domain.routing.routes import Route, RouteTable, is_owned
from shared.domain.runs.pending import Pending, Written
from shared.sync.table.planners import adoption, removal, rollback, sync
from shared.sync.table.planners.sync import SyncPlanner
from shared.sync.table.progress import Progress
from shared.sync.table.reconcile import Reconciler
from shared.sync.table.sources import Sources
from tests.builders.routes import OWNER

type Patch = pytest.MonkeyPatch


def skip_if_match(patch: Patch) -> None:
    """Write over whatever stands there now."""
    write = ArmRouteTables.write

    def blind(self: ArmRouteTables, table: RouteTableId, body: RouteTable, _etag: str) -> Any:
        return write(self, table, body, "*")

    patch.setattr(ArmRouteTables, "write", blind)


def delete_before_add(patch: Patch) -> None:
    """Two writes: ours away, then ours anew."""
    write = ArmRouteTables.write

    def twice(self: ArmRouteTables, table: RouteTableId, body: RouteTable, etag: str) -> Any:
        others = tuple(r for r in body.routes if not is_owned(r, OWNER))
        write(self, table, self.body(body, others), etag)
        return write(self, table, body, self.read(table).etag)

    patch.setattr(ArmRouteTables, "write", twice)


def swallow_a_failed_put(patch: Patch) -> None:
    """Take what was sent for what is there."""
    write = Reconciler._write

    def trusting(self: Reconciler, before: Progress, plan: Plan, body: RouteTable) -> Progress:
        try:
            return write(self, before, plan, body)
        except RouteSyncError:
            as_sent = replace(before.table, routes=body.routes, provisioning_state="Succeeded")
            written = before.written.then(Written(plan.changes))
            return replace(before, table=as_sent, written=written)

    patch.setattr(Reconciler, "_write", trusting)


def prefix_match_on_names(patch: Patch) -> None:
    """Take for ours whatever begins as ours do."""

    def loosely(route: Route, owner: str) -> bool:
        return route.name.startswith(f"{owner}--")

    for module in (rows, plan, handover):
        patch.setattr(module, "is_owned", loosely)


def removals_from_a_stale_version(patch: Patch) -> None:
    """Plan with the version that the run began with."""
    wanted = Sources.wanted

    def stale(self: Sources, run: Any, entry: Any) -> Any:
        newest = wanted(self, run, entry)
        seen = {version.version_id for version in run.versions}
        recorded = [
            v
            for tag in entry.registration.service_tags
            for v in self.versions.history(tag)
            if v.version_id in seen
        ]
        versions = tuple(recorded) or newest.versions
        return replace(newest, versions=versions, newest=versions)

    patch.setattr(Sources, "wanted", stale)


def migration_that_does_not_look_at_the_tags_route(patch: Patch) -> None:
    """Take away what a tag's route is to take over, whether that can stand or not."""
    make_plan = plan.make_plan

    def careless(*given: Any, tags: object, **named: Any) -> Plan:
        return make_plan(*given, **named)

    patch.setattr(sync, "make_plan", careless)


def guard_that_blocks_additions(patch: Patch) -> None:
    """Where too much would go, write nothing."""
    judge = safety.judge

    def strict(draft: Draft, *rest: Any) -> Any:
        judgement = judge(draft, *rest)
        if judgement.violations:
            plan = judgement.plan.without_changes(draft.table)
            return replace(judgement, plan=plan, blocked=True)
        return judgement

    for planner in (sync, adoption, removal, rollback):
        patch.setattr(planner, "judge", strict)


def forget_the_share(patch: Patch) -> None:
    """Remove however much is no longer wanted."""
    patch.setattr(safety, "_excess", lambda *_: None)


def forget_the_grace(patch: Patch) -> None:
    """Remove what left at once."""
    patch.setattr(sync, "retained_until", lambda *_, **__: {})


def forget_what_is_held(patch: Patch) -> None:
    """Let the next run undo a rollback."""
    replan = SyncPlanner._replan

    def unheld(self: SyncPlanner, table: RouteTable, until: Any, holds: Any) -> Any:
        return replan(self, table, until, holds=())

    patch.setattr(SyncPlanner, "_replan", unheld)


def forget_the_contest(patch: Patch) -> None:
    """Write a table that somebody else keeps writing, as if nobody did."""
    patch.setattr(SyncPlanner, "_limits_if_contested", lambda _self, limits, *_: limits)


def apply_what_was_not_approved(patch: Patch) -> None:
    """Take any plan run for the approval of any plan."""
    patch.setattr(safety, "_changed_plan", lambda *_: None)


def adopt_what_was_wanted_once(patch: Patch) -> None:
    """Take over routes made by hand that no version holds any more."""
    make_adoption = handover.make_adoption

    def greedy(table: RouteTable, wanted: Any, known: Any, **rest: Any) -> Any:
        return make_adoption(table, {*wanted, *known}, known, **rest)

    patch.setattr(adoption, "make_adoption", greedy)


def wipe_what_is_not_ours(patch: Patch) -> None:
    """Send a table of our routes alone."""

    def body(self: ArmRouteTables, table: RouteTable, routes: Collection[Route]) -> RouteTable:
        ours = [r for r in routes if is_owned(r, OWNER)]
        return RouteTable.from_arm(table.to_arm(ours))

    def unseen(_self: Reconciler, _table: RouteTable, _body: RouteTable, _plan: Plan) -> list[Any]:
        return []

    patch.setattr(ArmRouteTables, "body", body)
    patch.setattr(Reconciler, "_foreign_changes", unseen)


def let_routes_yield_unjudged(patch: Patch) -> None:
    """Leave the routes that yield out of the share."""
    excess = safety._excess

    def blind(draft: Draft, limits: Any, written: Any, fitting: Fitting) -> Any:
        seen = replace(fitting.plan, changes=fitting.plan.changes.without(fitting.yielding))
        return excess(draft, limits, written, replace(fitting, plan=seen))

    patch.setattr(safety, "_excess", blind)


def approve_whatever_makes_room(patch: Patch) -> None:
    """Compare with the approval what a plan wants, and not what is written for lack of room."""
    blocks = safety._blocks

    def roomy(draft: Draft, limits: Any, written: Any, _proposed: Any) -> Any:
        return blocks(draft, limits, written, draft.plan.changes)

    patch.setattr(safety, "_blocks", roomy)


def judge_again_what_is_written(patch: Patch) -> None:
    """Compare with the approval what comes up after it was carried out."""
    patch.setattr(Approval, "is_done", lambda *_: False)


def forget_a_write_of_which_nobody_heard(patch: Patch) -> None:
    """Count only those writes whose end a delivery has recorded."""
    patch.setattr(Pending, "written_by", lambda self, _table: self.applied)


def hold_what_failed_to_go_back(patch: Patch) -> None:
    """Take the holds of a rollback for valid, whatever its end."""
    closed = holds.closed

    def always(listed: Any, run_id: str, *, failed: bool) -> Any:
        del failed
        return closed(listed, run_id, failed=False)

    patch.setattr("shared.domain.registry.registered_table.closed", always)


def compare_ids_in_lower_case(patch: Patch) -> None:
    """Make a key of which the id cannot be read."""
    patch.setattr(armid, "ignoring_case", str.lower)


MUTANTS: tuple[Callable[[Patch], None], ...] = (
    skip_if_match,
    delete_before_add,
    swallow_a_failed_put,
    prefix_match_on_names,
    removals_from_a_stale_version,
    migration_that_does_not_look_at_the_tags_route,
    guard_that_blocks_additions,
    forget_the_share,
    forget_the_grace,
    forget_what_is_held,
    forget_the_contest,
    apply_what_was_not_approved,
    adopt_what_was_wanted_once,
    wipe_what_is_not_ours,
    let_routes_yield_unjudged,
    approve_whatever_makes_room,
    judge_again_what_is_written,
    forget_a_write_of_which_nobody_heard,
    hold_what_failed_to_go_back,
    compare_ids_in_lower_case,
)


@contextmanager
def planted(mutant: Callable[[Patch], None]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        mutant(patch)
        yield
