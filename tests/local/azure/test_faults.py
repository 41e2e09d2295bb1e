"""What can be made to go wrong, each over real HTTP and by the admin endpoint."""

import collections
import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.azure import faults
from local.azure.faults import schedule
from local.azurite import ROOT
from local.plain_http import http
from tests.builders.azure import SUBSCRIPTION, add_table, table_id
from tests.builders.routes import route, to_firewall

TAGS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope/serviceTags"


@pytest.fixture
def fault(azure):
    """Order one, as a person does."""

    def order(effect, method="PUT", path="routeTables/one$", **options):
        wanted = {"method": method, "path": path, "effect": effect, **options}
        answer = http().post(f"{azure.url}/simulator/faults", json=[wanted])
        assert answer.status_code == 200, answer.text

    return order


def body(*routes):
    return {"location": "westeurope", "properties": {"routes": list(routes)}}


@pytest.mark.parametrize("effected", [False, True])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "7"}])
def test_refused_before_or_after_the_effect(azure, ask, fault, status, headers, effected):
    table = add_table(azure.state, "one")
    fault({"kind": "refuse", "status": status, "headers": headers, "effected": effected})
    answer = ask("PUT", table_id("one"), json=body(to_firewall()))
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == headers.get("Retry-After")
    assert answer.headers["content-type"].startswith("text/html")
    assert bool(table.routes) is effected
    assert ask("GET", table_id("one")).status_code == 200


def test_refused_with_the_body_of_any_error(azure, ask, fault):
    add_table(azure.state, "one")
    refused = {"error": {"code": "RequestDisallowedByPolicy", "message": "No."}}
    fault({"kind": "refuse", "status": 403, "body": refused})
    answer = ask("PUT", table_id("one"), json=body())
    assert (answer.status_code, answer.json()) == (403, refused)


@pytest.mark.parametrize("effected", [False, True])
def test_the_connection_is_dropped_before_or_after_the_effect(azure, ask, fault, effected):
    table = add_table(azure.state, "one")
    fault({"kind": "drop", "effected": effected})
    with pytest.raises(httpx.TransportError):
        ask("PUT", table_id("one"), json=body(to_firewall()))
    assert bool(table.routes) is effected
    assert ask("GET", table_id("one")).status_code == 200


def test_a_delay_only_delays(azure, ask, fault):
    table = add_table(azure.state, "one")
    fault({"kind": "delay", "seconds": 0.3})
    with pytest.raises(httpx.TimeoutException):
        ask("PUT", table_id("one"), json=body(to_firewall()), timeout=0.1)
    fault({"kind": "delay", "seconds": 0.01})
    answer = ask("PUT", table_id("one"), json=body(to_firewall()))
    assert answer.status_code == 200
    assert table.routes == [to_firewall()]


def test_an_operation_is_made_to_fail_or_hang(azure, ask, fault):
    for kind, status in (("failOperation", "Failed"), ("hangOperation", "InProgress")):
        add_table(azure.state, "one")
        fault({"kind": kind})
        begun = ask("PUT", table_id("one"), json=body(to_firewall()))
        assert ask("GET", begun.headers["azure-asyncoperation"]).json()["status"] == status


def test_a_read_and_a_list_may_be_stale(azure, ask, fault):
    add_table(azure.state, "one", [to_firewall()])
    azure.state.add_group(SUBSCRIPTION, "rg-new")
    before = ask("GET", table_id("one")).json()
    ask("PUT", table_id("one"), json=body(to_firewall(), route("a", "10.0.0.0/8")))
    ask("PUT", table_id("new"), json=body())
    listing = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/routeTables"
    fault({"kind": "serveStale"}, "GET", "routeTables/one$")
    fault({"kind": "serveStale"}, "GET", "routeTables$")
    stale = ask("GET", table_id("one"))
    assert (stale.json(), stale.headers["etag"]) == (before, before["etag"])
    assert ask("GET", listing).json()["value"] == [before]
    fresh = {table["name"]: table for table in ask("GET", listing).json()["value"]}
    assert len(fresh["one"]["properties"]["routes"]) == 2
    assert "new" in fresh


def test_a_deleted_table_is_still_in_a_stale_list(azure, ask, fault):
    add_table(azure.state, "one").subnets = []
    ask("DELETE", table_id("one"))
    fault({"kind": "serveStale"}, "GET", "routeTables/one$")
    assert ask("GET", table_id("one")).status_code == 200
    assert ask("GET", table_id("one")).status_code == 404


def test_somebody_else_writes_first(azure, ask, fault):
    table = add_table(azure.state, "one", [to_firewall()])
    etag = table.etag
    fault({"kind": "loseRace"})
    answer = ask("PUT", table_id("one"), json=body(), headers={"If-Match": etag})
    assert answer.status_code == 412
    assert [r["name"] for r in table.routes] == ["default-via-firewall", "written-by-another"]
    again = ask("PUT", table_id("one"), json=body(), headers={"If-Match": table.etag})
    assert again.status_code == 200


