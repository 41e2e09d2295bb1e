"""The actions of this identity at a scope. Right: Microsoft.Authorization/permissions/read.

Sources: "Permissions - List For Resource" (Microsoft.Authorization), which lists the permissions of
the caller; "Understand Azure role definitions": the notActions of a role limit its own actions.
"""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .client import ArmClients
from .errors import arm_answers

API_VERSION = "2022-04-01"


def missing(clients: ArmClients, scope: str, needed: Sequence[str]) -> Sequence[str]:
    """Return the actions that no role gives at this ARM id. Raise RouteSyncError."""
    url = f"{scope}/providers/Microsoft.Authorization/permissions?api-version={API_VERSION}"
    with arm_answers():
        granted = [role for page in clients.pages(url) for role in page["value"]]
        return lacking(granted, needed)


def lacking(granted: Iterable[Mapping[str, Any]], needed: Sequence[str]) -> Sequence[str]:
    """Return the actions that no role gives."""
    roles = list(granted)
    return [action for action in needed if not any(_gives(role, action) for role in roles)]


def _gives(role: Mapping[str, Any], action: str) -> bool:
    given = _matches(role.get("actions") or (), action)
    return given and not _matches(role.get("notActions") or (), action)


def _matches(patterns: Iterable[str], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
