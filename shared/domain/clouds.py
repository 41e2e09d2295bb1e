"""The endpoints and names that differ between the Azure clouds.

Source: azure.mgmt.core.tools, azure-cli-core's cloud.py; for the portal, the key `portal` of the
template function `environment`, and the links of `AzurePortalLink` in azure-dev.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Cloud:
    arm_endpoint: str
    credential_scope: str
    authority: str
    storage_suffix: str
    portal: str

    def portal_url(self, resource_id: str) -> str:
        """Return the page of a resource in the portal, in the tenant of whoever opens it."""
        return f"{self.portal}/#@/resource{quote(resource_id)}/overview"


CLOUDS: Mapping[str, Cloud] = {
    "AzureCloud": Cloud(
        "https://management.azure.com",
        "https://management.azure.com/.default",
        "login.microsoftonline.com",
        "core.windows.net",
        "https://portal.azure.com",
    ),
    "AzureUSGovernment": Cloud(
        "https://management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net/.default",
        "login.microsoftonline.us",
        "core.usgovcloudapi.net",
        "https://portal.azure.us",
    ),
    "AzureChinaCloud": Cloud(
        "https://management.chinacloudapi.cn",
        "https://management.chinacloudapi.cn/.default",
        "login.chinacloudapi.cn",
        "core.chinacloudapi.cn",
        "https://portal.azure.cn",
    ),
}
