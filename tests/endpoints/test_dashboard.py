"""The pages show whatever Azure wrote."""

import html
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from urllib.parse import quote

import azure.functions as func
import pytest

from local.azure.faults import InjectedFault, LoseTag, refusal
from shared import __version__, endpoints, workers
from shared.deadline import RESERVE_SECONDS
from shared.domain import codes
from shared.domain.armid import EnvironmentId
from shared.domain.findings import Finding
from shared.domain.people.next_steps import About, step_for_code, step_for_state
from shared.domain.people.overview import State
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.runs.run import Action, Mode, Trigger
from shared.endpoints import shell
from shared.messages import RunMessage
from shared.sync.asking import CheckRequest
from shared.sync.requester import Requester
from tests.builders.azure import SUBSCRIPTION, add_table, answer, ase_id_of, rid, tag_document
from tests.builders.lists import custom_lists
from tests.builders.relay import Relay
from tests.builders.routes import owned, route, to_firewall
from tests.builders.runs import TAG, Asked, approved, keep, register, started, sync
from tests.builders.settings import without_storage
from tests.builders.tags import tag_table

PAGES = import_module("shared.endpoints.dashboard")
A, B = "20.0.0.0/24", "20.0.1.0/24"
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NO_TAG = InjectedFault(method="GET", path="serviceTags$", effect=LoseTag(), times=999)
ALL_RIGHT = ("good", "All 2 route tables are right")


@pytest.fixture
def two(azure, app, clock, monkeypatch):
    """Two tables, brought to A at the time of the weekly run."""
    monkeypatch.setattr(shell, "app", lambda: app)
    answer(azure, A)
    tables = [add_table(azure.state, name, [to_firewall()]) for name in ("one", "two")]
    register(app, "one", "two")
    sync(app)
    clock.shift(MINUTE)
    return tables


@pytest.mark.parametrize("page", ["", "run", "routeTable"])
def test_half_a_letter_is_no_reason_to_fail(azure, app, monkeypatch, page):
    monkeypatch.setattr(shell, "app", lambda: app)
    add_table(azure.state, "one")
    register(app, "one")
    error = json.dumps({"error": {"code": "Odd", "message": "half a \ud83d letter"}})
    azure.state.faults.append(refusal("GET", "routeTables/one$", 400, error, times=99))
    values = {"run": sync(app)["runId"], "routeTable": str(rid("one"))}
    text = shown({page: values[page]} if page else {})
    assert not page or r"half a \ud83d letter" in text


@pytest.mark.parametrize("page", ["run", "routeTable"])
def test_what_to_do_about_a_blocked_table_stands_on_its_pages(azure, app, monkeypatch, page):
    monkeypatch.setattr(shell, "app", lambda: app)
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24"])
    add_table(azure.state, "one", [owned(f"20.0.{number}.0/24") for number in range(9)])
    register(app, "one")
    values = {"run": sync(app)["runId"], "routeTable": str(rid("one"))}
    text = html.unescape(shown({page: values[page]}))
    assert codes.MAX_REMOVED_PERCENT.remedy in text
    command = f"apply --plan {values['run']} --force MaxRemovedPercent"
    assert text.count(f"<pre><code>ase-route-sync {command} --reason '...'</code></pre>") == 1


def test_a_wrong_schedule_shows_at_once_and_once(azure, make_app, monkeypatch):
    app = make_app(CHECK_SCHEDULE="@daily")
    monkeypatch.setattr(shell, "app", lambda: app)
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24"])
    add_table(azure.state, "one")
    register(app, "one")
    sync(app)
    for _ in range(2):
        text = shown({})
        assert headline(text) == ("bad", "Alarm: ScheduleWrong")
        assert "Next check</dt><dd>never: see the alarm" in text
        assert text.count("CHECK_SCHEDULE: it must have six fields") == 1
        app.check.check()  # a person can fire it


def test_after_a_release_and_a_sync_nothing_of_a_contest_is_red(app, clock, two):
    for _ in range(2):
        two[0].routes = [to_firewall()]  # somebody undoes our change
        sync(app)
    assert "TableContested" in alarms(app.check.check())
    assert headline(shown({})) == ("bad", "1 of 2 route tables needs a person")

    clock.shift(MINUTE)
    app.registry.change(rid("one"), RegisteredTable.release)
    sync(app)
    assert headline(shown({})) == ALL_RIGHT


