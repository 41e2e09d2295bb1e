"""The queries of the alert rules, the workbook and the documentation.

They are judged by Kusto's own language service, and asked of records that real runs, checks and
alerts wrote: the tables are those of Application Insights, with what the host puts into them.
"""

import functools
import json
import logging
import re
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb_kql
import pytest
import time_machine

from shared import workers
from shared.domain import codes, errors
from shared.domain.people.check_report import CheckReport, check_id_of
from shared.domain.people.health import Alarm
from shared.log import log_alarms, log_alert, log_check
from tests.builders.azure import SUBSCRIPTION, add_table, answer
from tests.builders.logs import received, records
from tests.builders.routes import to_firewall
from tests.builders.runs import discover, register, sync

ROOT = Path(__file__).parents[2]
QUERIES = {
    file.stem: file.read_text() for file in sorted((ROOT / "infra" / "queries").glob("*.kql"))
}
COMPONENT = {
    "traces": {
        "timestamp": "datetime",
        "message": "string",
        "severityLevel": "int",
        "operation_Name": "string",
    },
    "requests": {"timestamp": "datetime", "operation_Name": "string", "success": "string"},
}
"""What is used of Application Insights' own tables. Only a query of the component has them."""
WORKSPACE = {
    "AppTraces": {
        "TimeGenerated": "datetime",
        "Message": "string",
        "SeverityLevel": "int",
        "OperationName": "string",
    },
    "AzureActivity": {
        "TimeGenerated": "datetime",
        "CorrelationId": "string",
        "Caller": "string",
        "OperationNameValue": "string",
    },
}
"""Only a query of the workspace has these. Source: "Azure Monitor Logs table reference"."""
OF_THE_WORKSPACE = {"who-wrote"}
"""The activity log is not in the component."""
SQL = {"datetime": "TIMESTAMP", "string": "VARCHAR", "int": "INTEGER"}
SEVERITY = {logging.INFO: 1, logging.WARNING: 2, logging.ERROR: 3}
START = datetime(2026, 3, 4, 5, 20, tzinfo=UTC)
NOW = START + timedelta(days=3)
ARRIVED = timedelta(minutes=31)
"""So long after a check, the query believes that all its records have arrived."""
STALE, CAPACITY_LOW = codes.TABLE_STALE, codes.CAPACITY_LOW
SCHEDULE_WRONG = codes.SCHEDULE_WRONG
A, B = "20.0.0.0/24", "20.0.1.0/24"


WRONG = [
    "traces | where timestampp > ago(1d)",
    "traces | sumarize count()",
    "trace | count",
    "traces | join kind=inner (AzureActivity) on $left.message == $right.CorrelationId",
]


