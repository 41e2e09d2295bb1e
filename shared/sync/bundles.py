"""The outside of the use cases, in two bundles of narrow ports. The wiring makes each once."""

from dataclasses import dataclass

from .ports import (
    Checks,
    Claims,
    Environments,
    InboundDependencies,
    Ledgers,
    Outcomes,
    Registrations,
    RouteLimits,
    RouteTables,
    Runs,
    SecurityGroups,
    ServiceTagSource,
    Subnets,
    Versions,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Everything that the app remembers."""

    registrations: Registrations
    versions: Versions
    runs: Runs
    claims: Claims
    outcomes: Outcomes
    checks: Checks
    ledgers: Ledgers


@dataclass(frozen=True, slots=True, kw_only=True)
class Azure:
    """Everything that the app reads and writes in Azure."""

    service_tags: ServiceTagSource
    inbound_dependencies: InboundDependencies
    environments: Environments
    subnets: Subnets
    security_groups: SecurityGroups
    route_tables: RouteTables
    route_limits: RouteLimits
