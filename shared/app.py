"""Wiring: settings -> adapters -> use cases. Azure SDKs are imported here, when first used."""

import functools
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime

from shared.arm.client import NetworkClients
from shared.arm.credential import Credential
from shared.arm.route_limits import SubscriptionRouteLimits
from shared.arm.route_tables import ArmRouteTables
from shared.arm.service_tags import ServiceTagDiscovery
from shared.domain.report import Mode, Run, RunRequest
from shared.log import log_run
from shared.settings import Settings
from shared.storage.account import StorageAccount
from shared.storage.registry import Registry
from shared.storage.runs import OutcomeLog, RunLog, new_run_id
from shared.storage.versions import VersionLog
from shared.sync.planning import Planning
from shared.sync.reconcile import Reconciler
from shared.sync.runs import RunEnd, RunStart
from shared.sync.tables import TableSync
from shared.sync.versions import ServiceTagPull


def utc_now() -> datetime:
    return datetime.now(UTC)


class App:
    """Everything one process needs, built once from its settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.account = _storage_account(settings)
        self.registry = Registry(self.account.route_tables)
        self.versions = VersionLog(self.account.versions, cloud=settings.azure_cloud)
        self.runs = RunLog(self.account.runs)
        self.outcomes = OutcomeLog(self.account.outcomes)
        self.clients = NetworkClients(
            Credential(authority=settings.cloud.authority, client_id=settings.azure_client_id),
            settings.cloud,
            endpoint=settings.arm_endpoint,
            api_version=settings.arm_api_version_network,
        )
        self.route_tables = ArmRouteTables(self.clients)
        self.pull = ServiceTagPull(
            ServiceTagDiscovery(self.clients, settings.service_tag_subscription_id),
            self.versions,
            utc_now,
            locations=settings.service_tag_locations,
            min_prefix_length=settings.min_prefix_length,
        )
        self.run_end = RunEnd(self.runs, self.outcomes, utc_now, log_run)
        self.run_start = RunStart(
            self.registry,
            self.versions,
            self.pull,
            self.runs,
            self.outcomes,
            self.run_end,
            utc_now,
            default_service_tag=settings.service_tag,
            allowed_service_tags=settings.allowed,
        )
        self.tables = TableSync(
            self.registry,
            self.runs,
            self.outcomes,
            Planning(
                self.versions,
                SubscriptionRouteLimits(self.clients, override=settings.route_limit),
                utc_now,
                owner=settings.route_owner,
                allowed_service_tags=settings.allowed,
                grace_days=settings.removal_grace_days,
                max_removed_percent=settings.max_removed_percent,
                apply_policy=settings.apply_policy,
                next_hop_types=self.route_tables.next_hop_types,
            ),
            Reconciler(self.route_tables, self.registry, self.outcomes, owner=settings.route_owner),
            self.run_end,
            utc_now,
            paused=settings.paused,
        )

    def create_run(self, request: RunRequest) -> Run:
        """Write the run; whoever starts it then sends its one start message."""
        if self.settings.paused:
            request = replace(request, mode=Mode.PLAN)
        started_at = utc_now()
        run = Run(new_run_id(started_at), request, started_at)
        self.runs.create(run)
        return run


_building = threading.Lock()


def app() -> App:
    """The process's one App, whichever of its threads asks first. Raise InvalidSettings."""
    with _building:
        return _app()


@functools.cache
def _app() -> App:
    return App(Settings.read(os.environ))


def _storage_account(settings: Settings) -> StorageAccount:
    if settings.storage_connection_string is not None:
        return StorageAccount.from_connection_string(settings.storage_connection_string)
    return StorageAccount.from_identity(
        settings.table_endpoint,
        Credential(
            authority=settings.cloud.authority,
            client_id=settings.storage_client_id or settings.azure_client_id,
        ),
    )