@functools.cache
def analysed():
    """What Kusto says of every query and of the wrong ones: to load it takes seconds, so once."""
    of_the_component = {name: QUERIES[name] for name in QUERIES.keys() - OF_THE_WORKSPACE}
    of_the_workspace = {name: QUERIES[name] for name in OF_THE_WORKSPACE}
    wrong = {text: text for text in WRONG}
    scopes = [
        {"schema": COMPONENT, "queries": {**of_the_component, **wrong}},
        {"schema": WORKSPACE, "queries": of_the_workspace},
    ]
    asked = json.dumps(scopes)
    command = ["node", str(Path(__file__).with_name("analyse.cjs")), asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_kusto_itself_finds_no_fault_in_any_of_them():
    found = {name: analysed()[name] for name in QUERIES}
    assert {name: f["faults"] for name, f in found.items() if f["faults"]} == {}
    for name, query in found.items():
        named = [c for c in query["columns"] if re.fullmatch(r"Column\d+|r_\w+", c)]
        assert not named, f"{name} has columns that nobody named: {named}"


@pytest.mark.parametrize("wrong", WRONG)
def test_it_would_find_one(wrong):
    assert analysed()[wrong]["faults"]


def test_each_is_used_by_a_rule_or_the_workbook_or_is_in_the_documentation():
    bicep = "".join(file.read_text() for file in (ROOT / "infra" / "modules").glob("*.bicep"))
    documented = (ROOT / "docs" / "operations.md").read_text()
    for name, query in QUERIES.items():
        assert f"loadTextContent('../queries/{name}.kql')" in bicep or query in documented, name


def test_the_rules_and_the_workbook_ask_the_component_alone():
    bicep = "".join(file.read_text() for file in (ROOT / "infra" / "modules").glob("*.bicep"))
    asked = set(re.findall(r"queries/([\w-]+)\.kql", bicep))
    assert asked
    assert not asked & OF_THE_WORKSPACE


def test_the_documentation_has_no_query_of_its_own():
    documented = (ROOT / "docs" / "operations.md").read_text()
    blocks = re.findall(r"```kusto\n(.*?)```", documented, re.DOTALL)
    assert blocks
    assert [block for block in blocks if block not in QUERIES.values()] == []


class Log:
    """Application Insights and its workspace, as far as the queries look into them."""

    def __init__(self):
        self.connection = duckdb_kql.connect()
        for table, columns in {**COMPONENT, **WORKSPACE}.items():
            declared = ", ".join(f"{name} {SQL[type_]}" for name, type_ in columns.items())
            self.connection.execute(f"CREATE TABLE {table} ({declared})")

    def write(self, table, *row):
        plain = [v.replace(tzinfo=None) if isinstance(v, datetime) else v for v in row]
        places = ", ".join("?" for _ in row)
        self.connection.execute(f"INSERT INTO {table} VALUES ({places})", plain)

    def take(self, caplog, at):
        """What the host would send of these records, and what it adds to them itself."""
        for record in caplog.records:
            level = SEVERITY.get(record.levelno, 1)
            self.trace(at, received(record), level)
        self.trace(at, "Executing 'Functions.sync_route_table'", 1)
        self.trace(at, '{"level": "not ours"}', 3)
        caplog.clear()

    def trace(self, at, message, level):
        """The component and its workspace show the same record."""
        for table in ("traces", "AppTraces"):
            self.write(table, at, message, level, "sync_route_table")

    def ask(self, name, now, *, made="2000-01-01"):
        """Ask as the alert rule does, which knows when the log was made."""
        query = QUERIES[name].replace("2000-01-01", made)
        found = duckdb_kql.kql(self.connection, query, query_now=now.replace(tzinfo=None))
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


@pytest.fixture
def log(azure, app, caplog, monkeypatch):
    """Of a run that changes two tables, one that fails, a check, an alert, a poisoned message."""
    caplog.set_level(logging.INFO, "ase_route_sync")
    monkeypatch.setattr(workers, "app", lambda: app)
    monkeypatch.setattr(errors, "PASSES_WITHIN", timedelta())
    log = Log()
    with time_machine.travel(START, tick=False) as clock:
        answer(azure, A, B)
        _, two = (add_table(azure.state, name, [to_firewall()]) for name in ("one", "two"))
        register(app, "one", "two")
        sync(app)
        azure.state.remove(two)
        sync(app)
        log.take(caplog, START)
        clock.move_to(NOW)
        workers.daily_check()
        log_alert("drift", ignored="it is about what this app did itself")
        log.take(caplog, NOW)
    log.write("requests", NOW, "sync_route_table_poison", "True")
    log.write("requests", NOW, "sync_route_table", "True")
    return log


def test_the_failed_run_is_told_and_the_good_one_is_not(log):
    [run] = log.ask("failed-runs", NOW)
    assert re.fullmatch(r"\d{20}-\w{8}", run["runId"])
    assert json.loads(run["counts"])["failed"] == 1


def test_a_discovery_that_failed_wakes_nobody(app, caplog):
    caplog.set_level(logging.INFO, "ase_route_sync")
    log = Log()
    assert discover(app, SUBSCRIPTION.replace("1", "9"))["status"] == "Failed"
    log.take(caplog, NOW)
    assert log.ask("failed-runs", NOW) == []
    [run] = log.ask("runs", NOW)
    assert run["status"] == "Failed"


def test_an_alarm_names_its_code_and_its_table(log):
    found = {alarm["code"]: alarm for alarm in log.ask("alarms", NOW + ARRIVED)}
    assert found["TableStale"]["routeTableId"].endswith("/routeTables/two")
    assert found["TableStale"]["text"]


def test_an_alarm_of_no_table_has_a_value_to_be_told_apart_by(app, caplog):
    caplog.set_level(logging.INFO, "ase_route_sync")
    log = Log()
    with time_machine.travel(NOW, tick=False):
        log_check(app.check.check())
    log.take(caplog, NOW)
    found = {a["code"]: a["routeTableId"] for a in log.ask("alarms", NOW + ARRIVED)}
    assert found["NoTableRegistered"] == "none"


@dataclass(frozen=True, slots=True)
class Checks:
    """Writes the records of checks, with these alarms, as the app does."""

    log: Log
    report: CheckReport
    caplog: pytest.LogCaptureFixture

    def run(self, at, *found):
        alarms = tuple(Alarm(code, "something is wrong") for code in found)
        log_check(replace(self.report, check_id=check_id_of(at), at=at, alarms=alarms))
        self.log.take(self.caplog, at)

    def start(self, at, *found):
        """The app starts, and finds this wrong."""
        log_alarms(Alarm(code, "something is wrong") for code in found)
        self.log.take(self.caplog, at)

    def told(self, at):
        return [alarm["code"] for alarm in self.log.ask("alarms", at)]


@pytest.fixture
def checks(app, caplog):
    caplog.set_level(logging.INFO, "ase_route_sync")
    with time_machine.travel(START, tick=False):
        report = app.check.check()
    caplog.clear()
    return Checks(Log(), report, caplog)


@pytest.mark.parametrize("minutes", [1, 29, 31, 12 * 60, 24 * 60 - 1])
def test_an_alarm_is_told_once_a_day_as_often_as_a_check_has_had_it(checks, minutes):
    """Azure evaluates the rule once a day, this many minutes after the check. Four checks in a row
    have the first alarm, and only the third check has the second one.
    """
    days = [START + timedelta(days=day) for day in range(8)]
    found = [[STALE], [STALE], [STALE, CAPACITY_LOW], [STALE], [], [], [], []]
    told = []
    for at, alarms in zip(days, found, strict=True):
        checks.run(at, *alarms)
        told += checks.told(at + timedelta(minutes=minutes))
    assert sorted(told) == ["CapacityLow"] + 4 * ["TableStale"]


def test_a_check_that_a_person_runs_counts_like_the_daily_one(checks):
    checks.run(START, STALE)
    checks.run(START + timedelta(hours=5), CAPACITY_LOW)
    assert checks.told(START + timedelta(hours=6)) == ["CapacityLow"]


def test_alarms_that_have_not_arrived_yet_do_not_hide_those_of_the_check_before(checks):
    checks.run(START, STALE)
    next_day = START + timedelta(days=1)
    checks.log.trace(next_day, '{"record": "check", "checkId": "check-next", "alarms": 1}', 1)
    assert checks.told(next_day + timedelta(minutes=29)) == ["TableStale"]
    assert checks.told(next_day + timedelta(minutes=31)) == []


def test_what_is_wrong_at_the_start_is_told_until_a_check_has_looked(checks):
    checks.run(START, STALE)
    checks.start(START + timedelta(hours=1), SCHEDULE_WRONG)
    checks.start(START + timedelta(hours=2), SCHEDULE_WRONG)
    assert {*checks.told(START + timedelta(hours=3))} == {"TableStale", "ScheduleWrong"}
    checks.run(START + timedelta(hours=24), STALE)
    assert checks.told(START + timedelta(hours=25)) == ["TableStale"]


def test_what_is_wrong_at_the_start_is_told_if_no_check_ever_came(checks):
    checks.start(START, SCHEDULE_WRONG)
    assert checks.told(START + ARRIVED) == ["ScheduleWrong"]


def test_a_check_counts_as_a_heartbeat_for_26_hours(log):
    assert len(log.ask("heartbeat", NOW + timedelta(hours=25, minutes=59))) == 1
    assert log.ask("heartbeat", NOW + timedelta(hours=26, minutes=1)) == []


def test_a_check_whose_record_is_cut_counts_as_a_heartbeat():
    log = Log()
    log.write("traces", NOW, '{"record": "check", "checkId": "check-2026', 1, "daily_check")
    assert len(log.ask("heartbeat", NOW)) == 1


MADE = "2026-03-04T05:20:00.5934061+00:00"
"""START, as Azure writes it. Source: "Components - Get" of its REST reference, `CreationDate`."""


@pytest.fixture(params=["an app that has never logged anything", "an app that only logs a run"])
def without_check(request):
    log = Log()
    if "run" in request.param:
        log.trace(START + timedelta(minutes=5), '{"record": "run", "status": "Succeeded"}', 1)
    return log


def test_a_new_log_needs_no_check_for_26_hours(without_check):
    for hours in (0, 1, 24, 26):
        assert len(without_check.ask("heartbeat", START + timedelta(hours=hours), made=MADE)) == 1


def test_a_check_that_never_came_is_missed_after_26_hours_and_from_then_on(without_check):
    for hours in (27, 49, 1000):
        assert without_check.ask("heartbeat", START + timedelta(hours=hours), made=MADE) == []


def test_if_nobody_knows_when_the_log_was_made_the_check_is_missed(without_check):
    assert without_check.ask("heartbeat", START, made="") == []


def test_a_check_that_comes_no_more_is_missed_although_the_app_still_logs(log):
    log.trace(NOW + timedelta(hours=30), '{"record": "run", "status": "Succeeded"}', 1)
    assert len(log.ask("heartbeat", NOW + timedelta(hours=25), made=MADE)) == 1
    assert log.ask("heartbeat", NOW + timedelta(hours=31), made=MADE) == []


@pytest.mark.parametrize("other", ["run", "checked"])
def test_no_other_record_counts_as_a_heartbeat(other):
    log = Log()
    log.write("traces", NOW, f'{{"record": "{other}", "code": "check"}}', 1, "daily_check")
    assert log.ask("heartbeat", NOW) == []


def test_the_check_of_60_tables_whose_rights_are_lost_is_read_whole(azure, app, caplog):
    names = [f"rt-{n:02}-{'x' * 60}" for n in range(60)]
    for name in names:
        add_table(azure.state, name, [to_firewall()])
    answer(azure, A)
    register(app, *names)
    azure.state.identities.app.assignments = []
    caplog.set_level(logging.INFO, "ase_route_sync")
    log = Log()
    with time_machine.travel(NOW, tick=False):
        log_check(app.check.check())
    [checked] = [record for record in records(caplog) if record["record"] == "check"]
    log.take(caplog, NOW)

    assert checked["notJudged"] == 60
    assert len(checked["routeTables"]) + checked["routeTablesLeftOut"] == 60
    assert len(log.ask("tables", NOW)) == len(checked["routeTables"])
    assert len(log.ask("heartbeat", NOW)) == 1
    told = {alarm["code"] for alarm in log.ask("alarms", NOW + ARRIVED)}
    assert {"RightsLostOnTag", "RightsLostOnTables"} <= told


def test_a_poisoned_message_is_told(log):
    assert [found["operation_Name"] for found in log.ask("poison", NOW)] == [
        "sync_route_table_poison"
    ]


POISONED = {
    "start_run_poison": "poison",
    "sync_route_table_poison": "poison",
    "resource_events_poison": "lost-events",
}
"""The function of each poison queue, and the query that tells of it."""


@pytest.mark.parametrize(("function", "query"), POISONED.items())
def test_a_lost_event_is_told_by_a_rule_of_its_own(function, query):
    log = Log()
    log.write("requests", NOW, function, "True")
    told = {name for name in ("poison", "lost-events") if log.ask(name, NOW)}
    assert told == {query}


def test_the_function_of_every_poison_queue_is_told_of():
    functions = re.findall(r"def (\w+_poison)\(", (ROOT / "function_app.py").read_text())
    assert functions
    assert {*functions} <= POISONED.keys()


def test_what_went_wrong_is_the_failed_table_the_failed_run_and_the_alarms(log):
    found = log.ask("went-wrong", NOW)
    assert {row["record"] for row in found} == {"routeTable", "run", "alarm"}
    assert "RouteTableGone" in {row["code"] for row in found}


def test_each_table_has_its_age_and_its_routes_of_the_last_check(log):
    found = {row["routeTableId"].rpartition("/")[2]: row for row in log.ask("tables", NOW)}
    assert found.keys() == {"one", "two"}
    assert found["one"]["daysSinceRight"] == 0
    assert found["one"]["routes"] == 3
    assert found["one"]["routeLimit"] > 0
    assert log.ask("oldest-table", NOW)[0]["maxDaysSinceRight"] is not None


def test_runs_and_changes_are_counted(log):
    bad, good = sorted(log.ask("runs", NOW), key=lambda run: run["changed"])
    assert (good["changed"], good["bad"], good["status"]) == (2, 0, "Succeeded")
    assert (bad["unchanged"], bad["bad"], bad["status"]) == (1, 1, "Failed")
    [day] = log.ask("changes", NOW)
    assert (day["added"], day["updated"], day["removed"]) == (4, 0, 0)
    weeks = {row["routeTableId"].rpartition("/")[2]: row for row in log.ask("tables-by-week", NOW)}
    assert (weeks["one"]["changed"], weeks["one"]["bad"]) == (1, 0)
    assert (weeks["two"]["changed"], weeks["two"]["bad"]) == (1, 1)


def test_what_became_of_an_alert_is_told(log):
    [found] = log.ask("alerts", NOW)
    assert (found["name"], found["ignored"]) == ("drift", "it is about what this app did itself")


def test_a_write_is_found_again_in_azures_own_activity_log(log):
    text = log.connection.execute("SELECT message FROM traces").fetchall()
    records = [json.loads(m) for (m,) in text if m.startswith('{"record"')]
    written = [r for r in records if r["record"] == "routeTable" and r["status"] == "changed"]
    mine = written[0]["correlationId"]
    log.write("AzureActivity", NOW, mine, "app", "routeTables/write")
    log.write("AzureActivity", NOW, "another", "x", "routeTables/write")
    [found] = log.ask("who-wrote", NOW)
    assert (found["Caller"], found["routeTableId"]) == ("app", written[0]["routeTableId"])


def test_one_run_is_followed_through_all_its_messages(log):
    run_id = log.ask("failed-runs", NOW)[0]["runId"]
    query = re.sub(r'(r\.runId ==) "[^"]+"', rf'\1 "{run_id}"', QUERIES["one-run"])
    found = duckdb_kql.kql(log.connection, query).fetchall()
    kinds = {json.loads(row[2])["record"] for row in found}
    assert kinds == {"run", "routeTable"}
