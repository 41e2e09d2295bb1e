"""The dashboard as an operator sees it, in each of its states."""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest

from local.azure.faults import refusal
from local.plain_http import http
from shared.app import utc_now
from shared.domain import codes
from shared.domain.armid import EnvironmentId
from shared.domain.registry.choices import AddressSource
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.registry.status import LastOutcome, Reading, Status
from shared.domain.runs.outcome import OutcomeStatus
from shared.domain.runs.run import Mode, RunRequest, Trigger
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    add_environment,
    add_table,
    answer,
    ase_id_of,
    rid,
    table_id,
)
from tests.builders.routes import owned, route, to_firewall
from tests.builders.runs import TAG, discover, keep, register, register_many, sync

A, B, C, D = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24", "20.0.3.0/24"
XSS = "<script>document.title='taken'</script><img src=x onerror=alert(1)>"


def url(host, **query):
    asked = "".join(f"&{name}={quote(str(value), safe='')}" for name, value in query.items())
    return f"{host.url}/api/dashboard?code={host.key}{asked}"


def of_environment(name, **asked):
    """A table that is registered for the environment of the same name, unless that is changed."""
    registration = Registration((TAG,), EnvironmentId.parse(ase_id_of(name)))
    return RegisteredTable(rid(name), replace(registration, **asked))


def refuse(azure, name, message="no"):
    body = {"error": {"code": "AuthorizationFailed", "message": message}}
    azure.state.faults.append(refusal("GET", f"routeTables/{name}$", 403, body, times=999))


def headline(page):
    return page.locator("h1").inner_text()


def cell(page, column):
    return page.locator("tbody tr").first.locator("th, td").nth(column).inner_text()


def fresh(azure, app):
    return "No route table is registered and enabled"


def healthy(azure, app):
    for name in ("one", "two"):
        add_table(azure.state, name, [to_firewall()])
    answer(azure, A, B)
    register(app, "one", "two")
    sync(app)
    return "All 2 route tables are right"


def changed(azure, app):
    said = healthy(azure, app)
    answer(azure, A, C, D)
    sync(app, reason="CHG 42")
    return said


def blocked(azure, app):
    add_table(azure.state, "one", [route(f"r{n}", f"10.{n}.0.0/16") for n in range(400)])
    answer(azure, A)
    register(app, "one")
    sync(app)
    return "1 of 1 route table needs a person"


def failed(azure, app):
    healthy(azure, app)
    refuse(azure, "one")
    sync(app)
    return "1 of 2 route tables needs a person"


def discovered(azure, app):
    """The newest run is a discovery that has failed: nobody's routes are worse for that."""
    said = healthy(azure, app)
    table = add_table(azure.state, "three", [to_firewall()])
    add_environment(azure.state, "three", table=table)
    missing = OTHER_SUBSCRIPTION.replace("2", "9")
    assert discover(app, SUBSCRIPTION, missing)["status"] == "Failed"
    return said


def thousand(azure, app):
    healthy(azure, app)
    register_many(app, (f"rt-{number:04}" for number in range(998)))
    return "998 of 1000 route tables to look at"


@pytest.fixture
def empty(prepared):
    return prepared(fresh).host


STATES = [fresh, healthy, changed, blocked, failed, discovered, thousand]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_each_state_is_told_in_the_headline(prepared, visit, state):
    shown = prepared(state)
    with visit(url(shown.host)) as page:
        assert headline(page) == shown.said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "state", [fresh, changed, failed, discovered], ids=lambda state: state.__name__
)
def test_everybody_can_use_it(prepared, serious_faults, state, scheme):
    shown = prepared(state)
    host, app = shown.host, shown.app
    pages = [url(host)]
    if state is fresh:
        pages.append(url(host, page="codes"))
    else:
        pages.append(url(host, run=next(app.runs.list()).run_id))
        pages.append(url(host, routeTable=table_id("one")))
    assert [fault for page in pages for fault in serious_faults(page, scheme)] == []


def test_the_page_of_a_discovery_shows_what_was_found_and_what_was_not(prepared, visit):
    shown = prepared(discovered)
    host, app = shown.host, shown.app
    with visit(url(host)) as page:
        assert "http\ndiscover" in page.locator(".runs tbody tr").first.inner_text()
    with visit(url(host, run=next(app.runs.list()).run_id)) as page:
        assert headline(page) == "The run failed: DiscoveryIncomplete"
        shown = page.locator("main").inner_text()
        assert "DiscoveryIncomplete" in shown and "SubscriptionNotFound" in shown
        environment = page.locator("article.outcome").inner_text()
        assert environment.startswith("not registered three") and "NsgNone" in environment
        assert "Versions it worked from" not in shown


