"""What there is, and what may happen to it: one Azure, one storage, two workers, some messages."""

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient

from local.azure.faults import InjectedFault, ServeStale
from local.azure.resources import RouteTable
from local.azure.server import SimulatedAzure
from shared.app import App
from shared.domain.armid import RouteTableId, ignoring_case
from shared.domain.errors import RouteSyncError
from shared.domain.registry.choices import RouteStyle
from shared.domain.registry.contest import Contest
from shared.domain.registry.holds import held_at
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.outcome import Outcome, OutcomeStatus
from shared.domain.runs.run import Action, Mode, RunRequest, Trigger
from shared.settings import Settings
from shared.storage.entities import unpack
from tests.builders.azure import SUBSCRIPTION, add_table, tag_document, unthrottled
from tests.builders.routes import to_firewall
from tests.builders.runs import keep

from .watch import MAX_REMOVED_PERCENT, TAG, Delivery, Watch, owned, right, snapshot
from .workers import Worker, run_alone, run_both

PREFIXES = [f"20.0.{number}.0/24" for number in range(8)]
GRACES = (0, 7)
ROUTE_LIMITS = (5, 8, 400)
"""Close to what the tables hold, and far away."""
MOST_DELIVERIES = 4
RETENTION_DAYS = 400
_ENDINGS = ("", "-\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}")
"""Of the tables' names. Python's `lower` makes two letters of the last one."""
START = datetime(2026, 3, 4, 6, tzinfo=UTC)

_numbers = itertools.count()


@dataclass(frozen=True)
class Message:
    """As the queues hold it: for a run's start, or for one of its tables."""

    run_id: str
    table: RouteTableId | None = None
    deliveries: int = 0


