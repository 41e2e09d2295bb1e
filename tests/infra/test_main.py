"""A deployment has the app's own settings and names, and keeps the rules of the plans."""

import json
import re
from pathlib import Path

import pytest

from local.snapshots import WHERE
from shared import lanes
from shared.domain.clouds import CLOUDS
from shared.settings import Settings
from tests.builders.settings import SETTINGS

from .deployed import DEPLOYED

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
FILES = sorted(INFRA.rglob("*.bicep"))
DEFAULT = DEPLOYED["default"]
REFUSED_BY_FLEX = {
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "FUNCTIONS_MAX_HTTP_CONCURRENCY",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTOVERVNET",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_DNS_SERVER",
    "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
    "WEBSITE_NODE_DEFAULT_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_SKIP_CONTENTSHARE_VALIDATION",
    "WEBSITE_VNET_ROUTE_ALL",
    "XDT_MicrosoftApplicationInsights_Mode",
}
"""Source: "Flex Consumption plan deprecations"."""
NOT_FOR_FLEX = {
    *("alwaysOn", "containerSize", "ftpsState", "isReserved", "isXenon", "javaVersion"),
    *("linuxFxVersion", "netFrameworkVersion", "powerShellVersion", "use32BitWorkerProcess"),
    *("functionAppScaleLimit", "preWarmedInstanceCount", "windowsFxVersion"),
    *("vnetBackupRestoreEnabled", "vnetContentShareEnabled", "vnetImagePullEnabled"),
    "vnetRouteAllEnabled",
}
"""Properties of the site. Source: the same page."""
ENDPOINT = "Microsoft.Network/privateEndpoints"
SERVICES = ("blob", "queue", "table")
DIAGNOSTICS = "Microsoft.Insights/diagnosticSettings"
SIGN_IN_TO_THE_LOG = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
OF_THE_HOST = {
    *(f"AzureWebJobsStorage__{name}ServiceUri" for name in ("blob", "queue", "table")),
    *("AzureWebJobsStorage__credential", "AzureWebJobsStorage__clientId"),
    *("APPLICATIONINSIGHTS_CONNECTION_STRING", SIGN_IN_TO_THE_LOG),
}

whole = pytest.mark.parametrize("deployed", DEPLOYED.values(), ids=DEPLOYED)
"""Each profile of main.bicep."""


def source(name):
    return (INFRA / name).read_text()


def test_no_resource_has_an_api_version_of_a_preview():
    """Of diagnostic settings, all that Microsoft's samples use is a preview."""
    for deployed in DEPLOYED.values():
        for resource in deployed.resources:
            if resource["type"] == DIAGNOSTICS:
                continue
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", resource["apiVersion"]), resource["id"]


def test_nothing_comes_from_a_registry():
    assert not re.search(r"'(br|ts)[:/]", "".join(file.read_text() for file in FILES))


def test_every_setting_is_deployed_and_no_other():
    assert DEFAULT.settings.keys() - OF_THE_HOST == SETTINGS - {"AzureWebJobsStorage"}


def test_what_is_deployed_without_a_parameter_is_the_documented_default():
    required = {
        **{name: DEFAULT.settings[name] for name in ("SYNC_SCHEDULE", "CHECK_SCHEDULE")},
        "SERVICE_TAG_SUBSCRIPTION_ID": WHERE["subscriptionId"],
        "SERVICE_TAG_LOCATIONS": "westeurope",
        "AzureWebJobsStorage": "x",
    }
    of_the_app = {k: v for k, v in DEFAULT.settings.items() if k in SETTINGS - {"AZURE_CLIENT_ID"}}
    given = {**of_the_app, "AzureWebJobsStorage": "x"}
    assert Settings.read(given) == Settings.read(required)


@whole
def test_the_app_has_its_storage_by_identity_alone(deployed):
    assert deployed.settings.keys() >= OF_THE_HOST - {SIGN_IN_TO_THE_LOG}
    assert "AzureWebJobsStorage" not in deployed.settings
    assert "listKeys" not in json.dumps(deployed.resources)


def test_flex_consumption_gets_no_setting_that_it_refuses():
    assert not DEFAULT.settings.keys() & REFUSED_BY_FLEX
    assert DEFAULT.one("Microsoft.Web/serverfarms")["sku"]["name"] == "FC1"


