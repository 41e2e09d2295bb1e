"""The rules by which hypothesis draws schedules, and what it looks at after every step."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from local.azure import faults
from local.azure.faults import InjectedFault
from shared.domain.registry.choices import RouteStyle
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.run import Action, Mode
from tests.builders.routes import owned, route, to_firewall

from .watch import TAG
from .world import GRACES, PREFIXES, ROUTE_LIMITS, Message, Site, World

_prefixes = st.sampled_from(PREFIXES)
_contents = st.frozensets(_prefixes, min_size=1, max_size=2) | st.frozensets(_prefixes, min_size=3)
_tables = st.integers(0, 1)
_picks = st.integers(0, 99)
_deaths = st.none() | st.integers(1, 30)
_routes = st.builds(
    lambda prefix, kind: _ROUTES[kind](prefix),
    _prefixes,
    st.sampled_from(["ours", "ours", "astray", "by hand", "to firewall", "stamped", "prefixed"]),
) | st.sampled_from([route("tag-by-hand", TAG), to_firewall(TAG, "tag-to-firewall"), owned(TAG)])
_ROUTES: dict[str, Callable[[str], dict[str, Any]]] = {
    "ours": owned,
    "astray": lambda prefix: owned(prefix, "None"),
    "by hand": lambda prefix: route(f"by-hand-{_number(prefix)}", prefix),
    "to firewall": lambda prefix: to_firewall(prefix, f"fw-{_number(prefix)}"),
    "stamped": lambda prefix: route(f"old--{prefix.replace('/', '_')}", prefix),
    # Begins as ours do, and is not.
    "prefixed": lambda prefix: route(f"asemgmt--{_number(prefix)}-x", prefix),
}
_TABLE, _TAGS, _POLLS = r"routeTables/[^/]+$", "serviceTags$", "/operations/"
_REFUSED = [
    faults.Refuse(status=status, body={"error": {"code": code, "message": "no"}}, effected=after)
    for status, code, after in (
        (409, "AnotherOperationInProgress", False),
        (412, "PreconditionFailed", False),
        (429, "RetryableError", False),
        (429, "RetryableError", True),
        (500, "InternalServerError", False),
        (502, "BadGateway", True),
        (503, "ServiceUnavailable", False),
        (403, "AuthorizationFailed", False),
    )
]
_everywhere: list[faults.AnyEffect] = [
    *_REFUSED,
    faults.Drop(),
    faults.Drop(effected=True),
    faults.Truncate(),
    faults.ExpireToken(),
]
_effects = st.one_of(
    st.builds(
        lambda effect, where: InjectedFault(method=where[0], path=where[1], effect=effect),
        st.sampled_from(_everywhere),
        st.sampled_from([("GET", _TABLE), ("PUT", _TABLE), ("GET", _TAGS), ("GET", _POLLS)]),
    ),
    st.builds(
        lambda effect: InjectedFault(method="PUT", path=_TABLE, effect=effect),
        st.sampled_from(
            [
                faults.FailOperation(),
                faults.FailOperation(reverts=True),
                faults.HangOperation(),
                faults.LoseRace(),
            ]
        ),
    ),
    st.just(InjectedFault(method="GET", path=_TABLE, effect=faults.ServeStale())),
    st.builds(
        lambda effect: InjectedFault(method="GET", path=_TAGS, effect=effect),
        st.sampled_from([faults.LoseTag(), faults.ShrinkTag(share=0), faults.HalfPage()]),
    ),
)


def _number(prefix: str) -> str:
    return prefix.split(".")[2]


@dataclass
class Figures:
    """Of all schedules so far."""

    schedules: int = 0
    steps: int = 0
    states: int = 0
    violations: int = 0

    def plus(self, other: "Figures") -> "Figures":
        mine, theirs = asdict(self), asdict(other)
        return Figures(**{name: mine[name] + theirs[name] for name in mine})


class Chaos(RuleBasedStateMachine):
    """One schedule. `site` and `figures` are set by whoever runs it."""

    site: Site
    figures: Figures
    world: World

    @initialize(
        one=st.lists(_routes, max_size=8),
        two=st.lists(_routes, max_size=8),
        grace_days=st.sampled_from(GRACES),
        route_limit=st.sampled_from(ROUTE_LIMITS),
    )
    def start(
        self,
        one: list[dict[str, Any]],
        two: list[dict[str, Any]],
        grace_days: int,
        route_limit: int,
    ) -> None:
        tables = [[to_firewall(), *_as_the_service_allows(listed)] for listed in (one, two)]
        self.world = World(self.site, tables, grace_days, route_limit)

    # -- What others do --

    @rule(prefixes=_contents)
    def publish(self, prefixes: frozenset[str]) -> None:
        self._step()
        self.world.publish(prefixes)

    @rule(table=_tables, wanted=_routes)
    def write_a_route(self, table: int, wanted: dict[str, Any]) -> None:
        """Somebody puts a route where there may be one."""
        self._step()
        self._put_in(table, wanted)

    @rule(table=_tables, pick=_picks)
    def delete_a_route(self, table: int, pick: int) -> None:
        self._step()

        def change(routes: list[dict[str, Any]]) -> None:
            if routes:
                routes.pop(pick % len(routes))

        self.world.edit(self._name(table), change)

    @rule(days=st.integers(1, 8))
    def wait(self, days: int) -> None:
        self._step()
        self.world.wait(days)

    @rule(days=st.integers(-40, -1) | st.integers(9, 40))
    def the_clock_jumps(self, days: int) -> None:
        self._step()
        self.world.wait(days)

    @rule(table=_tables, count=st.integers(0, 6))
    def fill(self, table: int, count: int) -> None:
        self._step()
        self.world.fill(self._name(table), count)

    @rule(fault=_effects)
    def meet(self, fault: InjectedFault) -> None:
        self._step()
        self.world.meet(fault.model_copy())

    @rule()
    def faults_end(self) -> None:
        self._step()
        self.world.calm_down()

    @precondition(lambda self: len(self.world.requests) > 1)
    @rule()
    def storage_is_emptied(self) -> None:
        self._step()
        self.world.empty_storage()

    @precondition(lambda self: len(self.world.requests) > 2)
    @rule()
    def old_runs_are_removed(self) -> None:
        self._step()
        self.world.remove_old_runs()

    # -- What operators and timers do --

    @rule(table=st.none() | _tables)
    def run(self, table: int | None) -> None:
        self._step()
        self.world.begin(Mode.APPLY, [] if table is None else [self._name(table)])

    @rule()
    def plan(self) -> None:
        self._step()
        self.world.begin(Mode.PLAN)

    @rule(table=_tables, policy=st.sampled_from(ApplyPolicy))
    def set_policy(self, table: int, policy: ApplyPolicy) -> None:
        self._step()
        self.world.set_policy(self._name(table), policy)

    @rule(table=_tables, style=st.sampled_from(RouteStyle))
    def set_style(self, table: int, style: RouteStyle) -> None:
        self._step()
        self.world.set_style(self._name(table), style)

    @rule()
    def a_whole_run(self) -> None:
        """The ordinary way, so that a schedule gets somewhere."""
        self._step()
        self._deliver_whole(self.world.begin(Mode.APPLY))

    @rule(prefixes=_contents, comes_between=st.booleans())
    def a_plan_is_approved(self, prefixes: frozenset[str], comes_between: bool) -> None:
        self._step()
        if not comes_between:
            self.world.publish(prefixes)
        plan = self.world.begin(Mode.PLAN)
        self._deliver_whole(plan)
        if comes_between:
            self.world.publish(prefixes)
        self._deliver_whole(self.world.approve(plan))

    @rule(prefixes=_contents, table=_tables, count=st.integers(0, 6), dies=st.booleans())
    def a_plan_is_forced(
        self, prefixes: frozenset[str], table: int, count: int, dies: bool
    ) -> None:
        """Somebody may fill the table after the plan, and the worker may die of its write."""
        self._step()
        self.world.publish(prefixes)
        plan = self.world.begin(Mode.PLAN)
        self._deliver_whole(plan)
        self.world.fill(self._name(table), count)
        forced = self.world.approve(plan, forced=True)
        self._deliver(self.world.queue[-1])
        for message in [m for m in self.world.queue if m.run_id == forced]:
            self._deliver(message, dies_of_its_write=dies)
        self._deliver_whole(forced)

    @rule(first=_contents, then=_contents)
    def a_delivery_after_a_crash(self, first: frozenset[str], then: frozenset[str]) -> None:
        """The worker dies of its write, and a newer version comes before the next delivery."""
        self._step()
        self.world.publish(first)
        run_id = self.world.begin(Mode.APPLY)
        self._deliver(self.world.queue[-1])
        for message in [m for m in self.world.queue if m.run_id == run_id]:
            self._deliver(message, dies_of_its_write=True)
        self.world.publish(then)
        self._deliver_whole(self.world.begin(Mode.PLAN))
        self._deliver_whole(run_id)

    @rule(first=_contents, then=_contents)
    def a_late_run(self, first: frozenset[str], then: frozenset[str]) -> None:
        """Its tables' messages come after another run has recorded a newer version."""
        self._step()
        self.world.publish(first)
        late = self.world.begin(Mode.APPLY)
        self._deliver(self.world.queue[-1])
        self.world.publish(then)
        self.a_whole_run()
        for message in [m for m in self.world.queue if m.run_id == late]:
            self._deliver(message)

    @rule(table=_tables)
    def adopt(self, table: int) -> None:
        self._step()
        self.world.ask(Action.ADOPT, self._name(table))

    @precondition(lambda self: self.world.requests)
    @rule(table=_tables, pick=_picks)
    def roll_back(self, table: int, pick: int) -> None:
        self._step()
        runs = list(self.world.requests)
        undone = runs[pick % len(runs)]
        self.world.ask(Action.ROLLBACK, self._name(table), undone)

    @rule(table=_tables)
    def release(self, table: int) -> None:
        self._step()
        self.world.release(self._name(table))

    # -- What the queues do --

    @precondition(lambda self: self.world.queue)
    @rule(pick=_picks, app=_tables, dies_at=_deaths, after=st.booleans())
    def deliver(self, pick: int, app: int, dies_at: int | None, after: bool) -> None:
        """Early or late: in any order."""
        self._step()
        self._deliver(self._message(pick), app=app, dies_at=dies_at, after=after)

    @precondition(lambda self: self.world.queue)
    @rule(one=_picks, two=_picks, turns=st.lists(st.booleans(), max_size=60), dies_at=_deaths)
    def deliver_two_at_once(
        self, one: int, two: int, turns: list[bool], dies_at: int | None
    ) -> None:
        """Two messages, or one twice."""
        self._step()
        self.world.deliver_both(self._message(one), self._message(two), turns, dies_at)
        self._look()

    @rule(table=_tables, wanted=_routes)
    def deliver_while_somebody_writes(self, table: int, wanted: dict[str, Any]) -> None:
        """Just before our own first write."""
        self._step()
        run_id = self.world.begin(Mode.APPLY, [self._name(table)])
        self._deliver(self.world.queue[-1])
        for message in [m for m in self.world.queue if m.run_id == run_id]:
            self._deliver(message, meanwhile=lambda: self._put_in(table, wanted))

    @precondition(lambda self: self.world.queue)
    @rule(pick=_picks)
    def duplicate(self, pick: int) -> None:
        self._step()
        self.world.queue.append(self._message(pick))

    @precondition(lambda self: self.world.queue)
    @rule(pick=_picks)
    def poison(self, pick: int) -> None:
        self._step()
        message = self._message(pick)
        self.world.queue.remove(message)
        self.world.give_up(message)
        self._look()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.figures.schedules += 1
        if not self.world.watch.violations:
            self.world.check_healed()
        self.figures.states += self.world.watch.states
        self._look()

    # -- Within --

    def _put_in(self, table: int, wanted: dict[str, Any]) -> None:
        def change(routes: list[dict[str, Any]]) -> None:
            prefix = wanted["properties"]["addressPrefix"]
            routes[:] = [r for r in routes if r["properties"]["addressPrefix"] != prefix]
            routes.append(wanted)

        self.world.edit(self._name(table), change)

    def _deliver(self, message: Message, **how: Any) -> None:
        self.world.deliver(message, **how)
        self._look()

    def _deliver_whole(self, run_id: str) -> None:
        self.world.deliver_whole(run_id)
        self._look()

    def _message(self, pick: int) -> Message:
        return self.world.queue[pick % len(self.world.queue)]

    def _name(self, table: int) -> str:
        return list(self.world.tables)[table]

    def _step(self) -> None:
        self.figures.steps += 1

    def _look(self) -> None:
        violations = self.world.watch.violations
        self.figures.violations += len(violations)
        assert not violations, "\n".join(violations)


def _as_the_service_allows(routes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """No prefix twice."""
    return list({r["properties"]["addressPrefix"]: r for r in routes}.values())


def run_schedules(
    site: Site, figures: Figures, *, seed: int, schedules: int, shrink: bool = False
) -> None:
    """Raise AssertionError, or whatever the product raised, for the first schedule that fails."""
    phases = [hypothesis.Phase.generate]

    class Seeded(Chaos):
        pass

    Seeded.site, Seeded.figures = site, figures
    settings = hypothesis.settings(
        max_examples=schedules,
        stateful_step_count=30,
        phases=phases + [hypothesis.Phase.shrink] * shrink,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=False,
    )
    hypothesis.stateful.run_state_machine_as_test(hypothesis.seed(seed)(Seeded), settings=settings)
