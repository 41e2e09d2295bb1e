"""Which service tags a route may have as its prefix, because the Discovery API does not tell.

Source: `networkFeatures` with `UDR` in the weekly published files. Azure Government: the file of
2020-08-27 (AppServiceManagement again in 2026). China: no tag had it in the file of 2020-09-14, nor
AppServiceManagement on 2026-07-20. Public: AppServiceManagement on 2025-10-13; for the others, the
documentation of their services asks for such routes (API Management, Batch, Databricks).
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
    """Return why a route can't have this tag as its prefix; None if it can."""
    if service_tag in _ROUTABLE[cloud]:
        return None
    if not _ROUTABLE[cloud]:
        return f"in {cloud} no route may have a service tag as its prefix"
    if "." in service_tag:
        return f"{service_tag} is one region of a tag: no route may have it as its prefix"
    return f"{service_tag} is not known to be usable as a route's prefix in {cloud}"