@whole
def test_flex_consumption_gets_no_property_that_it_does_not_have(deployed):
    site = deployed.site["properties"]
    sent = NOT_FOR_FLEX & {*site, *site["siteConfig"]}
    assert not sent or "functionAppConfig" not in site


def test_the_number_of_instances_can_be_one_and_is_by_default_one_that_each_region_takes(
    expand, template
):
    allowed = template["parameters"]["maximumInstanceCount"]
    assert (allowed["minValue"], allowed["maxValue"]) == (1, 1000)
    for deployed, count in ((DEFAULT, 40), (expand(maximumInstanceCount=1), 1)):
        scale = deployed.site["properties"]["functionAppConfig"]["scaleAndConcurrency"]
        assert scale["maximumInstanceCount"] == count


@whole
def test_the_workbook_is_shown_where_its_log_is(deployed):
    """The portal finds a workbook by the id of its source in lower case."""
    source_id = deployed.one("Microsoft.Insights/components")["id"]
    workbook = deployed.one("Microsoft.Insights/workbooks")
    assert workbook["properties"]["sourceId"] == source_id.lower()


def test_what_flex_consumption_refuses_a_premium_plan_gets():
    premium = DEPLOYED["premium"]
    more = premium.settings.keys() - DEFAULT.settings.keys()
    assert {"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION"} <= more <= REFUSED_BY_FLEX
    assert premium.settings["FUNCTIONS_WORKER_RUNTIME"] == "python"
    assert premium.site["properties"]["siteConfig"]["alwaysOn"] is True
    assert "functionAppConfig" not in premium.site["properties"]


def test_azd_asks_for_the_location_among_those_of_azure(template):
    assert template["parameters"]["location"]["metadata"]["azd"] == {"type": "location"}


@pytest.mark.parametrize("cloud", ["government", "china"])
def test_the_other_clouds_get_a_premium_plan(cloud):
    assert DEPLOYED[cloud].one("Microsoft.Web/serverfarms")["sku"]["name"] == "P0v3"


def test_either_plan_runs_the_python_of_the_repository():
    version = (ROOT / ".python-version").read_text().strip()
    flex = DEFAULT.site["properties"]["functionAppConfig"]
    assert flex["runtime"] == {"name": "python", "version": version}
    premium = DEPLOYED["premium"].site["properties"]["siteConfig"]
    assert premium["linuxFxVersion"] == f"PYTHON|{version}"


