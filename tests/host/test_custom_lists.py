"""Lists of one's own over HTTP, from a setting and from a blob, to the routes and the firewall."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient

from local.plain_http import http
from tests.atom import read_feed
from tests.builders.azure import add_table, answer, table_writes
from tests.builders.clocks import wait_until
from tests.builders.lists import custom_list, custom_lists
from tests.builders.routes import owned, owned_prefixes, to_firewall
from tests.builders.runs import TAG
from tests.host.test_functions import register, run_to_end

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
SIX = "2603:1030:1::/48"
KMS = "kms-activation"
ALLOWED = {"ALLOWED_SERVICE_TAGS": f"{TAG},{KMS}"}
WEDNESDAY = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)


@pytest.fixture
def table(azure):
    answer(azure, A)
    return add_table(azure.state, "one", [to_firewall()])


@pytest.fixture
def blob(storage):
    """A blob in the app's own account."""
    service = BlobServiceClient.from_connection_string(storage)
    with service, service.create_container("lists") as container:
        yield container.get_blob_client("all.json")


def upload(blob, text):
    blob.upload_blob(text, overwrite=True)


def test_a_tag_and_a_list_are_one_desired_set_and_one_write(azure, make_host, table):
    host = make_host(**ALLOWED, CUSTOM_LISTS=custom_lists(kms_activation=[B, SIX, A]))
    asked = register(host, "one", serviceTags=[TAG, KMS])
    assert (asked.status_code, azure.state.writes()) == (201, [])
    assert asked.json()["registration"]["serviceTags"] == [TAG, KMS]

    whole = run_to_end(host)
    assert (whole["status"], whole["outcomes"][0]["added"]) == ("Succeeded", [A, B])
    [written] = table_writes(azure.state)
    sent = written["body"]["properties"]["routes"]
    assert [route["name"] for route in sent] == [
        *("default-via-firewall", "asemgmt--20.0.0.0_24", "asemgmt--20.0.1.0_24")
    ]
    assert {route["properties"]["nextHopType"] for route in sent[1:]} == {"Internet"}
    assert {version["serviceTag"]: version["added"] for version in whole["versions"]} == {
        TAG: [A],
        KMS: [A, B, SIX],
    }


def test_what_is_recorded_is_shown_wherever_a_tag_is(azure, make_host, table):
    host = make_host(**ALLOWED, CUSTOM_LISTS=custom_lists(kms_activation=[B, SIX]))
    register(host, "one", serviceTags=[TAG, KMS])
    run_id = run_to_end(host)["runId"]

    version = host.request("GET", f"/api/versions/AzureCloud.{KMS}-000001").json()
    assert (version["serviceTag"], version["source"]) == (KMS, "customList")
    assert (version["changeNumber"], version["addressPrefixes"]) == ("2026-12-01", [B, SIX])
    assert version["locations"] == [custom_list()["source"]]
    listed = host.request("GET", "/api/versions").json()["value"]
    assert {one["serviceTag"] for one in listed} == {TAG, KMS}

    feed = read_feed(host.request("GET", "/api/versions.atom").text)
    assert any(entry.title.startswith(KMS) for entry in feed.entries)
    page = host.request("GET", "/api/dashboard").text
    assert f"{KMS}: 1 addresses" in page
    assert ">Verified</th>" in page and ">Change number</th>" in page
    shown = host.request("GET", f"/api/dashboard?run={run_id}").text
    assert f"version AzureCloud.{KMS}-000001, verified on 2026-12-01" in shown
    for query in (f"run={run_id}", f"routeTable={table.resource_id}", f"tag={KMS}"):
        shown = host.request("GET", f"/api/dashboard?{query}")
        assert (shown.status_code, KMS in shown.text) == (200, True)


def test_people_are_told_of_a_change_and_of_a_fault(azure, make_host, table, blob, receiver):
    upload(blob, custom_lists(kms_activation=[B]))
    host = make_host(**ALLOWED, CUSTOM_LISTS=blob.url, NOTIFY_WEBHOOK_URL=receiver.url)
    register(host, "one", serviceTags=[TAG, KMS])
    for text in (None, custom_lists(kms_activation=[B, C]), "not json"):
        upload(blob, text) if text else None
        run_to_end(host)
    wait_until(lambda: "fault" in {notice["kind"] for notice in receiver.notices})
    told = {notice["kind"]: notice for notice in receiver.notices}
    assert told["serviceTagChanged"]["title"].endswith(f"{KMS} changed: +1 prefixes")
    assert f"{KMS}: CUSTOM_LISTS is not JSON" in told["fault"]["items"][0]["text"]


