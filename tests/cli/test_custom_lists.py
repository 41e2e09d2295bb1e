"""The command line follows the lists of the app, from the setting and from the blob."""

import pytest
from azure.storage.blob import BlobServiceClient

from tests.builders.azure import add_table, answer, table_id
from tests.builders.lists import custom_lists
from tests.builders.routes import owned_prefixes

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
TAG, KMS = "AppServiceManagement", "kms-activation"
LISTS = {
    "ALLOWED_SERVICE_TAGS": f"{TAG},{KMS}",
    "CUSTOM_LISTS": custom_lists(kms_activation=[B]),
}
ADD = ("tables", "add", table_id("one"), "--service-tag", TAG, "--service-tag", KMS)


@pytest.fixture
def table(azure):
    answer(azure, A)
    return add_table(azure.state, "one")


def test_a_table_is_registered_planned_and_applied_with_a_list(azure, table, cli):
    assert cli(*ADD, **LISTS).status == 0
    planned = cli("plan", **LISTS)
    assert planned.status == 2
    assert f"+ {A}" in planned.out and f"+ {B}" in planned.out
    assert cli("apply", "--yes", **LISTS).status == 0
    assert f"{KMS}: verified on 2026-12-01, +1 -0 prefixes" in planned.out
    assert owned_prefixes(table) == {A, B}

    version_id = f"AzureCloud.{KMS}-000001"
    assert version_id in cli("versions", **LISTS).out
    version = " ".join(cli("versions", version_id, **LISTS).out.split())
    assert "Verified 2026-12-01" in version
    assert "Source https://example.com/addresses" in version
    for command in (
        ("tables", "show", "one"),
        ("tables", "list", "-o", "wide"),
        ("check", "--json"),
    ):
        shown = cli(*command, **LISTS)
        assert (shown.status, KMS in shown.out) == (0, True), shown.out


def test_a_blob_is_read_at_the_command_line_as_well(azure, storage, table, cli):
    service = BlobServiceClient.from_connection_string(storage)
    with service, service.create_container("lists") as container:
        blob = container.upload_blob("all.json", custom_lists(kms_activation=[C]))
        with_blob = {**LISTS, "CUSTOM_LISTS": blob.url}
        assert cli(*ADD, **with_blob).status == 0
        assert cli("apply", "--yes", **with_blob).status == 0
    assert owned_prefixes(table) == {A, C}


def test_lists_that_differ_from_those_of_the_app_are_refused(azure, table, cli):
    other = {"CUSTOM_LISTS": custom_lists(kms_activation=[C])}
    refused = cli(*ADD, "--json", here=other, **LISTS)
    assert refused.json["error"]["code"] == "SettingsDiffer"
    assert [one["target"] for one in refused.json["error"]["details"]] == ["CUSTOM_LISTS"]
