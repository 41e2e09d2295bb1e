"""Recognise that a cloud does not have an API version, and say which setting helps.

Microsoft.Web and Microsoft.Network are behind in some clouds. Azure answers 400
`NoRegisteredProviderFound` for a resource and 404 `InvalidResourceType` for what has no location,
each with the versions that it supports. Sources: issues 26639, 26827 and 28496 of Azure/azure-cli.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

_CODES = frozenset({"NoRegisteredProviderFound", "InvalidResourceType"})
_SETTINGS: Mapping[str, tuple[str, str]] = {
    "microsoft.network": ("Microsoft.Network", "ARM_API_VERSION_NETWORK"),
    "microsoft.web": ("Microsoft.Web", "ARM_API_VERSION_WEB"),
}
_PROVIDER = re.compile(r"/providers/(?P<namespace>[^/?]+)", re.IGNORECASE)
_SUPPORTED = re.compile(r"supported api-versions are '(?P<versions>[^']*)'", re.IGNORECASE)


def unsupported_version(code: str, message: str, url: str) -> str | None:
    """Return what to say if Azure refused the API version of the request to this URL.

    `code` and `message` are Azure's. Return None if another reason is possible.
    """
    setting, supported = _setting(url), _supported(message) if code in _CODES else []
    asked = parse_qs(urlsplit(url).query).get("api-version", [""])[0]

    # Azure answers the same if it knows the version and not the type or the location.
    if setting is None or not supported or asked in supported:
        return None
    provider, name = setting
    newest = _newest(supported)
    return f"{provider} has no API version {asked} here: set {name} to {newest}, its newest one"


def _supported(message: str) -> list[str]:
    """Return the versions that Azure's message lists."""
    found = _SUPPORTED.search(message)
    return [version.strip() for version in found["versions"].split(",")] if found else []


def _setting(url: str) -> tuple[str, str] | None:
    """Return the provider that the request went to, and the setting of its API version."""
    namespaces = _PROVIDER.findall(urlsplit(url).path)
    return _SETTINGS.get(namespaces[-1].lower()) if namespaces else None


def _newest(versions: list[str]) -> str:
    """Return the newest version, and a preview only if there is nothing else."""
    stable = [version for version in versions if version[10:] == ""]
    return max(stable or versions)
