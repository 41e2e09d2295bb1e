"""Every name is one that Azure takes, whatever the environment is called."""

import re

import pytest

from .deployed import DEPLOYED

GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
RULES = {
    "Microsoft.Authorization/roleAssignments": rf"{GUID}|\[guid\(.+\)\]",
    "Microsoft.Authorization/roleDefinitions": GUID,
    "Microsoft.EventGrid/systemTopics": r"[A-Za-z0-9-]{3,50}",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": r"[A-Za-z0-9-]{3,64}",
    "Microsoft.Insights/actionGroups": r"[^:<>+/&%\\?]{0,259}[^:<>+/&%\\? .]",
    "Microsoft.Insights/components": r"[^%&\\?/]{0,259}[^%&\\?/ .]",
    "Microsoft.Insights/scheduledQueryRules": r"[^*<>%{}&:\\?/#]{0,259}[^*<>%{}&:\\?/# .]",
    "Microsoft.Insights/workbooks": GUID,
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[A-Za-z0-9][\w-]{2,127}",
    "Microsoft.Network/privateEndpoints": r"[A-Za-z0-9][\w.-]{0,62}\w",
    "Microsoft.OperationalInsights/workspaces": r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
    "Microsoft.Resources/resourceGroups": r"[\w().-]{0,89}[\w()-]",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Storage/storageAccounts/blobServices/containers": r"[a-z0-9](-?[a-z0-9]){2,62}",
    "Microsoft.Storage/storageAccounts/queueServices/queues": r"[a-z0-9](-?[a-z0-9]){2,62}",
    "Microsoft.Storage/storageAccounts/tableServices/tables": r"[A-Za-z][A-Za-z0-9]{2,62}",
    "Microsoft.Web/serverfarms": r"[A-Za-z0-9-]{1,60}",
    "Microsoft.Web/sites": r"[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]",
}
"""Source: "Naming rules and restrictions for Azure resources"."""
FIXED = {
    *(f"Microsoft.Storage/storageAccounts/{kind}Services" for kind in ("blob", "queue", "table")),
    "Microsoft.Insights/diagnosticSettings",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies",
    "Microsoft.Web/sites/config",
}
"""Their own names are the same in each deployment."""
LONGEST = "e" * 36
AZD = r"[a-zA-Z0-9-\(\)_\.]{1,64}"
"""The names that azd takes. Source: Azure/azure-dev, `EnvironmentNameRegexp`."""


def refused(deployed):
    """The names that Azure would refuse, by type. A child's own name is the last part."""
    return [
        (one["type"], one["name"])
        for one in deployed.resources
        if one["type"] not in FIXED
        if not re.fullmatch(RULES[one["type"]], own_name(one))
    ]


def own_name(resource):
    if resource["type"] == "Microsoft.Authorization/roleAssignments":
        return resource["name"]
    return resource["name"].rpartition("/")[2]


@pytest.mark.parametrize("deployed", DEPLOYED.values(), ids=DEPLOYED)
def test_azure_takes_each_name_of_each_profile(deployed):
    assert refused(deployed) == []


@pytest.mark.parametrize("name", [LONGEST, "-Prod_(1).eu.", "()", "1"])
def test_azure_takes_each_name_whatever_the_environment_is_called(name, expand):
    assert re.fullmatch(AZD, name)
    subnets = {"integrationSubnetId": "/subnets/one", "privateEndpointSubnetId": "/subnets/two"}
    deployed = expand(environmentName=name, networkProfile="private", **subnets)
    assert refused(deployed) == []
    assert deployed.site["tags"]["azd-env-name"] == name  # by this, azd finds what it deployed


def test_a_name_that_is_too_long_is_refused_before_anything_is_made(template):
    assert template["parameters"]["environmentName"]["maxLength"] == len(LONGEST)


def test_two_environments_in_one_resource_group_share_nothing_but_the_groups(expand):
    one, other = (
        {
            resource["id"]
            for resource in expand(environmentName=name, resourceGroupName="rg").resources
        }
        for name in ("one", "two")
    )
    assert {resource.rpartition("/")[2] for resource in one & other} == {"rg", "rg-drift"}
