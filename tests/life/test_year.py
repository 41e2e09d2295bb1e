"""A simulated year of days: every alarm and every notice as expected, and none besides."""

import collections
import json
from datetime import UTC, datetime, timedelta

import azure.functions as func
import pytest
import time_machine

from local.azure import identity
from local.azure.authorization import OWNER
from local.azure.faults import refusal
from local.azure.resources import new_etag
from shared import endpoints, workers
from shared.app import utc_now
from shared.domain.errors import TransientError
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration, RouteException
from shared.endpoints import shell
from shared.notify import webhook
from tests.builders.azure import SUBSCRIPTION, add_table, rid, tag_document, unthrottled
from tests.builders.routes import owned_prefixes, to_firewall
from tests.builders.runs import TAG, keep, register

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
START = datetime(2026, 1, 7, 5, 20, tzinfo=UTC)
"""A Wednesday, when the daily check comes; the weekly sync comes 40 minutes later."""
DAYS = 365
DAY = timedelta(days=1)
NOON = timedelta(hours=6, minutes=40)
DELIVERIES = 15


class Year:
    def __init__(self, azure, app, receiver, clock):
        self.azure, self.app, self.receiver, self.clock = azure, app, receiver, clock
        self.tables = {
            n: add_table(azure.state, n, [to_firewall()]) for n in ("one", "two", "three")
        }
        register(app, *self.tables)
        self.prefixes = {A, B}
        self.published = True
        self.alerts = 0
        self.alarms, self.notices = {}, {}
        """By day."""

    # -- What happens --

    def publish(self, day):
        """Every Monday, whether the tag changed or not."""
        document = tag_document(sorted(self.prefixes))
        document["changeNumber"] = str(day // 7)
        if self.published:
            self.azure.state.tags.answers["westeurope"] = document

    def wipe(self, name):
        self.tables[name].routes = [to_firewall()]
        self.tables[name].etag = new_etag()

    def alert(self, name, caller):
        """Azure Monitor's, of somebody's write."""
        self.alerts += 1
        context = {
            "operationName": "Microsoft.Network/routeTables/write",
            "status": "Succeeded",
            "caller": caller,
        }
        essentials = {
            "alertId": f"alert-{self.alerts}",
            "monitorCondition": "Fired",
            "monitoringService": "Activity Log - Administrative",
            "alertTargetIDs": [self.tables[name].resource_id],
        }
        body = {
            "schemaId": "azureMonitorCommonAlertSchema",
            "data": {"essentials": essentials, "alertContext": context},
        }
        request = func.HttpRequest(
            "POST", "http://127.0.0.1/api/alerts", body=json.dumps(body).encode(), headers={}
        )
        sent: list[str] = []
        assert endpoints.take_alert(request, sent.append).status_code == 202
        self.deliver(*sent)

    # -- Queues --

    def deliver(self, *messages):
        """Each message as often as the queues would, one after another."""
        queue = collections.deque((text, 1) for text in messages)
        while queue:
            text, delivery = queue.popleft()
            table = "routeTableId" in text
            try:
                sent = self.sync(text) if table else self.sent(workers.start_run(text))
            except TransientError:
                if delivery < DELIVERIES:
                    queue.append((text, delivery + 1))
                    continue
                sent = self.give_up(text) if table else workers.start_run_without_tags(text)
            queue.extend((message, 1) for message in sent)

    def sync(self, text):
        return self.sent(workers.sync_route_table(text))

    def give_up(self, text):
        return self.sent(workers.fail_poisoned_route_table(text))

    def sent(self, messages):
        return [*([messages.run] if messages.run else []), *messages.later]

    # -- Days --

    def live(self, day, happenings):
        for happening in happenings.get(day, ()):
            happening(self)
        if day % 7 == 5:
            self.publish(day)
        self.deliver(*workers.daily_check())
        alarms = self.app.checks.latest(until=utc_now()).alarms
        if alarms:
            self.alarms[day] = sorted(alarm_text(alarm) for alarm in alarms)
        self.clock.shift(timedelta(minutes=40))
        if day % 7 == 0:
            self.deliver(workers.scheduled_sync())
        self.clock.shift(NOON - timedelta(minutes=40))
        for happening in happenings.get(day + 0.5, ()):
            happening(self)
        told = [notice_text(notice) for notice in self.receiver.take()]
        if told:
            self.notices[day] = told
        self.clock.move_to(START + (day + 1) * DAY)


def alarm_text(alarm):
    name = alarm.route_table_id.name if alarm.route_table_id else ""
    return f"{alarm.code} {name}".strip()


def notice_text(notice):
    states = collections.Counter(item["state"] for item in notice["items"])
    return " ".join([notice["kind"], *(f"{n} {state}" for state, n in sorted(states.items()))])


@pytest.fixture
def year(azure, make_app, receiver, monkeypatch):
    app = make_app(NOTIFY_WEBHOOK_URL=receiver.url, REMOVAL_GRACE_DAYS="28", ROUTE_LIMIT="400")
    monkeypatch.setattr(workers, "app", lambda: app)
    monkeypatch.setattr(shell, "app", lambda: app)
    monkeypatch.setattr(webhook, "WAIT_SECONDS", 0)
    # Otherwise the app would sign in on each of these days; so it does about once a month.
    monkeypatch.setattr(identity, "LIFETIME_SECONDS", 30 * 24 * 3600)
    with time_machine.travel(START, tick=False) as clock:
        unthrottled(azure.state)  # a year takes seconds here
        lived = Year(azure, app, receiver, clock)
        lived.publish(0)
        yield lived


def tag_changes(year):
    year.prefixes = {B, C}


def drift_with_alert(year):
    year.wipe("one")
    year.alert("one", "admin@example")


def drift_without_alert(year):
    year.wipe("one")


def table_does_not_answer(year):
    busy = refusal("GET", "tables/two", 503, {}, times=10**6, headers={"Retry-After": "99"})
    year.azure.state.faults.append(busy)


def table_answers(year):
    year.azure.state.faults.clear()


def tag_is_nonsense(year):
    year.published = False
    year.azure.state.tags.answers["westeurope"] = b"no"


def tag_is_back(year):
    year.published = True
    year.publish(155)


def pipeline_runs(year):
    year.wipe("three")
    year.alert("three", "pipeline@example")


def pipeline_runs_twice(year):
    pipeline_runs(year)
    year.clock.shift(timedelta(minutes=10))
    pipeline_runs(year)


def released(year):
    year.app.registry.change(rid("three"), RegisteredTable.release)


def exception_until_day_260(year):
    until = (START + 260 * DAY).date()
    exceptions = (RouteException("20.9.0.0/24", "by design", until),)
    keep(year.app, RegisteredTable(rid("two"), Registration((TAG,), exceptions=exceptions)))


def rights_are_lost(year):
    nowhere = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/nowhere"
    year.azure.state.identities.app.assignments = [(nowhere, OWNER)]


def rights_are_back(year):
    year.azure.state.identities.app.assignments = [("/", OWNER)]


def publication_stops(year):
    year.published = False


def publication_goes_on(year):
    year.published = True


HAPPENINGS = {
    40: [tag_changes],
    60.5: [drift_with_alert],
    80.5: [drift_without_alert],
    100: [table_does_not_answer],
    104: [table_answers],
    150: [tag_is_nonsense],
    155: [tag_is_back],
    200.5: [pipeline_runs, exception_until_day_260],
    201.5: [pipeline_runs],
    202.5: [pipeline_runs],
    203.5: [pipeline_runs_twice],
    205.5: [released],
    300: [rights_are_lost],
    302: [rights_are_back],
    310: [publication_stops],
    350: [publication_goes_on],
}


WELL = {
    day: ["allWell"]
    for first, last in (
        *((1, 99), (106, 148), (156, 198), (207, 249)),
        *((262, 297), (304, 339), (356, 364)),
    )
    for day in range(first, last + 1, 7)
}
STALE = ["TableStale one", "TableStale three", "TableStale two"]
ALARMS = {
    101: ["TablePoisoned two"],
    102: ["TablePoisoned two", "TableStale two"],
    103: ["TablePoisoned two", "TableStale two"],
    104: ["TablePoisoned two"],  # right again, which the run of this check will say
    **{key: ["TagUnavailable"] for key in range(150, 152)},
    **{key: [*STALE, "TagUnavailable"] for key in range(152, 155)},
    **{key: ["TableContested three"] for key in range(202, 206)},
    **{key: ["ExceptionEnding two"] for key in range(253, 261)},
    **{key: ["RightsLostOnTables", "RightsLostOnTag"] for key in range(300, 302)},
    **{key: ["DocumentUnchanged"] for key in range(341, 355)},
}
NOTICES = WELL | {
    0: ["changed 3 changed"],
    40: ["serviceTagChanged 1 added 1 removed", "changed 3 changed"],
    60: ["changed 1 changed"],
    68: ["changed 2 changed"],  # A goes after its grace; one lost it on day 60
    81: ["changed 1 changed"],
    100: ["fault 1 failed"],
    101: ["digest 1 alarm 1 failed"],
    102: ["digest 2 alarm 1 failed"],
    103: ["digest 2 alarm 1 failed"],
    104: ["digest 1 alarm 2 recovered"],
    105: ["recovered 1 recovered"],
    **{key: ["digest 1 alarm"] for key in range(150, 152)},
    **{key: ["digest 4 alarm"] for key in range(152, 154)},
    154: ["digest 4 alarm", "fault 1 failed"],  # the weekly sync could not read the tag either
    155: ["recovered 5 recovered"],
    200: ["changed 1 changed"],
    201: ["changed 1 changed"],
    202: ["digest 1 alarm", "changed 1 changed"],
    203: ["digest 1 alarm", "changed 1 changed", "fault 1 blocked"],
    204: ["digest 1 alarm 1 blocked", "recovered 1 changed 1 recovered"],
    205: ["digest 1 alarm"],
    206: ["recovered 1 recovered"],
    **{key: ["digest 1 alarm"] for key in range(253, 261)},
    261: ["recovered 1 recovered"],
    300: ["digest 2 alarm", "fault 4 failed"],
    301: ["digest 2 alarm 4 failed"],
    302: ["recovered 6 recovered"],
    **{key: ["digest 1 alarm"] for key in range(341, 355)},
    355: ["recovered 1 recovered"],
}
RUNS = {
    "timer": 53,
    "alert": 6,
    "check": len([0, 40, 68, 81, *range(100, 105), 204, *range(300, 303)]),
}


def test_a_year(year):
    for day in range(DAYS):
        year.live(day, HAPPENINGS)
    assert year.alarms == ALARMS
    assert year.notices == NOTICES
    triggers = collections.Counter(run.request.trigger.value for run in year.app.runs.list())
    assert triggers == RUNS
    assert {name: owned_prefixes(table) for name, table in year.tables.items()} == {
        key: {B, C} for key in year.tables
    }