def test_a_plan_that_failed_is_not_red(azure, app, two):
    azure.state.faults.append(refusal("GET", "routeTables/one$", 403, "{}", times=99))
    assert sync(app, mode=Mode.PLAN)["status"] == "Failed"
    assert headline(shown({})) == ALL_RIGHT


def test_a_run_of_one_table_that_failed_is_not_red_if_the_table_is_right_since(azure, app, two):
    azure.state.faults.append(NO_TAG)
    assert sync(app, "one")["status"] == "Failed"
    azure.state.faults.clear()
    assert headline(shown({})) == ALL_RIGHT


def test_a_run_over_all_tables_without_its_tag_is_red_until_the_tag_is_read(azure, app, clock, two):
    azure.state.faults.append(NO_TAG)
    whole = sync(app)
    assert whole["error"]["code"] == "TagUnavailable"
    failed = ("bad", "The last run over all tables failed: TagUnavailable")
    assert headline(shown({})) == failed

    # A run of one table fails for the same reason, and a check that cannot read it is an alarm.
    clock.shift(MINUTE)
    sync(app, "one")
    assert headline(shown({})) == failed
    assert alarms(app.check.check()) == ["TagUnavailable"]
    text = shown({})
    assert headline(text) == failed
    assert text.count("<strong>TagUnavailable</strong>") == 1

    clock.shift(MINUTE)
    azure.state.faults.clear()
    sync(app, "one", mode=Mode.PLAN)
    assert headline(shown({})) == ALL_RIGHT
    assert facts(shown({}))["Last run over all tables"] == "failed 2 min ago"


def test_the_last_success_is_of_a_run_over_all_tables(app, clock, two):
    clock.shift(2 * HOUR)
    sync(app, "one")
    sync(app, mode=Mode.PLAN)
    assert facts(shown({}))["Last success"] == "2 h ago"
    sync(app)
    assert facts(shown({}))["Last success"] == "just now"


def test_it_says_when_the_timers_fire_next_and_whether_one_is_late(app, clock, two):
    app.check.check()
    assert facts(shown({})) == {
        "Last success": "1 min ago",
        "Next run": "2026-03-11 06:00 UTC, in 7 days",
        "Last check": "just now",
        "Next check": "2026-03-05 05:20 UTC, in 23 h",
        "Newest version": "no. 1, seen 1 min ago",
    }
    clock.move_to("2026-03-05T06:19:59Z")
    assert headline(shown({})) == ALL_RIGHT

    clock.move_to("2026-03-05T06:20:00Z")
    late = "2026-03-06 05:20 UTC, in 23 h; the one of 2026-03-05 05:20 UTC is late"
    assert facts(shown({}))["Next check"] == late
    assert headline(shown({})) == ("watch", f"{ALL_RIGHT[1]}, but a timer is late")


def test_it_says_which_app_of_which_code_it_is_the_page_of(make_app, monkeypatch):
    subscription = SUBSCRIPTION.replace("1", "9")
    app = make_app(
        WEBSITE_SITE_NAME="func-routes",
        WEBSITE_OWNER_NAME=f"{subscription}+rg-routes-WestEuropewebspace-Linux",
    )
    monkeypatch.setattr(shell, "app", lambda: app)
    text = shown({})
    place = re.search('<dl class="place">(.*?)</dl>', text, re.DOTALL)
    assert place is not None
    assert re.sub("<[^>]+>", " ", place[1]).split() == [
        *("App", "func-routes"),
        *("Cloud", "AzureCloud"),
        *("Subscription", subscription),
    ]
    assert f"ASE Route Sync {__version__}" in text


@pytest.mark.parametrize("page", ["", "run", "routeTable"])
def test_a_paused_app_says_so_on_each_page_and_waits_for_nobody(
    azure, make_app, monkeypatch, two, page
):
    paused = make_app(PAUSED="true")
    monkeypatch.setattr(shell, "app", lambda: paused)
    answer(azure, A, B)
    values = {"run": sync(paused)["runId"], "routeTable": str(rid("one"))}
    text = shown({page: values[page]} if page else {})
    assert "<strong>Paused:</strong>" in text
    assert "approve" not in text.replace("also an approved one", "")
    if page != "run":
        assert "would change" in text


