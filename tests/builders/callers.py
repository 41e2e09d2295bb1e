"""Callers of the served app."""

import base64
import json
from collections.abc import Iterable

OBJECT_ID = "5f3c0f3e-9a53-4c1c-8f0a-2f6f0c1d7a11"
"""The object id in Entra of a caller."""


def principal(
    *roles: str,
    ids: Iterable[str] = (OBJECT_ID,),
    id_claim: str = "http://schemas.microsoft.com/identity/claims/objectidentifier",
    role_claim: str = "roles",
) -> dict[str, str]:
    """Return the header that App Service Authentication sets for a caller with these roles."""
    claims = [{"typ": id_claim, "val": i} for i in ids]
    claims += [{"typ": role_claim, "val": role} for role in roles]
    text = json.dumps({"auth_typ": "aad", "claims": claims, "role_typ": role_claim})
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(text.encode()).decode()}
