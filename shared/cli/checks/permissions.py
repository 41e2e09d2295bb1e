"""Check that this identity may do at each scope what a sync does there.

Sources: "Permissions - List For Resource" (Microsoft.Authorization), which lists the permissions of
the caller; "Understand Azure role definitions": the notActions of a role limit its own actions.
"""

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...app import App
from ...arm.errors import arm_answers
from ...domain.errors import RouteSyncError
from ...domain.registry.registered_table import RegisteredTable
from .diagnosis import Diagnosis, Grade

API_VERSION = "2022-04-01"
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


def lacking(granted: Iterable[Mapping[str, Any]], needed: Sequence[str]) -> list[str]:
    """Return the actions that no role gives."""
    roles = list(granted)
    return [action for action in needed if not any(_gives(role, action) for role in roles)]


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
        missing = lacking(_granted(context, scope), needed)
    except RouteSyncError as error:
        listing = f"{remedy}, and {LIST_PERMISSIONS} to see it"
        return Diagnosis("permissions", Grade.FAULT, f"they cannot be listed: {error}", listing)
    if not missing:
        return None
    return Diagnosis("permissions", Grade.FAULT, f"missing: {', '.join(missing)}", remedy)


def _granted(context: App, scope: str) -> list[Mapping[str, Any]]:
    """Return the roles of the caller at this scope. Raise RouteSyncError."""
    url = f"{scope}/providers/Microsoft.Authorization/permissions?api-version={API_VERSION}"
    with arm_answers():
        return [role for page in context.clients.pages(url) for role in page["value"]]


def _gives(role: Mapping[str, Any], action: str) -> bool:
    given = _matches(role.get("actions") or (), action)
    return given and not _matches(role.get("notActions") or (), action)


def _matches(patterns: Iterable[str], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
