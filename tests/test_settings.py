import json
import re
from pathlib import Path

import pytest

from shared.settings import POLICY, RECORDED, Connections, InvalidSettings, Settings
from tests.builders.settings import SETTINGS

ROOT = Path(__file__).parents[1]
NEEDED = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "SERVICE_TAG_SUBSCRIPTION_ID": "11111111-1111-4111-8111-111111111111",
    "SERVICE_TAG_LOCATIONS": "westeurope, eastus2",
}
# The host's, not the app's.
HOSTS_OWN = {"FUNCTIONS_WORKER_RUNTIME"}


def faults(**changed):
    with pytest.raises(InvalidSettings) as raised:
        Settings.read({**NEEDED, **changed})
    return raised.value.faults


def test_defaults_are_as_published():
    settings = Settings.read(NEEDED)
    assert settings.azure_cloud == "AzureCloud"
    assert settings.service_tag == "AppServiceManagement"
    assert settings.service_tag_locations == ["westeurope", "eastus2"]
    assert settings.allowed == {"AppServiceManagement"}
    assert settings.route_owner == "asemgmt"
    assert settings.removal_grace_days == 28
    assert settings.max_removed_percent == 10
    assert settings.route_limit is None
    assert settings.apply_policy == "auto"
    assert settings.min_prefix_length == 16
    assert settings.paused is False
    assert settings.published_tags_url is None
    assert settings.notify_webhook_url is None
    assert settings.notify_format == "json"
    assert settings.max_sync_age_days == 2
    assert settings.run_retention_days == 400


def test_one_error_lists_every_missing_and_wrong_setting():
    with pytest.raises(InvalidSettings) as raised:
        Settings.read({"ROUTE_OWNER": "Not Legal", "SERVICE_TAG_LOCATIONS": "  "})
    text = str(raised.value)
    for name in (
        "AzureWebJobsStorage",
        "SERVICE_TAG_SUBSCRIPTION_ID: missing",
        "SERVICE_TAG_LOCATIONS: missing",
        "ROUTE_OWNER",
    ):
        assert name in text


def test_the_page_of_the_weekly_file_may_be_named():
    page = "https://www.microsoft.com/en-us/download/details.aspx?id=56519"
    assert Settings.read({**NEEDED, "PUBLISHED_TAGS_URL": page}).published_tags_url == page


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AZURE_CLOUD", "AzureGermanCloud"),
        ("ARM_ENDPOINT", "http://management.azure.com"),
        ("ARM_ENDPOINT", "ftp://127.0.0.1"),
        ("ARM_ENDPOINT", "management.azure.com"),
        ("ARM_API_VERSION_NETWORK", "latest"),
        ("ARM_API_VERSION_WEB", "latest"),
        ("SERVICE_TAG", "App Service"),
        ("SERVICE_TAG", "databricks"),
        ("SERVICE_TAG_SUBSCRIPTION_ID", "my-subscription"),
        ("SERVICE_TAG_LOCATIONS", "West Europe"),
        ("SERVICE_TAG_LOCATIONS", ","),
        ("PUBLISHED_TAGS_URL", "http://www.microsoft.com/download/details.aspx?id=56519"),
        ("PUBLISHED_TAGS_URL", "https://somebody@example.org/weekly.json"),
        ("PUBLISHED_TAGS_URL", "http://169.254.169.254/metadata/weekly.json"),
        ("PUBLISHED_TAGS_URL", "https://one.blob.core.windows.net/a/weekly.json?sv=1&sig=secret"),
        ("PUBLISHED_TAGS_URL", "https://one.blob.core.windows.net/a/weekly.json?sv=1&SIG=secret"),
        ("PUBLISHED_TAGS_URL", "https://one.azurewebsites.net/api/weekly?code=secret"),
        ("PUBLISHED_TAGS_URL", "https://example.org/weekly.json?X-Amz-Signature=secret"),
        ("ALLOWED_SERVICE_TAGS", "AppServiceManagement,*"),
        ("ROUTE_OWNER", "a" * 21),
        ("ROUTE_OWNER", "a--b"),
        ("PAUSED", "perhaps"),
        ("REMOVAL_GRACE_DAYS", "-1"),
        ("REMOVAL_GRACE_DAYS", "a month"),
        ("MIN_PREFIX_LENGTH", "33"),
        ("APPLY_POLICY", "never"),
        ("ROUTE_LIMIT", "0"),
        ("MAX_REMOVED_PERCENT", "101"),
        ("NOTIFY_WEBHOOK_URL", "http://hooks.example/secret"),
        ("NOTIFY_FORMAT", "email"),
        ("PUBLIC_URL", "api.contoso.com"),
        ("PUBLIC_URL", "http://api.contoso.com"),
        ("PUBLIC_URL", "https://api.contoso.com/api/"),
        ("PUBLIC_URL", "https://api.contoso.com?a=b"),
        ("PUBLIC_URL", "https://user@api.contoso.com"),
        ("PUBLIC_URL", "https://bücher.invalid"),
        ("PUBLIC_URL", "https://api.contoso.com/a b"),
        ("PUBLIC_URL", "https://api.contoso.com:port"),
        ("PUBLIC_URL", "https://api.contoso.com:99999"),
        ("MAX_SYNC_AGE_DAYS", "0"),
        ("RUN_RETENTION_DAYS", "0"),
    ],
)
def test_a_wrong_setting_is_named(name, value):
    [fault] = {f.split(":")[0] for f in faults(**{name: value})}
    assert fault == name


