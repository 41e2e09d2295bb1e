"""The proof can fail: each planted bug is found by a schedule that is harmless without it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from local.azure import faults
from local.azure.faults import InjectedFault
from shared.domain.registry.choices import RouteStyle
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.run import Action, Mode
from tests.builders.routes import owned, route, to_firewall

from . import mutants
from .watch import TAG
from .world import PREFIXES, ROUTE_LIMITS, Site, World

A, B, C, D, E, F, G, H = PREFIXES

type Schedule = Callable[[World, str], None]


def publish(world: World, *prefixes: str) -> None:
    world.publish(frozenset(prefixes))


def whole_run(world: World, action: Action | None = None, name: str = "", undone: str = "") -> str:
    run_id = world.ask(action, name, undone or None) if action else world.begin(Mode.APPLY)
    world.deliver_whole(run_id)
    return run_id


def somebody_writes_meanwhile(world: World, name: str) -> None:
    whole_run(world)
    publish(world, A, B, C, D, E)
    run_id = world.begin(Mode.APPLY)
    world.deliver(world.queue[-1])
    theirs = route("theirs", "10.0.0.0/8", "None")
    for message in [m for m in world.queue if m.run_id == run_id]:
        world.deliver(message, meanwhile=lambda: world.edit(name, lambda r: r.append(theirs)))


def the_tag_goes_to_a_firewall(world: World, name: str) -> None:
    """So few routes that no guard counts them."""
    publish(world, A, B)
    whole_run(world)
    world.edit(name, lambda routes: routes.append(to_firewall(TAG, "theirs")))
    world.set_style(name, RouteStyle.SERVICE_TAG)
    whole_run(world)


def an_address_comes(world: World, _name: str) -> None:
    whole_run(world)
    publish(world, A, B, C, D, E)
    whole_run(world)


def a_write_is_refused(world: World, _name: str) -> None:
    refused = faults.Refuse(status=500, body={"error": {"code": "InternalServerError"}})
    world.meet(InjectedFault(method="PUT", path="routeTables", effect=refused, times=99))
    whole_run(world)


def an_old_version_comes_late(world: World, _name: str) -> None:
    whole_run(world)
    publish(world, A, B, C)
    late = world.begin(Mode.APPLY)
    world.deliver(world.queue[-1])
    publish(world, A, B, C, D)
    whole_run(world)
    for message in [m for m in world.queue if m.run_id == late]:
        world.deliver(message)


def nearly_all_goes(world: World, _name: str) -> None:
    whole_run(world)
    publish(world, E)
    whole_run(world)


def an_address_leaves(world: World, _name: str) -> None:
    whole_run(world)
    world.wait(1)
    publish(world, A, B, C)
    whole_run(world)


def a_run_is_rolled_back(world: World, name: str) -> None:
    publish(world, A)
    whole_run(world)
    publish(world, B)
    run_id = whole_run(world)
    whole_run(world, Action.ROLLBACK, name, run_id)
    whole_run(world)


def somebody_keeps_writing(world: World, name: str) -> None:
    whole_run(world)
    for _ in range(2):
        world.edit(name, lambda routes: routes.clear())
        whole_run(world)
    publish(world, A, B, C)
    world.wait(1)
    whole_run(world)


def the_tag_changes_after_the_plan(world: World, name: str) -> None:
    world.set_policy(name, ApplyPolicy.APPROVAL)
    plan = world.begin(Mode.PLAN)
    world.deliver_whole(plan)
    publish(world, A, B, C, D, E)
    world.deliver_whole(world.approve(plan))


def an_address_leaves_before_an_adoption(world: World, name: str) -> None:
    world.edit(name, lambda routes: routes.append(route("by-hand", D)))
    whole_run(world)
    publish(world, A, B, C)
    whole_run(world)
    whole_run(world, Action.ADOPT, name)


def nothing_special(world: World, _name: str) -> None:
    whole_run(world)


def emptied_for(world: World, name: str, *prefixes: str) -> None:
    """Let the table have a default route, and ours on these."""
    world.edit(name, lambda routes: routes.__setitem__(slice(None), [to_firewall()]))
    publish(world, *prefixes)
    whole_run(world)


def a_full_table_is_to_change_whole(world: World, name: str) -> None:
    emptied_for(world, name, A, B, C, D)
    publish(world, E, F, G, H)
    whole_run(world)


def a_table_is_filled_after_its_plan(world: World, name: str) -> None:
    emptied_for(world, name, A, B, C, D)
    publish(world, C, D, E, F, G)
    plan = world.begin(Mode.PLAN)
    world.deliver_whole(plan)
    world.fill(name, 2)
    world.deliver_whole(world.approve(plan))


def deliver_after_a_crash(world: World, run_id: str, *then: str) -> None:
    """The worker dies of its write, and a newer version is recorded before the next delivery."""
    world.deliver(world.queue[-1])
    for message in [m for m in world.queue if m.run_id == run_id]:
        world.deliver(message, dies_of_its_write=True)
    publish(world, *then)
    world.deliver_whole(world.begin(Mode.PLAN))
    world.deliver_whole(run_id)


def a_worker_dies_of_what_was_approved(world: World, _name: str) -> None:
    plan = world.begin(Mode.PLAN)
    world.deliver_whole(plan)
    deliver_after_a_crash(world, world.approve(plan), A, B, C, D, E)


def a_worker_dies_of_its_removals(world: World, name: str) -> None:
    emptied_for(world, name, *PREFIXES)
    publish(world, A, B, C, D, E)
    deliver_after_a_crash(world, world.begin(Mode.APPLY), A, B, C)


def a_rollback_fails_and_is_forgotten(world: World, name: str) -> None:
    emptied_for(world, name, A)
    publish(world, A, B)
    run_id = whole_run(world)
    body = {"error": {"code": "AuthorizationFailed", "message": "no"}}
    refused = faults.Refuse(status=403, body=body)
    world.meet(InjectedFault(method="PUT", path="routeTables", effect=refused))
    whole_run(world, Action.ROLLBACK, name, run_id)
    world.remove_old_runs()
    world.edit(name, lambda routes: routes.remove(owned(B)))
    whole_run(world)


@dataclass(frozen=True)
class Found:
    """A planted bug, the schedule that finds it, and a part of what is said of it then."""

    mutant: Callable[[mutants.Patch], None]
    schedule: Schedule
    said: str
    grace_days: int = 0
    route_limit: int = ROUTE_LIMITS[-1]
    tables: int = 1


ROUTES = [
    to_firewall(),
    owned(H),
    route("asemgmt--by-hand", G, "None"),
    to_firewall(F, "asemgmt--fw"),
]
FOUND_BY = [
    Found(mutants.skip_if_match, somebody_writes_meanwhile, "not ours changed"),
    Found(mutants.delete_before_add, an_address_comes, "and has no route"),
    Found(mutants.swallow_a_failed_put, a_write_is_refused, "was said, and"),
    Found(mutants.prefix_match_on_names, nothing_special, "not ours changed"),
    Found(mutants.removals_from_a_stale_version, an_old_version_comes_late, "newest version holds"),
    Found(
        mutants.migration_that_does_not_look_at_the_tags_route,
        the_tag_goes_to_a_firewall,
        "is wanted, and has no route",
    ),
    Found(mutants.guard_that_blocks_additions, nearly_all_goes, "no route at the end"),
    Found(mutants.forget_the_share, nearly_all_goes, "too many routes lost"),
    Found(mutants.forget_the_grace, an_address_leaves, "within its grace", grace_days=7),
    Found(mutants.forget_what_is_held, a_run_is_rolled_back, "which is held"),
    Found(mutants.forget_the_contest, somebody_keeps_writing, "from a contested table"),
    Found(mutants.apply_what_was_not_approved, the_tag_changes_after_the_plan, "was approved"),
    Found(mutants.adopt_what_was_wanted_once, an_address_leaves_before_an_adoption, "did more"),
    Found(mutants.wipe_what_is_not_ours, nothing_special, "not ours changed"),
    Found(
        mutants.let_routes_yield_unjudged,
        a_full_table_is_to_change_whole,
        "too many routes lost",
        grace_days=7,
        route_limit=5,
    ),
    Found(
        mutants.approve_whatever_makes_room,
        a_table_is_filled_after_its_plan,
        "more was written than was approved",
        grace_days=7,
        route_limit=8,
    ),
    Found(
        mutants.judge_again_what_is_written,
        a_worker_dies_of_what_was_approved,
        "blocked, and all that was approved is written",
    ),
    Found(
        mutants.forget_a_write_of_which_nobody_heard,
        a_worker_dies_of_its_removals,
        "too many routes lost",
    ),
    Found(mutants.hold_what_failed_to_go_back, a_rollback_fails_and_is_forgotten, "no route at"),
    Found(mutants.compare_ids_in_lower_case, nothing_special, "were not enough", tables=2),
]


def said_of(found: Found, violations: list[str]) -> bool:
    return any(found.said in violation for violation in violations)


def violations(site: Site, found: Found) -> list[str]:
    """An error that nobody has foreseen is a violation, too."""
    world = World(site, [ROUTES] * found.tables, found.grace_days, found.route_limit)
    try:
        found.schedule(world, next(iter(world.tables)))
        if not said_of(found, world.watch.violations):
            world.check_healed()
    except Exception as error:
        world.watch.violations.append(repr(error))
    return world.watch.violations


@pytest.mark.parametrize("found", FOUND_BY, ids=[found.mutant.__name__ for found in FOUND_BY])
def test_a_planted_bug_is_found(site: Site, found: Found) -> None:
    assert violations(site, found) == []
    with mutants.planted(found.mutant):
        said = violations(site, found)
    assert said_of(found, said), said


def test_every_planted_bug_has_a_schedule_that_finds_it() -> None:
    assert [found.mutant for found in FOUND_BY] == list(mutants.MUTANTS)
