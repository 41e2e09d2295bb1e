"""The endpoints and names that differ between the Azure clouds.

Source: azure.mgmt.core.tools, azure-cli-core's cloud.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cloud:
    arm_endpoint: str
    credential_scope: str
    authority: str
    storage_suffix: str


CLOUDS: Mapping[str, Cloud] = {
    "AzureCloud": Cloud(
        "https://management.azure.com",
        "https://management.azure.com/.default",
        "login.microsoftonline.com",
        "core.windows.net",
    ),
    "AzureUSGovernment": Cloud(
        "https://management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net/.default",
        "login.microsoftonline.us",
        "core.usgovcloudapi.net",
    ),
    "AzureChinaCloud": Cloud(
        "https://management.chinacloudapi.cn",
        "https://management.chinacloudapi.cn/.default",
        "login.chinacloudapi.cn",
        "core.chinacloudapi.cn",
    ),
}