def test_a_right_table_says_since_when_with_what_and_how_much_room_is_left(
    azure, app, make_host, visit
):
    add_environment(azure.state, "one", table=add_table(azure.state, "one", [to_firewall()]))
    keep(app, of_environment("one", note="core"))
    answer(azure, A, B)
    sync(app)
    app.check.check()
    with visit(url(make_host())) as page:
        assert cell(page, 1).startswith("right\nfound right ")
        assert cell(page, 3) == "one\nwesteurope"
        assert cell(page, 4) == "3 of 400\n397 free"
        assert cell(page, 5) == "version no. 1 applied"
        assert cell(page, 6).startswith("changed\n")
        assert "Last success" in page.locator("dl.times").inner_text()


def test_what_is_retained_is_said_on_the_page_of_the_table(azure, make_app, make_host, visit):
    app = make_app(REMOVAL_GRACE_DAYS="28")
    add_table(azure.state, "one", [to_firewall()])
    answer(azure, A, B)
    register(app, "one")
    sync(app)
    answer(azure, A)
    sync(app)
    host = make_host(REMOVAL_GRACE_DAYS="28")
    with visit(url(host, routeTable=table_id("one"))) as page:
        assert "1 retained" in page.locator("#last ~ details summary").all_inner_texts()


def test_a_version_that_was_seen_and_not_applied_is_said(azure, app, make_host, visit):
    healthy(azure, app)
    answer(azure, A, B, C)
    refuse(azure, "one")
    sync(app)
    with visit(url(make_host())) as page:
        assert cell(page, 0).startswith("one")
        assert cell(page, 1).startswith("failed")
        assert cell(page, 2) == "AuthorizationFailed"
        assert cell(page, 5) == "version no. 1 applied, no. 2 seen"


def test_the_picture_shows_what_each_version_added_and_removed(prepared, visit):
    with visit(url(prepared(changed).host)) as page:
        titles = page.locator("svg rect title").all_text_contents()
        assert [title.partition(": ")[2] for title in titles] == ["2 added", "1 removed"]
        assert page.locator("svg").get_attribute("role") == "img"


def test_links_lead_to_the_run_and_to_the_table_and_back(prepared, visit):
    with visit(url(prepared(changed).host)) as page:
        page.get_by_role("link", name="one", exact=True).click()
        assert headline(page) == "one: right"
        page.locator(".history a").first.click()
        assert headline(page) == "The run succeeded"
        assert "CHG 42" in page.locator("dl.facts").inner_text()
        page.get_by_role("link", name="ASE Route Sync").click()
        assert headline(page) == "All 2 route tables are right"


def test_a_tables_page_says_whose_each_route_is(azure, app, make_host, visit):
    answer(azure, A, B, C)
    routes = [to_firewall(), route("theirs", B), route("other", C, "None"), owned(A), owned(D)]
    add_table(azure.state, "one", routes)
    register(app, "one")
    sync(app, mode=Mode.PLAN)
    with visit(url(make_host(), routeTable=table_id("one"))) as page:
        page.locator("#routes ~ details summary").click()
        rows = page.locator("#routes ~ details tbody tr").all_inner_texts()
        found = {row.split("\t")[0]: row.split("\t")[-1] for row in rows}
    assert found == {
        C: "conflict",
        D: "ours (retained)",
        "0.0.0.0/0": "not ours",
        A: "ours",
        B: "covered (not ours)",
    }
    assert next(iter(found)) == C


def test_where_azure_does_not_answer_a_tables_page_says_so_and_all_else(
    azure, app, make_host, visit
):
    healthy(azure, app)
    refuse(azure, "one", "the scope is not yours")
    with visit(url(make_host(), routeTable=table_id("one"))) as page:
        text = page.locator("main").inner_text()
    assert "AuthorizationFailed" in text
    assert "the scope is not yours" in text
    assert "found right" in text


def test_a_thousand_tables_come_in_pages(prepared, visit):
    with visit(url(prepared(thousand).host)) as page:
        assert page.locator(".tables tbody tr").count() == 50
        page.get_by_role("link", name="Next").first.click()
        assert page.locator(".pages").first.inner_text().split("\n") == [
            *("Previous", "51 to 100 of 1000", "Next")
        ]
        assert page.locator(".tables tbody tr").count() == 50


def test_a_table_is_found_by_the_form_and_the_url_says_what_is_looked_for(prepared, visit):
    with visit(url(prepared(failed).host)) as page:
        page.get_by_label("Name, group or environment").fill("TWO")
        page.get_by_role("button", name="Show").click()
        assert "search=TWO" in page.url
        assert page.locator(".tables tbody th a").all_inner_texts() == ["two"]
        assert "1 of 2 route tables." in page.locator("main").inner_text()

        page.get_by_label("State").select_option("failed (1)")
        page.get_by_role("button", name="Show").click()
        assert page.locator(".tables").count() == 0
        assert "None is like that." in page.locator("main").inner_text()

        page.get_by_role("link", name="Show all").click()
        page.get_by_role("link", name="failed 1", exact=True).click()
        assert page.locator(".tables tbody th a").all_inner_texts() == ["one"]
        page.get_by_role("link", name="Show all").click()
        assert page.locator(".tables tbody th a").all_inner_texts() == ["one", "two"]