def test_a_fault_never_shows_the_value():
    assert "secret" not in str(faults(AZURE_CLOUD="secret"))
    assert "secret" not in str(faults(NOTIFY_WEBHOOK_URL="https://me:secret/1@hooks.example"))


@pytest.mark.parametrize("text", ["not json", "[]", "https://[", "x" * 20_000])
def test_a_wrong_text_of_lists_is_no_fault_of_the_settings(text):
    assert Settings.read({**NEEDED, "CUSTOM_LISTS": text}).custom_lists is not None


def test_no_signature_of_a_list_is_recorded():
    url = "https://one.blob.core.windows.net/lists/all.json"
    given = {**NEEDED, "CUSTOM_LISTS": f"{url}?sv=1&sig=secret"}
    assert Settings.read(given).recorded()["CUSTOM_LISTS"] == url


def test_lists_may_be_allowed_but_are_no_default():
    allowed = Settings.read({**NEEDED, "ALLOWED_SERVICE_TAGS": "Storage,kms-activation"}).allowed
    assert allowed == {"Storage", "kms-activation"}
    assert faults(ALLOWED_SERVICE_TAGS="kms_activation")
    assert faults(SERVICE_TAG="kms-activation")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_plain_http_is_for_loopback(host):
    settings = Settings.read({**NEEDED, "ARM_ENDPOINT": f"http://{host}:8080/"})
    assert settings.arm_endpoint == f"http://{host}:8080"


@pytest.mark.parametrize(
    ("cloud", "suffix"),
    [
        ("AzureCloud", "core.windows.net"),
        ("AzureUSGovernment", "core.usgovcloudapi.net"),
        ("AzureChinaCloud", "core.chinacloudapi.cn"),
    ],
)
def test_an_identity_based_account_is_in_its_cloud(cloud, suffix):
    given = {**NEEDED, "AZURE_CLOUD": cloud, "AzureWebJobsStorage__accountName": "acct"}
    del given["AzureWebJobsStorage"]
    assert Settings.read(given).table_endpoint == f"https://acct.table.{suffix}"


def test_a_service_uri_goes_before_the_account_name():
    given = {**NEEDED, "AzureWebJobsStorage__tableServiceUri": "https://t.example/"}
    del given["AzureWebJobsStorage"]
    assert Settings.read(given).table_endpoint == "https://t.example"


def test_sample_readme_and_code_know_the_same_settings():
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    table = (ROOT / "README.md").read_text().split("## Settings")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
    assert set(sample) - HOSTS_OWN == SETTINGS
    assert documented == SETTINGS


def test_the_sample_is_valid_as_it_stands():
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    assert Settings.read(sample).service_tag == "AppServiceManagement"


@pytest.mark.parametrize("text", [None, "", "  "])
def test_a_schedule_may_be_missing(text):
    settings = Settings.read(NEEDED | ({} if text is None else {"SYNC_SCHEDULE": text}))
    assert settings.missing_schedules == ["SYNC_SCHEDULE", "CHECK_SCHEDULE"]
    assert settings.wrong_schedules == {}


