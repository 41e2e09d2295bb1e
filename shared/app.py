"""Build the adapters and the use cases from the settings.

The adapters import the large Azure SDKs only when they first use them.
"""

import functools
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from . import __version__
from .arm.client import ArmClients
from .arm.credential import Credential, OwnIdentity
from .arm.environments import ArmEnvironments, ArmInboundDependencies
from .arm.policy_restrictions import ArmPolicyRestrictions
from .arm.resource_graph import ArmServiceResources
from .arm.route_limits import SubscriptionRouteLimits
from .arm.route_tables import ArmRouteTables
from .arm.security_groups import ArmSecurityGroups
from .arm.service_tags import ServiceTagDiscovery
from .arm.subnets import ArmSubnets
from .deadline import time_limit
from .domain.people.health import schedule_alarms
from .domain.people.membership import Membership
from .domain.runs.run import Action, Run, RunRequest, run_id_of
from .download import WeeklyFileDownload
from .log import log_alarms, log_check, log_outcome, log_registration, log_run, quiet_libraries
from .notify.formats import Sender
from .notify.webhook import HttpWebhook, NoWebhook
from .questions import Questions
from .redaction import guard_log, hide
from .settings import Connections, InvalidSettings, Settings
from .storage.account import StorageAccount
from .storage.app_record import AppRecordLog
from .storage.blobs import Blobs
from .storage.checks import CheckLog, LedgerLog
from .storage.custom_lists import CustomListText
from .storage.events import EventLog
from .storage.locations import LocationLog
from .storage.publications import PublicationLog
from .storage.registry import Registry
from .storage.runs import OutcomeLog, RunLog
from .storage.searches import SearchLog
from .storage.versions import VersionLog
from .sync.asking import Asking
from .sync.membership import TagMembership
from .sync.policy import Policy
from .sync.ports import Azure, Store, Webhook
from .sync.registering import Registering
from .sync.registrar import Registrar
from .sync.run.events import Arrivals, EventIntake
from .sync.run.found_services import registration_of
from .sync.run.intake import AlertIntake
from .sync.run.lifecycle import RunEnd, RunStart
from .sync.run.pull import SourcePull
from .sync.run.second_source import SecondSource
from .sync.run.settlement import Settlement
from .sync.run.tasks import Task, TaskRuns
from .sync.surroundings.audit import Audit
from .sync.surroundings.discovery import Discovery
from .sync.surroundings.found_tables import FoundTables
from .sync.surroundings.services import ServiceSearch
from .sync.surroundings.subscription import SubscriptionSearch
from .sync.surroundings.survey import Surveyor
from .sync.table.delivery import TableSync
from .sync.table.planning import Planning
from .sync.table.provision import Provisioner
from .sync.table.reconcile import Reconciler
from .sync.watch.asked_check import AskedCheck
from .sync.watch.check import DailyCheck
from .sync.watch.housekeeping import Housekeeping
from .sync.watch.notifier import Notifier
from .sync.watch.recorder import Recorder

_log = logging.getLogger("ase_route_sync")


def utc_now() -> datetime:
    return datetime.now(UTC)