def test_tables_are_sorted_by_state_or_by_name(azure, app, make_host, visit):
    for name in ("a", "b", "c"):
        add_table(azure.state, name)
    answer(azure, A)
    register(app, "c", "b", "a")
    refuse(azure, "b")
    sync(app)
    with visit(url(make_host())) as page:
        names = page.locator(".tables tbody th a")
        assert names.all_inner_texts() == ["b", "a", "c"]
        page.get_by_role("link", name="by name").click()
        assert names.all_inner_texts() == ["a", "b", "c"]
        page.get_by_role("link", name="worst first").click()
        assert names.all_inner_texts() == ["b", "a", "c"]


def test_no_row_is_higher_than_63_pixels(azure, app, make_host, visit):
    """The longest names that Azure allows, and every column as full as it can be."""
    healthy(azure, app)
    long = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{'g' * 90}/providers"
    environment = EnvironmentId.parse(f"{long}/Microsoft.Web/hostingEnvironments/{'e' * 60}")
    last = LastOutcome(
        "20260304060000000000-00000000",
        utc_now() + timedelta(seconds=1),
        OutcomeStatus.CONFLICT,
        violations=(codes.MAX_REMOVED_PERCENT, codes.NO_CAPACITY),
        findings=(codes.VIRTUAL_NETWORK_IN_OTHER_SUBSCRIPTION,),
        conflicts=100,
        withheld=1000,
    )
    for number, suspended in enumerate((True, False)):
        keep(
            app,
            RegisteredTable(
                rid(f"{long}/Microsoft.Network/routeTables/{str(number) * 80}"),
                Registration((TAG, "Storage.WestEurope"), environment, AddressSource.BOTH),
                Status(
                    suspended=suspended,
                    last_outcome=last,
                    reading=Reading("australiacentral2", 999, 1000),
                ),
            ),
        )
    with visit(url(make_host()), viewport={"width": 1440, "height": 900}) as page:
        rows = page.locator(".tables tbody tr")
        heights = [rows.nth(number).bounding_box()["height"] for number in range(rows.count())]
        states = page.locator(".tables .badge")
        assert states.first.inner_text() == "environment suspended"
        assert states.evaluate_all("all => all.filter(e => e.scrollWidth > e.clientWidth)") == []
    assert len(heights) == 4
    assert max(heights) <= 63


def test_each_note_of_a_table_has_one_mark(prepared, visit):
    marks = "all => all.map(e => getComputedStyle(e, '::before').content)"
    with visit(url(prepared(failed).host, routeTable=table_id("one"))) as page:
        assert page.locator(".notes li").evaluate_all(marks) == ['"!"']
        assert page.locator(".notes li *").evaluate_all(marks) == ["none"]


def test_the_page_of_a_run_unfolds_what_needs_somebody(prepared, visit):
    shown = prepared(failed)
    with visit(url(shown.host, run=next(shown.app.runs.list()).run_id)) as page:
        outcomes = page.locator("details.outcome")
        texts = outcomes.all_inner_texts()
        assert [text.split()[:2] for text in texts] == [["failed", "one"], ["unchanged", "two"]]
        assert "AuthorizationFailed" in texts[0]
        assert outcomes.last.get_attribute("open") is None


def test_a_code_leads_to_what_it_means_and_what_to_do(prepared, visit):
    with visit(url(prepared(failed).host)) as page:
        assert "az role assignment create" in page.locator(".todo pre").inner_text()
        page.get_by_role("link", name="AuthorizationFailed").first.click()
        assert headline(page) == "Codes and states"
        entry = page.locator("article:target")
        assert entry.locator("h3").inner_text().startswith("AuthorizationFailed")
        assert codes.AUTHORIZATION_FAILED.meaning in entry.inner_text()


def test_on_a_phone_the_reason_is_beside_the_name(prepared, visit):
    with visit(url(prepared(failed).host), viewport={"width": 390, "height": 844}) as page:
        row = page.locator(".tables tbody tr").first
        name, reason = row.locator("th").bounding_box(), row.locator("td").nth(1).bounding_box()
        assert row.locator("td").nth(1).inner_text() == "AuthorizationFailed"
    assert name["x"] + name["width"] <= reason["x"]
    assert reason["x"] + reason["width"] <= 390
    assert reason["y"] < name["y"] + name["height"]


