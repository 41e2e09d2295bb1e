"""Who is told of what."""

import re
from pathlib import Path

from local.snapshots import taken

from .deployed import DEPLOYED, Deployed

INFRA = Path(__file__).parents[2] / "infra"
SECONDS = {"PT15M": 900, "PT1H": 3600, "PT2H": 7200, "P1D": 86_400, "P2D": 172_800}
MADE = "2026-03-04T05:20:00.5934061+00:00"
PARAMETERS = """
using '{module}'
param name = 'ase-route-sync-prod'
param location = 'westeurope'
param tags = {{}}
param applicationInsightsId = '/subscriptions/1'
param logCreatedAt = '{made}'
param emails = []
param otherActionGroupIds = []
"""
MOST_BETWEEN_STATES = 12 * 3600
"""Azure keeps no state for a rule that is evaluated less often.

Source: "Create or edit a log search alert rule", advanced options.
"""


def rules(deployed=DEPLOYED["default"]):
    """The properties of each rule, by the last part of its name."""
    found = deployed.all("Microsoft.Insights/scheduledQueryRules")
    prefix = "ase-route-sync-prod-"
    return {rule["name"].removeprefix(prefix): rule["properties"] for rule in found}


def criterion(rule):
    [found] = rule["criteria"]["allOf"]
    return found


def test_a_failed_run_an_alarm_a_missing_check_a_poisoned_message_and_a_lost_event_are_told():
    assert rules().keys() == {"failed-run", "alarm", "heartbeat", "poison", "lost-event"}
    for rule in rules().values():
        assert rule["description"]
        assert rule["enabled"] is True


def test_a_log_alert_looks_back_two_days_at_most_and_leaves_no_gap():
    for rule in rules().values():
        assert SECONDS[rule["evaluationFrequency"]] < SECONDS[rule["windowSize"]] <= SECONDS["P2D"]


def test_a_lost_event_is_less_severe_than_every_other_fault():
    severity = {name: rule["severity"] for name, rule in rules().items()}
    assert severity.pop("lost-event") > max(severity.values())


def test_the_alarms_are_told_once_a_day_and_none_is_hidden_by_an_older_one():
    """tests/telemetry proves that one evaluation a day tells them as often as a check has them."""
    rule = rules()["alarm"]
    assert (rule["evaluationFrequency"], rule["autoMitigate"]) == ("P1D", False)
    assert [one["name"] for one in criterion(rule)["dimensions"]] == ["code", "routeTableId"]
    assert not any("muteActionsDuration" in one for one in rules().values())


def test_every_other_rule_tells_a_fault_once_and_is_evaluated_as_often_as_that_needs():
    for name in rules().keys() - {"alarm"}:
        rule = rules()[name]
        assert rule["autoMitigate"] is True
        assert SECONDS[rule["evaluationFrequency"]] <= MOST_BETWEEN_STATES


def test_a_check_that_is_missing_fires_and_whatever_is_there_of_the_others():
    operators = {name: criterion(rule)["operator"] for name, rule in rules().items()}
    assert operators.pop("heartbeat") == "LessThanOrEqual"
    assert {*operators.values()} == {"GreaterThan"}
    for rule in rules().values():
        assert (criterion(rule)["threshold"], criterion(rule)["timeAggregation"]) == (0, "Count")


def test_the_heartbeat_knows_when_the_log_was_made(template, bicep, tmp_path):
    """So it does not fire between the first deployment and the first check."""
    given = template["resources"]["alerts"]["properties"]["parameters"]["logCreatedAt"]
    assert given == {"value": "[reference('monitoring').outputs.createdAt.value]"}
    outputs = template["resources"]["monitoring"]["properties"]["template"]["outputs"]
    assert "tryGet(reference('insights'), 'CreationDate')" in outputs["createdAt"]["value"]

    profile = tmp_path / "alerts.bicepparam"
    module = (INFRA / "modules" / "alerts.bicep").relative_to(tmp_path, walk_up=True)
    profile.write_text(PARAMETERS.format(module=module, made=MADE))
    query = criterion(rules(Deployed.read(taken(bicep, profile)))["heartbeat"])["query"]
    assert f'or todatetime("{MADE}") > ago(26h)' in query


def test_what_tells_one_from_another_is_in_the_query():
    # A snapshot does not know when the log was made.
    texts = (file.read_text() for file in (INFRA / "queries").glob("*.kql"))
    queries = {text.replace("2000-01-01", "") for text in texts}
    for rule in rules().values():
        query = criterion(rule)["query"]
        assert query in queries
        for dimension in criterion(rule)["dimensions"]:
            assert re.search(rf"\b{dimension['name']}\b( =|,)", query), dimension
            assert (dimension["operator"], dimension["values"]) == ("Include", ["*"])


def test_each_rule_asks_the_log_and_tells_the_action_group():
    for deployed in DEPLOYED.values():
        group = deployed.one("Microsoft.Insights/actionGroups")["id"]
        insights = deployed.one("Microsoft.Insights/components")["id"]
        for rule in rules(deployed).values():
            assert rule["scopes"] == [insights]
            assert rule["actions"]["actionGroups"][0] == group


def test_the_addresses_and_the_groups_of_people_are_told_too():
    alerts = DEPLOYED["alerts"]
    receivers = alerts.one("Microsoft.Insights/actionGroups")["properties"]["emailReceivers"]
    assert [one["emailAddress"] for one in receivers] == ["net@example.com", "ops@example.com"]
    for rule in rules(alerts).values():
        [_, other] = rule["actions"]["actionGroups"]
        assert other.endswith("/actionGroups/on-call")