@pytest.mark.parametrize("page", ["", "run", "routeTable"])
def test_a_table_that_waits_says_who_may_approve_and_how(azure, make_app, monkeypatch, two, page):
    app = make_app(APPLY_POLICY="approval")
    monkeypatch.setattr(shell, "app", lambda: app)
    answer(azure, A, B)
    run_id = sync(app)["runId"]
    of_run = shown({"run": run_id})
    assert headline(of_run) == ("watch", "2 route tables wait for approval")
    assert of_run.count("<small>waits: +1</small>") == 2
    asked = {page: {"run": run_id, "routeTable": str(rid("one"))}[page]} if page else {}

    text = shown(asked)
    assert f"<pre><code>ase-route-sync approve {run_id}</code></pre>" in text
    assert f"{{&#34;planRunId&#34;: &#34;{run_id}&#34;}}" in text.replace('"', "&#34;")
    assert "everybody who has a key of the app" in text
    assert "Paused" not in text

    with_tokens = make_app(APPLY_POLICY="approval", WEBSITE_AUTH_ENABLED="true")
    monkeypatch.setattr(shell, "app", lambda: with_tokens)
    assert "a caller whose token has the app role Approver" in shown(asked)


def test_what_was_approved_waits_no_more(azure, make_app, monkeypatch, two):
    app = make_app(APPLY_POLICY="approval")
    monkeypatch.setattr(shell, "app", lambda: app)
    answer(azure, A, B)
    waits = sync(app)
    assert headline(shown({})) == ("watch", "2 of 2 route tables need an approval")
    assert approved(app, waits)["status"] == "Succeeded"
    assert headline(shown({})) == ALL_RIGHT


@pytest.mark.parametrize("page", ["", "run", "routeTable"])
def test_what_to_do_about_a_conflict_has_the_command_with_its_ids(azure, app, two, page):
    two[0].routes.append(route("theirs", B, "VirtualAppliance"))
    answer(azure, A, B)
    run_id = sync(app)["runId"]
    asked = {page: {"run": run_id, "routeTable": str(rid("one"))}[page]} if page else {}
    text = html.unescape(shown(asked))
    step = step_for_state(State.CONFLICT, About(route_table_id=rid("one"), prefixes=(B,)))
    assert step.meaning in text
    assert text.count(step.remedy) == 1
    assert text.count(f"<pre><code>{step.command}</code></pre>") == 1
    assert B in str(step.command)


def test_the_headline_of_a_run_that_failed_says_why(azure, app, two):
    two[0].routes.append(route("theirs", B, "VirtualAppliance"))
    answer(azure, A, B)
    of_tables = sync(app)["runId"]
    said = "The run failed: 1 of 2 route tables needs a person"
    assert headline(shown({"run": of_tables})) == ("bad", said)

    azure.state.faults.append(NO_TAG)
    of_all = sync(app)["runId"]
    assert headline(shown({"run": of_all})) == ("bad", "The run failed: TagUnavailable")


def test_each_command_stands_once_on_the_page_of_a_table(azure, app, two):
    for _ in range(2):
        two[0].routes = [to_firewall()]
        sync(app)
    text = html.unescape(shown({"routeTable": str(rid("one"))}))
    assert text.count(f"ase-route-sync release {rid('one')}") == 1
    assert text.count(">contested since ") == 1
    assert codes.CONTESTED.remedy in text


def test_the_overview_has_the_message_of_which_a_remedy_speaks(azure, app, two):
    body = json.dumps({"error": {"code": "AuthorizationFailed", "message": "no right to look"}})
    azure.state.faults.append(refusal("GET", "routeTables/one$", 403, body, times=99))
    sync(app)
    text = read(shown({}))
    assert "the scope that the message names" in text
    assert text.count("one: no right to look") == 1
    assert text.count(codes.AUTHORIZATION_FAILED.remedy) == 1


def test_each_remedy_stands_once_on_the_page_of_a_table(azure, app, two):
    body = json.dumps({"error": {"code": "AuthorizationFailed", "message": "no right to look"}})
    azure.state.faults.append(refusal("GET", "routeTables/one$", 403, body, times=99))
    sync(app)
    text = read(shown({"routeTable": str(rid("one"))}))
    assert text.count("no right to look") == 2  # in the last run, and now
    assert text.count(codes.AUTHORIZATION_FAILED.remedy) == 1
    assert text.count("az role assignment create") == 1


