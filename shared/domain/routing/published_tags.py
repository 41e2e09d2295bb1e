"""The tags of Microsoft's weekly files, made by `make routable-tags`: do not edit.

- ServiceTags_Public_20251027.json
- ServiceTags_AzureGovernment_20260706.json
- ServiceTags_China_20260706.json
"""

from collections.abc import Mapping

from .publication import Publication

PUBLISHED: Mapping[str, Publication] = {
    "AzureCloud": Publication(
        published="2025-10-27",
        change_number=374,
        regions="""\
AustraliaCentral AustraliaCentral2 AustraliaEast AustraliaSoutheast AustriaEast BelgiumCentral
 BrazilSouth BrazilSoutheast CanadaCentral CanadaEast CentralIndia CentralUS CentralUSEUAP
 ChileCentral EastAsia EastUS EastUS2 EastUS2EUAP EastUSSTG FranceCentral FranceSouth GermanyNorth
 GermanyWestCentral IndonesiaCentral IsraelCentral IsraelNorthwest ItalyNorth JapanEast JapanWest
 JioIndiaCentral JioIndiaWest KoreaCentral KoreaSouth MalaysiaSouth MalaysiaWest MexicoCentral
 NewZealandNorth NorthCentralUS NorthEurope NorwayEast NorwayWest PolandCentral QatarCentral
 SouthAfricaNorth SouthAfricaWest SouthCentralUS SouthCentralUS2 SouthCentralUSSTG SoutheastAsia
 SoutheastUS SoutheastUS3 SouthIndia SpainCentral SwedenCentral SwedenSouth SwitzerlandNorth
 SwitzerlandWest TaiwanNorth TaiwanNorthwest UAECentral UAENorth UKSouth UKWest WestCentralUS
 WestEurope WestIndia WestUS WestUS2 WestUS3""",
        routable="""\
ActionGroup .
ApiManagement . *
AppConfiguration .
AppService . *
AppServiceManagement .
ApplicationInsightsAvailability .
AutonomousDevelopmentPlatform .
AzureActiveDirectory .
AzureActiveDirectoryDomainServices .
AzureAdvancedThreatProtection .
AzureArcInfrastructure .
AzureAttestation .
AzureBackup .
AzureBotService .
AzureCognitiveSearch .
AzureConnectors . *
AzureContainerRegistry . *
AzureCosmosDB . *
AzureDataExplorerManagement .
AzureDataLake .
AzureDatabricks .
AzureDevOps .
AzureDevSpaces .
AzureDeviceUpdate .
AzureDigitalTwins .
AzureEventGrid .
AzureFrontDoor backend firstparty frontend microsoftsecurity
AzureHealthcareAPIs .
AzureInformationProtection .
AzureIoTHub .
AzureKeyVault . *
AzureMachineLearning .
AzureMachineLearningInference .
AzureManagedGrafana .
AzureMonitor . core
AzureMonitorForSAP .
AzureOpenDatasets .
AzurePortal .
AzureResourceManager .
AzureSentinel .
AzureSignalR .
AzureSiteRecovery .
AzureSpringCloud .
AzureTrafficManager .
AzureUpdateDelivery .
BatchNodeManagement .
ChaosStudio .
DataFactory .
DataFactoryManagement .
Dynamics365ForMarketingEmail . australiasoutheast brazilsouth canadacentral centralindia eastasia
 francecentral japaneast northeurope southafricanorth uaenorth uksouth westus2
EventHub . *
GatewayManager .
GuestAndHybridManagement .
HDInsight . * -australiacentral2 -westindia
KustoAnalytics .
LogicApps .
LogicAppsManagement .
M365ManagementActivityApi .
Marketplace .
MicrosoftCloudAppSecurity .
MicrosoftContainerRegistry . * -australiacentral -australiacentral2
MicrosoftDefenderForEndpoint .
MicrosoftPurviewPolicyDistribution .
PowerBI . * -southcentralusstg
PowerPlatformInfra . * -australiacentral -australiacentral2 -austriaeast -belgiumcentral
 -centraluseuap -chilecentral -eastus2euap -eastusstg -israelnorthwest -jioindiacentral
 -jioindiawest -malaysiasouth -malaysiawest -mexicocentral -northcentralus -southcentralus2
 -southcentralusstg -southeastus -southeastus3 -swedensouth -taiwannorth -taiwannorthwest -westindia
 -westus3
PowerQueryOnline .
SCCservice .
Scuba .
SecurityCopilot .
SerialConsole .
ServiceBus .
ServiceFabric .
Sql . * eastus2stage northcentralusstage
SqlManagement .
Storage . * eastus2stage northcentralusstage
StorageMover .
StorageSyncService .
VideoIndexer .
WindowsAdminCenter .
WindowsVirtualDesktop .""",
        others="""\
ActionGroup *
AppServiceManagement *
AzureActiveDirectory serviceendpoint
AzureArcInfrastructure *
AzureAttestation *
AzureBackup *
AzureBotService *
AzureCloud . * -brazilsoutheast -chilecentral -eastusstg -francecentral -francesouth -germanynorth
 -germanywestcentral -norwayeast -norwaywest -southcentralusstg -switzerlandnorth -switzerlandwest
 brazilne brazilse centralfrance chilec germanyn germanywc northeurope2 norwaye norwayw southfrance
 switzerlandn switzerlandw usstagec usstagee
AzureCognitiveSearch *
AzureDataExplorerManagement * -southcentralusstg
AzureDataLake australiasoutheast centralus eastus2 northeurope southeastasia westeurope
AzureDevOps australiaeast australiasoutheast brazilsouth canadacentral centralindia centralus
 centraluseuap eastasia eastus eastus2 eastus2euap northcentralus northeurope southcentralus
 southeastasia southindia swedencentral uaenorth uksouth westcentralus westeurope westus westus2
 westus3
AzureDevSpaces australiaeast australiasoutheast canadacentral canadaeast centralus eastasia eastus
 eastus2 eastus2euap japaneast northeurope southcentralus southeastasia uksouth westcentralus
 westeurope westus westus2
AzureDigitalTwins *
AzureEventGrid *
AzureIoTHub * -austriaeast -belgiumcentral -chilecentral -israelnorthwest -southcentralus2
 -southeastus3
AzureLoadTestingInstanceManagement .
AzureMachineLearning *
AzureMonitor *
AzureOpenDatasets * -austriaeast -belgiumcentral -brazilsoutheast -chilecentral -indonesiacentral
 -israelcentral -israelnorthwest -italynorth -jioindiawest -malaysiasouth -malaysiawest
 -mexicocentral -newzealandnorth -polandcentral -qatarcentral -southcentralus2 -southeastus
 -southeastus3 -spaincentral -taiwannorth -taiwannorthwest
AzurePortal *
AzureResourceManager *
AzureSecurityCenter . * -austriaeast -belgiumcentral -chilecentral -indonesiacentral -israelcentral
 -israelnorthwest -italynorth -malaysiasouth -malaysiawest -mexicocentral -newzealandnorth
 -polandcentral -qatarcentral -southcentralus2 -southeastus -southeastus3 -spaincentral -taiwannorth
 -taiwannorthwest
AzureSignalR * -belgiumcentral -chilecentral -israelnorthwest -malaysiasouth -southcentralus2
 -southeastus -southeastus3 -taiwannorthwest
AzureSphere .
AzureStack .
AzureUpdateDelivery centralus eastasia eastus eastus2 northeurope southcentralus westcentralus
 westeurope westus2
AzureWebPubSub .
BatchNodeManagement *
CognitiveServicesFrontend .
CognitiveServicesManagement .
DataFactory * -southcentralusstg
Dynamics365BusinessCentral .
Dynamics365ForMarketingEmail eastus switzerlandnorth
EOPExternalPublishedIPs .
GatewayManager *
Grafana .
HDInsight australiacentral2 westindia
LogicApps *
M365ManagementActivityApiWebhook .
MicrosoftAzureFluidRelay .
MicrosoftCloudAppSecurity australiaeast australiasoutheast brazilsouth canadacentral canadaeast
 centralindia centralus centraluseuap eastasia eastus eastus2 eastus2euap francecentral francesouth
 northeurope southcentralus southeastasia uksouth ukwest westcentralus westeurope westus westus2
 westus3
MicrosoftContainerRegistry australiacentral australiacentral2
OneDsCollector .
PowerPlatformPlex . * -australiacentral -australiacentral2 -austriaeast -belgiumcentral
 -centraluseuap -chilecentral -eastus2euap -eastusstg -israelnorthwest -jioindiacentral
 -jioindiawest -malaysiasouth -malaysiawest -mexicocentral -northcentralus -southcentralus2
 -southcentralusstg -southeastus -southeastus3 -swedensouth -taiwannorth -taiwannorthwest
 -westcentralus -westindia -westus2 -westus3
PowerQueryOnline *
SCCservice * -austriaeast -belgiumcentral -chilecentral -indonesiacentral -israelcentral
 -israelnorthwest -italynorth -malaysiasouth -malaysiawest -mexicocentral -newzealandnorth
 -polandcentral -qatarcentral -southcentralus2 -southeastus -southeastus3 -spaincentral -taiwannorth
 -taiwannorthwest
ServiceBus *
ServiceFabric *
StorageSyncService *
WindowsVirtualDesktop * -southcentralus2 -southeastus -southeastus3""",
    ),
    "AzureUSGovernment": Publication(
        published="2026-07-06",
        change_number=400,
        regions="""\
USDoDCentral USDoDEast USGovArizona USGovTexas USGovVirginia""",
        routable="""\
ActionGroup .
ApiManagement . *
AppConfiguration .
AppService . *
AppServiceManagement .
ApplicationInsightsAvailability .
AzureActiveDirectory .
AzureActiveDirectoryDomainServices .
AzureAdvancedThreatProtection .
AzureArcInfrastructure .
AzureAttestation .
AzureBackup .
AzureBotService .
AzureCognitiveSearch .
AzureConnectors . *
AzureContainerRegistry . *
AzureCosmosDB . *
AzureDataExplorerManagement .
AzureDatabricks .
AzureDigitalTwins .
AzureEventGrid .
AzureFrontDoor backend frontend microsoftsecurity
AzureHealthcareAPIs .
AzureInformationProtection .
AzureIoTHub .
AzureKeyVault . *
AzureMachineLearning .
AzureMachineLearningInference .
AzureManagedGrafana .
AzureMonitor . core
AzureMonitorForSAP .
AzurePortal . azureappserviceux
AzureResourceManager .
AzureSentinel .
AzureSignalR .
AzureSiteRecovery .
AzureSpringCloud .
AzureTrafficManager .
BatchNodeManagement .
DataFactory .
DataFactoryManagement .
Dynamics365ForMarketingEmail .
EventHub . *
GatewayManager .
GuestAndHybridManagement .
HDInsight . *
KustoAnalytics .
LogicApps .
LogicAppsManagement .
M365ManagementActivityApi .
Marketplace .
MicrosoftCloudAppSecurity .
MicrosoftContainerRegistry . *
MicrosoftDefenderForEndpoint .
MicrosoftPurviewPolicyDistribution .
PowerBI . *
PowerPlatformInfra . * -usgovarizona
PowerQueryOnline .
SCCservice .
Scuba .
SerialConsole .
ServiceBus .
ServiceFabric .
Sql . *
SqlManagement .
Storage . *
StorageMover .
StorageSyncService .
SystemServiceAzureSpringAppsResourceProvider .
VideoIndexer .
WindowsAdminCenter .
WindowsVirtualDesktop .""",
        others="""\
ActionGroup *
AppServiceManagement *
AzureActiveDirectory serviceendpoint
AzureArcInfrastructure *
AzureAttestation *
AzureBackup *
AzureBotService *
AzureCloud . *
AzureCognitiveSearch *
AzureDataExplorerManagement *
AzureDigitalTwins usdodcentral usgovarizona usgovtexas
AzureEventGrid *
AzureIoTHub *
AzureMachineLearning *
AzureMonitor *
AzurePortal *
AzureResourceManager *
AzureSecurityCenter . *
AzureSignalR usdodeast usgovarizona usgovvirginia
AzureStack .
AzureWebPubSub .
BatchNodeManagement *
CognitiveServicesFrontend .
CognitiveServicesManagement .
DataFactory *
Dynamics365ForMarketingEmail usgovtexas usgovvirginia
EOPExternalPublishedIPs .
GatewayManager *
LogicApps *
M365ManagementActivityApiWebhook .
MicrosoftAzureFluidRelay .
MicrosoftCloudAppSecurity *
OneDsCollector .
PowerPlatformPlex . * -usgovarizona
PowerQueryOnline *
SCCservice *
ServiceBus *
ServiceFabric *
StorageSyncService *
WindowsVirtualDesktop *""",
    ),
    "AzureChinaCloud": Publication(
        published="2026-07-06",
        change_number=403,
        regions="""\
ChinaEast ChinaEast2 ChinaEast3 ChinaNorth ChinaNorth2 ChinaNorth3""",
        routable="""\
AutonomousDevelopmentPlatform .
AzureActiveDirectory .
AzureActiveDirectoryDomainServices .
AzureEventGrid .
AzureFrontDoor backend frontend
AzureMachineLearning .
AzureMachineLearningInference .
AzureManagedGrafana .
AzurePortal .
AzureResourceManager .
AzureSecurityCenter .
AzureSpringCloud .
AzureStack .
AzureWebPubSub .
DataFactory *
DataFactoryManagement .
Dynamics365ForMarketingEmail .
EOPExternalPublishedIPs .
GuestAndHybridManagement .
KustoAnalytics .
M365ManagementActivityApiWebhook .
Marketplace .
MicrosoftAzureFluidRelay .
MicrosoftPurviewPolicyDistribution .
OneDsCollector .
PowerPlatformInfra .
Scuba .
SerialConsole .
Sql .
SystemServiceAzureSpringAppsResourceProvider .
WindowsVirtualDesktop .""",
        others="""\
ActionGroup . *
ApiManagement . *
AppConfiguration .
AppService . *
AppServiceManagement . *
ApplicationInsightsAvailability .
AzureActiveDirectory serviceendpoint
AzureAdvancedThreatProtection .
AzureArcInfrastructure . *
AzureAttestation . *
AzureBackup . *
AzureBotService . *
AzureCloud . *
AzureCognitiveSearch . *
AzureConnectors . *
AzureContainerRegistry . *
AzureCosmosDB . *
AzureDataExplorerManagement . *
AzureDatabricks .
AzureDigitalTwins . *
AzureEventGrid *
AzureHealthcareAPIs .
AzureInformationProtection .
AzureIoTHub . *
AzureKeyVault . *
AzureMachineLearning *
AzureMonitor . * core
AzurePortal *
AzureResourceManager *
AzureSecurityCenter *
AzureSentinel .
AzureSignalR . * -chinaeast
AzureSiteRecovery .
AzureTrafficManager .
BatchNodeManagement . *
CognitiveServicesFrontend .
CognitiveServicesManagement .
DataFactory .
EventHub . *
GatewayManager . *
HDInsight . *
LogicApps . *
LogicAppsManagement .
M365ManagementActivityApi .
MicrosoftCloudAppSecurity . * -chinaeast3 -chinanorth3
MicrosoftContainerRegistry . *
PowerBI . *
PowerPlatformInfra * -chinaeast -chinanorth
PowerPlatformPlex . * -chinaeast -chinanorth
PowerQueryOnline . *
SCCservice . * -chinanorth3
ServiceBus . *
ServiceFabric .
Sql *
SqlManagement .
Storage . *
StorageSyncService . *
WindowsAdminCenter .
WindowsVirtualDesktop *""",
    ),
}