def test_a_firewall_reads_the_list_as_it_reads_a_tag(azure, make_host, table):
    host = make_host(**ALLOWED, CUSTOM_LISTS=custom_lists(kms_activation=[C, SIX, B]))
    assert host.request("GET", f"/api/lists/{KMS}.txt").status_code == 503
    run_to_end(host)
    assert host.request("GET", f"/api/lists/{KMS}.txt").text == f"{B}\n{C}\n{SIX}\n"
    for family, entries in (("ipv4", [B, C]), ("ipv6", [SIX])):
        found = host.request("GET", f"/api/lists/{KMS}.json?family={family}").json()
        assert (found["name"], found["addressPrefixes"]) == (KMS, entries)


@pytest.mark.local_clock
def test_a_changed_blob_changes_the_routes_with_grace(azure, make_host, table, blob):
    upload(blob, custom_lists(kms_activation=[A, B]))
    host = make_host(**ALLOWED, CUSTOM_LISTS=blob.url, REMOVAL_GRACE_DAYS="28")
    host.set_clock(WEDNESDAY)
    register(host, "one", serviceTags=[KMS])
    run_to_end(host)

    upload(blob, b"\xef\xbb\xbf" + custom_lists(kms_activation=[B, C]).encode())
    whole = run_to_end(host)
    [outcome] = whole["outcomes"]
    assert (outcome["added"], outcome["removed"]) == ([C], [])
    assert outcome["retained"] == [{"prefix": A, "until": "2026-12-23"}]
    assert (whole["versions"][0]["added"], whole["versions"][0]["removed"]) == ([C], [A])
    for days, routes in ((27, {A, B, C}), (28, {B, C})):
        host.set_clock(WEDNESDAY + timedelta(days=days))
        run_to_end(host)
        assert owned_prefixes(table) == routes
        assert {*host.request("GET", f"/api/lists/{KMS}.txt").text.split()} == routes


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "BlobNotFound"),
        (b"", "CUSTOM_LISTS is not JSON"),
        (b"<html>", "CUSTOM_LISTS is not JSON"),
        (b"\xff\xfe{}", "is not in UTF-8"),
        (custom_lists(kms_activation=[]).encode(), "names no addresses"),
        (custom_lists(other_list=[B]).encode(), f"{KMS} is not in CUSTOM_LISTS"),
        (b" " * (1024 * 1024 + 1), "BlobTooLarge"),
    ],
    ids=["missing", "empty", "html", "utf-16", "no address", "vanished", "too large"],
)
def test_no_fault_of_the_blob_costs_a_route(azure, make_host, table, blob, content, fault):
    upload(blob, custom_lists(kms_activation=[B, C]))
    host = make_host(**ALLOWED, CUSTOM_LISTS=blob.url)
    register(host, "one", serviceTags=[TAG, KMS])
    run_to_end(host)

    # Meanwhile somebody has deleted a route of the list, and the tag has a new address.
    table.routes, new = [to_firewall(), owned(A), owned(B)], "20.0.9.0/24"
    answer(azure, A, new)
    blob.delete_blob() if content is None else upload(blob, content)
    whole = run_to_end(host)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "ListUnavailable")
    assert fault in whole["error"]["message"]
    assert owned_prefixes(table) == {A, B, C, new}
    assert host.request("GET", f"/api/lists/{KMS}.txt").text == f"{B}\n{C}\n"

    upload(blob, custom_lists(kms_activation=[B]))
    assert run_to_end(host)["status"] == "Succeeded"
    assert owned_prefixes(table) == {A, B, new}


def test_the_largest_blob_is_taken(azure, make_host, table, blob):
    text = custom_lists(kms_activation=[B])
    upload(blob, text + " " * (1024 * 1024 - len(text)))
    host = make_host(**ALLOWED, CUSTOM_LISTS=blob.url)
    register(host, "one", serviceTags=[KMS])
    assert run_to_end(host)["status"] == "Succeeded"


def test_a_wrong_registration_names_each_fault(azure, make_host, table):
    lists = json.dumps({KMS: custom_list("10.0.0.0/8", B, "x")})
    host = make_host(**ALLOWED, CUSTOM_LISTS=lists)
    asked = register(host, "one", serviceTags=[TAG, KMS, "other-list"])
    assert asked.status_code == 400
    [first, second] = asked.json()["error"]["details"]
    assert (first["target"], second["target"]) == ("serviceTags.1", "serviceTags.2")
    for place in ("prefixes.0: 10.0.0.0/8 is not public", "prefixes.2: 'x' is not CIDR"):
        assert place in first["message"]
    assert second["message"] == "other-list is not in ALLOWED_SERVICE_TAGS"


def test_a_wrong_list_stops_neither_the_app_nor_its_tags(azure, make_host, table):
    host = make_host(**ALLOWED, CUSTOM_LISTS="[]")
    assert register(host, "one", serviceTags=[TAG]).status_code == 201
    assert run_to_end(host)["status"] == "Succeeded"
    assert owned_prefixes(table) == {A}
    assert http().get(f"{host.url}/api/health").status_code == 200
