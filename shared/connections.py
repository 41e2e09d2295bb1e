"""Why there is no connection to a host: its name, a firewall, TLS, or a proxy in between."""

import ssl
from collections.abc import Iterator

from azure.core.exceptions import AzureError
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    ProxyError,
    SSLError,
)

from .domain import codes
from .domain.findings import Finding
from .redaction import redacted

_REFUSED = "Tunnel connection failed: "
"""The error of http.client if a proxy refuses a connection."""


def no_connection(error: AzureError, service: str) -> Finding | None:
    """Say why the request was not sent to this service, or None if it may have been sent."""
    given_up = next((one for one in _causes(error) if isinstance(one, MaxRetryError)), None)
    if given_up is None or not isinstance(given_up.pool, HTTPConnectionPool):
        return None
    found = _found(given_up.reason, given_up.pool)
    return found and Finding(found.code, redacted(f"{service}: {found.message}"))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and those that led to it: each has the one before it as its first argument.

    azure-core does not chain its errors.
    """
    cause: object = error
    while isinstance(cause, BaseException):
        yield cause
        inner = getattr(cause, "inner_exception", None)
        cause = inner or next(iter(cause.args), None)


def _found(reason: Exception | None, pool: HTTPConnectionPool) -> Finding | None:
    if isinstance(reason, ProxyError):
        return _at_proxy(reason.original_error, pool)
    if isinstance(reason, SSLError):
        return Finding(codes.TLS_FAILED, _tls_text(reason, pool))
    # This one is a kind of the next one.
    if isinstance(reason, NameResolutionError):
        return Finding(codes.HOST_NOT_FOUND, f"the name {pool.host} is not known here")
    if isinstance(reason, ConnectTimeoutError):
        said = f"{pool.host}, TCP {pool.port}, cannot be reached: {_text(reason)}"
        return Finding(codes.HOST_UNREACHABLE, said)
    return None


def _at_proxy(error: Exception, pool: HTTPConnectionPool) -> Finding:
    proxy = "the proxy" if pool.proxy is None else f"the proxy {pool.proxy.host}"
    said = str(error)
    if said.startswith(_REFUSED):
        why = said.removeprefix(_REFUSED)
        return Finding(codes.PROXY_REFUSED, f"{proxy} refuses {pool.host}, TCP {pool.port}: {why}")
    if isinstance(error, NameResolutionError):
        return Finding(codes.HOST_NOT_FOUND, f"the name of {proxy} is not known here")
    return Finding(codes.HOST_UNREACHABLE, f"{proxy} cannot be reached: {_text(error)}")


def _tls_text(error: SSLError, pool: HTTPConnectionPool) -> str:
    cause = error.args[0] if error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"{pool.host} shows a certificate that is not trusted: {cause.verify_message}"
    reason = getattr(cause, "reason", None)
    return f"TLS with {pool.host} failed: {reason or cause}"


def _text(error: BaseException) -> str:
    """Return the words of the system, such as "Connection refused" or "timed out"."""
    cause = error.__cause__ or error
    return str(getattr(cause, "strerror", None) or cause)
