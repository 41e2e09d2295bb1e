"""Check that this identity may do at each scope what a sync does there."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from ...app import App
from ...arm.permissions import missing
from ...domain.errors import RouteSyncError
from ...domain.registry.registered_table import RegisteredTable
from .diagnosis import Diagnosis, Grade

LIST_PERMISSIONS = "Microsoft.Authorization/permissions/read"
TABLE_ACTIONS = ("Microsoft.Network/routeTables/read", "Microsoft.Network/routeTables/write")
ENVIRONMENT_ACTIONS = (
    "Microsoft.Web/hostingEnvironments/read",
    "Microsoft.Web/hostingEnvironments/inboundNetworkDependenciesEndpoints/read",
)
SUBNET_ACTIONS = ("Microsoft.Network/virtualNetworks/subnets/read",)
GROUP_ACTIONS = ("Microsoft.Network/networkSecurityGroups/read",)
_LANES = 8

type Scope = tuple[str, Sequence[str]]
"""An ARM id, and the actions that are needed there."""


def permissions(context: App, registered: Sequence[RegisteredTable]) -> Iterator[Diagnosis]:
    if not registered:
        said = "no route table is registered, so none was checked"
        remedy = "ase-route-sync discover --register, or tables add"
        yield Diagnosis("permissions", Grade.WARNING, said, remedy)
        return

    scopes = dict(scope for one in registered for scope in _scopes(context, one))
    faults = _faults(context, scopes)
    yield from faults
    if not faults:
        yield Diagnosis("permissions", Grade.OK, f"complete at {len(scopes)} scopes")


def _faults(context: App, scopes: Mapping[str, Sequence[str]]) -> list[Diagnosis]:
    with ThreadPoolExecutor(_LANES) as lanes:
        return [*filter(None, lanes.map(lambda scope: _at(context, *scope), scopes.items()))]


def _scopes(context: App, one: RegisteredTable) -> Iterator[Scope]:
    yield str(one.route_table_id), TABLE_ACTIONS
    if one.registration.ase_id is None:
        return
    yield str(one.registration.ase_id), ENVIRONMENT_ACTIONS
    survey = context.surveyor.survey(one.registration.ase_id)
    if survey.environment is not None and survey.environment.subnet_id is not None:
        yield str(survey.environment.subnet_id), SUBNET_ACTIONS
    if survey.subnet is not None and survey.subnet.security_group_id is not None:
        yield str(survey.subnet.security_group_id), GROUP_ACTIONS


def _at(context: App, scope: str, needed: Sequence[str]) -> Diagnosis | None:
    remedy = f"assign a role with {', '.join(needed)} at {scope}, or above it"
    try:
        lacking = missing(context.clients, scope, needed)
    except RouteSyncError as error:
        listing = f"{remedy}, and {LIST_PERMISSIONS} to see it"
        return Diagnosis("permissions", Grade.FAULT, f"they cannot be listed: {error}", listing)
    if not lacking:
        return None
    return Diagnosis("permissions", Grade.FAULT, f"missing: {', '.join(lacking)}", remedy)
