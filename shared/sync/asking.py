"""The rules for what a person may ask for, at every door.

Each method judges a request as a whole: it raises InvalidRequest with every fault, or does what the
request says. If that needs a run, only the run is written. The door then sends its start message.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..domain.armid import SUBSCRIPTION_ID, EnvironmentId, RouteTableId, ignoring_case
from ..domain.codes import FORCEABLE
from ..domain.errors import Fault, InvalidRequest
from ..domain.registry.registered_table import RegisteredTable
from ..domain.runs.run import Action, Mode, Run, RunRequest
from ..domain.surroundings.search import Search
from .ports import Store
from .requester import Requester
from .surroundings.audit import NOT_NEEDED
from .surroundings.survey import Surveyor
from .table.provision import provisioned_id, refusal_of
from .texts import (
    MAX_CHANGE_ID,
    MAX_FORCED,
    MAX_NAMED,
    MAX_REASON,
    MAX_SUBSCRIPTIONS,
    azure_tag_faults,
    list_faults,
    owner_faults,
    text_faults,
)

NOT_ENABLED = "not registered, or disabled"

type CreateRun = Callable[[RunRequest], Run]
"""Write the run that is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """Bring route tables to their newest versions, or apply what waited in `plan_run_id`.

    The tables are named by their own ids and by the ids of their environments. If both are None,
    all that are registered and enabled are meant. `force` names the violations to let pass.
    """

    mode: Mode = Mode.APPLY
    route_tables: Sequence[str] | None = None
    ases: Sequence[str] | None = None
    plan_run_id: str | None = None
    force: Sequence[str] = ()
    reason: str | None = None
    change_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptRequest:
    """Make routes that cover a wanted address ours, also routes with the stamp of `from_owner`.

    With `plan_run_id`, only if they are exactly those that this run has shown.
    """

    route_table: str
    reason: str
    mode: Mode = Mode.APPLY
    from_owner: str | None = None
    plan_run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRequest:
    """Undo in one route table what a run changed there."""

    route_table: str
    run_id: str
    reason: str
    mode: Mode = Mode.APPLY
    force: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """Let a route table that is held or contested follow its tags again."""

    route_table: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveRequest:
    """Take every route of ours out of a route table."""

    route_table: str
    mode: Mode = Mode.APPLY
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionRequest:
    """Give an environment a route table with these Azure tags.

    `ensure_nsg` also adds the rule that its network security group lacks. An ASEv3 needs none of
    this, so its request needs `acknowledge`.
    """

    ase: str
    mode: Mode = Mode.APPLY
    azure_tags: Mapping[str, str] = field(default_factory=dict)
    ensure_nsg: bool = False
    acknowledge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverRequest:
    """Search these subscriptions, or all that are visible if None.

    `Search` says what the rest is for.
    """

    subscriptions: Sequence[str] | None = None
    owner: str | None = None
    register: bool = False
    acknowledge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """Do the daily check now."""

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    store: Store
    surveyor: Surveyor
    create_run: CreateRun

    def judged(self, request: SyncRequest) -> tuple[RouteTableId, ...]:
        """Return the tables of a sync, none for all, and start nothing. Raise InvalidRequest."""
        tables, table_faults = self._tables(request)
        faults = [
            *self._approval_faults(request),
            *_force_faults(request.force),
            *text_faults("reason", request.reason, MAX_REASON),
            *text_faults("changeId", request.change_id, MAX_CHANGE_ID),
            *table_faults,
        ]
        if faults:
            raise InvalidRequest(faults)

        # A table that was registered after the run is no part of what a person has approved.
        if request.plan_run_id is not None:
            tables = self._approved_tables(request.plan_run_id, tables)
        return tables

    def sync(self, request: SyncRequest, by: Requester) -> Run:
        tables = self.judged(request)

        return self.create_run(
            RunRequest(
                trigger=by.trigger,
                requested_by=by.name,
                mode=request.mode,
                route_tables=tables,
                plan_run_id=request.plan_run_id,
                force=tuple(request.force),
                reason=request.reason,
                change_id=request.change_id,
            )
        )

    def adopt(self, request: AdoptRequest, by: Requester) -> Run:
        faults = [
            *text_faults("reason", request.reason, MAX_REASON),
            *owner_faults("fromOwner", request.from_owner),
        ]
        table = self._enabled_entry(request.route_table, faults).route_table_id

        asked = by.asks(Action.ADOPT, request.mode, table, reason=request.reason)
        asked = replace(asked, plan_run_id=request.plan_run_id, from_owner=request.from_owner)
        return self.create_run(asked)

    def rollback(self, request: RollbackRequest, by: Requester) -> Run:
        faults = list(_force_faults(request.force))
        faults += text_faults("reason", request.reason, MAX_REASON)
        table = self._enabled_entry(request.route_table, faults).route_table_id
        obstacle = self._rollback_obstacle(request.run_id, table)
        if obstacle is not None:
            raise InvalidRequest([Fault("runId", obstacle)])

        asked = by.asks(Action.ROLLBACK, request.mode, table, reason=request.reason)
        forced = replace(asked, force=tuple(request.force))
        return self.create_run(replace(forced, rolled_back_run_id=request.run_id))

    def release(self, request: ReleaseRequest) -> RegisteredTable:
        """Lift every hold on the table and clear its contested state, at once and without a run.

        A disabled route table can be released as well, if there is something to release.
        """
        faults = list(text_faults("reason", request.reason, MAX_REASON))
        entry = self._entry(request.route_table, faults)
        at_rest = not entry.status.holds and entry.status.contest.since is None
        if at_rest and not entry.registration.enabled:
            raise InvalidRequest([Fault("routeTableId", NOT_ENABLED)])

        registrations = self.store.registrations
        return registrations.change(entry.route_table_id, RegisteredTable.release) or entry

    def remove(self, request: RemoveRequest, by: Requester) -> Run:
        """A disabled route table can lose our routes as well."""
        faults = list(text_faults("reason", request.reason, MAX_REASON))
        table = self._entry(request.route_table, faults).route_table_id

        return self.create_run(by.asks(Action.REMOVE, request.mode, table, reason=request.reason))

    def provision(self, request: ProvisionRequest, by: Requester) -> Run:
        """Raise TransientError if Azure cannot be asked about the environment now."""
        if request.acknowledge:
            by.needs_approver("acknowledge")

        faults = list(azure_tag_faults(request.azure_tags))
        ase_id = _environment_id(request.ase, faults)

        # A person learns this now, and not from the report of a run that could do nothing.
        faults += self._provision_faults(ase_id, acknowledge=request.acknowledge)
        if faults:
            raise InvalidRequest(faults)

        asked = by.asks(Action.PROVISION, request.mode, provisioned_id(ase_id))
        with_tags = replace(asked, ase_id=ase_id, azure_tags=request.azure_tags)
        return self.create_run(replace(with_tags, ensure_nsg=request.ensure_nsg))

    def _provision_faults(self, ase_id: EnvironmentId, *, acknowledge: bool) -> Iterator[Fault]:
        """Raise InvalidRequest if the environment cannot get a route table."""
        survey = self.surveyor.survey(ase_id)
        refusal = refusal_of(survey)
        if refusal is not None:
            raise InvalidRequest(code=refusal.code, message=refusal.message)
        if survey.manages_itself and not acknowledge:
            message = f"{NOT_NEEDED.message}: acknowledge: true makes them nevertheless"
            yield Fault("acknowledge", message)

    def discover(self, request: DiscoverRequest, by: Requester) -> Run:
        if request.acknowledge:
            by.needs_approver("acknowledge")

        faults = [
            *_subscription_faults(request.subscriptions),
            *owner_faults("owner", request.owner),
        ]
        if faults:
            raise InvalidRequest(faults)

        subscriptions = tuple(request.subscriptions or ())
        search = Search(subscriptions, request.owner, request.register, request.acknowledge)
        return self.create_run(replace(by.asks(Action.DISCOVER, Mode.APPLY), search=search))

    def check(self, request: CheckRequest, by: Requester) -> Run:
        faults = list(text_faults("reason", request.reason, MAX_REASON))
        if faults:
            raise InvalidRequest(faults)
        return self.create_run(by.asks(Action.CHECK, Mode.APPLY, reason=request.reason))

    def _entry(self, text: str, faults: Sequence[Fault]) -> RegisteredTable:
        """Raise InvalidRequest with these faults, and if this is no registered route table."""
        found = None
        try:
            found = self.store.registrations.get(RouteTableId.parse(text))
            why = NOT_ENABLED
        except ValueError as error:
            why = str(error)

        if found is None:
            raise InvalidRequest([Fault("routeTableId", why), *faults])
        if faults:
            raise InvalidRequest(faults)
        return found

    def _enabled_entry(self, text: str, faults: Sequence[Fault]) -> RegisteredTable:
        """Raise InvalidRequest as `_entry` does, and if the registration is disabled."""
        found = self._entry(text, faults)
        if not found.registration.enabled:
            raise InvalidRequest([Fault("routeTableId", NOT_ENABLED)])
        return found

    def _tables(self, request: SyncRequest) -> tuple[tuple[RouteTableId, ...], list[Fault]]:
        """Return each named table once, and a fault for each name without a table."""
        if request.route_tables is None and request.ases is None:
            return (), []
        enabled = [one for one in self.store.registrations.list() if one.registration.enabled]
        by_id, by_ase = _by_id(enabled), _by_ase(enabled)

        tables = (*_found(request.route_tables, by_id), *_found(request.ases, by_ase))
        faults = [
            *list_faults("routeTables", request.route_tables or (), MAX_NAMED),
            *list_faults("ases", request.ases or (), MAX_NAMED),
            *_empty("routeTables", request.route_tables),
            *_empty("ases", request.ases),
            *_unknown("routeTables", request.route_tables, by_id, _why_unknown_table),
            *_unknown("ases", request.ases, by_ase, _why_unknown_ase),
        ]
        return tuple(dict.fromkeys(tables)), faults

    def _approval_faults(self, request: SyncRequest) -> Iterator[Fault]:
        if request.force and (request.plan_run_id is None or request.reason is None):
            message = (
                "only what was seen can be forced: give the run (planRunId, --plan) and reason"
            )
            yield Fault("force", message)
        if request.plan_run_id is None:
            return

        if request.mode is not Mode.APPLY:
            yield Fault("mode", "a planRunId is applied")
        obstacle = _approval_obstacle(self.store.runs.get(request.plan_run_id))
        if obstacle is not None:
            yield Fault("planRunId", obstacle)

    def _approved_tables(
        self, run_id: str, named: tuple[RouteTableId, ...]
    ) -> tuple[RouteTableId, ...]:
        """Return those of the named tables, or of all, in which something waited in the run.

        Raise InvalidRequest if the run has no outcome of a named table, or if nothing waited.
        """
        # Both may be 10,000 tables, and `shown` finds each one without comparing it to the others.
        shown = {outcome.route_table_id: outcome for outcome in self.store.outcomes.list(run_id)}
        faults = [
            Fault(f"routeTables.{index}", f"run {run_id} has no plan of {table}")
            for index, table in enumerate(named)
            if table not in shown
        ]
        if faults:
            raise InvalidRequest(faults)

        # If a table had nothing to approve, what came up in it since is no reason to stop the rest.
        tables = tuple(table for table in named or shown if shown[table].can_be_approved)
        if not tables:
            raise InvalidRequest([Fault("planRunId", "nothing in this run waits for an approval")])
        return tables

    def _rollback_obstacle(self, run_id: str, table: RouteTableId) -> str | None:
        """Say why there is nothing of this run to undo in the table."""
        if self.store.runs.get(run_id) is None:
            return "there is no run with this id"
        outcome = self.store.outcomes.get(run_id, table)
        if outcome is None:
            return "the run has no outcome of this route table, or not yet"
        return None if outcome.changes else "the run has changed nothing in this route table"


