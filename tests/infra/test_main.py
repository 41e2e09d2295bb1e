"""What `azd up` deploys: held against the app's own settings and names, and the plans' rules."""

import json
import re
from pathlib import Path

import pytest
from pycep import BicepParser

from shared import lanes
from shared.settings import Settings
from tests.builders.settings import SETTINGS

from .bicep import FILES, INFRA, body_of, module_of, root_of, text, variables_of

ROOT = Path(__file__).parents[2]
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


def source(name):
    return (INFRA / name).read_text()


@pytest.fixture(scope="module")
def deployed():
    """The app's own settings, as main.bicep gives them."""
    return module_of("main.bicep", "app")["params"]["appSettings"][0]


@pytest.fixture(scope="module")
def parser():
    """All files share it, because each parser loads the grammar anew."""
    return BicepParser()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_two_parsers_understand_it(file, parser):
    assert parser.parse(file_path=file)
    assert not root_of(file.relative_to(INFRA)).has_error


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_resource_has_an_api_version_that_is_no_preview(file):
    for kind in re.findall(r"^\s*resource \w+ '([^']+)'", file.read_text(), re.MULTILINE):
        if "@" in kind:  # a child takes its parent's
            assert re.fullmatch(r"[\w.]+/[\w/]+@\d{4}-\d\d-\d\d", kind)


def test_every_file_that_is_named_is_there():
    for file in FILES:
        for path in re.findall(
            r"(?:^module \w+ |load(?:Json|Text)Content\()'([^']+)'", file.read_text(), re.MULTILINE
        ):
            assert (file.parent / path).is_file(), path


def test_nothing_comes_from_a_registry():
    assert not re.search(r"'(br|ts)[:/]", "".join(file.read_text() for file in FILES))


def test_every_setting_is_deployed_and_no_other(deployed):
    of_the_module = {"AzureWebJobsStorage", "AZURE_CLIENT_ID"}
    assert deployed.keys() == SETTINGS - of_the_module


def test_what_is_deployed_without_a_parameter_is_the_documented_default(deployed):
    parameters = {"SYNC_SCHEDULE", "CHECK_SCHEDULE", "AZURE_CLOUD", "APPLY_POLICY", "PAUSED"}
    parameters |= {"REQUIRE_TOKENS"}
    required = {
        "SERVICE_TAG_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000000",
        "SERVICE_TAG_LOCATIONS": "westeurope",
        "AzureWebJobsStorage": "x",
    }
    given = {k: v for k, v in deployed.items() if k not in parameters | required.keys()}
    assert Settings.read({**required, **given}) == Settings.read(required)


def test_the_app_has_its_storage_and_its_log_by_identity_alone():
    base, flex, premium, _ = body_of("modules/app.bicep", "settings")["properties"]
    assert {
        *(f"AzureWebJobsStorage__{name}ServiceUri" for name in ("blob", "queue", "table")),
        *("AzureWebJobsStorage__credential", "AzureWebJobsStorage__clientId"),
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    } <= base.keys()
    assert "AzureWebJobsStorage" not in base.keys() | premium.keys()
    assert "listKeys" not in "".join(file.read_text() for file in FILES)
    assert flex == {}
    assert not base.keys() & REFUSED_BY_FLEX


def test_what_flex_consumption_refuses_a_premium_plan_gets():
    *_, premium, _ = body_of("modules/app.bicep", "settings")["properties"]
    assert premium.keys() <= REFUSED_BY_FLEX
    assert premium["FUNCTIONS_WORKER_RUNTIME"] == "python"


def test_either_plan_runs_the_python_of_the_repository():
    version = (ROOT / ".python-version").read_text().strip()
    variables = variables_of("modules/app.bicep")
    assert variables["pythonVersion"] == version
    app = body_of("modules/app.bicep", "app")["properties"]
    assert app["functionAppConfig"]["runtime"] == {"name": "python", "version": version}
    assert app["siteConfig"]["linuxFxVersion"] == "'PYTHON|${pythonVersion}'"


def test_an_instance_serves_several_requests_at_a_time_and_each_has_a_thread():
    app = body_of("modules/app.bicep", "app")["properties"]
    scale = app["functionAppConfig"]["scaleAndConcurrency"]
    assert 1 < scale["triggers"]["http"]["perInstanceConcurrency"] <= lanes.REQUESTS.count


def test_storage_has_no_keys_no_public_blobs_and_todays_tls():
    properties = body_of("modules/storage.bicep", "account")["properties"]
    assert properties["allowSharedKeyAccess"] is False
    assert properties["allowBlobPublicAccess"] is False
    assert properties["supportsHttpsTrafficOnly"] is True
    assert properties["minimumTlsVersion"] == "TLS1_2"


def test_queues_and_tables_are_those_of_the_code():
    variables = variables_of("modules/storage.bicep")
    functions = (ROOT / "function_app.py").read_text()
    used = set(re.findall(r'"(route-table-[\w-]+)"', functions))
    assert {*variables["queueNames"]} == used | {f"{name}-poison" for name in used}
    account = (ROOT / "shared" / "storage" / "account.py").read_text()
    tables = re.findall(r'create_table_if_not_exists\("(\w+)"\)', account)
    assert {*variables["tableNames"]} >= {*tables} != set()