def test_what_will_not_stay_right_says_so_on_the_page_of_the_table(azure, app, two):
    others = [route(f"r{n}", f"10.{n // 256}.{n % 256}.0/24") for n in range(329)]
    two[0].routes = [to_firewall(), *others]
    sync(app)
    app.check.check()
    text = shown({"routeTable": str(rid("one"))})
    assert headline(text)[0] == "good"
    assert "331 of the 400 routes that it may hold are used" in text
    assert codes.CAPACITY_LOW.remedy in text


def test_what_to_do_about_a_blocked_rollback_fits_the_rollback(azure, app, two):
    answer(azure, *(f"20.1.{number}.0/24" for number in range(20)), A)
    newer = sync(app)["runId"]
    undo: Asked = {"action": Action.ROLLBACK, "rolled_back_run_id": newer, "reason": "why"}
    assert sync(app, "one", **undo)["counts"]["blocked"] == 1
    text = html.unescape(shown({"routeTable": str(rid("one"))}))
    command = f"rollback {rid('one')} --run {newer} --force MaxRemovedPercent"
    assert f"<pre><code>ase-route-sync {command} --reason '...'</code></pre>" in text


def test_the_portal_is_one_click_away(app, two):
    ase_id = EnvironmentId.parse(ase_id_of("one"))
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), ase_id)))
    text = shown({"routeTable": str(rid("one"))})
    for resource in (rid("one"), ase_id):
        assert f'href="https://portal.azure.com/#@/resource{resource}/overview"' in text


def test_each_code_and_state_has_its_place_on_a_page(app, monkeypatch):
    monkeypatch.setattr(shell, "app", lambda: app)
    text = html.unescape(shown({"page": "codes"}))
    for code in codes.CODES.values():
        assert f'id="{code.name}"' in text
        assert code.meaning in text and code.remedy in text
    for state in State:
        assert f'id="state-{state}"' in text
        assert f">{state.words}</span>" in text
    missing = {name for name in re.findall('href="#([^"]+)"', text) if f'id="{name}"' not in text}
    assert missing == set()


def test_a_code_leads_to_its_place_and_one_of_azure_to_the_general_one(azure, app, two):
    error = json.dumps({"error": {"code": "SomethingOfAzure", "message": "no"}})
    azure.state.faults.append(refusal("GET", "routeTables/one$", 400, error, times=99))
    azure.state.faults.append(refusal("GET", "routeTables/two$", 403, "{}", times=99))
    sync(app)
    text = shown({})
    assert re.search(r'<a class="code" href="\?page=codes#azure"[^>]*>SomethingOfAzure</a>', text)
    assert re.search(
        r'<a class="code" href="\?page=codes#AnswerWithoutCode"[^>]*>AnswerWithoutCode</a>', text
    )


@pytest.mark.parametrize("page", ["", "routeTable"])
def test_each_code_beside_a_state_leads_to_its_meaning(azure, app, two, page):
    azure.state.faults.append(refusal("GET", "routeTables/one$", 403, "{}", times=99))
    azure.state.faults.append(NO_TAG)
    sync(app)
    for name, code in (("one", codes.ANSWER_WITHOUT_CODE), ("two", codes.TAG_UNAVAILABLE)):
        text = shown({page: str(rid(name))} if page else {})
        places = ('<ul class="notes">', "</ul>") if page else ('id="tables"', "</section>")
        notes = text.partition(places[0])[2].partition(places[1])[0]
        title = re.escape(html.escape(code.advice, quote=True).replace("&#x27;", "&#39;"))
        assert re.search(f'href="[^"]*page=codes#{code}" title="{title}"', notes)


def test_a_plan_says_how_to_apply_exactly_what_it_shows(azure, app, two):
    answer(azure, A, B)
    plan = sync(app, mode=Mode.PLAN)
    text = shown({"run": plan["runId"]})
    assert headline(text) == ("watch", "A plan: 2 route tables would change")
    assert f"ase-route-sync approve {plan['runId']}" in text
    assert "approve" not in shown({"run": sync(app)["runId"]})


def alarms(checked):
    return [alarm.code.name for alarm in checked.alarms]


def headline(text):
    """Return the mood of the page, and its first line."""
    found = re.search(
        r'<section class="sum (\w+)".*?<h1 id="headline"[^>]*>(.*?)</h1>', text, re.DOTALL
    )
    assert found is not None
    return found[1], found[2]


def read(text):
    """Return what people read on the page."""
    return html.unescape(re.sub("<[^>]+>", " ", text.partition("<main")[2]))


def facts(text):
    """Return what the page says of times, by its name."""
    found = re.findall("<dt>([^<]+)</dt><dd>(?:<a [^>]+>)?([^<]+)", text)
    return dict(found)