type _Tables = Mapping[str, Sequence[RouteTableId]]
"""The tables that the key of an id stands for."""


def _by_id(entries: Iterable[RegisteredTable]) -> _Tables:
    return {entry.route_table_id.key: [entry.route_table_id] for entry in entries}


def _by_ase(entries: Iterable[RegisteredTable]) -> _Tables:
    """One environment can have several route tables."""
    tables: dict[str, list[RouteTableId]] = {}
    for entry in entries:
        ase_id = entry.registration.ase_id
        if ase_id is not None:
            tables.setdefault(ase_id.key, []).append(entry.route_table_id)
    return tables


def _environment_id(text: str, faults: Sequence[Fault]) -> EnvironmentId:
    """Raise InvalidRequest, with these faults as well, if it is not the id of an environment."""
    try:
        return EnvironmentId.parse(text)
    except ValueError as error:
        raise InvalidRequest([Fault("aseId", str(error)), *faults]) from None


def _approval_obstacle(run: Run | None) -> str | None:
    """Say why nobody can approve what waited in this run."""
    if run is None:
        return "there is no run with this id"
    if not run.request.is_sync:
        return f"nothing waits in a run with action {run.request.action}: approve one of a sync"
    return None if run.ended else "the run has not ended yet"


def _found(ids: Sequence[str] | None, known: _Tables) -> Iterator[RouteTableId]:
    for text in ids or ():
        yield from known.get(ignoring_case(text), ())


