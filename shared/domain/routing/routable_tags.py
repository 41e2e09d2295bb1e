"""The service tags that a route may have as its prefix. The Discovery API does not name them.

A tag can be used if its `networkFeatures` in the weekly published files contain `UDR`:

- Azure Government: in the file of 2020-08-27, and AppServiceManagement also in 2026.
- China: no tag in the file of 2020-09-14, and AppServiceManagement not on 2026-07-20 either.
- Public: AppServiceManagement on 2025-10-13. For the others, the documentation of their services
  asks for such routes (API Management, Batch, Databricks).
"""

from collections.abc import Mapping

_GOVERNMENT = """
ActionGroup ApiManagement AppConfiguration AppService AppServiceManagement
ApplicationInsightsAvailability AzureActiveDirectory AzureActiveDirectoryDomainServices
AzureAdvancedThreatProtection AzureBackup AzureBotService AzureCognitiveSearch AzureConnectors
AzureContainerRegistry AzureCosmosDB AzureDataExplorerManagement AzureDatabricks AzureEventGrid
AzureInformationProtection AzureIoTHub AzureKeyVault AzureMachineLearning AzureMonitor AzurePortal
AzureResourceManager AzureSignalR AzureSiteRecovery AzureTrafficManager BatchNodeManagement
CognitiveServicesManagement DataFactory EventHub GatewayManager GuestAndHybridManagement HDInsight
LogicApps LogicAppsManagement MicrosoftCloudAppSecurity MicrosoftContainerRegistry PowerBI
PowerQueryOnline ServiceBus ServiceFabric Sql SqlManagement Storage StorageSyncService
WindowsVirtualDesktop
"""
_ROUTABLE: Mapping[str, frozenset[str]] = {
    "AzureCloud": frozenset(
        {
            "ApiManagement",
            "AppServiceManagement",
            "AzureDatabricks",
            "BatchNodeManagement",
            "EventHub",
            "Sql",
            "Storage",
        }
    ),
    "AzureUSGovernment": frozenset(_GOVERNMENT.split()),
    "AzureChinaCloud": frozenset(),
}


def why_not_routable(cloud: str, service_tag: str) -> str | None:
    """Return why a route cannot have this tag as its prefix; None if it can."""
    if service_tag in _ROUTABLE[cloud]:
        return None
    if not _ROUTABLE[cloud]:
        return f"in {cloud} no route may have a service tag as its prefix"
    if "." in service_tag:
        return f"{service_tag} is one region of a tag: no route may have it as its prefix"
    return f"{service_tag} is not known to be usable as a route's prefix in {cloud}"