class Site:
    """What outlives a schedule, for it takes seconds to build: servers, and two processes."""

    def __init__(self, azure: SimulatedAzure, connection_string: str) -> None:
        self.azure = azure
        unthrottled(azure.state)
        self.now = START
        self.storage = TableServiceClient.from_connection_string(connection_string)
        environment = {
            **azure.environment(),
            "AzureWebJobsStorage": connection_string,
            "SERVICE_TAG_SUBSCRIPTION_ID": SUBSCRIPTION,
            "SERVICE_TAG_LOCATIONS": "westeurope",
            "MAX_REMOVED_PERCENT": str(MAX_REMOVED_PERCENT),
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("shared.app.utc_now", lambda: self.now)
            self.apps = {
                (days, limit): [
                    App(
                        Settings.read(
                            {
                                **environment,
                                "REMOVAL_GRACE_DAYS": str(days),
                                "ROUTE_LIMIT": str(limit),
                            }
                        )
                    )
                    for _ in range(2)
                ]
                for days in GRACES
                for limit in ROUTE_LIMITS
            }

    def empty_storage(self) -> None:
        for name in ("ServiceTagVersions", "RouteTables", "SyncRuns", "SyncOutcomes"):
            with suppress(ResourceNotFoundError):
                self.storage.delete_table(name)
            self.storage.create_table(name)


class World:
    """One schedule's."""

    def __init__(
        self,
        site: Site,
        routes: Sequence[Sequence[dict[str, Any]]],
        grace_days: int,
        route_limit: int = ROUTE_LIMITS[-1],
    ) -> None:
        self.site = site
        self._apps = site.apps[grace_days, route_limit]
        self._route_limit = route_limit
        self.state = site.azure.state
        self.state.faults.clear()
        self.state.log.clear()
        self.state.operations.clear()
        self.tables: dict[str, RouteTable] = {}
        for listed, ending in zip(routes, _ENDINGS, strict=False):
            name = f"t{next(_numbers)}{ending}"
            self.tables[name] = add_table(self.state, name, listed)
        self.ids = {name: RouteTableId.parse(t.resource_id) for name, t in self.tables.items()}
        self.queue: list[Message] = []
        self.requests: dict[str, RunRequest] = {}
        """Of each run since storage was last emptied."""
        self._failed_rollbacks: set[str] = set()
        self._checked: set[tuple[str, RouteTableId | None]] = set()
        # Both were read of storage, and hold until something is written there: most of what a
        # delivery is judged by was read for the one before.
        self._entries: dict[str, RegisteredTable] = {}
        self._versions: list[tuple[str, datetime, frozenset[str]]] = []
        self.watch = Watch(self.state, self.tables, grace_days, route_limit)
        site.now = START
        self.publish(frozenset(PREFIXES[:4]))
        self.empty_storage()

    # -- What others do --

    def publish(self, prefixes: frozenset[str]) -> None:
        self.state.tags.answers["westeurope"] = tag_document(sorted(prefixes))

    def edit(self, name: str, change: Callable[[list[dict[str, Any]]], None]) -> None:
        """Somebody else writes the table."""
        table = self.tables[name]
        self.state.settle()
        if table.provisioning_state == "Updating":
            return  # the service serialises writes
        routes = list(table.routes)
        change(routes)
        table.routes = routes
        table.etag = f'W/"edited-{next(_numbers)}"'
        table.provisioning_state = "Succeeded"
        self.watch.look(None)

    def fill(self, name: str, count: int) -> None:
        """Somebody else adds so many routes."""
        more = [to_firewall(f"10.0.{n}.0/24", f"fill-{n}") for n in range(count)]
        there = {route["name"] for route in more}

        def change(routes: list[dict[str, Any]]) -> None:
            routes[:] = [*(r for r in routes if r["name"] not in there), *more]

        self.edit(name, change)

    def wait(self, days: int) -> None:
        """Let days pass, or let the clock jump back by as many."""
        self.site.now += timedelta(days=days)

    def remove_old_runs(self) -> None:
        """Let more than a year pass, and the daily check remove the runs before it."""
        for name in self.tables:
            self._held(self._entry(name))
        self.wait(RETENTION_DAYS + 1)
        assert self._app.housekeeping.remove_old() == []

    def empty_storage(self) -> None:
        """Lost, and registered anew; what is in the queues knows nothing of it."""
        self.site.empty_storage()
        self._forget()
        self.requests.clear()
        for table in self.ids.values():
            keep(self._app, RegisteredTable(table, Registration((TAG,))))

    def meet(self, fault: InjectedFault) -> None:
        self.state.faults.append(fault)

    # -- What operators and timers do --

    def begin(self, mode: Mode, names: Sequence[str] = ()) -> str:
        tables = tuple(self.ids[name] for name in names)
        return self._begin(RunRequest(Trigger.HTTP, mode, route_tables=tables))

    def approve(self, plan_run_id: str, *, forced: bool = False) -> str:
        return self._begin(
            RunRequest(
                Trigger.HTTP,
                Mode.APPLY,
                plan_run_id=plan_run_id,
                force=("MaxRemovedPercent",) if forced else (),
                reason="because",
            )
        )

    def set_policy(self, name: str, policy: ApplyPolicy) -> None:
        self._change(name, apply_policy=policy)
        self._forget()

    def set_style(self, name: str, style: RouteStyle) -> None:
        self._change(name, route_style=style)
        self._forget()

    def _change(self, name: str, **changed: Any) -> None:
        entry = self._entry(name)
        keep(self._app, replace(entry, registration=replace(entry.registration, **changed)))

    def ask(self, action: Action, name: str, undone: str | None = None) -> str:
        return self._begin(
            RunRequest(
                Trigger.HTTP,
                Mode.APPLY,
                action,
                (self.ids[name],),
                rolled_back_run_id=undone,
                force=("MaxRemovedPercent",) if undone else (),
                reason="because",
            )
        )

    def release(self, name: str) -> None:
        self._app.registry.change(self.ids[name], RegisteredTable.release)
        self._forget()

    # -- Messages --

    def deliver(
        self,
        message: Message,
        *,
        app: int = 0,
        dies_at: int | None = None,
        after: bool = False,
        dies_of_its_write: bool = False,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        """What happens `meanwhile` happens just before the first write."""
        delivery = self._delivery(message)
        worker = Worker(
            self._work(message, self._apps[app]),
            dies_at=dies_at,
            after=after,
            dies_of=_is_write if dies_of_its_write else None,
        )
        self.watch.forget(but_stale=self._stale_in_store())
        self.watch.delivery = delivery
        happening = iter([meanwhile] if meanwhile else [])

        def before(request: Any) -> None:
            if _is_write(request):
                for happens in happening:
                    happens()
            self._sending(request, delivery)

        run_alone(worker, before)
        self.watch.delivery = None
        self._returned(message, worker)
        self._check_outcome(message)

    def deliver_both(
        self, one: Message, two: Message, turns: Sequence[bool], dies_at: int | None
    ) -> None:
        messages = {
            Worker(self._work(one, self._apps[0]), dies_at=dies_at): one,
            Worker(self._work(two, self._apps[1])): two,
        }
        deliveries = {worker: self._delivery(message) for worker, message in messages.items()}
        self.watch.forget(but_stale=self._stale_in_store())

        def before(worker: Worker, request: Any) -> None:
            self.watch.delivery = deliveries[worker]
            self._sending(request, deliveries[worker])

        first, second = messages
        run_both(first, second, turns, before)
        self.watch.delivery = None
        for worker, message in messages.items():
            self._returned(message, worker)
        for message in messages.values():
            self._check_outcome(message)

    def deliver_whole(self, run_id: str) -> None:
        """A run's start, and then what that sends: each once."""
        for _ in range(2):
            for message in [m for m in self.queue if m.run_id == run_id]:
                self.deliver(message)

    def give_up(self, message: Message) -> None:
        """The queue has: the message is poisoned."""
        app = self._app
        with suppress(RouteSyncError):
            if message.table is not None:
                app.tables.fail_poisoned(message.run_id, message.table)
            else:
                started = app.run_start.start_without_tags(message.run_id)
                self.queue += [Message(message.run_id, table) for table in started]
        self._forget()

    # -- The end --

    def calm_down(self) -> None:
        """The faults end, and what hung does, too."""
        self.state.faults.clear()
        for operation in self.state.operations.values():
            operation.fate.hangs = False
        self.state.settle()
        self.watch.look(None)

    def check_healed(self) -> None:
        """After the faults, two deliveries bring every table to its plan, and leave it there."""
        self.calm_down()
        for name, table in self.tables.items():
            self.set_policy(name, ApplyPolicy.AUTO)
            # The others are found, and write the table no more.
            self._found(name, owned(snapshot(table)))
        self._forget()
        for _ in range(MOST_DELIVERIES):
            if "MaxRemovedPercent" not in self._heal():
                break  # or what it added counts with the routes that a share of may go
        plan = self.begin(Mode.PLAN)
        self.deliver_whole(plan)
        for outcome in self._app.outcomes.list(plan):
            self._check_end(outcome.route_table_id.name, outcome)

    # -- Within --

    def _heal(self) -> set[str]:
        """The codes of what was withheld."""
        run_id = self.begin(Mode.APPLY)
        self.deliver_whole(run_id)
        self.deliver_whole(run_id)
        left = [m for m in self.queue if m.run_id == run_id]
        if left:
            self.watch.fault("queue", f"two deliveries were not enough for {left}")
        outcomes = self._app.outcomes.list(run_id)
        return {violation.code.name for outcome in outcomes for violation in outcome.violations}

    def _check_end(self, name: str, outcome: Outcome) -> None:
        codes = {violation.code.name for violation in outcome.violations}
        planned = outcome.status is OutcomeStatus.PLANNED
        if outcome.error or planned or codes - _LASTING:
            self.watch.fault(name, f"not as planned at the end: {outcome}")
        entry = self._entry(name)
        left_out = _left_out(outcome)
        there = len(self.watch.last(name)) + len(outcome.added) - len(outcome.removed)
        if left_out and there < self._route_limit and "TableFailed" not in codes:
            self.watch.fault(name, f"no room was said, and there is for {left_out}")
        held = self._held(entry) | left_out
        is_right = right(self._newest(), held, by_tag=_by_tag(entry))
        if "TableFailed" not in codes and not is_right(self.watch.last(name)):
            self.watch.fault(name, "an address has no route at the end")

    @property
    def _app(self) -> App:
        return self._apps[0]

    def _begin(self, request: RunRequest) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("shared.app.utc_now", lambda: self.site.now)
            run_id = self._app.create_run(request).run_id
        self.requests[run_id] = request
        self.queue.append(Message(run_id))
        self.site.now += timedelta(seconds=1)
        return run_id

    def _work(self, message: Message, app: App) -> Callable[[], None]:
        def start() -> None:
            started = app.run_start.start(message.run_id)
            self.queue += [Message(message.run_id, table) for table in started]

        def sync() -> None:
            assert message.table is not None
            app.tables.sync(message.run_id, message.table)

        return start if message.table is None else sync

    def _returned(self, message: Message, worker: Worker) -> None:
        """What is done is off the queue; what is not comes again, until it is poisoned."""
        if message in self.queue:
            self.queue.remove(message)
        if worker.done:
            return
        again = replace(message, deliveries=message.deliveries + 1)
        if again.deliveries >= MOST_DELIVERIES:
            self.give_up(message)
        else:
            self.queue.append(again)

    def _delivery(self, message: Message) -> Delivery:
        request = self.requests.get(message.run_id)
        if request is None or message.table is None:
            return Delivery(action="sync")
        handed_over: frozenset[str] = frozenset()
        if request.rolled_back_run_id is not None:
            undone = self._app.outcomes.get(request.rolled_back_run_id, message.table)
            handed_over = frozenset(undone.changes.by_prefix if undone else ())
        elif request.action is Action.ADOPT:
            handed_over = frozenset({*PREFIXES, TAG})
        entry = self._entry(message.table.name)
        planned = None
        if request.plan_run_id is not None:
            planned = self._app.outcomes.get(request.plan_run_id, message.table)
        return Delivery(
            run_id=message.run_id,
            forced=bool(request.force),
            action=request.action.value,
            policy=entry.registration.apply_policy or ApplyPolicy.AUTO,
            approval=planned.approval if planned else None,
            began_with=self._newest(),
            handed_over=handed_over,
            held=self._held(entry),
            contested=_contested(entry),
        )

    def _sending(self, request: Any, delivery: Delivery) -> None:
        if request.method != "GET":
            self._forget(request.url)
        if _is_write(request):
            delivery.history = self._history()
            delivery.wrote_with = delivery.history[-1][1] if delivery.history else frozenset()
            delivery.today = self.site.now.date()
            url = ignoring_case(unquote(request.url))
            name = next(n for n, i in self.ids.items() if i.key in url)
            entry = self._entry(name)
            delivery.wrote_held = self._held(entry)
            delivery.wrote_contested = _contested(entry)

    def _newest(self) -> frozenset[str]:
        history = self._history()
        return history[-1][1] if history else frozenset()

    def _history(self) -> list[tuple[datetime, frozenset[str]]]:
        return [(at, prefixes) for _, at, prefixes in self._recorded()]

    def _recorded(self) -> list[tuple[str, datetime, frozenset[str]]]:
        """Read as they stand, past the product; two of one moment in the order of their numbers."""
        if not self._versions:
            listed = self.site.storage.get_table_client("ServiceTagVersions").list_entities()
            self._versions = [
                (e["versionId"], e["recordedAt"], frozenset(unpack(e, "addressPrefixes")))
                for e in sorted(listed, key=lambda entity: str(entity["versionId"]))
            ]
        return self._versions

    def _stale_in_store(self) -> bool:
        return any(f.times and isinstance(f.effect, ServeStale) for f in self.state.faults)

    def _check_outcome(self, message: Message) -> None:
        """No outcome says changed or unchanged where the table was never so meanwhile."""
        request = self.requests.get(message.run_id)
        key = message.run_id, message.table
        if request is None or message.table is None or key in self._checked:
            return
        if request.mode is Mode.PLAN or request.action is not Action.SYNC:
            return
        outcome = self._app.outcomes.get(message.run_id, message.table)
        if outcome is None:
            return
        self._checked.add(key)
        self._check_report(message.table.name, request, outcome)
        if outcome.status not in {OutcomeStatus.CHANGED, OutcomeStatus.UNCHANGED}:
            return
        name = message.table.name
        entry = self._entry(name)
        versions = [v for v in self._recorded() if v[0] in outcome.version_ids]
        wanted = frozenset(prefix for *_, prefixes in versions for prefix in prefixes)
        # Of what waits for approval the outcome says so.
        withheld = {change.prefix for change in outcome.withheld}
        excused = self._held(entry) | withheld
        is_right = right(wanted, excused, by_tag=_by_tag(entry))
        if not any(map(is_right, self.watch.seen[name])):
            self.watch.fault(name, f"{outcome.status} was said, and {wanted} is not routed")

    def _found(self, name: str, routed: frozenset[str]) -> None:
        """Nobody has undone anything, and these are our routes."""

        def calm(entry: RegisteredTable) -> RegisteredTable:
            status = replace(entry.status, contest=Contest(), owned_left=routed)
            return replace(entry, status=status)

        self._app.registry.change(self.ids[name], calm)

    def _check_report(self, name: str, request: RunRequest, outcome: Outcome) -> None:
        """A run says that it is blocked only if it is, and an approved run does what was shown."""
        violations = {violation.code.name for violation in outcome.violations}
        for code in violations & {"MaxRemovedPercent", "NoCapacity"}:
            if code not in {change.why.name for change in outcome.withheld}:
                self.watch.fault(name, f"{code} was said, and withholds nothing: {outcome}")

        undone = self._entry(name).status.contest.undone
        if "Contested" in violations and undone and undone[-1].at > self.site.now:
            self.watch.fault(name, "blocked by a time that lies ahead")

        planned = self._app.outcomes.get(request.plan_run_id or "", outcome.route_table_id)
        if planned is None:
            return
        done, shown = outcome.changes.by_kind, planned.approval.shown
        if done == shown and any(shown.values()) and "PlanChanged" in violations:
            self.watch.fault(name, "blocked, and all that was approved is written")
        refused = frozenset() if request.force else planned.approval.refused.keys()
        expected = {**shown, "removed": shown["removed"] - refused}
        if outcome.status is OutcomeStatus.CHANGED and done != expected:
            self.watch.fault(name, f"{done} was done, and {expected} was approved")

    def _entry(self, name: str) -> RegisteredTable:
        if name not in self._entries:
            existing = self._app.registry.get(self.ids[name])
            assert existing is not None
            self._entries[name] = existing
        return self._entries[name]

    def _forget(self, written: str = "/RouteTables /ServiceTagVersions") -> None:
        """What was read of the table that this URL names; of both, if none is given."""
        if "/RouteTables" in written:
            self._entries.clear()
        if "/ServiceTagVersions" in written:
            self._versions = []

    def _held(self, entry: RegisteredTable) -> frozenset[str]:
        """A rollback that has failed holds nothing, even when nobody can look that up any more."""
        for run_id in {hold.rollback_run_id for hold in entry.status.holds}:
            outcome = self._app.outcomes.get(run_id, entry.route_table_id)
            if outcome is not None and outcome.status is OutcomeStatus.FAILED:
                self._failed_rollbacks.add(run_id)
        valid = (h for h in entry.status.holds if h.rollback_run_id not in self._failed_rollbacks)
        return frozenset(hold.prefix for hold in held_at(valid, self.site.now))


def _left_out(outcome: Outcome) -> frozenset[str]:
    """The wanted prefixes for which there was no room."""
    return frozenset(
        change.prefix
        for change in outcome.withheld
        if (change.change, change.why.name) == ("add", "NoCapacity")
    )


def _by_tag(entry: RegisteredTable) -> bool:
    return entry.registration.route_style is RouteStyle.SERVICE_TAG


def _contested(entry: RegisteredTable) -> bool:
    return entry.status.contest.since is not None


def _is_write(request: Any) -> bool:
    return request.method == "PUT" and "/routeTables/" in request.url


_LASTING = {"MaxRemovedPercent", "NoCapacity", "TableFailed"}