def test_nobody_writes_to_the_log_without_a_role():
    insights = body_of("modules/monitoring.bicep", "insights")
    assert insights["properties"]["DisableLocalAuth"] is True
    workspace = body_of("modules/monitoring.bicep", "workspace")
    assert workspace["properties"]["features"]["disableLocalAuth"] is True


def test_the_site_takes_https_and_no_passwords():
    app = body_of("modules/app.bicep", "app")["properties"]
    assert app["httpsOnly"] is True
    assert app["siteConfig"]["ftpsState"] == "Disabled"
    for way in ("ftp", "scm"):
        assert body_of("modules/app.bicep", way)["properties"] == {"allow": False}


def test_private_is_private_on_storage_and_site_and_for_each_of_their_services():
    main = source("main.bicep")
    assert "var publicNetworkAccess = isPrivate ? 'Disabled' : 'Enabled'" in main
    for module in ("storage", "app"):
        given = module_of("main.bicep", module)["params"]["publicNetworkAccess"]
        assert given == "publicNetworkAccess"
    account = body_of("modules/storage.bicep", "account")["properties"]
    assert account["publicNetworkAccess"] == "publicNetworkAccess"
    assert account["networkAcls"]["defaultAction"] == ["Allow", "Deny"]
    site = body_of("modules/app.bicep", "app")["properties"]
    assert site["publicNetworkAccess"] == "publicNetworkAccess"
    subnet = module_of("main.bicep", "privateNetwork")["params"]["subnetId"]
    assert subnet == ["", "privateEndpointSubnetId"]  # refused where either is missing
    assert "@minLength(1)\nparam subnetId string" in source("modules/private-network.bicep")
    services = variables_of("modules/private-network.bicep")["services"]
    assert [s["groupId"] for s in services] == ["blob", "queue", "table", "sites"]
    zones = variables_of("modules/private-network.bicep")["siteZones"]
    assert zones.keys() == {"AzureCloud", "AzureUSGovernment", "AzureChinaCloud"}


def test_a_token_is_judged_and_a_key_alone_still_opens():
    config = body_of("modules/app.bicep", "authentication")
    assert config["name"] == "authsettingsV2"
    properties = config["properties"]
    assert properties["platform"] == {"enabled": True}
    assert properties["globalValidation"] == {
        "requireAuthentication": False,
        "unauthenticatedClientAction": "AllowAnonymous",
    }
    provider = properties["identityProviders"]["azureActiveDirectory"]
    assert provider["enabled"] is True
    assert provider["validation"]["allowedAudiences"][0] == "authClientId"


def parameters():
    """Of main.bicep: each name, its type and its default as text, None where it has none."""
    found = re.findall(r"^param (\w+) (\w+)(?: = (.+))?$", source("main.bicep"), re.MULTILINE)
    return {name: (kind, default or None) for name, kind, default in found}


def test_each_parameter_can_be_given_by_azd_and_has_the_default_of_bicep():
    given = json.loads(source("main.parameters.json"))["parameters"]
    assert given.keys() == parameters().keys()
    for name, (_, default) in parameters().items():
        value = given[name]["value"]
        if isinstance(value, str) and (variable := re.fullmatch(r"\$\{(\w+)(?:=(.*))?\}", value)):
            value = variable[2] or ""
        text_ = json.dumps(value) if isinstance(value, dict) else value
        assert text_ == (default or "").strip("'"), name


def test_each_parameter_is_documented_with_its_default():
    rows = (ROOT / "docs" / "deploy.md").read_text()
    for name, (_, default) in parameters().items():
        row = re.search(rf"^\| `{name}`[^|]*\| ([^|]*) \|", rows, re.MULTILINE)
        assert row is not None, name
        shown = (default or "required").strip("'").replace("{}", "") or "none"
        assert row[1].strip("`") == shown, name


def test_each_parameter_and_module_says_what_it_is_for():
    for name in parameters():
        before = source("main.bicep").split(f"\nparam {name} ")[0]
        assert "@description(" in before.rsplit("\n\n", 1)[1], name
    for file in FILES:
        assert file.read_text().startswith("// "), file


def test_where_roles_are_not_assigned_each_is_printed():
    outputs = source("main.bicep").split("// If somebody else must assign the roles")[1]
    for role in ("operator", "provisioner", "built-in"):
        assert f"loadJsonContent('roles/{role}.json')" in outputs
    for name in ("ROLES_TO_MAKE", "NETWORK", "STORAGE", "LOG"):
        assert re.search(rf"^output {name}\w* array = \[$", outputs, re.MULTILINE)


def test_storage_and_log_get_the_built_in_roles_that_are_printed():
    known = json.loads(source("roles/built-in.json"))
    loops = [text(node) for node in root_of("modules/access.bicep").named_children]
    for scope in known:
        assert any(f"items(roles.{scope})" in loop for loop in loops)