@pytest.mark.parametrize("text", ["0 0 6 * * WED", "  0 0 6 * * WED "])
def test_blanks_around_a_schedule_do_not_matter(text):
    settings = Settings.read(NEEDED | {"SYNC_SCHEDULE": text, "CHECK_SCHEDULE": text})
    assert (settings.missing_schedules, settings.wrong_schedules) == ([], {})


@pytest.mark.parametrize("text", ["0 0 6 * * WED\r\n", "0 0 6 * * WED\t", "\t", "0  0 6 * * WED"])
def test_a_wrong_schedule_is_no_invalid_setting(text):
    settings = Settings.read(NEEDED | {"CHECK_SCHEDULE": text})
    assert settings.missing_schedules == ["SYNC_SCHEDULE"]
    assert list(settings.wrong_schedules) == ["CHECK_SCHEDULE"]


NEVER_RECORDED = {
    *("ARM_ENDPOINT", "AZURE_CLIENT_ID", "NOTIFY_WEBHOOK_URL", "NOTIFY_FORMAT"),
    *("AzureWebJobsStorage", "AzureWebJobsStorage__accountName"),
    *("AzureWebJobsStorage__tableServiceUri", "AzureWebJobsStorage__blobServiceUri"),
    *("AzureWebJobsStorage__clientId", "WEBSITE_AUTH_ENABLED"),
}
"""Secrets, and whatever says where tokens and notices are sent, or whose they are."""


def test_each_setting_is_either_recorded_or_never():
    names = {str(field.alias) for field in Settings.model_fields.values()}
    assert names == RECORDED | NEVER_RECORDED
    assert not RECORDED & NEVER_RECORDED
    assert POLICY < RECORDED


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"PAUSED": "1", "APPLY_POLICY": "additive", "ROUTE_LIMIT": "600"},
        {"ALLOWED_SERVICE_TAGS": "B,A", "SERVICE_TAG": "A", "AZURE_CLOUD": "AzureChinaCloud"},
        {"SYNC_SCHEDULE": "0 0 6 * * MON-SUN", "PUBLIC_URL": "https://api.contoso.com/x/"},
    ],
)
def test_what_is_recorded_is_read_as_the_same_settings(changed):
    settings = Settings.read(NEEDED | changed)
    again = Settings.read(NEEDED | settings.recorded())
    assert settings.recorded() == again.recorded()
    assert settings.recorded().keys() == RECORDED
    assert settings.allowed == again.allowed


def test_storage_needs_no_policy():
    del (given := dict(NEEDED))["SERVICE_TAG_LOCATIONS"]
    assert Connections.read(given).storage_connection_string is not None
    with pytest.raises(InvalidSettings, match="AzureWebJobsStorage"):
        Connections.read({})


@pytest.mark.parametrize(
    ("given", "addresses"),
    [
        ({}, []),
        ({"WEBSITE_HOSTNAME": "app.example"}, ["https://app.example"]),
        ({"WEBSITE_HOSTNAME": "localhost:7071"}, ["http://localhost:7071"]),
        (
            {"WEBSITE_HOSTNAME": "app.example", "PUBLIC_URL": "https://gateway.example/app/"},
            ["https://gateway.example/app", "https://app.example"],
        ),
    ],
)
def test_the_address_for_people_is_the_gateways_if_there_is_one(given, addresses):
    settings = Settings.read(NEEDED | given)
    assert settings.addresses == addresses
    assert settings.address == (addresses[0] if addresses else None)


def test_app_service_says_the_name_and_the_subscription_of_the_app():
    owner = "11111111-1111-4111-8111-111111111111+rg-routes-WestEuropewebspace-Linux"
    given = {"WEBSITE_SITE_NAME": "func-routes", "WEBSITE_OWNER_NAME": owner}
    settings = Settings.read(NEEDED | given)
    assert settings.app_name == "func-routes"
    assert settings.app_subscription_id == "11111111-1111-4111-8111-111111111111"
    assert Settings.read(NEEDED).app_name is None
    assert Settings.read(NEEDED).app_subscription_id is None
