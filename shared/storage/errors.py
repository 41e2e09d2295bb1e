"""The meaning of an error of storage, decided by the service's own code.

Sources: "Common REST API error codes", "Table service error codes", and "Troubleshoot 403 errors
in Azure Blob Storage", which are the same for each service of an account.
"""

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from ..arm.credential import reason_of
from ..connections import no_connection
from ..domain import codes
from ..domain.codes import Code
from ..domain.findings import Finding
from ..redaction import redacted

_CODES: dict[str, Code] = {
    "AuthorizationPermissionMismatch": codes.STORAGE_ROLE_MISSING,
    "InsufficientAccountPermissions": codes.STORAGE_ROLE_MISSING,
    # The network rules answer this to everybody, whatever the caller may do.
    "AuthorizationFailure": codes.STORAGE_NETWORK_REFUSED,
    "AuthenticationFailed": codes.STORAGE_ACCESS_REFUSED,
    "InvalidAuthenticationInfo": codes.STORAGE_ACCESS_REFUSED,
    "KeyBasedAuthenticationNotPermitted": codes.STORAGE_ACCESS_REFUSED,
    "AccountIsDisabled": codes.STORAGE_ACCESS_REFUSED,
}


def storage_fault(error: AzureError) -> Finding:
    """Say in one line why storage cannot be used, without anything secret."""
    if isinstance(error, ClientAuthenticationError) and error.response is None:
        return Finding(codes.CREDENTIAL_UNAVAILABLE, redacted(f"storage: {reason_of(error)}"))

    cut_off = no_connection(error, "storage")
    if cut_off is not None:
        return cut_off

    name = _name_of(error)
    said = (str(error).splitlines() or [type(error).__name__])[0]
    text = f"{name}: {said}" if name else said
    code = _CODES.get(name, codes.STORAGE_UNAVAILABLE)
    return Finding(code, redacted(f"storage: {text}"))


def _name_of(error: AzureError) -> str:
    """Return the service's own code, or nothing."""
    code = getattr(error, "error_code", None) if isinstance(error, HttpResponseError) else None
    return str(getattr(code, "value", code) or "")
