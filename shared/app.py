"""Wiring: settings -> adapters -> use cases. Azure SDKs are imported here, when first used."""

import functools
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime

from shared.arm.client import ArmClients
from shared.arm.credential import Credential
from shared.arm.environments import ArmEnvironments, ArmInboundDependencies
from shared.arm.route_limits import SubscriptionRouteLimits
from shared.arm.route_tables import ArmRouteTables
from shared.arm.security_groups import ArmSecurityGroups
from shared.arm.service_tags import ServiceTagDiscovery
from shared.arm.subnets import ArmSubnets
from shared.domain.report import Mode, Run, RunRequest
from shared.log import log_run
from shared.settings import Settings
from shared.storage.account import StorageAccount
from shared.storage.registry import Registry
from shared.storage.runs import OutcomeLog, RunLog, new_run_id
from shared.storage.versions import VersionLog
from shared.sync.audit import Audit
from shared.sync.discovery import Discovery
from shared.sync.planning import Planning
from shared.sync.provision import Provisioner
from shared.sync.reconcile import Reconciler
from shared.sync.runs import RunEnd, RunStart
from shared.sync.survey import Surveyor
from shared.sync.tables import TableSync
from shared.sync.versions import SourcePull


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
        self.clients = ArmClients(
            Credential(authority=settings.cloud.authority, client_id=settings.azure_client_id),
            settings.cloud,
            endpoint=settings.arm_endpoint,
            api_version=settings.arm_api_version_network,
        )
        self.route_tables = ArmRouteTables(self.clients)
        self.pull = SourcePull(
            ServiceTagDiscovery(self.clients, settings.service_tag_subscription_id),
            ArmInboundDependencies(self.clients),
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
        self.route_limits = SubscriptionRouteLimits(self.clients, override=settings.route_limit)
        environments = ArmEnvironments(
            self.clients, home_subscription_id=settings.service_tag_subscription_id
        )
        subnets, security_groups = ArmSubnets(self.clients), ArmSecurityGroups(self.clients)
        self.surveyor = Surveyor(environments, subnets, security_groups)
        audit = Audit(self.surveyor, self.versions)
        self.discovery = Discovery(
            environments,
            self.surveyor,
            audit,
            self.route_tables,
            self.registry,
            default_service_tag=settings.service_tag,
        )
        reconciler = Reconciler(
            self.route_tables, self.registry, self.outcomes, owner=settings.route_owner
        )
        self.tables = TableSync(
            self.registry,
            self.runs,
            self.outcomes,
            Planning(
                self.versions,
                self.route_limits,
                utc_now,
                owner=settings.route_owner,
                allowed_service_tags=settings.allowed,
                grace_days=settings.removal_grace_days,
                max_removed_percent=settings.max_removed_percent,
                apply_policy=settings.apply_policy,
                next_hop_types=self.route_tables.next_hop_types,
            ),
            reconciler,
            Provisioner(
                self.surveyor,
                audit,
                self.route_tables,
                subnets,
                security_groups,
                self.registry,
                self.outcomes,
                reconciler,
                owner=settings.route_owner,
                default_service_tag=settings.service_tag,
            ),
            audit,
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