def test_the_page_of_a_run_that_was_stopped_names_the_tables_that_it_had_not_begun(
    azure, app, monkeypatch
):
    monkeypatch.setattr(shell, "app", lambda: app)
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24"])
    run_id = started(app, "one", "two")
    app.run_end.stop(app.runs.get(run_id), Finding(codes.INTERRUPTED, "by hand"))
    text = shown({"run": run_id})
    assert "2 route tables not begun" in text
    assert f"{rid('two').name}</a> <small>{rid('two').resource_group}</small>" in text


def test_the_page_of_a_check_shows_its_alarms_and_the_tables_that_are_not_right(
    azure, make_app, monkeypatch
):
    app = make_app(SYNC_SCHEDULE="")
    monkeypatch.setattr(shell, "app", lambda: app)
    monkeypatch.setattr(workers, "app", lambda: app)
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24"])
    tables = [add_table(azure.state, name) for name in ("one", "two")]
    register(app, "one", "two")
    sync(app)
    tables[0].routes = []
    run_id = app.asking.check(CheckRequest(), Requester(Trigger.HTTP)).run_id
    assert "The check has not ended" in shown({"run": run_id})

    workers.start_run(str(RunMessage(run_id)))
    text = shown({"run": run_id})
    assert headline(text) == ("bad", "The check found 1 of 2 route tables right, and 1 alarm")
    assert f"<small>{codes.SCHEDULE_MISSING.remedy}</small>" in text
    assert '<span class="badge bad">planned</span>' in text
    assert '<span class="badge good">right</span>' in text
    started = next(run.run_id for run in app.runs.list() if run.request.trigger is Trigger.CHECK)
    assert f"run {started}</a>" in text


@pytest.mark.parametrize("paused", [False, True])
def test_the_headline_of_a_check_is_as_good_as_what_it_found(
    azure, make_app, monkeypatch, two, paused
):
    app = make_app(PAUSED=str(paused))
    for module in (shell, workers):
        monkeypatch.setattr(module, "app", lambda: app)
    if paused:  # the check then starts no run, and the newer version stays unrecorded
        answer(azure, A, B)
    run_id = app.asking.check(CheckRequest(), Requester(Trigger.HTTP)).run_id
    workers.start_run(str(RunMessage(run_id)))
    mood = "watch" if paused else "good"
    assert headline(shown({"run": run_id})) == (mood, "The check found 2 of 2 route tables right")


def test_what_to_do_about_a_table_that_a_check_cannot_read_stands_on_its_page(
    azure, app, monkeypatch, two
):
    monkeypatch.setattr(workers, "app", lambda: app)
    body = json.dumps({"error": {"code": "AuthorizationFailed", "message": "no right to look"}})
    azure.state.faults.append(refusal("GET", "routeTables/one$", 403, body, times=99))
    azure.state.faults.append(NO_TAG)
    run_id = app.asking.check(CheckRequest(), Requester(Trigger.HTTP)).run_id
    workers.start_run(str(RunMessage(run_id)))

    text = html.unescape(shown({"run": run_id}))
    assert "no right to look" in text
    assert headline(text) == ("bad", "The check found 0 of 2 route tables right, and 1 alarm")
    # Without its tag, the other table may be right or not.
    assert ">unchanged<" not in text
    assert '<span class="badge watch">not judged</span>' in text
    for code in (codes.AUTHORIZATION_FAILED, codes.TAG_UNAVAILABLE):
        step = step_for_code(code, About(route_table_id=rid("one")))
        assert f'href="?page=codes#{code}"' in text
        assert f"<pre><code>{step.command}</code></pre>" in text


def test_an_alarm_about_a_table_that_its_tag_could_not_register_leads_to_the_reason(
    azure, make_app, monkeypatch
):
    app = make_app(DISCOVER_BY_TAG="true")
    monkeypatch.setattr(shell, "app", lambda: app)
    answer(azure, A)
    for name, value in (("one", "Storage"), ("two", "Sql"), ("good", TAG), ("none", None)):
        tag_table(add_table(azure.state, name), value)
    app.check.check()

    # Both have the same trouble, and the overview says it once.
    assert f"routeTable={quote(str(rid('two')), safe='')}" in shown({})
    for name, value in (("one", "Storage"), ("two", "Sql")):
        _, said = headline(html.unescape(shown({"routeTable": str(rid(name))}, status=404)))
        assert said == (
            "this route table is not registered. "
            f"aseRouteSync = '{value}': {value} is not in ALLOWED_SERVICE_TAGS"
        )
    page = shown({"routeTable": str(rid("none"))}, status=404)
    assert headline(page) == ("bad", "this route table is not registered")


