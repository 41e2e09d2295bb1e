"""Plain lists over HTTP, as a firewall asks for them.

`Firewall` does with an answer what Palo Alto Networks and Fortinet document. Sources: "External
Dynamic List" and "Formatting Guidelines for an External Dynamic List" of PAN-OS; "External feeds"
of the FortiGate administration guide, and the technical tips 225335 (sizes), 421292 (the ETag is
kept) and 421802 (an empty list) of the Fortinet community.
"""

import ipaddress
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from local.azure.faults import refusal
from local.plain_http import http
from local.stack import HostProcess
from tests.authentication import SETTINGS
from tests.builders.azure import add_table, history, published_ipv4, tag_document
from tests.builders.functions import HTTP_FUNCTIONS
from tests.builders.routes import owned_prefixes
from tests.builders.runs import TAG
from tests.builders.settings import without_storage
from tests.host.test_functions import register, run_to_end

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.10.0/24"
SIX = "2603:1030:1::/48"
STORAGE = "Storage.WestEurope"
KEY = "firewall-key"
LISTS = {
    "ALLOWED_SERVICE_TAGS": f"{TAG},{STORAGE}",
    "FUNCTION_KEYS": json.dumps({"lists": KEY}),
    "REMOVAL_GRACE_DAYS": "28",
}
WEDNESDAY = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)


@dataclass
class Firewall:
    """It polls one URL, and its rules let through what is in `entries`."""

    url: str
    entries: list[str] = field(default_factory=list)
    etag: str = ""
    seen: list[int] = field(default_factory=list)

    def poll(self) -> httpx.Response:
        headers = {"If-None-Match": self.etag} if self.etag else {}
        answer = http().get(self.url, headers=headers)
        self.seen.append(answer.status_code)
        if answer.status_code == httpx.codes.OK:
            self.etag = answer.headers["ETag"]
            # An empty list counts: no rule that uses it matches any more.
            self.entries = [line for line in answer.text.split("\n") if line]
        elif answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            # If the authentication fails, PAN-OS enforces the list no longer.
            self.entries, self.etag = [], ""
        # After any other answer it goes on with its last copy.
        return answer


def firewall(host: HostProcess, file: str = f"{STORAGE}.txt", query: str = "") -> Firewall:
    return Firewall(f"{host.url}/api/lists/{file}?code={KEY}{query}")


def publish(azure, **prefixes):
    """Let Azure answer with these tags: `Storage` stands for the tag of the region."""
    names = {TAG: TAG, "Storage": STORAGE}
    documents = [tag_document(prefixes[name], names[name]) for name in prefixes]
    values = [value for document in documents for value in document["values"]]
    azure.state.tags.answers["westeurope"] = {"cloud": "Public", "values": values}


@pytest.fixture
def lists_host(make_host):
    return make_host(**LISTS)


@pytest.fixture(scope="module")
def published(common_azure, make_common_host):
    """A host that has recorded both tags."""
    host = make_common_host(**LISTS)
    publish(common_azure, AppServiceManagement=[A], Storage=[A])
    run_to_end(host)
    return host


@pytest.mark.local_clock
def test_a_firewall_follows_a_tag_that_no_route_table_uses(azure, lists_host):
    host, wall = lists_host, firewall(lists_host)
    host.set_clock(WEDNESDAY)
    publish(azure, AppServiceManagement=[A], Storage=[C, A, B])
    early = wall.poll()
    assert (early.status_code, early.json()["error"]["code"]) == (503, "ListNotReady")
    assert early.json()["error"]["message"] == f"no version of {STORAGE} is recorded yet"

    # The weekly run records the tag, although no route table is registered at all.
    host.fire("scheduled_sync")
    host.newest_run()
    assert (wall.poll().status_code, wall.entries) == (200, [A, B, C])
    assert wall.poll().status_code == 304

    # What left the tag stays for the grace.
    publish(azure, AppServiceManagement=[A], Storage=[B, C])
    run_to_end(host)
    assert (wall.poll().status_code, wall.entries) == (304, [A, B, C])
    shown = host.request("GET", f"/api/lists/{STORAGE}.json").json()
    assert shown["retained"] == [{"prefix": A, "until": "2026-12-23"}]

    for days, entries in ((27, [A, B, C]), (28, [B, C])):
        host.set_clock(WEDNESDAY + timedelta(days=days))
        assert (wall.poll().status_code, wall.entries) == (200 if days == 28 else 304, entries)
    assert parsedate_to_datetime(wall.poll().headers["Last-Modified"]) == datetime(
        2026, 12, 23, tzinfo=UTC
    )


def test_an_outage_of_azure_changes_no_list(azure, lists_host):
    host, wall = lists_host, firewall(lists_host)
    publish(azure, AppServiceManagement=[A], Storage=[A, B])
    run_to_end(host)
    wall.poll()
    for broken in (b"not json", tag_document([A]), tag_document([], STORAGE)):
        azure.state.tags.answers["westeurope"] = broken
        run_to_end(host)
        assert wall.poll().status_code == 304
    azure.state.faults.append(refusal("GET", "serviceTags", 403, {}, times=999))
    run_to_end(host)
    assert (wall.poll().status_code, wall.entries) == (304, [A, B])


def test_polls_for_a_tag_that_cannot_be_read_ask_azure_nothing(azure, lists_host):
    publish(azure, AppServiceManagement=[A])
    whole = run_to_end(lists_host)
    assert (whole["status"], [v["serviceTag"] for v in whole["versions"]]) == ("Succeeded", [TAG])

    # Many firewalls ask every five minutes, and one answer of Azure is several megabytes.
    asked = len(azure.state.log)
    wall = firewall(lists_host)
    assert [wall.poll().status_code for _ in range(3)] == [503] * 3
    assert wall.poll().json()["error"]["code"] == "ListNotReady"
    assert len(azure.state.log) == asked


