"""The functions over plain HTTP, on the local host, Azurite and the simulated Azure."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.azure.faults import refusal
from local.azure.resources import new_etag
from local.azure.throttles import BucketSize
from local.plain_http import http
from tests.atom import read_feed
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    add_environment,
    add_table,
    ase_id_of,
    history,
    published_ipv4,
    table_id,
    table_writes,
    tag_document,
)
from tests.builders.functions import HTTP_FUNCTIONS
from tests.builders.routes import owned, owned_prefixes, route, to_firewall
from tests.builders.settings import poison_queues, timers, without_storage
from tests.builders.tags import tag_table

A, B = "20.0.0.0/24", "20.0.1.0/24"


def register(host, name, **body):
    return host.request("PUT", f"/api/route-tables{table_id(name)}", json=body)


def run_to_end(host, **body):
    answer = host.request("POST", "/api/sync", json=body)
    assert answer.status_code == 202, answer.text
    return host.ended_run(answer.json()["runId"])


def test_the_functions_are_as_published(common_host):
    listed = common_host.request("GET", "/admin/functions").json()
    by_http = {name for name, _method, _path in HTTP_FUNCTIONS}
    assert {each["name"] for each in listed} == by_http | {
        *("scheduled_sync", "daily_check"),
        *("start_run", "start_run_poison", "sync_route_table", "sync_route_table_poison"),
        *("resource_events", "resource_events_poison"),
    }


def test_sync_answers_202_and_its_location_leads_to_the_report(azure, host):
    add_table(azure.state, "one", [to_firewall()])
    assert register(host, "one").status_code == 201
    answer = host.request("POST", "/api/sync", json={"reason": "CHG", "changeId": "42"})
    assert answer.status_code == 202
    assert answer.headers["retry-after"].isdigit()
    body = answer.json()
    assert body["status"] == "Running"
    assert body["statusQueryGetUri"] == answer.headers["location"]
    assert answer.headers["location"] == f"{host.url}/api/runs/{body['runId']}"
    whole = host.ended_run(body["runId"])
    location = http().get(answer.headers["location"], headers={"x-functions-key": host.key})
    assert location.status_code == 200
    assert location.json() == whole
    assert (whole["status"], whole["trigger"], whole["mode"]) == ("Succeeded", "http", "apply")
    assert (whole["reason"], whole["changeId"]) == ("CHG", "42")
    assert whole["counts"]["changed"] == 1
    assert set(whole) == {
        *("runId", "action", "trigger", "mode", "status", "reason", "changeId", "requestedBy"),
        *("startedAt", "finishedAt", "error", "versions", "counts", "outcomes"),
    }
    assert set(whole["outcomes"][0]) == {
        *("routeTableId", "status", "versionIds", "planChecksum"),
        *("added", "removed", "updated", "updates"),
        *("covered", "retained", "withheld", "conflicts", "violations", "findings", "error"),
        *("correlationId", "durationMs"),
    }


@pytest.mark.parametrize("path", ["/API/sync", "/Api/SYNC"])
def test_the_location_of_a_run_is_right_whatever_the_case_of_the_path(common_host, path):
    answer = common_host.request(
        "POST", path, json={}, headers={"x-functions-key": common_host.key}
    )
    assert answer.headers["location"] == f"{common_host.url}/api/runs/{answer.json()['runId']}"
    common_host.ended_run(answer.json()["runId"])


def test_while_a_run_runs_its_location_answers_202(azure, make_host):
    azure.state.faults.append(refusal("GET", "serviceTags", 503, {}, times=999))
    host = make_host()
    answer = host.request("POST", "/api/sync", json={})
    running = host.request("GET", f"/api/runs/{answer.json()['runId']}")
    assert running.status_code == 202
    assert running.json()["status"] == "Running"
    assert running.headers["location"] == answer.headers["location"]
    assert running.headers["retry-after"]


def test_plan_writes_nothing_as_azures_own_log_shows(azure, host):
    table = add_table(azure.state, "one", [to_firewall()])
    register(host, "one")
    whole = run_to_end(host, mode="plan")
    assert whole["counts"]["planned"] == 1
    assert len(whole["outcomes"][0]["added"]) == len(published_ipv4(history()[0]))
    log = http().get(f"{azure.url}/simulator/log").json()["value"]
    # To ask Azure Policy is a POST, and yet a read.
    asked = {entry["action"] for entry in log if entry["method"] != "GET"}
    assert asked == {"Microsoft.PolicyInsights/checkPolicyRestrictions/read"}
    assert table.routes == [to_firewall()]


@pytest.mark.local_clock
def test_the_timer_fires_on_wednesday_at_six_and_a_disabled_one_does_not(azure, make_host):
    host = make_host(**{"AzureWebJobs.scheduled_sync.Disabled": "false"})
    add_table(azure.state, "one")
    register(host, "one")
    host.set_clock(datetime(2026, 11, 25, 5, 19, tzinfo=UTC))
    host.set_clock(datetime(2026, 11, 25, 5, 58, tzinfo=UTC))  # the check is for 5:20
    assert host.request("GET", "/api/runs").json()["value"] == []
    host.set_clock(datetime(2026, 11, 25, 6, tzinfo=UTC))
    whole = host.newest_run()
    assert (whole["trigger"], whole["status"]) == ("timer", "Succeeded")
    assert whole["startedAt"].startswith("2026-11-25T06:00:0")
    assert len(host.request("GET", "/api/runs").json()["value"]) == 1


def test_a_timer_can_be_fired_by_hand_with_the_master_key(host):
    anyone = {"x-functions-key": host.key}
    refused = host.request("POST", "/admin/functions/scheduled_sync", json={}, headers=anyone)
    assert refused.status_code == 403
    assert host.request("GET", "/api/runs").json()["value"] == []
    host.fire("scheduled_sync")
    assert host.newest_run()["trigger"] == "timer"


def test_another_host_on_the_same_storage_finds_nothing_to_do(azure, make_host):
    add_table(azure.state, "one", [to_firewall()])
    first = make_host()
    register(first, "one")
    first.fire("scheduled_sync")
    done = first.newest_run()
    assert done["counts"]["changed"] == 1
    azure.state.log.clear()
    second = make_host()
    second.fire("scheduled_sync")
    whole = second.newest_run(other_than=done["runId"])
    assert (whole["status"], whole["counts"]["unchanged"]) == ("Succeeded", 1)
    assert azure.state.writes() == []


@pytest.mark.parametrize(
    "path", ["/api/runs", "/api/route-tables", "/api/versions", "/api/runs/x", "/api/versions/x"]
)
def test_every_function_but_health_needs_a_key(common_host, path):
    assert http().get(common_host.url + path).status_code == 401
    assert http().get(common_host.url + path, params={"code": "wrong"}).status_code == 401
    assert http().get(common_host.url + path, params={"code": common_host.key}).status_code != 401


def test_health_is_anonymous_and_says_little(common_host):
    answer = http().get(f"{common_host.url}/api/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_health_says_where_storage_does_not_answer(make_host):
    host = make_host(AzureWebJobsStorage=without_storage())
    answer = http().get(f"{host.url}/api/health", timeout=120)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "StorageUnavailable"


def test_a_missing_setting_is_one_error_that_lists_them_all(make_host):
    host = make_host(
        without=("SERVICE_TAG_SUBSCRIPTION_ID", "SERVICE_TAG_LOCATIONS"), ROUTE_OWNER="No!"
    )
    answer = host.request("POST", "/api/sync", json={})
    assert answer.status_code == 500
    error = answer.json()["error"]
    assert error["code"] == "InvalidSettings"
    named = " ".join(detail["message"] for detail in error["details"])
    for name in ("SERVICE_TAG_SUBSCRIPTION_ID", "SERVICE_TAG_LOCATIONS", "ROUTE_OWNER"):
        assert name in named
    health = http().get(f"{host.url}/api/health")
    assert health.status_code == 503
    assert "SERVICE_TAG" not in health.text


@pytest.mark.local_clock
@pytest.mark.parametrize("wrong", [{}, {"SYNC_SCHEDULE": "0 0 6 * * 7"}])
def test_a_timer_whose_schedule_is_missing_or_wrong_is_left_out_and_all_else_runs(
    azure, make_host, wrong
):
    without = () if wrong else ("SYNC_SCHEDULE",)
    host = make_host(without=without, **wrong, **timers("false"))
    about = [line for line in host.errors if "scheduled_sync" in line]
    assert [line.split()[0] for line in about] == ["ERROR", "WARNING"]
    fired = host.request("POST", "/admin/functions/scheduled_sync", json={})
    assert fired.status_code == 404

    azure.state.tags.answers["westeurope"] = tag_document([A])
    table = add_table(azure.state, "one", [to_firewall()])
    register(host, "one")
    host.set_clock(datetime(2026, 11, 23, 5, 19, tzinfo=UTC))
    host.set_clock(datetime(2026, 11, 23, 5, 20, tzinfo=UTC))
    assert host.newest_run()["trigger"] == "check"
    assert owned_prefixes(table) == {A}


def test_a_wrong_schedule_of_the_check_is_told_when_the_app_starts(azure, make_host):
    host = make_host(CHECK_SCHEDULE="0 20 5 * * MON-SUN")
    add_table(azure.state, "one")
    assert register(host, "one").status_code == 201
    assert run_to_end(host)["status"] == "Succeeded"
    records = [line for line in host.errors if '"code": "ScheduleWrong"' in line]
    assert len(records) == 1
    assert (
        '"message": "CHECK_SCHEDULE: weekday: a range must begin with its lower end' in records[0]
    )


def faults_of(answer):
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "InvalidBody"
    return {detail["target"] for detail in error["details"]}


def test_bad_bodies_list_every_fault_and_start_nothing(azure, host):
    add_table(azure.state, "one")
    register(host, "one")
    register(host, "off", enabled=False)

    def faults(**body):
        return faults_of(host.request("POST", "/api/sync", json=body))

    assert faults(mode="destroy", reason=5, unknown=1) == {"mode", "reason", "unknown"}
    assert faults(routeTables="all", ases={}) == {"routeTables", "ases"}
    assert faults(routeTables=[1, None]) == {"routeTables.0", "routeTables.1"}
    ids = [table_id("one"), table_id("unregistered"), "/not/an/id", table_id("off")]
    assert faults(routeTables=ids) == {"routeTables.1", "routeTables.2", "routeTables.3"}
    assert faults(ases=["/no/such/ase"]) == {"ases.0"}
    assert faults(routeTables=[], ases=[]) == {"routeTables", "ases"}
    everything: dict[str, Any] = {
        "mode": "plan",
        "planRunId": None,
        "force": [],
        "reason": None,
        "changeId": None,
    }
    assert faults(**everything, routeTables=["x"]) == {"routeTables.0"}
    for raw in (b"not json", b"[]", b'"text"', b"5", b"\xff\xfe", b"{" * 100_000):
        faults_of(host.request("POST", "/api/sync", content=raw))
    assert host.request("GET", "/api/runs").json()["value"] == []
    assert azure.state.writes() == []


def test_a_body_above_one_mebibyte_is_a_413(common_host):
    def send(size):
        padding = json.dumps({"reason": "x"})[:-1] + " " * (size - 15) + "}"
        assert len(padding) == size
        return common_host.request("POST", "/api/sync", content=padding.encode()).status_code

    assert send(1024 * 1024) == 202
    assert send(1024 * 1024 + 1) == 413


def test_a_registration_lives(azure, host):
    ase = add_environment(azure.state, "ase1", table=add_table(azure.state, "one")).resource_id
    created = register(host, "one", aseId=ase, note="first")
    assert created.status_code == 201
    assert created.json()["routeTableId"] == table_id("one")
    assert created.json()["registration"]["serviceTags"] == ["AppServiceManagement"]
    assert run_to_end(host, ases=[ase.upper()])["counts"]["changed"] == 1
    replaced = register(host, "ONE", note="second")
    assert replaced.status_code == 200
    registration, status = replaced.json()["registration"], replaced.json()["status"]
    assert (registration["note"], registration["aseId"]) == ("second", None)
    assert status["appliedVersionIds"]
    shown = host.request("GET", f"/api/route-tables{table_id('one')}")
    assert shown.json() == replaced.json()
    listed = host.request("GET", "/api/route-tables").json()
    assert listed == {"value": [replaced.json()], "nextLink": None}
    assert host.request("DELETE", f"/api/route-tables{table_id('one')}").status_code == 204
    assert host.request("DELETE", f"/api/route-tables{table_id('one')}").status_code == 404
    assert host.request("GET", f"/api/route-tables{table_id('one')}").status_code == 404
    assert len(table_writes(azure.state)) == 1


def test_bad_registrations_are_refused(azure, make_host):
    host = make_host(ALLOWED_SERVICE_TAGS="AppServiceManagement,ApiManagement,NoSuchTag")

    def faults(**body):
        return faults_of(register(host, "one", **body))

    assert faults(serviceTags=["Storage"], aseId="/x") == {"serviceTags.0", "aseId"}
    assert faults(aseId=ase_id_of("nowhere")) == {"aseId"}
    assert faults(serviceTags=["AppServiceManagement", "NoSuchTag"]) == {"serviceTags.1"}
    assert faults(serviceTags=[]) == {"serviceTags"}
    assert faults(serviceTags=["a/b"]) == {"serviceTags.0"}
    assert faults(enabled="yes", note=1) == {"enabled", "note"}
    assert faults(addressSource="ase") == faults(addressSource="both") == {"addressSource"}
    assert faults(addressSource="tag", routeStyle="tag") == {"addressSource", "routeStyle"}
    assert faults(applyPolicy="never", exceptions="all") == {"applyPolicy", "exceptions"}
    meant = {"prefix": A, "reason": "x", "until": "2027-01-01"}
    for fault, place in (
        ({"prefix": "20.0.0.1/24"}, "prefix"),
        ({"prefix": "20.0.0.0"}, "prefix"),
        ({"prefix": "2001:db8::/32"}, "prefix"),
        ({"reason": ""}, "reason"),
        ({"until": "tomorrow"}, "until"),
        ({"until": 86400}, "until"),
        ({"until": "2027-01-01T00:00:00Z"}, "until"),
        ({"else": 1}, "else"),
    ):
        assert faults(exceptions=[meant | fault]) == {f"exceptions.0.{place}"}
    assert faults(exceptions=[meant, meant]) == {"exceptions.1.prefix"}
    defaults = {"addressSource": "serviceTag", "routeStyle": "prefixes", "exceptions": []}
    assert register(host, "two", **defaults, applyPolicy="auto").status_code == 201
    for bad in ("/not/an/id", "/" + "x" * 500, table_id("one") + "/routes/x"):
        answer = host.request("PUT", f"/api/route-tables{bad}", json={})
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "InvalidRouteTableId"
    assert register(host, "one", serviceTags=["ApiManagement"]).status_code == 201
    listed = host.request("GET", "/api/route-tables").json()["value"]
    assert [entry["registration"]["serviceTags"] for entry in listed] == [
        ["ApiManagement"],
        ["AppServiceManagement"],
    ]


def test_versions_are_listed_and_shown(azure, host):
    for prefixes in ([A], [A, B], [B]):
        azure.state.tags.answers["westeurope"] = tag_document(prefixes)
        run_to_end(host)
    first_page = host.request("GET", "/api/versions?top=2").json()
    newest, middle = first_page["value"]
    assert (newest["addressPrefixes"], newest["added"], newest["removed"]) == ([B], [], [A])
    assert newest["previousVersionId"] == middle["versionId"]
    link = first_page["nextLink"]
    last_page = http().get(link, headers={"x-functions-key": host.key}).json()
    assert [v["added"] for v in last_page["value"]] == [[A]]
    assert last_page["nextLink"] is None
    one = host.request("GET", f"/api/versions/{middle['versionId']}").json()
    assert one == middle
    assert set(one) == {
        *("versionId", "cloud", "serviceTag", "changeNumber", "recordedAt", "source"),
        *("locations", "addressPrefixes", "added", "removed", "previousVersionId", "apiLacks"),
    }
    assert host.request("GET", "/api/versions/none").status_code == 404


def test_versions_are_a_feed_for_feed_readers(azure, host):
    def feed(query="", **headers):
        return host.request("GET", f"/api/versions.atom{query}", headers=headers)

    empty = feed()
    assert (empty.status_code, read_feed(empty.content).entries) == (200, [])
    for prefixes in ([A], [A, B], [B]):
        azure.state.tags.answers["westeurope"] = tag_document(prefixes)
        run_to_end(host)

    answer = feed(**{"If-None-Match": empty.headers["etag"]})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/atom+xml"
    newest, *older = read_feed(answer.content).entries
    assert [entry.title.split(":")[-1] for entry in (newest, *older)] == [
        " +0 -1 prefixes",
        " +1 -0 prefixes",
        " +1 prefixes",
    ]
    assert newest.prefixes == [A]
    linked = http().get(newest.link, headers={"x-functions-key": host.key}).json()
    assert (linked["addressPrefixes"], linked["recordedAt"]) == (
        [B],
        newest.updated.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    )
    [only] = read_feed(feed("?top=1").content).entries
    assert only == newest
    assert feed("?top=0").status_code == feed("?skipToken=x").status_code == 400


def test_a_feed_reader_that_has_the_newest_feed_gets_it_not_again(azure, host):
    path = "/api/versions.atom"
    run_to_end(host)
    first = host.request("GET", path)
    etag = first.headers["etag"]
    for known in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = host.request("GET", path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    for query, known in (("", '"other"'), ("", ""), ("?top=1", etag)):
        again = host.request("GET", path + query, headers={"If-None-Match": known})
        assert again.status_code == 200, query


def test_runs_are_listed_in_pages_the_newest_first(host):
    runs = [run_to_end(host)["runId"] for _ in range(3)]
    page = host.request("GET", "/api/runs?top=2").json()
    assert [run["runId"] for run in page["value"]] == runs[:0:-1]
    rest = http().get(page["nextLink"], headers={"x-functions-key": host.key}).json()
    assert [run["runId"] for run in rest["value"]] == runs[:1]
    assert rest["nextLink"] is None
    assert host.request("GET", "/api/runs/none").json()["error"]["code"] == "RunNotFound"


@pytest.mark.parametrize("query", ["top=0", "top=1001", "top=x", "top=-1", "top=²"])
def test_a_bad_page_is_a_400(common_host, query):
    assert common_host.request("GET", f"/api/runs?{query}").status_code == 400


def test_a_page_after_nothing_is_a_400(common_host):
    for listed in ("versions", "runs", "route-tables"):
        assert common_host.request("GET", f"/api/{listed}?skipToken=x").status_code == 400
        assert common_host.request("GET", f"/api/{listed}?top=1000").status_code == 200


def test_a_table_that_never_succeeds_is_poisoned_and_the_report_says_why(azure, make_host):
    add_table(azure.state, "bad")
    add_table(azure.state, "good")
    refused = {"error": {"code": "ServiceUnavailable", "message": "later"}}
    azure.state.faults.append(
        refusal("PUT", "routetables/bad", 503, refused, times=999, headers={"Retry-After": "99"})
    )
    host = make_host(
        **poison_queues("false"),
        AzureFunctionsJobHost__extensions__queues__maxDequeueCount="2",
        AzureFunctionsJobHost__extensions__queues__visibilityTimeout="00:00:01",
    )
    for name in ("bad", "good"):
        register(host, name)
    whole = run_to_end(host)
    statuses = {o["routeTableId"]: o["status"] for o in whole["outcomes"]}
    assert statuses == {table_id("bad"): "failed", table_id("good"): "changed"}
    assert whole["status"] == "Failed"
    assert whole["outcomes"][0]["error"] == {"code": "ServiceUnavailable", "message": "later"}
    assert len([w for w in table_writes(azure.state) if w["path"].endswith("bad")]) == 2


def test_a_run_that_never_starts_is_poisoned_and_the_report_says_why(azure, make_host):
    host = make_host(
        **poison_queues("false"),
        AzureFunctionsJobHost__extensions__queues__maxDequeueCount="2",
        AzureFunctionsJobHost__extensions__queues__visibilityTimeout="00:00:01",
    )
    add_table(azure.state, "one")
    register(host, "one")
    azure.state.faults.append(
        refusal("GET", "serviceTags", 503, {}, times=999, headers={"Retry-After": "99"})
    )
    whole = run_to_end(host)
    assert whole["status"] == "Failed"
    assert whole["error"]["code"] == "TagUnavailable"
    assert "AnswerWithoutCode: HTTP 503" in whole["error"]["message"]
    assert whole["outcomes"][0]["error"]["code"] == "TagUnavailable"


def test_while_the_tags_cannot_be_read_tables_are_repaired_from_the_last_version(azure, make_host):
    table = add_table(azure.state, "one", [to_firewall()])
    azure.state.tags.answers["westeurope"] = tag_document([A, B])
    host = make_host(
        **poison_queues("false"),
        AzureFunctionsJobHost__extensions__queues__maxDequeueCount="2",
        AzureFunctionsJobHost__extensions__queues__visibilityTimeout="00:00:01",
    )
    register(host, "one")
    assert run_to_end(host)["status"] == "Succeeded"
    table.routes = [r for r in table.routes if A not in r["properties"]["addressPrefix"]]
    azure.state.faults.append(
        refusal("GET", "serviceTags", 503, {}, times=999, headers={"Retry-After": "99"})
    )
    whole = run_to_end(host)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "TagUnavailable")
    [outcome] = whole["outcomes"]
    assert (outcome["status"], outcome["added"]) == ("changed", [A])
    assert len(table.routes) == 3


def test_a_throttled_subscription_ends_unpoisoned_and_holds_no_other_up(azure, make_host):
    limits = azure.state.throttles.limits
    limits.buckets |= {"read": BucketSize(110, 40), "write": BucketSize(110, 40)}
    azure.state.timing.speedup = 20  # Retry-After 10 is half a second
    azure.state.tags.answers["westeurope"] = tag_document([A])
    many = [add_table(azure.state, f"many{number}").resource_id for number in range(60)]
    other = add_table(azure.state, "other", subscription=OTHER_SUBSCRIPTION).resource_id
    host = make_host(
        **poison_queues("false"),
        AzureFunctionsJobHost__extensions__queues__maxDequeueCount="2",
    )
    for table in (*many, other):
        host.request("PUT", f"/api/route-tables{table}", json={}).raise_for_status()
    started = host.request("POST", "/api/sync", json={"routeTables": many}).json()["runId"]
    meanwhile = run_to_end(host, routeTables=[other])
    assert meanwhile["status"] == "Succeeded"
    whole = host.ended_run(started)
    assert (whole["status"], whole["counts"]["changed"]) == ("Succeeded", 60)
    assert meanwhile["finishedAt"] <= whole["finishedAt"]
    # Each table was written once, and found right by whoever came to it.
    assert len(table_writes(azure.state)) == 61


def test_messages_that_are_not_ours_are_dropped(make_host):
    host = make_host(
        **poison_queues("false"),
        AzureFunctionsJobHost__extensions__queues__maxDequeueCount="1",
    )
    for function in ("start_run_poison", "sync_route_table_poison"):
        host.fire(function, input="not ours")
        host.fire(function, input="{}")
    assert run_to_end(host)["status"] == "Succeeded"


@pytest.mark.local_clock
def test_a_run_whose_start_message_was_lost_is_not_running_for_ever(azure, host):
    azure.state.faults.append(
        refusal("GET", "serviceTags", 503, {}, times=999, headers={"Retry-After": "99"})
    )
    run_id = host.request("POST", "/api/sync", json={}).json()["runId"]
    assert host.request("GET", f"/api/runs/{run_id}").status_code == 202
    host.set_clock(datetime.now(UTC) + timedelta(hours=2, minutes=1))
    [listed] = host.request("GET", "/api/runs").json()["value"]
    whole = host.request("GET", f"/api/runs/{run_id}")
    assert whole.status_code == 200
    assert whole.json()["status"] == listed["status"] == "Failed"
    assert whole.json()["error"]["code"] == "RunTimedOut"


def test_a_plan_is_shown_approved_and_applied_over_http(azure, make_host):
    many = [f"20.1.{number}.0/24" for number in range(10)]
    table = add_table(azure.state, "one", [owned(p) for p in many])
    azure.state.tags.answers["westeurope"] = tag_document([A])
    host = make_host(APPLY_POLICY="approval")
    register(host, "one")
    assert run_to_end(host)["counts"]["planned"] == 1
    plan = run_to_end(host, mode="plan")
    assert plan["outcomes"][0]["violations"][0]["code"] == "MaxRemovedPercent"
    asked = {"planRunId": plan["runId"], "reason": "CHG7", "force": ["MaxRemovedPercent"]}
    whole = run_to_end(host, **asked)
    assert (whole["status"], whole["reason"]) == ("Succeeded", "CHG7")
    assert {f["code"] for f in whole["outcomes"][0]["findings"]} == {"Approved", "Forced"}
    assert owned_prefixes(table) == {A}


def test_a_run_in_which_changes_wait_is_approved_by_its_own_id(azure, make_host):
    table = add_table(azure.state, "one", [owned(B)])
    azure.state.tags.answers["westeurope"] = tag_document([A])
    host = make_host(APPLY_POLICY="approval")
    register(host, "one")
    waiting = run_to_end(host)
    assert {each["why"] for each in waiting["outcomes"][0]["withheld"]} == {"ApplyPolicy"}
    whole = run_to_end(host, planRunId=waiting["runId"])
    assert (whole["status"], whole["counts"]["changed"]) == ("Succeeded", 1)
    assert owned_prefixes(table) == {A}


def test_an_approval_of_what_was_never_planned_is_refused(azure, host):
    add_table(azure.state, "one")
    add_table(azure.state, "two")
    register(host, "one")
    plan = run_to_end(host, mode="plan")["runId"]
    applied = run_to_end(host)["runId"]
    register(host, "two")

    def faults(**body):
        return faults_of(host.request("POST", "/api/sync", json=body))

    assert faults(planRunId="x") == {"planRunId"}
    assert faults(planRunId=applied) == {"planRunId"}
    assert faults(planRunId=plan, mode="plan") == {"mode"}
    assert faults(planRunId=plan, routeTables=[table_id("two")]) == {"routeTables.0"}
    forceable = "MaxRemovedPercent"
    assert faults(force=[forceable]) == {"force"}
    assert faults(force=[forceable], reason="x") == {"force"}
    assert faults(force=[forceable], planRunId=plan) == {"force"}
    several = {"reason": "x", "force": ["NoCapacity", forceable, "y"], "routeTables": ["/x"]}
    assert faults(planRunId=plan, **several) == {"force.0", "force.2", "routeTables.0"}
    assert len(host.request("GET", "/api/runs").json()["value"]) == 2


def test_adopt_roll_back_and_release_over_http(azure, host):
    table = add_table(azure.state, "one", [route("by-hand", A)])
    azure.state.tags.answers["westeurope"] = tag_document([A, B])
    register(host, "one")
    run_to_end(host)
    asked = {"routeTableId": table_id("ONE"), "reason": "CHG8"}

    def ended(path, **body):
        answer = host.request("POST", f"/api/{path}", json={**asked, **body})
        assert answer.status_code == 202, answer.text
        assert answer.headers["location"] == answer.json()["statusQueryGetUri"]
        return host.ended_run(answer.json()["runId"])

    adopted = ended("adopt")
    assert adopted["outcomes"][0]["updated"] == [A]
    assert owned_prefixes(table) == {A, B}
    back = ended("rollback", runId=adopted["runId"])
    assert (back["status"], back["reason"]) == ("Succeeded", "CHG8")
    assert owned_prefixes(table) == {B}
    shown = host.request("GET", f"/api/route-tables{table_id('one')}").json()["status"]
    assert shown["held"] == [
        {
            "prefix": A,
            "routed": False,
            "undoneRunId": adopted["runId"],
            "rollbackRunId": back["runId"],
        }
    ]
    assert register(host, "one", note="again").json()["status"]["held"] == shown["held"]
    released = host.request("POST", "/api/release", json=asked)
    assert released.status_code == 200
    assert released.json()["status"]["held"] == []
    assert ended("adopt")["outcomes"][0]["updated"] == [A]


def test_bad_requests_to_adopt_roll_back_or_release_start_nothing(azure, host):
    add_table(azure.state, "one")
    add_table(azure.state, "two")
    register(host, "one")
    register(host, "off", enabled=False)
    run = run_to_end(host)["runId"]
    idle = run_to_end(host)["runId"]
    register(host, "two")
    good = {"routeTableId": table_id("one"), "reason": "x"}

    def faults(path, **body):
        return faults_of(host.request("POST", f"/api/{path}", json=body))

    for path in ("adopt", "release"):
        assert faults(path) == {"routeTableId", "reason"}
        for wrong in ("/not/an/id", table_id("unregistered"), table_id("off")):
            assert faults(path, **{**good, "routeTableId": wrong}) == {"routeTableId"}
    assert faults("adopt", **good, fromOwner="Not-An-Owner") == {"fromOwner"}
    assert faults("rollback", **good) == {"runId"}
    for wrong in ("never", idle):
        assert faults("rollback", **good, runId=wrong) == {"runId"}
    assert faults("rollback", **{**good, "routeTableId": table_id("two")}, runId=run) == {"runId"}
    assert faults("rollback", **good, runId=run, force=["MovedOn"]) == {"force.0"}
    assert len(host.request("GET", "/api/runs").json()["value"]) == 2


@pytest.mark.local_clock
def test_the_daily_check_comes_by_itself_repairs_and_tells(azure, make_host, receiver):
    host = make_host(NOTIFY_WEBHOOK_URL=receiver.url, **timers("false"))
    azure.state.tags.answers["westeurope"] = tag_document([A])
    table = add_table(azure.state, "one", [to_firewall()])
    register(host, "one")
    host.set_clock(datetime(2026, 11, 23, 5, 19, tzinfo=UTC))
    host.set_clock(datetime(2026, 11, 23, 5, 20, tzinfo=UTC))
    whole = host.newest_run()
    assert (whole["trigger"], whole["status"]) == ("check", "Succeeded")
    assert owned_prefixes(table) == {A}
    receiver.wait_for(1)
    [notice] = receiver.notices
    assert (notice["kind"], notice["runId"]) == ("changed", whole["runId"])
    assert receiver.headers[0]["X-Run-Id"] == whole["runId"]
    shown = host.request("GET", f"/api/route-tables{table_id('one')}").json()["status"]
    assert shown["lastOutcome"]["status"] == "changed"
    assert shown["verifiedAt"].startswith("2026-11-23T05:20")


def test_a_check_that_is_asked_for_repairs_and_its_run_has_the_report(azure, host):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    table = add_table(azure.state, "one", [to_firewall()])
    register(host, "one")
    begun = host.request("POST", "/api/check", json={"reason": "CHG9"})
    assert begun.status_code == 202, begun.text
    assert begun.headers["location"] == begun.json()["statusQueryGetUri"]
    whole = host.ended_run(begun.json()["runId"])
    assert (whole["action"], whole["status"], whole["reason"]) == ("check", "Succeeded", "CHG9")
    assert (whole["outcomes"], whole["result"]["tables"]) == ([], 1)
    repair = host.ended_run(whole["result"]["runId"])
    assert (repair["trigger"], repair["status"]) == ("check", "Succeeded")
    assert owned_prefixes(table) == {A}

    again = host.request("POST", "/api/check", json={}).json()["runId"]
    result = host.ended_run(again)["result"]
    assert (result["right"], result["runId"]) == (1, None)
    assert [run["action"] for run in host.request("GET", "/api/runs").json()["value"]] == [
        "check",
        "sync",
        "check",
    ]


def test_a_table_is_registered_by_its_tag_and_taken_over_by_a_person(azure, make_host):
    host = make_host(DISCOVER_BY_TAG="true")
    azure.state.tags.answers["westeurope"] = tag_document([A])
    table = add_table(azure.state, "one", [to_firewall()])
    tag_table(table, "AppServiceManagement")
    path = f"/api/route-tables{table_id('one')}"

    def checked():
        return host.ended_run(host.request("POST", "/api/check", json={}).json()["runId"])["result"]

    result = checked()
    [change] = result["tagChanges"]
    assert (change["routeTableId"], change["change"]) == (table_id("one"), "registered")
    assert result["tagsNotRead"] == []
    assert host.ended_run(result["runId"])["counts"]["changed"] == 1
    assert owned_prefixes(table) == {A}
    shown = host.request("GET", path).json()
    assert shown["status"]["madeByTag"]
    assert shown["status"]["changedBy"] == "Azure tag aseRouteSync = 'AppServiceManagement'"
    assert "madeByTag" not in shown["registration"]

    sent_back = host.request("PUT", path, json=shown["registration"]).json()
    assert (sent_back["registration"], sent_back["status"]["madeByTag"]) == (
        shown["registration"],
        False,
    )
    tag_table(table, "off")
    result = checked()
    assert result["tagChanges"] == []
    assert [alarm["code"] for alarm in result["alarms"]] == ["AzureTagDiffers"]
    assert host.request("DELETE", path).status_code == 204
    tag_table(table, None)
    assert checked()["tagChanges"] == []
    assert owned_prefixes(table) == {A}


def test_a_release_ends_a_contest(azure, host):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    table = add_table(azure.state, "one", [to_firewall()])
    register(host, "one")
    run_to_end(host)
    for _ in range(2):
        table.routes, table.etag = [to_firewall()], new_etag()
        whole = run_to_end(host)
    assert "Contested" in [f["code"] for f in whole["outcomes"][0]["findings"]]
    path = f"/api/route-tables{table_id('one')}"
    assert len(host.request("GET", path).json()["status"]["contested"]["undone"]) == 2
    body = {"routeTableId": table_id("one"), "reason": "the pipeline is gone"}
    assert host.request("POST", "/api/release", json=body).json()["status"]["contested"] is None
    assert host.request("GET", path).json()["status"]["contested"] is None


def test_a_webhook_that_is_down_fails_no_run(azure, make_host, receiver):
    receiver.status = 500
    host = make_host(NOTIFY_WEBHOOK_URL=receiver.url)
    add_table(azure.state, "one", [to_firewall()])
    register(host, "one")
    assert run_to_end(host)["status"] == "Succeeded"