class App:
    """Everything that one process needs, built once from its settings.

    Use cases see the outside as three bundles: the store, Azure, and the operator's policy.
    """

    def __init__(self, settings: Settings, account: StorageAccount | None = None) -> None:
        """Use the account that the settings lead to, or this one if the caller has it already."""
        self.settings = settings

        # The store: one storage account keeps all that the app remembers.
        self.account = account or storage_account(settings)
        self.blobs = storage_blobs(settings)
        self.registry = Registry(self.account.route_tables)
        self.versions = VersionLog(self.account.versions, cloud=settings.azure_cloud)
        self.runs = RunLog(self.account.runs)
        self.outcomes = OutcomeLog(self.account.outcomes)
        self.searches = SearchLog(self.account.outcomes)
        self.checks = CheckLog(self.account.runs)
        self.store = Store(
            registrations=self.registry,
            versions=self.versions,
            runs=self.runs,
            claims=self.runs,
            events=EventLog(self.account.runs),
            outcomes=self.outcomes,
            searches=self.searches,
            checks=self.checks,
            ledgers=LedgerLog(self.account.runs),
            locations=LocationLog(self.account.runs),
            publications=PublicationLog(self.account.runs),
            app_records=AppRecordLog(self.account.runs),
        )
        self.recorder = Recorder.of(
            self.store.app_records, utc_now, settings.recorded(), __version__
        )

        # Azure: one identity reads and writes it.
        credential = arm_credential(settings)
        self.identity = OwnIdentity(credential, settings.cloud.credential_scope)
        self.clients = ArmClients(
            credential,
            settings.cloud,
            endpoint=settings.arm_endpoint,
            api_version_network=settings.arm_api_version_network,
            api_version_web=settings.arm_api_version_web,
        )

        self.route_tables = ArmRouteTables(self.clients)
        self.route_limits = SubscriptionRouteLimits(self.clients, override=settings.route_limit)
        self.azure = _azure(
            self.clients, self.route_tables, self.route_limits, self.blobs, settings
        )

        # The policy: what the operator has decided, and what the API in use knows.
        self.policy = _policy(settings, self.route_tables.next_hop_types())

        # The use cases: each part uses the parts before it.
        self._build_runs(self.store, self.azure, self.policy)
        self._build_tables(self.store, self.azure, self.policy)
        self._build_doors(self.store, self.azure, self.policy)
        self._build_tasks(self.store, self.azure, self.policy)
        self._build_intakes(self.store, self.policy)

    def _build_runs(self, store: Store, azure: Azure, policy: Policy) -> None:
        """Build what begins and ends a run, and what it learns of the surroundings."""
        self.registrar = Registrar(store, utc_now, log_registration)
        self.surveyor = Surveyor(azure)
        self.audit = Audit(self.surveyor, self.versions, policy)
        second = SecondSource(store, self._weekly_files(), policy, utc_now)
        self.pull = SourcePull(store, azure, policy, utc_now, second)
        settlement = Settlement(store, policy, utc_now, log_outcome)
        self.run_end = RunEnd(store, policy, utc_now, settlement, log_run)
        self.run_start = RunStart(store, policy, utc_now, self.pull, self.run_end)

    def _weekly_files(self) -> WeeklyFileDownload | None:
        url, cloud = self.settings.published_tags_url, self.settings.azure_cloud
        return None if url is None else WeeklyFileDownload(url, self.blobs, cloud=cloud)

    def _build_tables(self, store: Store, azure: Azure, policy: Policy) -> None:
        """Build the way of one table of a run."""
        self.planning = Planning(store, azure, policy, utc_now)
        reconciler = Reconciler(store, azure, policy, self.planning)
        provisioner = Provisioner(store, azure, policy, self.audit, self.registrar)
        self.tables = TableSync(
            store, policy, utc_now, reconciler, provisioner, self.audit, self.run_end
        )

    def _build_tasks(self, store: Store, azure: Azure, policy: Policy) -> None:
        """Build the runs that are not about tables."""
        self.membership = TagMembership(store, azure, policy, self.registering)
        self.check = DailyCheck(
            store, policy, utc_now, self.pull, self.planning, self.create_run, self.follow_tags
        )

        tasks: dict[Action, Task] = {
            Action.DISCOVER: Discovery(store, azure, utc_now, self._search(azure, policy)),
            Action.CHECK: AskedCheck(store, self.check, log_check),
        }
        self.task_runs = TaskRuns(store, utc_now, self.run_end, tasks)

    def _search(self, azure: Azure, policy: Policy) -> SubscriptionSearch:
        registration = functools.partial(registration_of, self.pull)
        tables = FoundTables(azure, policy, self.registrar)
        services = ServiceSearch(azure, policy, self.audit, tables, registration)
        return SubscriptionSearch(azure, policy, utc_now, self.audit, tables, services)

    def _build_doors(self, store: Store, azure: Azure, policy: Policy) -> None:
        """Build everything that people can ask for, and the daily watch."""
        self.asking = Asking(store, self.surveyor, self.create_run)
        self.registering = Registering(
            store, azure, policy, utc_now, self.pull, self.surveyor, self.registrar
        )

        self.notifier = Notifier(store, policy, utc_now, _webhook(self.settings))
        self.housekeeping = Housekeeping(store, policy, utc_now)

    def _build_intakes(self, store: Store, policy: Policy) -> None:
        """Build what judges the alerts and the events that Azure sends."""
        names = self.identity.names
        self.alerts = AlertIntake(store, policy, utc_now, names, self.create_run)
        self.events = EventIntake(store, policy, utc_now, names)
        self.arrivals = Arrivals(store.events, utc_now)

    def follow_tags(self) -> Membership:
        """Follow the Azure tags of route tables. If Azure does not answer, the rest of the check
        has its time nevertheless.
        """
        with time_limit(self.membership.longest.total_seconds()):
            return self.membership.follow()

    def create_run(self, request: RunRequest, run_id: str | None = None) -> Run:
        """Write the run; the caller then sends its one start message."""
        # While paused, every run about tables only plans.
        if request.action.is_about_tables:
            request = replace(request, mode=self.policy.mode(request.mode))
        started_at = utc_now()
        run_id = run_id or run_id_of(started_at, secrets.token_hex(4))
        run = Run(run_id, request, started_at)
        self.runs.create(run)
        return run