def test_an_instance_serves_several_requests_at_a_time_and_each_has_a_thread():
    scale = DEFAULT.site["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    assert 1 < scale["triggers"]["http"]["perInstanceConcurrency"] <= lanes.REQUESTS.count


@whole
def test_storage_has_no_keys_no_public_blobs_and_todays_tls(deployed):
    properties = deployed.storage["properties"]
    assert properties["allowSharedKeyAccess"] is False
    assert properties["allowBlobPublicAccess"] is False
    assert properties["supportsHttpsTrafficOnly"] is True
    assert properties["minimumTlsVersion"] == "TLS1_2"


@whole
def test_the_log_has_who_changed_the_storage_and_what_the_host_of_the_app_tells(deployed):
    """Source: "Supported logs", by type of resource."""
    workspace = deployed.one("Microsoft.OperationalInsights/workspaces")
    changes = {"StorageWrite", "StorageDelete"}  # the host reads each minute, which fills a log
    expected = {
        **{f"{deployed.storage['id']}/{kind}Services/default": changes for kind in SERVICES},
        deployed.site["id"]: {"FunctionAppLogs"},
    }
    found = {}
    for setting in deployed.all(DIAGNOSTICS):
        of, _, _ = setting["id"].partition(f"/providers/{DIAGNOSTICS}/")
        properties = setting["properties"]
        assert properties["workspaceId"] == workspace["id"]
        found[of] = {log["category"] for log in properties["logs"] if log["enabled"]}
    assert found == expected


@whole
def test_a_deleted_blob_or_container_can_be_restored_for_a_week(deployed):
    blobs = deployed.one("Microsoft.Storage/storageAccounts/blobServices")["properties"]
    a_week = {"enabled": True, "days": 7}
    assert blobs["deleteRetentionPolicy"] == blobs["containerDeleteRetentionPolicy"] == a_week


def test_queues_and_tables_are_those_of_the_code():
    def names(kind):
        found = DEFAULT.all(f"Microsoft.Storage/storageAccounts/{kind}")
        return {resource["name"].rpartition("/")[2] for resource in found}

    functions = (ROOT / "function_app.py").read_text()
    used = {*re.findall(r'"(route-table-[\w-]+)"', functions), "resource-events"}
    assert names("queueServices/queues") == used | {f"{name}-poison" for name in used}
    assert names("blobServices/containers") == {"deployments", "resource-events-dead-letters"}
    account = (ROOT / "shared" / "storage" / "account.py").read_text()
    tables = re.findall(r'create_table_if_not_exists\("(\w+)"\)', account)
    assert names("tableServices/tables") >= {*tables} != set()


@whole
def test_only_a_role_opens_the_log_if_the_cloud_has_sign_in_to_it(deployed):
    """Elsewhere nothing would arrive. Source: "Microsoft Entra authentication for Application
    Insights"; microsoft/ApplicationInsights-dotnet#2962.
    """
    signs_in = deployed.settings["AZURE_CLOUD"] == "AzureCloud"
    insights = deployed.one("Microsoft.Insights/components")
    assert insights["properties"]["DisableLocalAuth"] is signs_in
    workspace = deployed.one("Microsoft.OperationalInsights/workspaces")
    assert workspace["properties"]["features"]["disableLocalAuth"] is signs_in
    assert (SIGN_IN_TO_THE_LOG in deployed.settings) is signs_in


@whole
def test_the_site_takes_https_and_no_passwords(deployed):
    site = deployed.site["properties"]
    assert site["httpsOnly"] is True
    if "functionAppConfig" not in site:  # Flex Consumption has no FTP
        assert site["siteConfig"]["ftpsState"] == "Disabled"
    assert deployed.site["identity"]["type"] == "UserAssigned"
    for way in ("ftp", "scm"):
        policy = deployed.one("Microsoft.Web/sites/basicPublishingCredentialsPolicies", f"/{way}")
        assert policy["properties"] == {"allow": False}


@pytest.mark.parametrize(
    ("name", "site", "account", "action"),
    [
        ("default", "Enabled", "Enabled", "Allow"),
        ("private", "Disabled", "Enabled", "Deny"),
        ("private-without-events", "Disabled", "Disabled", "Deny"),
    ],
)
def test_private_is_private_but_for_event_grid(name, site, account, action):
    """Event Grid is one of the trusted services: "Storage queue as an event handler"."""
    storage = DEPLOYED[name].storage["properties"]
    assert DEPLOYED[name].site["properties"]["publicNetworkAccess"] == site
    assert storage["publicNetworkAccess"] == account
    assert storage["networkAcls"] == {"bypass": "AzureServices", "defaultAction": action}


@pytest.mark.parametrize(
    ("name", "site_zone"),
    [("private", "azurewebsites.net"), ("china", "chinacloudsites.cn")],
)
def test_each_service_has_a_private_endpoint_with_the_zone_of_its_cloud(name, site_zone):
    private = DEPLOYED[name]
    suffix = CLOUDS[private.settings["AZURE_CLOUD"]].storage_suffix
    zones = {kind: f"privatelink.{kind}.{suffix}" for kind in ("blob", "queue", "table")}
    zones["sites"] = f"privatelink.{site_zone}"

    for kind, zone in zones.items():
        endpoint = private.one(ENDPOINT, f"-{kind}")["properties"]
        [connection] = endpoint["privateLinkServiceConnections"]
        target = private.site if kind == "sites" else private.storage
        assert connection["properties"]["groupIds"] == [kind]
        assert connection["properties"]["privateLinkServiceId"] == target["id"]

        record = private.one(f"{ENDPOINT}/privateDnsZoneGroups", f"-{kind}/default")
        [config] = record["properties"]["privateDnsZoneConfigs"]
        assert config["properties"]["privateDnsZoneId"].endswith(f"/privateDnsZones/{zone}")

    assert len(private.all(ENDPOINT)) == len(zones)
    assert private.site["properties"]["virtualNetworkSubnetId"].endswith("/snet-functions")


def test_each_cloud_has_its_private_zones():
    zones = json.loads(source("private-dns-zones.json"))
    assert zones.keys() == CLOUDS.keys()
    for cloud, found in zones.items():
        for kind in ("blob", "queue", "table"):
            assert found[kind] == f"privatelink.{kind}.{CLOUDS[cloud].storage_suffix}"


def test_the_template_takes_no_secret_and_no_resource_has_a_key_of_the_app(template):
    secure = [
        one for one in template["parameters"].values() if one.get("type", "").startswith("secure")
    ]
    assert secure == []
    for deployed in DEPLOYED.values():
        assert deployed.all("Microsoft.Insights/activityLogAlerts") == []
        assert "code=" not in json.dumps(deployed.resources)


def test_the_url_for_notices_is_a_secret_that_the_app_reads_by_its_identity():
    webhook = DEPLOYED["webhook"]
    reference = "@Microsoft.KeyVault(VaultName=kv-net;SecretName=notices)"
    assert webhook.settings["NOTIFY_WEBHOOK_URL"] == reference
    assert webhook.site["properties"]["keyVaultReferenceIdentity"].endswith("/id-prod")
    assert DEFAULT.settings["NOTIFY_WEBHOOK_URL"] == ""


def link_of(deployed):
    """The URL in the workbook. If Azure names the site's host, this is the expression for it."""
    workbook = deployed.one("Microsoft.Insights/workbooks")["properties"]["serializedData"]
    if workbook.startswith("["):
        links = re.findall(r"'linkTarget', 'Url', 'cellValue', (.+?), 'style'", workbook)
    else:
        first = json.loads(workbook)["items"][0]
        links = [link["cellValue"] for link in first["content"]["links"]]
    assert "?code" not in workbook
    [link] = links
    return link


@whole
def test_the_workbook_and_the_outputs_lead_to_the_dashboard_at_the_sites_own_host(deployed):
    link = link_of(deployed)
    assert link.startswith("format('{0}/api/dashboard', format('https://{0}', reference(")
    assert f"{deployed.site['id']}'" in link and link.endswith(").defaultHostName))")
    assert deployed.outputs["DASHBOARD_URL"] == f"[{link}]"


@pytest.mark.parametrize("profile", ["public", "private"])
def test_behind_a_gateway_they_lead_there(profile, expand):
    subnet = f"/subscriptions/{WHERE['subscriptionId']}/resourceGroups/rg/providers/x/subnets/one"
    deployed = expand(
        networkProfile=profile,
        integrationSubnetId=subnet if profile == "private" else "",
        privateEndpointSubnetId=subnet if profile == "private" else "",
        appSettings={"PUBLIC_URL": " https://api.contoso.com/routes/ "},
    )
    url = "https://api.contoso.com/routes/api/dashboard"
    assert (link_of(deployed), deployed.outputs["DASHBOARD_URL"]) == (url, url)


def test_the_outputs_say_where_the_deployment_is():
    assert DEFAULT.outputs["AZURE_LOCATION"] == "westeurope"
    assert DEFAULT.outputs["AZURE_TENANT_ID"] == WHERE["tenantId"]


def test_a_token_is_judged_and_a_key_alone_still_opens():
    tokens = DEPLOYED["tokens"]
    properties = tokens.one("Microsoft.Web/sites/config", "/authsettingsV2")["properties"]
    assert properties["platform"] == {"enabled": True}
    assert properties["globalValidation"] == {
        "requireAuthentication": False,
        "unauthenticatedClientAction": "AllowAnonymous",
    }
    provider = properties["identityProviders"]["azureActiveDirectory"]
    assert provider["enabled"] is True
    client = provider["registration"]["clientId"]
    assert provider["validation"]["allowedAudiences"] == [client, f"api://{client}"]


def test_a_sign_in_leads_back_to_the_app_alone_and_leaves_no_token():
    tokens = DEPLOYED["tokens"]
    properties = tokens.one("Microsoft.Web/sites/config", "/authsettingsV2")["properties"]
    assert properties["login"] == {
        "allowedExternalRedirectUrls": [],
        "cookieExpiration": {"convention": "FixedTime", "timeToExpiration": "08:00:00"},
        "nonce": {"validateNonce": True, "nonceExpirationInterval": "00:05:00"},
        "tokenStore": {"enabled": False},
    }
    assert properties["httpSettings"] == {
        "requireHttps": True,
        "forwardProxy": {"convention": "NoProxy"},
    }
    # Without a secret, App Service asks Entra for an ID token alone.
    provider = properties["identityProviders"]["azureActiveDirectory"]
    assert provider["registration"].keys() == {"clientId", "openIdIssuer"}


def test_behind_a_gateway_a_person_signs_in_under_its_name(expand):
    deployed = expand(
        authClientId="30000000-0000-0000-0000-000000000003",
        appSettings={"PUBLIC_URL": "https://api.contoso.com/routes"},
    )
    properties = deployed.one("Microsoft.Web/sites/config", "/authsettingsV2")["properties"]
    assert properties["httpSettings"]["forwardProxy"] == {"convention": "Standard"}


def test_any_application_of_the_tenant_may_come_because_the_app_looks_at_its_roles():
    """An empty list, and no policy at all, have been seen to keep out every application."""
    properties = DEPLOYED["tokens"].one("Microsoft.Web/sites/config", "/authsettingsV2")
    provider = properties["properties"]["identityProviders"]["azureActiveDirectory"]
    assert provider["validation"]["defaultAuthorizationPolicy"] == {"allowedPrincipals": {}}


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        ("AzureCloud", "login.microsoftonline.com"),
        ("AzureUSGovernment", "login.microsoftonline.us"),
        ("AzureChinaCloud", "login.partner.microsoftonline.cn"),
    ],
)
def test_a_token_is_of_the_issuer_that_entra_names_in_this_cloud(cloud, host, expand):
    """Source: "National clouds"; each host's own `openid-configuration` names this issuer."""
    deployed = expand(cloud=cloud, authClientId="30000000-0000-0000-0000-000000000003")
    properties = deployed.one("Microsoft.Web/sites/config", "/authsettingsV2")["properties"]
    registration = properties["identityProviders"]["azureActiveDirectory"]["registration"]
    assert registration["openIdIssuer"] == f"https://{host}/{WHERE['tenantId']}/v2.0"


