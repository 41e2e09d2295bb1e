"""What `azd up` deploys: held against the app's own settings and names, and the plan's rules."""

import json
import re
from pathlib import Path

import pytest
import tree_sitter_bicep
from pycep import BicepParser
from tree_sitter import Language, Parser

from shared.settings import Settings

from .test_bicep import INFRA, resources

ROOT = Path(__file__).parents[2]
FILES = sorted(INFRA.rglob("*.bicep"))
REFUSED_BY_FLEX = {
    "AzureWebJobsStorage__blobServiceUri__",
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


def text(name):
    return (INFRA / name).read_text()


def names_of(block):
    """The keys of an object that stands in the text, one a line."""
    return set(re.findall(r"^\s+(\w+): ", block, re.MULTILINE))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_two_parsers_understand_it(file):
    assert BicepParser().parse(file_path=file)
    tree = Parser(Language(tree_sitter_bicep.language())).parse(file.read_bytes())
    assert not tree.root_node.has_error


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_resource_has_an_api_version_that_is_no_preview(file):
    for kind in re.findall(r"^\s*resource \w+ '([^']+)'", file.read_text(), re.MULTILINE):
        if "@" in kind:  # a child takes its parent's
            assert re.fullmatch(r"[\w.]+/[\w/]+@\d{4}-\d\d-\d\d", kind)


def test_every_module_that_is_named_is_there():
    for file in FILES:
        for path in re.findall(
            r"(?:^module \w+ |loadJsonContent\()'([^']+)'", file.read_text(), re.MULTILINE
        ):
            assert (file.parent / path).is_file(), path


def test_every_setting_is_deployed_and_no_other():
    block = text("main.bicep").split("appSettings: union(\n")[1].split("},\n")[0]
    deployed = names_of(block)
    of_the_platform = {"WEBSITE_HOSTNAME", "WEBSITE_AUTH_ENABLED", "AZURE_CLIENT_ID"}  # the last by modules/app.bicep
    known = {str(field.alias) for field in Settings.model_fields.values()}
    assert deployed == {
        name for name in known - of_the_platform if not name.startswith("AzureWebJobsStorage")
    }


def test_what_is_deployed_without_a_parameter_is_the_documented_default():
    block = text("main.bicep").split("appSettings: union(\n")[1].split("},\n")[0]
    given = dict(re.findall(r"^\s+(\w+): '([^']*)'", block, re.MULTILINE))
    required = {
        "SERVICE_TAG_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000000",
        "SERVICE_TAG_LOCATIONS": "westeurope",
        "AzureWebJobsStorage": "x",
    }
    assert Settings.read({**required, **given}) == Settings.read(required)


def test_the_app_has_its_storage_and_its_log_by_identity_alone():
    block = text("modules/app.bicep").split("properties: union(\n")[1].split("},\n")[0]
    settings = names_of(block)
    assert settings >= {"AzureWebJobsStorage__accountName", "AzureWebJobsStorage__clientId"}
    assert "AzureWebJobsStorage" not in settings
    assert "APPLICATIONINSIGHTS_AUTHENTICATION_STRING" in settings
    assert not settings & REFUSED_BY_FLEX
    assert "listKeys" not in "".join(file.read_text() for file in FILES)


def test_storage_has_no_keys_no_public_blobs_and_todays_tls():
    properties = resources("modules/storage.bicep")["account"]["config"]["properties"]
    assert properties["allowSharedKeyAccess"] is False
    assert properties["allowBlobPublicAccess"] is False
    assert properties["supportsHttpsTrafficOnly"] is True
    assert properties["minimumTlsVersion"] == "TLS1_2"


def test_queues_and_tables_are_those_of_the_code():
    storage = text("modules/storage.bicep")
    functions = (ROOT / "function_app.py").read_text()
    queues = set(re.findall(r"'(route-table-[\w-]+)'", storage))
    used = set(re.findall(r'"(route-table-[\w-]+)"', functions))
    assert queues == used | {f"{name}-poison" for name in used}
    account = (ROOT / "shared" / "storage" / "account.py").read_text()
    for table in re.findall(r'create_table_if_not_exists\("(\w+)"\)', account):
        assert f"'{table}'" in storage


def test_nobody_writes_to_the_log_without_a_role():
    found = resources("modules/monitoring.bicep")
    assert found["insights"]["config"]["properties"]["DisableLocalAuth"] is True
    assert found["workspace"]["config"]["properties"]["features"]["disableLocalAuth"] is True


def test_the_site_takes_https_and_no_passwords():
    app = resources("modules/app.bicep")["app"]["config"]["properties"]
    assert app["httpsOnly"] is True
    assert app["siteConfig"]["ftpsState"] == "Disabled"
    assert app["functionAppConfig"]["runtime"] == {"name": "python", "version": "3.13"}
    assert text("modules/app.bicep").count("allow: false") == 2


def test_the_runtime_is_that_of_the_repository():
    assert (ROOT / ".python-version").read_text().strip() == "3.13"


def test_azd_fills_in_what_has_no_default():
    parameters = json.loads(text("main.parameters.json"))["parameters"]
    required = re.findall(r"^param (\w+) \w+$", text("main.bicep"), re.MULTILINE)
    assert {*parameters} == {*required}