def test_the_page_of_a_check_lists_what_azure_tags_have_registered(azure, make_app, monkeypatch):
    app = make_app(DISCOVER_BY_TAG="true")
    for module in (shell, workers):
        monkeypatch.setattr(module, "app", lambda: app)
    answer(azure, A)
    gone = add_table(azure.state, "gone")
    tag_table(gone, TAG)
    app.check.check()
    tag_table(gone, None)
    tag_table(add_table(azure.state, "one"), TAG)
    run_id = app.asking.check(CheckRequest(), Requester(Trigger.HTTP)).run_id
    workers.start_run(str(RunMessage(run_id)))

    page = shown({"run": run_id})
    said = " ".join(read(page).split())
    assert f"registered: one rg-one , its Azure tag is aseRouteSync = '{TAG}'" in said
    assert "unregistered: gone rg-gone , its Azure tag is gone" in said
    linked = [f"routeTable={quote(str(rid(name)), safe='')}" in page for name in ("one", "gone")]
    assert linked == [True, False]


def test_without_storage_there_is_a_command_to_copy_as_well(make_app, monkeypatch, nobody_waits):
    monkeypatch.setattr(shell, "app", lambda: make_app(AzureWebJobsStorage=without_storage()))
    text = shown({}, status=503)
    assert headline(text) == ("bad", "storage does not answer")
    assert "<pre><code>ase-route-sync doctor</code></pre>" in text


def test_if_storage_hangs_a_person_is_told_before_the_front_end_gives_up(
    app_settings, make_app, monkeypatch
):
    storage = app_settings["AzureWebJobsStorage"]
    [place] = re.findall("TableEndpoint=(http://[^/]+)", storage)
    with Relay(place) as relay:
        app = make_app(AzureWebJobsStorage=storage.replace(place, relay.url))
        monkeypatch.setattr(shell, "app", lambda: app)
        assert "No route table is registered" in shown({})

        relay.hang()
        monkeypatch.setattr(PAGES, "PATIENCE_SECONDS", 0.2 - RESERVE_SECONDS)
        text = shown({}, status=503)
    assert "storage has given no answer in time" in text and "StorageUnavailable" in text
    assert "ase-route-sync doctor" in text


def shown(asked: Mapping[str, str], *, status: int = 200) -> str:
    answer = endpoints.dashboard(
        func.HttpRequest("GET", "https://app.invalid/api/dashboard", params=asked, body=b"")
    )
    assert answer.status_code == status
    return answer.get_body().decode()


def test_the_history_of_each_tag_and_list_is_drawn(azure, make_app, clock, monkeypatch):
    names = [*(f"Tag{number:02}" for number in range(13)), "a-list"]
    lists = custom_lists(a_list=[A, B])
    app = make_app(ALLOWED_SERVICE_TAGS=",".join([TAG, *names]), CUSTOM_LISTS=lists)
    monkeypatch.setattr(shell, "app", lambda: app)
    published = {TAG: [A], names[0]: [A, B]}
    values = [tag_document(published[tag], tag)["values"][0] for tag in published]
    azure.state.tags.answers["westeurope"] = {"values": values}
    add_table(azure.state, "one")
    register(app, "one")
    sync(app)

    page = shown({})
    assert drawn(page) == [TAG, names[0]]
    assert "Tag00: 2 addresses</summary>" in page
    left_out = re.findall(r'href="[^"]*tag=([^"]+)#addresses"', page)
    assert left_out == ["Tag11", "Tag12", "a-list"]

    # The page behind such a link begins with it, also if no table has it.
    page = shown({"tag": "a-list"})
    assert drawn(page) == ["a-list", TAG, names[0]]
    assert "<option selected>a-list</option>" in page
    assert drawn(shown({"tag": "unknown-list"})) == [TAG, names[0]]


def drawn(page: str) -> list[str]:
    found = re.findall(r'<title id="timeline-title-([0-9]+)">IPv4 prefixes of ([\w-]+) in', page)
    assert [number for number, _ in found] == [str(at + 1) for at in range(len(found))]
    return [name for _, name in found]