def test_what_is_switched_off_is_not_green(azure, app, make_host, visit):
    healthy(azure, app)
    register(app, "three", enabled=False)
    with visit(url(make_host())) as page:
        assert headline(page) == "All 2 route tables are right"
        badges = page.locator(".tables .badge")
        assert badges.all_inner_texts() == ["right", "right", "switched off"]
        assert "neutral" in badges.last.get_attribute("class").split()
        green, grey = (
            each.evaluate("e => getComputedStyle(e).color") for each in (badges.first, badges.last)
        )
        assert green != grey


def test_the_history_of_a_table_does_not_end_with_the_last_runs(azure, app, make_host, visit):
    """Events about other tables start many runs."""
    healthy(azure, app)
    for _ in range(25):
        sync(app, "two")
    with visit(url(make_host(), routeTable=table_id("one"))) as page:
        [row] = page.locator(".history tbody tr").all_inner_texts()
        assert "2 added, 0 updated, 0 removed" in row
        assert page.locator("h2").all_inner_texts()[0] == "History"


def test_the_history_of_a_table_outlives_its_runs(azure, app, make_host, visit):
    healthy(azure, app)
    for run in [*app.runs.list()]:
        app.outcomes.remove(run.run_id)
        app.runs.remove(run.run_id)
    with visit(url(make_host(), routeTable=table_id("one"))) as page:
        [row] = page.locator(".history tbody tr").all_inner_texts()
        assert "2 added" in row


def test_it_works_by_keyboard_alone(prepared, visit):
    with visit(url(prepared(healthy).host)) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "To the content"
        page.keyboard.press("Enter")
        assert page.url.endswith("#main")


def test_what_others_wrote_stays_text(azure, app, make_host, visit):
    add_table(azure.state, "one")
    keep(app, of_environment("one", note=XSS, ase_id=None))
    refuse(azure, "one", XSS)
    whole = sync(app, reason=XSS, change_id=XSS, requested_by=XSS)
    host = make_host()
    for place in (url(host), url(host, run=whole["runId"]), url(host, routeTable=table_id("one"))):
        with visit(place) as page:
            assert XSS in page.locator("main").inner_text()
            assert page.title() != "taken"
            assert page.locator("script, main img").count() == 0


def test_what_was_asked_for_stays_text_on_an_error_page(empty, visit):
    refused = "Failed to load resource: the server responded with a status of 400 (Bad Request)"
    with visit(url(empty, routeTable=XSS), expected=[f"error: {refused}"]) as page:
        assert "<script>" in page.locator("main").inner_text()


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"run": "20260101000000000000-00000000"}, 404, "RunNotFound"),
        ({"routeTable": "nonsense"}, 400, "InvalidRouteTableId"),
        ({"routeTable": table_id("unknown")}, 404, "NotRegistered"),
        ({"from": "0"}, 400, "InvalidQuery"),
        ({"from": "x"}, 400, "InvalidQuery"),
        ({"state": "sideways"}, 400, "InvalidQuery"),
        ({"sort": "age"}, 400, "InvalidQuery"),
        ({"page": "2"}, 400, "InvalidQuery"),
    ],
)
def test_an_error_is_a_page_too(empty, query, status, code):
    found = http().get(url(empty, **query))
    assert (found.status_code, found.headers["content-type"]) == (
        status,
        "text/html; charset=utf-8",
    )
    assert code in found.text


def test_wrong_settings_are_listed_on_the_page(make_host):
    host = make_host(MAX_REMOVED_PERCENT="many", without=("SERVICE_TAG_LOCATIONS",))
    found = http().get(url(host))
    assert found.status_code == 500
    assert "MAX_REMOVED_PERCENT" in found.text
    assert "SERVICE_TAG_LOCATIONS" in found.text


def test_without_a_key_nothing_is_shown(empty):
    assert http().get(f"{empty.url}/api/dashboard").status_code == 401


def test_links_repeat_the_key_of_the_url_and_no_other(prepared):
    host = prepared(changed).host
    with_code = http().get(url(host))
    assert with_code.text.count(f"code={host.key}") >= 5
    with_header = host.request("GET", "/api/dashboard")
    assert with_header.status_code == 200
    assert host.key not in with_header.text
    assert "code=" not in with_header.text


def test_a_browser_keeps_and_tells_nothing(empty):
    found = http().get(url(empty))
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["referrer-policy"] == "no-referrer"
    assert found.headers["x-content-type-options"] == "nosniff"
    policy = dict(
        part.strip().split(" ", 1) for part in found.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in json.dumps(policy)


def test_a_run_under_way_says_so(azure, app, make_host, visit):
    run = app.create_run(RunRequest(Trigger.HTTP, Mode.APPLY))
    with visit(url(make_host(), run=run.run_id)) as page:
        assert headline(page) == "The run is under way"
        assert "not yet" in page.locator("dl.facts").inner_text()