def test_an_outage_of_storage_keeps_the_firewall_at_its_list(azure, lists_host, make_host):
    publish(azure, AppServiceManagement=[A], Storage=[A, B])
    run_to_end(lists_host)
    wall = firewall(lists_host)
    wall.poll()
    lost = make_host(**LISTS, AzureWebJobsStorage=without_storage())
    wall.url = firewall(lost).url
    answer = wall.poll()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "StorageUnavailable")
    assert wall.entries == [A, B]


def test_stricter_bounds_send_no_list_that_is_not_believed(azure, lists_host, make_host):
    publish(azure, AppServiceManagement=[A], Storage=[A, "20.4.0.0/16"])
    run_to_end(lists_host)
    assert firewall(lists_host).poll().status_code == 200
    strict = firewall(make_host(**LISTS, MIN_PREFIX_LENGTH="17"))
    answer = strict.poll()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "RecordedOutOfBounds")
    assert "20.4.0.0/16" in answer.json()["error"]["message"]


def test_stricter_bounds_end_the_grace_of_what_is_not_believed(azure, lists_host, make_host):
    for prefixes in ([A, B, "20.4.0.0/16"], [A]):
        publish(azure, AppServiceManagement=[A], Storage=prefixes)
        run_to_end(lists_host)
    wall = firewall(lists_host)
    wall.poll()
    assert wall.entries == [A, B, "20.4.0.0/16"]
    strict = firewall(make_host(**LISTS, MIN_PREFIX_LENGTH="17"))
    strict.poll()
    assert strict.entries == [A, B]


def test_each_line_is_as_both_firewalls_document(lists_host):
    run_to_end(lists_host)
    answer = firewall(lists_host, f"{TAG}.txt").poll()
    assert answer.headers["Content-Type"].split(";")[0] == "text/plain"
    assert answer.content.isascii() and answer.content.endswith(b"\n")
    assert b"\r" not in answer.content and b"#" not in answer.content
    lines = answer.text.removesuffix("\n").split("\n")
    assert published_ipv4(history()[0]) == {line for line in lines if ":" not in line}
    assert [str(ipaddress.ip_network(line)) for line in lines] == lines
    assert len(lines) < 128 * 1024 and len(answer.content) < 10 * 1000 * 1000


def test_a_family_can_be_chosen_and_an_empty_list_is_never_sent(azure, lists_host):
    publish(azure, AppServiceManagement=[A], Storage=[SIX, A])
    run_to_end(lists_host)
    every = firewall(lists_host)
    every.poll()
    assert every.entries == [A, SIX]
    for family, entries in (("all", [A, SIX]), ("ipv4", [A]), ("ipv6", [SIX])):
        wall = firewall(lists_host, query=f"&family={family}")
        wall.poll()
        assert wall.entries == entries
    assert firewall(lists_host, query="&family=ipv5").poll().status_code == 400
    none = firewall(lists_host, f"{TAG}.txt", "&family=ipv6").poll()
    assert (none.status_code, none.json()["error"]["code"]) == (404, "ListEmpty")


def test_json_says_which_version_it_is(azure, lists_host):
    publish(azure, AppServiceManagement=[A], Storage=[SIX, A])
    run_to_end(lists_host)
    answer = lists_host.request("GET", f"/api/lists/{STORAGE}.json?family=ipv4")
    version = lists_host.request("GET", f"/api/versions/AzureCloud.{STORAGE}-000001").json()
    assert answer.json() == {
        "name": STORAGE,
        "family": "ipv4",
        "addressPrefixes": [A],
        "retained": [],
        "changedAt": version["recordedAt"],
        **{key: version[key] for key in ("cloud", "versionId", "changeNumber", "recordedAt")},
    }
    headers = {"If-None-Match": answer.headers["ETag"]}
    again = lists_host.request("GET", f"/api/lists/{STORAGE}.json?family=ipv4", headers=headers)
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("file", ["Sql.txt", STORAGE, f"{STORAGE}.csv", "storage.westeurope.txt"])
def test_no_other_list_is_there(published, file):
    answer = firewall(published, file).poll()
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ListNotFound")


def test_the_key_of_the_lists_opens_nothing_else(azure, make_host):
    publish(azure, AppServiceManagement=[A], Storage=[A])
    host = make_host(**{**SETTINGS, **LISTS})
    key = {"x-functions-key": KEY}
    for name, method, path in HTTP_FUNCTIONS:
        answer = http().request(method, f"{host.url}/api/{path}", headers=key, json={})
        if name not in {"dashboard", "health", "lists"}:
            assert (answer.status_code, answer.content) == (401, b""), name

    # A firewall cannot sign in, so the list needs no token. An old key closes the firewall.
    wall = firewall(host)
    assert wall.poll().json()["error"]["code"] == "ListNotReady"
    wall.url = wall.url.replace(KEY, "old")
    assert wall.poll().status_code == 401


def test_the_lists_of_tags_that_a_table_uses_have_what_its_routes_have(azure, lists_host):
    table = add_table(azure.state, "one")
    publish(azure, AppServiceManagement=[A, B], Storage=[C])
    register(lists_host, "one")
    run_to_end(lists_host)
    publish(azure, AppServiceManagement=[B], Storage=[C])
    run_to_end(lists_host)
    wall = firewall(lists_host, f"{TAG}.txt")
    wall.poll()
    assert {*wall.entries} == owned_prefixes(table) == {A, B}