def test_a_token_is_required_when_callers_can_have_one():
    assert DEPLOYED["tokens"].settings["REQUIRE_TOKENS"] == "true"
    assert DEFAULT.settings["REQUIRE_TOKENS"] == "false"
    [settings] = DEFAULT.all("Microsoft.Web/sites/config")
    assert settings["name"].endswith("/appsettings")


def test_somebody_can_still_say_that_a_key_is_enough(expand):
    with_keys = expand(authClientId="30000000-0000-0000-0000-000000000003", requireTokens=False)
    assert with_keys.settings["REQUIRE_TOKENS"] == "false"


def parameters():
    """Of main.bicep: each name with its default as text, None if it has none."""
    found = re.findall(r"^param (\w+) [^=\n]+?(?: = (.+))?$", source("main.bicep"), re.MULTILINE)
    return {name: default or None for name, default in found}


def test_each_parameter_has_a_variable_of_azd_so_that_nobody_edits_a_file():
    """If the variable is not set, azd leaves the parameter out, and the default of Bicep holds."""
    given = json.loads(source("main.parameters.json"))["parameters"]
    assert given.keys() == parameters().keys() - {"cloud"}  # azd deploys to the cloud it is set to
    assert {name: one["value"] for name, one in given.items()} == {
        name: f"${{{variable_of(name)}}}" for name in given
    }
    azure_yaml = (ROOT / "azure.yaml").read_text()
    assert 'requiredVersions:\n  azd: ">= 1.23.5"\n' in azure_yaml  # older ones know no objects


def variable_of(parameter):
    names = {"environmentName": "AZURE_ENV_NAME", "location": "AZURE_LOCATION"}
    return names.get(parameter, re.sub(r"(?=[A-Z])", "_", parameter).upper())


def test_each_parameter_is_documented_with_its_variable_and_its_default():
    rows = (ROOT / "docs" / "deploy.md").read_text()
    for name, default in parameters().items():
        variable = "" if name == "cloud" else f" `{variable_of(name)}`"
        row = re.search(rf"^\| `{name}`{variable} \| ([^|]*) \|", rows, re.MULTILINE)
        assert row is not None, name
        shown = (default or "required").strip("'").replace("{}", "") or "none"
        assert row[1].strip("`") == shown, name


def test_each_parameter_and_module_says_what_it_is_for():
    for name in parameters():
        before = source("main.bicep").split(f"\nparam {name} ")[0]
        assert "@description(" in before.rsplit("\n\n", 1)[1], name
    for file in FILES:
        assert file.read_text().startswith("// "), file