def _empty(place: str, ids: Sequence[str] | None) -> Iterator[Fault]:
    # A run without tables is about all of them, which nobody means who names none.
    if ids is not None and not ids:
        yield Fault(place, "name at least one, or leave the list out for all")


def _unknown(
    place: str, ids: Sequence[str] | None, known: _Tables, why: Callable[[str], str]
) -> Iterator[Fault]:
    for index, text in enumerate(ids or ()):
        if ignoring_case(text) not in known:
            yield Fault(f"{place}.{index}", why(text))


def _why_unknown_table(text: str) -> str:
    try:
        RouteTableId.parse(text)
    except ValueError as error:
        return str(error)
    return NOT_ENABLED


def _why_unknown_ase(_text: str) -> str:
    return "no enabled registration has this aseId"


def _subscription_faults(ids: Sequence[str] | None) -> Iterator[Fault]:
    yield from list_faults("subscriptions", ids or (), MAX_SUBSCRIPTIONS)
    yield from _empty("subscriptions", ids)
    for index, text in enumerate(ids or ()):
        if not SUBSCRIPTION_ID.fullmatch(text):
            yield Fault(f"subscriptions.{index}", "not the id of a subscription")


def _force_faults(names: Sequence[str]) -> Iterator[Fault]:
    yield from list_faults("force", names, MAX_FORCED)
    allowed = ", ".join(sorted(FORCEABLE))
    for index, code in enumerate(names):
        if code not in FORCEABLE:
            yield Fault(f"force.{index}", f"not one of the violations to force: {allowed}")
