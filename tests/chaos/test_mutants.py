"""The proof can fail: each planted bug is found by a schedule that is harmless without it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from local.azure import faults
from local.azure.faults import InjectedFault
from shared.domain.registry.choices import RouteStyle
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.run import Action, Mode
from tests.builders.routes import owned, route, to_firewall

from . import mutants
from .watch import TAG
from .world import PREFIXES, Site, World

# It runs again and again what others cover, and is faster if its coverage is not measured.
pytestmark = pytest.mark.no_cover

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


ROUTES = [
    to_firewall(),
    owned(H),
    route("asemgmt--by-hand", G, "None"),
    to_firewall(F, "asemgmt--fw"),
]
FOUND_BY: Sequence[tuple[Callable[[mutants.Patch], None], Schedule, int, str]] = [
    (mutants.skip_if_match, somebody_writes_meanwhile, 0, "not ours changed"),
    (mutants.delete_before_add, an_address_comes, 0, "and has no route"),
    (mutants.swallow_a_failed_put, a_write_is_refused, 0, "was said, and"),
    (mutants.prefix_match_on_names, nothing_special, 0, "not ours changed"),
    (mutants.removals_from_a_stale_version, an_old_version_comes_late, 0, "newest version holds"),
    (
        mutants.migration_that_does_not_look_at_the_tags_route,
        the_tag_goes_to_a_firewall,
        0,
        "is wanted, and has no route",
    ),
    (mutants.guard_that_blocks_additions, nearly_all_goes, 0, "no route at the end"),
    (mutants.forget_the_share, nearly_all_goes, 0, "too many routes lost"),
    (mutants.forget_the_grace, an_address_leaves, 7, "within its grace"),
    (mutants.forget_what_is_held, a_run_is_rolled_back, 0, "which is held"),
    (mutants.forget_the_contest, somebody_keeps_writing, 0, "from a contested table"),
    (mutants.apply_what_was_not_approved, the_tag_changes_after_the_plan, 0, "was approved"),
    (mutants.adopt_what_was_wanted_once, an_address_leaves_before_an_adoption, 0, "did more"),
    (mutants.wipe_what_is_not_ours, nothing_special, 0, "not ours changed"),
]


def violations(site: Site, schedule: Schedule, grace_days: int) -> list[str]:
    world = World(site, [ROUTES], grace_days)
    schedule(world, next(iter(world.tables)))
    world.check_healed()
    return world.watch.violations


@pytest.mark.parametrize(
    ("mutant", "schedule", "grace_days", "said"),
    FOUND_BY,
    ids=[mutant.__name__ for mutant, *_ in FOUND_BY],
)
def test_a_planted_bug_is_found(
    site: Site, mutant: Any, schedule: Schedule, grace_days: int, said: str
) -> None:
    assert violations(site, schedule, grace_days) == []
    with mutants.planted(mutant):
        found = violations(site, schedule, grace_days)
    assert any(said in violation for violation in found), found


def test_every_planted_bug_has_a_schedule_that_finds_it() -> None:
    assert [mutant for mutant, *_ in FOUND_BY] == list(mutants.MUTANTS)