def test_a_token_runs_out_for_good(azure, ask, fault):
    add_table(azure.state, "one")
    token = azure.state.identities.token()
    fault({"kind": "expireToken"}, "GET")
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(2):
        answer = ask("GET", table_id("one"), headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "ExpiredAuthenticationToken"
    assert ask("GET", table_id("one")).status_code == 200


@pytest.mark.parametrize("path", ["/msi/token", "/metadata/identity/oauth2/token"])
def test_whoever_gives_tokens_may_fail_too(azure, fault, path):
    fault({"kind": "refuse", "status": 500}, "GET", path)
    assert http().get(azure.url + path).status_code == 500
    fault({"kind": "drop"}, "GET", path)
    with pytest.raises(httpx.TransportError):
        http().get(azure.url + path)
    assert http().get(azure.url + path).status_code in (400, 401)


def test_half_a_page_says_nothing_of_the_rest(azure, ask, fault):
    for name in ("one", "two", "three", "four"):
        add_table(azure.state, name)
    listing = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/routeTables"
    fault({"kind": "halfPage"}, "GET", "routeTables$")
    half = ask("GET", listing).json()
    assert [table["name"] for table in half["value"]] == ["one", "two"]
    fault({"kind": "halfPage"}, "GET", "serviceTags$")
    page = ask("GET", TAGS).json()
    assert len(page["values"]) == 1
    assert "nextLink" not in page


def test_a_truncated_body_looks_whole_to_http(azure, ask, fault):
    add_table(azure.state, "one", [to_firewall()])
    fault({"kind": "truncate"}, "GET")
    answer = ask("GET", table_id("one"))
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        answer.json()


@pytest.mark.parametrize("path", ["serviceTags", "serviceTagDetails"])
def test_the_tag_vanishes_or_shrinks(azure, ask, fault, path):
    azure.state.tags.page_size = 100

    def sizes():
        answer = ask("GET", TAGS.replace("serviceTags", path)).json()
        tags = answer.get("values") or answer.get("value")
        return {tag["name"]: len(tag["properties"]["addressPrefixes"]) for tag in tags}

    whole = sizes()
    fault({"kind": "loseTag"}, "GET", path)
    assert whole.keys() - sizes().keys() == {"AppServiceManagement"}
    fault({"kind": "shrinkTag", "share": 0.25}, "GET", path)
    shrunk = sizes()
    assert shrunk.pop("AppServiceManagement") == whole["AppServiceManagement"] // 4
    assert shrunk.items() < whole.items()
    assert sizes() == whole


def test_a_fault_meets_so_many_after_so_many(azure, ask, fault):
    add_table(azure.state, "one")
    fault({"kind": "refuse", "status": 503}, "GET", "ROUTETABLES/ONE$", skip=2, times=2)
    statuses = [ask("GET", table_id("one")).status_code for _ in range(5)]
    assert statuses == [200, 200, 503, 503, 200]
    assert http().get(f"{azure.url}/simulator/faults").json() == {"value": []}
    assert ask("PUT", table_id("one"), json=body()).status_code == 200


def test_faults_are_shown_added_and_taken_back(azure):
    url = f"{azure.url}/simulator/faults"
    assert http().get(url).json() == {"value": []}
    wanted = {"method": "GET", "path": "x", "effect": {"kind": "drop"}}
    http().post(url, json=[wanted])
    shown = http().get(url).json()["value"]
    whole = {**wanted, "effect": {"kind": "drop", "effected": False}, "times": 1, "skip": 0}
    assert shown == [whole]
    assert http().delete(url).json() == {"value": []}
    assert http().post(url, json=shown).json() == {"value": shown}  # what is shown can be sent


@pytest.mark.parametrize(
    "wrong",
    [
        [{"method": "GET", "path": "x", "effect": {"kind": "explode"}}],
        [{"method": "GET", "path": "x", "effect": {"kind": "drop"}, "tims": 3}],
        {"seed": "x"},
        {},
    ],
)
def test_a_wrong_order_is_refused_and_named(azure, wrong):
    answer = http().post(f"{azure.url}/simulator/faults", json=wrong)
    assert answer.status_code == 400
    assert answer.json()[0]["loc"]
    assert azure.state.faults == []


def test_the_same_seed_gives_the_same_faults(azure):
    url = f"{azure.url}/simulator/faults"

    def ordered(seed):
        http().delete(url)
        return http().post(url, json={"seed": seed, "count": 20}).json()["value"]

    first = ordered(7)
    assert len(first) == 20
    assert ordered(7) == first
    assert ordered(8) != first


@given(seed=st.integers(0, 2**32), count=st.integers(0, 30))
def test_a_longer_schedule_of_a_seed_begins_as_a_shorter_one(seed, count):
    whole = schedule(seed, 30)
    assert schedule(seed, count) == whole[:count]


def test_the_documentation_names_every_fault_and_what_it_takes_and_no_file_that_is_not_there():
    text = (ROOT / "docs" / "simulated-azure.md").read_text()
    for effect in faults.Effect.__subclasses__():
        names = {effect.model_fields["kind"].default, *effect.model_fields} - {"kind"}
        assert all(f"`{name}`" in text for name in names), effect
    for name in re.findall(r"`(\w+\.py)`", text):
        assert (ROOT / "local" / "azure" / name).exists(), name


def test_every_kind_of_fault_is_drawn_in_time():
    drawn = collections.Counter(fault.effect.kind for fault in schedule(1, 1000))
    kinds = {effect.model_fields["kind"].default for effect in faults.Effect.__subclasses__()}
    assert drawn.keys() == kinds
    assert len(kinds) == 14
