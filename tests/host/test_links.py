"""URLs that answers have: whoever gets one can call it as it is."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from local.plain_http import http
from tests.atom import read_feed
from tests.builders.azure import add_table, table_id
from tests.builders.routes import to_firewall
from tests.front import Front


@pytest.fixture
def table(azure, host):
    add_table(azure.state, "one", [to_firewall()])
    path = f"/api/route-tables{table_id('one')}"
    host.request("PUT", path, json={}).raise_for_status()
    return path


@pytest.mark.usefixtures("table")
def test_a_caller_with_the_key_in_the_url_can_call_each_url_as_it_is(host):
    for path in ("sync", "alerts", "sync"):
        answer = http().post(f"{host.url}/api/{path}?code={host.key}", json=body_of(path))
        assert answer.status_code == 202, answer.text
        assert answer.json()["statusQueryGetUri"] == answer.headers["Location"]
        assert followed(answer).json()["status"] == "Succeeded"

    first = http().get(f"{host.url}/api/runs?top=2&Code={host.key}").json()
    rest = http().get(first["nextLink"]).json()
    assert [len(first["value"]), len(rest["value"]), rest["nextLink"]] == [2, 1, None]


@pytest.mark.usefixtures("table")
def test_a_feed_reader_can_call_each_url_of_the_feed_as_it_is(host):
    host.ended_run(host.request("POST", "/api/sync", json={}).json()["runId"])
    feed = read_feed(http().get(f"{host.url}/api/versions.atom?top=9&code={host.key}").content)
    assert read_feed(http().get(feed.own).content) == feed
    assert "top=9" in feed.own
    for url in (feed.page, *(entry.link for entry in feed.entries)):
        assert http().get(url).status_code == 200
    feed = read_feed(host.request("GET", "/api/versions.atom").content)
    assert host.key not in str(feed)


@pytest.mark.usefixtures("table")
def test_a_caller_with_the_key_in_a_header_gets_it_in_no_url(host):
    answer = host.request("POST", "/api/sync?code=another", json={})
    host.ended_run(answer.json()["runId"])
    host.request("POST", "/api/sync", json={}).raise_for_status()
    page = host.request("GET", "/api/runs?top=1&code=another").json()
    for url in (answer.headers["Location"], answer.json()["statusQueryGetUri"]):
        assert urlsplit(url).query == ""
    assert {*parse_qs(urlsplit(page["nextLink"]).query)} == {"top", "skipToken"}


def test_no_log_has_the_key(azure, make_host):
    host = make_host(LOG_LEVEL="INFO")
    add_table(azure.state, "one", [to_firewall()])
    host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).raise_for_status()
    started = http().post(f"{host.url}/api/sync?code={host.key}", json={}).json()
    http().get(f"{host.url}/api/runs?code={host.key}&top=0")
    host.line_with('{"record": "run"')
    assert started["runId"] in "".join(host.errors)
    assert host.key not in "".join(host.errors)


def test_behind_a_gateway_each_url_is_the_gateways(azure, make_host, receiver):
    with Front() as front:
        front.host = make_host(PUBLIC_URL=f"{front.url}/", NOTIFY_WEBHOOK_URL=receiver.url)
        add_table(azure.state, "one", [to_firewall()])
        table = f"{front.url}/api/route-tables{table_id('one')}"
        assert http().put(table, json={}).status_code == 201
        for path in ("sync", "sync", "alerts"):
            answer = http().post(f"{front.url}/api/{path}", json=body_of(path))
            assert answer.json()["statusQueryGetUri"] == answer.headers["Location"]
            status = followed(answer)
            assert status.json()["status"] == "Succeeded"

        page = http().get(f"{front.url}/api/runs?top=1").json()
        assert len(http().get(page["nextLink"]).json()["value"]) == 1

        feed = read_feed(http().get(f"{front.url}/api/versions.atom").content)
        for url in (feed.own, feed.page, *(entry.link for entry in feed.entries)):
            assert url.startswith(f"{front.url}/api/")
            assert http().get(url).status_code == 200

        # The app's own name leads to the gateway, too.
        for query in ("", f"?run={status.json()['runId']}", f"?routeTable={table_id('one')}"):
            page = front.host.request("GET", f"/api/dashboard{query}").raise_for_status().text
            found = re.findall(r'href="(http[^"]+|\?[^"]*)"', page)
            links = [link for link in found if not link.startswith("https://portal.azure.com/")]
            assert links
            for link in links:
                assert link.startswith(f"{front.url}/api/dashboard?")
                assert http().get(unescape(link)).status_code == 200

        receiver.wait_for(1)
        link = receiver.notices[0]["link"]
        assert link.startswith(f"{front.url}/api/dashboard?run=")
        assert receiver.notices[0]["runId"] in http().get(link).raise_for_status().text


def followed(answer):
    """Call `Location`, with nothing added to it, until the run has ended."""
    while answer.status_code == 202:
        answer = http().get(answer.headers["Location"])
    return answer


def body_of(path):
    if path == "sync":
        return {}
    essentials = {
        "monitorCondition": "Fired",
        "monitoringService": "Platform",
        "alertTargetIDs": [table_id("one")],
    }
    return {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": essentials}}
