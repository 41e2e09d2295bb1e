"""Build the adapters and the use cases from the settings.

The adapters import the large Azure SDKs only when they first use them.
"""

import functools
import os
import secrets
import threading
from dataclasses import replace
from datetime import UTC, datetime

from .arm.client import ArmClients
from .arm.credential import Credential, OwnIdentity
from .arm.environments import ArmEnvironments, ArmInboundDependencies
from .arm.route_limits import SubscriptionRouteLimits
from .arm.route_tables import ArmRouteTables
from .arm.security_groups import ArmSecurityGroups
from .arm.service_tags import ServiceTagDiscovery
from .arm.subnets import ArmSubnets
from .domain.runs.run import Mode, Run, RunRequest, run_id_of
from .log import log_outcome, log_run, quiet_libraries
from .notify.webhook import HttpWebhook, NoWebhook
from .settings import InvalidSettings, Settings
from .storage.account import StorageAccount
from .storage.checks import CheckLog, LedgerLog
from .storage.registry import Registry
from .storage.runs import OutcomeLog, RunLog
from .storage.versions import VersionLog
from .sync.asking import Asking
from .sync.policy import Policy
from .sync.ports import Webhook
from .sync.registering import Registering, ServiceTagRules
from .sync.run.intake import AlertIntake
from .sync.run.lifecycle import RunEnd, RunStart
from .sync.run.pull import SourcePull
from .sync.run.settlement import Settlement
from .sync.surroundings.audit import Audit
from .sync.surroundings.discovery import Discovery
from .sync.surroundings.survey import Surveyor
from .sync.table.delivery import TableSync
from .sync.table.planning import Planning
from .sync.table.provision import Provisioner
from .sync.table.reconcile import Reconciler
from .sync.table.sources import Sources
from .sync.watch.check import DailyCheck
from .sync.watch.housekeeping import Housekeeping
from .sync.watch.notifier import Notifier


def utc_now() -> datetime:
    return datetime.now(UTC)


class App:
    """Everything that one process needs, built once from its settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.account = _storage_account(settings)
        self.registry = Registry(self.account.route_tables)
        self.versions = VersionLog(self.account.versions, cloud=settings.azure_cloud)
        self.runs = RunLog(self.account.runs)
        self.outcomes = OutcomeLog(self.account.outcomes)
        self.checks = CheckLog(self.account.runs)
        credential = arm_credential(settings)
        self.identity = OwnIdentity(credential, settings.cloud.credential_scope)
        self.clients = ArmClients(
            credential,
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
        notifies = settings.notify_webhook_url is not None
        settlement = Settlement(
            self.registry, self.outcomes, utc_now, log_outcome, paused=settings.paused
        )
        self.run_end = RunEnd(
            self.runs, self.outcomes, settlement, utc_now, log_run, notifies=notifies
        )
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
        environments = ArmEnvironments(self.clients)
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
        self.asking = Asking(
            self.registry,
            self.runs,
            self.outcomes,
            self.surveyor,
            self.discovery,
            self.create_run,
        )
        self.registering = Registering(
            self.registry,
            self.route_tables,
            self.route_limits,
            self.surveyor,
            self.pull,
            utc_now,
            ServiceTagRules(
                cloud=settings.azure_cloud,
                allowed=settings.allowed,
                default=settings.service_tag,
            ),
        )
        policy = Policy(
            owner=settings.route_owner,
            default_service_tag=settings.service_tag,
            allowed_service_tags=settings.allowed,
            grace_days=settings.removal_grace_days,
            max_removed_percent=settings.max_removed_percent,
            apply_policy=settings.apply_policy,
            next_hop_types=self.route_tables.next_hop_types(),
            paused=settings.paused,
        )
        planning = Planning(
            Sources(self.versions, policy.allowed_service_tags),
            self.outcomes,
            self.route_limits,
            utc_now,
            policy,
        )
        reconciler = Reconciler(self.route_tables, self.registry, self.outcomes, policy)
        self.tables = TableSync(
            self.registry,
            self.runs,
            self.outcomes,
            planning,
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
                policy,
            ),
            audit,
            settlement,
            self.run_end,
            utc_now,
            policy,
        )
        self.alerts = AlertIntake(
            self.registry,
            self.runs,
            self.runs,
            self.create_run,
            utc_now,
            paused=settings.paused,
        )
        self.check = DailyCheck(
            self.registry,
            self.versions,
            self.pull,
            self.route_tables,
            self.route_limits,
            planning,
            self.outcomes,
            self.checks,
            self.create_run,
            utc_now,
            default_service_tag=settings.service_tag,
            tag_scope=f"/subscriptions/{settings.service_tag_subscription_id}",
            missing_settings=settings.missing_schedules,
            max_age_days=settings.max_sync_age_days,
            notifies=notifies,
            paused=settings.paused,
        )
        self.notifier = Notifier(
            self.runs,
            self.checks,
            self.outcomes,
            self.registry,
            LedgerLog(self.account.runs),
            _webhook(settings),
            utc_now,
        )
        self.retention = Housekeeping(
            self.runs,
            self.runs,
            self.outcomes,
            self.checks,
            utc_now,
            days=settings.run_retention_days,
        )

    def create_run(self, request: RunRequest, run_id: str | None = None) -> Run:
        """Write the run; the caller then sends its one start message."""
        if self.settings.paused:
            request = replace(request, mode=Mode.PLAN)
        started_at = utc_now()
        run_id = run_id or run_id_of(started_at, secrets.token_hex(4))
        run = Run(run_id, request, started_at)
        self.runs.create(run)
        return run


_building = threading.Lock()


def app() -> App:
    """Return the one App of this process, for every thread. Raise InvalidSettings."""
    with _building:
        return _app()


@functools.cache
def _app() -> App:
    quiet_libraries()
    return App(Settings.read(os.environ))


def arm_credential(settings: Settings) -> Credential:
    return Credential(authority=settings.cloud.authority, client_id=settings.azure_client_id)


def storage_credential(settings: Settings) -> Credential:
    return Credential(
        authority=settings.cloud.authority,
        client_id=settings.storage_client_id or settings.azure_client_id,
    )


def _webhook(settings: Settings) -> Webhook:
    if settings.notify_webhook_url is None:
        return NoWebhook()
    return HttpWebhook(
        settings.notify_webhook_url,
        format_name=settings.notify_format,
        address=settings.address,
    )


def _storage_account(settings: Settings) -> StorageAccount:
    if settings.storage_connection_string is not None:
        try:
            return StorageAccount.from_connection_string(settings.storage_connection_string)
        except ValueError as error:
            raise InvalidSettings([f"AzureWebJobsStorage: {error}"]) from None
    return StorageAccount.from_identity(
        settings.table_endpoint,
        storage_credential(settings),
    )
