"""What an operator may find on the dashboard, from a good day to storage that does not answer."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import groupby

from local.azure.faults import InjectedFault, LoseTag, refusal
from local.azure.resources import RouteTable
from local.azure.server import SimulatedAzure
from shared.app import App, utc_now
from shared.domain import codes
from shared.domain.armid import EnvironmentId
from shared.domain.findings import Finding
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.registry.status import LastOutcome, Reading, Status
from shared.domain.runs.outcome import OutcomeStatus
from shared.domain.runs.run import Action
from shared.storage.registry import Registry
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    add_environment,
    add_table,
    answer,
    ase_id_of,
    rid,
    table_id,
)
from tests.builders.routes import route, to_firewall
from tests.builders.runs import TAG, Asked, in_batches, keep, sync
from tests.builders.settings import without_storage

NAMES = [f"rt-ase{number:02}" for number in range(1, 6)]
FIRST = NAMES[0]
PREFIXES = [f"20.{number}.0.0/24" for number in range(40)]
NEWER = [*PREFIXES[1:], "20.200.0.0/24", "20.201.0.0/24"]
MOST_ROUTES = 400

type MakeApp = Callable[..., App]
type Prepare = Callable[[SimulatedAzure, MakeApp], object]


@dataclass(frozen=True, slots=True)
class Situation:
    """The settings of the app, what happened before somebody looks, and what they read first."""

    prepare: Prepare
    headline: str
    settings: Mapping[str, str] = field(default_factory=dict)


def nothing(azure: SimulatedAzure, make_app: MakeApp) -> None:
    """The app was deployed a minute ago."""


def all_well(azure: SimulatedAzure, make_app: MakeApp) -> App:
    app = make_app()
    for name in NAMES:
        table = add_table(azure.state, name, [to_firewall()])
        add_environment(azure.state, name, table=table, management=PREFIXES)
        keep(app, RegisteredTable(rid(name), _of_environment(name)))
    answer(azure, *PREFIXES)
    sync(app)
    app.check.check()
    return app


def conflict(azure: SimulatedAzure, make_app: MakeApp) -> None:
    app = all_well(azure, make_app)
    theirs = route("to-datacentre", NEWER[-1], "VirtualAppliance", nextHopIpAddress="10.1.0.4")
    _first(azure).routes.append(theirs)
    _newer_version(azure, app)


def blocked(azure: SimulatedAzure, make_app: MakeApp) -> None:
    app = all_well(azure, make_app)
    routes = _first(azure).routes
    left = MOST_ROUTES - len(routes)
    routes += [route(f"r{n}", f"10.{n // 100}.{n % 100}.0/24") for n in range(left)]
    _newer_version(azure, app)


def waiting(azure: SimulatedAzure, make_app: MakeApp) -> None:
    all_well(azure, make_app)
    _newer_version(azure, make_app(APPLY_POLICY="approval"))


def paused(azure: SimulatedAzure, make_app: MakeApp) -> None:
    all_well(azure, make_app)
    _newer_version(azure, make_app(PAUSED="true"))


def held(azure: SimulatedAzure, make_app: MakeApp) -> None:
    app = all_well(azure, make_app)
    whole = _newer_version(azure, app)
    undo: Asked = {"action": Action.ROLLBACK, "rolled_back_run_id": whole, "reason": "CHG0042"}
    sync(app, FIRST, **undo)


def contested(azure: SimulatedAzure, make_app: MakeApp) -> None:
    app = all_well(azure, make_app)
    for _ in range(2):
        _first(azure).routes = [to_firewall()]
        sync(app, FIRST, writers={rid(FIRST).key: ("pipeline@contoso.example",)})


def failed_run(azure: SimulatedAzure, make_app: MakeApp) -> None:
    app = all_well(azure, make_app)
    lost = InjectedFault(method="GET", path="serviceTags$", effect=LoseTag(), times=999)
    azure.state.faults.append(lost)
    sync(app)


def failed_tables(azure: SimulatedAzure, make_app: MakeApp) -> None:
    app = all_well(azure, make_app)
    body = (
        '{"error": {"code": "AuthorizationFailed", "message": "The client \'1f\' with object id '
        "'1f' does not have authorization to perform action 'Microsoft.Network/routeTables/read' "
        f"over scope '{table_id(FIRST)}' or the scope is invalid.\"}}}}"
    )
    azure.state.faults.append(refusal("GET", "routeTables/rt-ase0[123]$", 403, body, times=999))
    sync(app)
    app.check.check()


def thousand(azure: SimulatedAzure, make_app: MakeApp) -> None:
    """A thousand tables in three subscriptions, of which some are as real ones are."""
    app = all_well(azure, make_app)
    tables = sorted(_many(), key=lambda table: table.route_table_id.subscription_id)
    for _, some in groupby(tables, key=lambda table: table.route_table_id.subscription_id):
        with in_batches(app.account.route_tables) as storage:
            for table in some:
                Registry(storage).add(table)


def _many() -> Iterator[RegisteredTable]:
    now = utc_now()
    right = Status(
        verified_at=now,
        applied_version_ids=(f"AzureCloud.{TAG}-000001",),
        reading=Reading("westeurope", len(PREFIXES) + 1, MOST_ROUTES),
        owned_left=frozenset(PREFIXES),
        last_outcome=LastOutcome("20260304060000000000-00000000", now, OutcomeStatus.CHANGED),
    )
    denied = Finding(codes.AUTHORIZATION_FAILED, "no")
    bad = {
        7: replace(right, last_outcome=_last(OutcomeStatus.FAILED, denied), verified_at=None),
        8: replace(right, last_outcome=_last(OutcomeStatus.BLOCKED)),
        9: replace(right, last_outcome=_last(OutcomeStatus.CONFLICT)),
        10: replace(right, suspended=True),
        11: replace(right, verified_at=now - timedelta(days=4)),
        12: replace(right, reading=Reading("westeurope", MOST_ROUTES - 5, MOST_ROUTES)),
        13: replace(right, applied_version_ids=()),
    }
    subscriptions = (SUBSCRIPTION, OTHER_SUBSCRIPTION, SUBSCRIPTION.replace("1", "3"))
    for number in range(1000 - len(NAMES)):
        name = f"rt-hub{number % 40:02}-spoke{number:04}-appservice-environment"
        ase_id = EnvironmentId.parse(ase_id_of(f"ase-{number:04}"))
        yield RegisteredTable(
            rid(table_id(name, subscriptions[number % 3])),
            Registration((TAG,), ase_id, enabled=number != 5),
            bad.get(number, right),
        )


def _last(status: OutcomeStatus, error: Finding | None = None) -> LastOutcome:
    later = utc_now() + timedelta(seconds=1)
    return LastOutcome("20260304060000000000-00000000", later, status, error=error)


def _of_environment(name: str) -> Registration:
    return Registration((TAG,), EnvironmentId.parse(ase_id_of(name)))


def _first(azure: SimulatedAzure) -> RouteTable:
    table = azure.state.find(RouteTable, table_id(FIRST).lower())
    assert table is not None
    return table


def _newer_version(azure: SimulatedAzure, app: App) -> str:
    """Let the tag change and a run over all tables come; return the run's id."""
    answer(azure, *NEWER)
    return str(sync(app)["runId"])


SITUATIONS = {
    "all-well": Situation(all_well, "All 5 route tables are right"),
    "conflict": Situation(conflict, "1 of 5 route tables needs a person"),
    "blocked": Situation(blocked, "1 of 5 route tables needs a person"),
    "waiting": Situation(
        waiting, "5 of 5 route tables need an approval", {"APPLY_POLICY": "approval"}
    ),
    "paused": Situation(paused, "5 of 5 route tables to look at", {"PAUSED": "true"}),
    "held": Situation(held, "1 of 5 route tables to look at"),
    "contested": Situation(contested, "1 of 5 route tables needs a person"),
    "failed-run": Situation(failed_run, "The last run over all tables failed: TagUnavailable"),
    "failed-tables": Situation(failed_tables, "3 of 5 route tables need a person"),
    "thousand": Situation(thousand, "5 of 999 route tables need a person"),
    "empty": Situation(nothing, "No route table is registered and enabled"),
    "storage-down": Situation(
        nothing, "Storage does not answer", {"AzureWebJobsStorage": without_storage()}
    ),
}
