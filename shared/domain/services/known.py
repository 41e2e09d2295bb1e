"""The Azure services that need the same job: one record for each.

Each record is taken from pages of Microsoft. A service that no page confirms is not in the list. A
name is in registrations, so it is never taken away from a service or given to another one.
"""

from .service import InboundRule, Service, Source

SERVICES = (
    Service(
        name="appServiceEnvironment",
        title="App Service Environment v1 and v2",
        service_tags=("AppServiceManagement",),
        needed_when="the environment is a v1 or v2 that is still there",
        why=(
            "Azure manages the environment from these addresses. If the answers go through a "
            "firewall, the management is lost."
        ),
        unless=(
            "An ASEv3 does not need them. Versions 1 and 2 were retired on 31 August 2024, and the "
            "remaining ones are being removed."
        ),
        inbound=InboundRule("AppServiceManagement", "454-455"),
        sources=(
            Source(
                "https://learn.microsoft.com/azure/app-service/environment/management-addresses",
                "2019-01-16",
            ),
        ),
    ),
    Service(
        name="apiManagement",
        title="API Management, classic tiers in a virtual network",
        service_tags=("ApiManagement",),
        needed_when="the instance is of a classic tier, in a virtual network",
        why=(
            "The control plane reaches the management endpoint from these addresses. If the "
            "answers go through a firewall, the connection is lost."
        ),
        unless=(
            "An instance without a virtual network does not need them. The pages are about the "
            "classic tiers only."
        ),
        inbound=InboundRule("ApiManagement", "3443", needs_group=True),
        sources=(
            Source(
                "https://learn.microsoft.com/azure/api-management/virtual-network-reference",
                "2026-04-30",
            ),
            Source(
                "https://learn.microsoft.com/azure/api-management/api-management-using-with-vnet",
                "2023-11-29",
            ),
        ),
    ),
    Service(
        name="databricks",
        title="Azure Databricks in a virtual network of your own",
        service_tags=(
            "AzureDatabricks",
            "Sql.{region}",
            "Storage.{region}",
            "EventHub.{region}",
        ),
        needed_when="the workspace is in a virtual network of your own",
        why=(
            "The clusters reach the control plane, the metastore, the storage of artifacts and "
            "logs, and the event hubs of Databricks at these addresses."
        ),
        unless="If the workspace has Azure Private Link, the tag AzureDatabricks is not needed.",
        sources=(
            Source(
                "https://learn.microsoft.com/azure/databricks/security/network/classic/udr", None
            ),
        ),
    ),
    Service(
        name="batch",
        title="Azure Batch, pools in a virtual network",
        service_tags=("BatchNodeManagement.{region}",),
        needed_when="the pool is in a virtual network and reaches Batch at its public addresses",
        why=(
            "The nodes reach the Batch service at these addresses. In classic communication mode "
            "the service also reaches the nodes, and needs the inbound rule and Storage.{region}."
        ),
        unless=(
            "A pool with a node management private endpoint does not need them. The classic mode "
            "was to be retired on 31 March 2026, and the simplified mode needs no inbound rule."
        ),
        inbound=InboundRule(
            "BatchNodeManagement.{region}", "29876-29877", only="in classic communication mode"
        ),
        sources=(
            Source("https://learn.microsoft.com/azure/batch/batch-virtual-network", "2023-09-20"),
            Source(
                "https://learn.microsoft.com/azure/batch/simplified-compute-node-communication",
                None,
            ),
        ),
    ),
    Service(
        name="azureMachineLearning",
        title="Azure Machine Learning, compute with a public IP address",
        service_tags=("AzureMachineLearning",),
        needed_when="the compute is in a virtual network and has a public IP address",
        why=(
            "The service reaches the compute from these addresses, and a firewall cannot know the "
            "address of the compute before it is made."
        ),
        unless=(
            "Compute without a public IP address and a managed virtual network do not need them."
        ),
        inbound=InboundRule("AzureMachineLearning", "44224"),
        sources=(
            Source(
                "https://learn.microsoft.com/azure/machine-learning/how-to-secure-training-vnet",
                "2023-04-14",
            ),
        ),
    ),
    Service(
        name="hdInsight",
        title="HDInsight",
        service_tags=("HDInsight",),
        needed_when=(
            "the cluster is in a virtual network of your own, and its resourceProviderConnection "
            "is Inbound"
        ),
        why=(
            "The health and management services reach the cluster from these addresses. Their "
            "traffic cannot go through a firewall."
        ),
        unless=(
            "A cluster whose traffic goes to no firewall does not need them. If "
            "resourceProviderConnection is Outbound, the cluster opens the connection itself and "
            "does not need them either, except perhaps in US Government and China. HDInsight also "
            "has tags for regions, of which a cluster needs up to three."
        ),
        inbound=InboundRule("HDInsight", "443"),
        sources=(
            Source(
                "https://learn.microsoft.com/azure/hdinsight/hdinsight-restrict-outbound-traffic",
                "2020-04-17",
            ),
            Source(
                "https://learn.microsoft.com/azure/hdinsight/hdinsight-service-tags", "2020-03-10"
            ),
            Source(
                "https://learn.microsoft.com/azure/hdinsight/control-network-traffic",
                "2024-06-15",
            ),
            Source(
                "https://learn.microsoft.com/azure/hdinsight/hdinsight-restrict-public-connectivity",
                "2021-09-20",
            ),
        ),
    ),
    Service(
        name="entraDomainServices",
        title="Microsoft Entra Domain Services",
        service_tags=("AzureActiveDirectoryDomainServices",),
        needed_when="the managed domain's subnet has a route table",
        why="Microsoft manages the domain controllers from these addresses.",
        unless=(
            "Without a route table nothing is needed. Microsoft does not support a managed domain "
            "whose route 0.0.0.0/0 was changed, even with these routes."
        ),
        inbound=InboundRule("AzureActiveDirectoryDomainServices", "5986", needs_group=True),
        keeps_default_route=True,
        needs_table=False,
        sources=(
            Source(
                "https://learn.microsoft.com/entra/identity/domain-services/network-considerations",
                "2025-02-05",
            ),
        ),
    ),
    Service(
        name="azureVirtualDesktop",
        title="Azure Virtual Desktop, session hosts behind Azure Firewall",
        service_tags=("WindowsVirtualDesktop",),
        needed_when="all traffic of the session hosts goes through Azure Firewall",
        why=(
            "The session hosts reach the gateway and the broker at these addresses. If this "
            "traffic goes through the firewall, sessions can be disconnected when the firewall "
            "scales in."
        ),
        unless="Session hosts whose default route does not lead to the firewall do not need them.",
        sources=(
            Source(
                "https://learn.microsoft.com/azure/firewall/protect-azure-virtual-desktop",
                "2026-02-05",
            ),
        ),
    ),
    Service(
        name="dataFactoryIntegrationRuntime",
        title="Azure-SSIS integration runtime, standard injection into a virtual network",
        service_tags=("BatchNodeManagement.{region}",),
        needed_when="the runtime joins a virtual network by standard injection",
        why=(
            "Azure Batch manages the nodes from these addresses. If the answers go through a "
            "firewall, the connection is lost."
        ),
        unless="A runtime without a virtual network does not need them.",
        inbound=InboundRule("BatchNodeManagement.{region}", "29876-29877"),
        sources=(
            Source(
                "https://learn.microsoft.com/azure/data-factory/"
                "azure-ssis-integration-runtime-standard-virtual-network-injection",
                "2024-01-05",
            ),
        ),
    ),
)

NAMED = {service.name: service for service in SERVICES}
"""The services by their names."""