def known_settings() -> Settings | None:
    """Return the settings, also if storage does not answer; None if they are wrong."""
    try:
        return Settings.read(os.environ)
    except InvalidSettings:
        return None


_building = Questions[None, App]()


def app() -> App:
    """Return the one App of this process, for every thread. Raise InvalidSettings."""
    # It asks storage for its tables, so that threads must not wait for it one after the other.
    return _building.ask(None, _app)


@functools.cache
def _app() -> App:
    return _makers[-1]()


forget = _app.cache_clear
"""Let the next `app()` make a new App."""


def _functions_app() -> App:
    """Make the App of the functions, which follows the settings of its own environment."""
    prepare()
    settings = Settings.read(os.environ)
    hide(settings.secrets)
    # If the schedule of the daily check is wrong, no check tells it.
    log_alarms(schedule_alarms(settings.wrong_schedules))

    context = App(settings)
    # Only the app itself may say what its settings are, and its host always names itself.
    if settings.website_hostname is not None:
        record_settings(context)
    return context


def record_settings(context: App) -> None:
    """Record the settings in effect. Routes matter more, so an error is only logged.

    A command still hears of it, because the app then does not confirm its settings.
    """
    try:
        context.recorder.record()
    except Exception as error:  # whatever it is, it must not keep a timer from its work
        _log.error("the settings were not recorded", exc_info=error)


_makers: list[Callable[[], App]] = [_functions_app]


@contextmanager
def made_by(make: Callable[[], App]) -> Iterator[None]:
    """Within, let `app()` return what this makes. The command line has settings of its own."""
    _makers.append(make)
    forget()
    try:
        yield
    finally:
        _makers.pop()
        forget()


def prepare() -> None:
    """Let no secret into the log, and no request of a library."""
    guard_log()
    quiet_libraries()
    hide([os.environ.get("IDENTITY_HEADER")])


def arm_credential(settings: Connections) -> Credential:
    return Credential(authority=settings.cloud.authority, client_id=settings.azure_client_id)


def storage_credential(settings: Connections) -> Credential:
    return Credential(
        authority=settings.cloud.authority,
        client_id=settings.storage_client_id or settings.azure_client_id,
    )


def _azure(
    clients: ArmClients,
    route_tables: ArmRouteTables,
    route_limits: SubscriptionRouteLimits,
    blobs: Blobs,
    settings: Settings,
) -> Azure:
    return Azure(
        service_tags=ServiceTagDiscovery(clients, settings.service_tag_subscription_id),
        custom_lists=CustomListText(settings.custom_lists, blobs),
        inbound_dependencies=ArmInboundDependencies(clients),
        environments=ArmEnvironments(clients),
        service_resources=ArmServiceResources(clients),
        subnets=ArmSubnets(clients),
        security_groups=ArmSecurityGroups(clients),
        route_tables=route_tables,
        route_limits=route_limits,
        policy_restrictions=ArmPolicyRestrictions(clients),
    )


def _policy(settings: Settings, next_hop_types: frozenset[str]) -> Policy:
    return Policy(
        cloud=settings.azure_cloud,
        service_tag_subscription_id=settings.service_tag_subscription_id,
        service_tag_locations=tuple(settings.service_tag_locations),
        min_prefix_length=settings.min_prefix_length,
        default_service_tag=settings.service_tag,
        allowed_service_tags=settings.allowed,
        discovers_by_tag=settings.discover_by_tag,
        owner=settings.route_owner,
        next_hop_types=next_hop_types,
        grace_days=settings.removal_grace_days,
        max_removed_percent=settings.max_removed_percent,
        apply_policy=settings.apply_policy,
        paused=settings.paused,
        notifies=settings.notify_webhook_url is not None,
        missing_schedules=tuple(settings.missing_schedules),
        wrong_schedules=settings.wrong_schedules,
        max_age_days=settings.max_sync_age_days,
        run_retention_days=settings.run_retention_days,
    )


def _webhook(settings: Settings) -> Webhook:
    if settings.notify_webhook_url is None:
        return NoWebhook()
    return HttpWebhook(
        settings.notify_webhook_url,
        format_name=settings.notify_format,
        sender=Sender(settings.app_name, settings.azure_cloud, settings.address),
    )


def storage_account(settings: Connections) -> StorageAccount:
    if settings.storage_connection_string is not None:
        try:
            return StorageAccount.from_connection_string(settings.storage_connection_string)
        except ValueError as error:
            raise InvalidSettings([f"AzureWebJobsStorage: {error}"]) from None
    return StorageAccount.from_identity(
        settings.table_endpoint,
        storage_credential(settings),
    )


def storage_blobs(settings: Connections) -> Blobs:
    if settings.storage_connection_string is not None:
        return Blobs.from_connection_string(settings.storage_connection_string)
    return Blobs.from_identity(settings.blob_endpoint, storage_credential(settings))
