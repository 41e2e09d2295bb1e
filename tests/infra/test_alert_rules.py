"""Who is told of what."""

import re

from .bicep import INFRA, body_of, module_of, variables_of

DRIFT = {
    "Microsoft.Network/routeTables/write",
    "Microsoft.Network/routeTables/delete",
    "Microsoft.Network/routeTables/routes/write",
    "Microsoft.Network/routeTables/routes/delete",
}
SECONDS = {"PT15M": 900, "PT1H": 3600, "P1D": 86_400, "P2D": 172_800}


def rules():
    return {rule["name"]: rule for rule in variables_of("modules/alerts.bicep")["rules"]}


def columns(rule):
    [file] = re.findall(r"queries/([\w-]+)\.kql", rule["query"])
    return (INFRA / "queries" / f"{file}.kql").read_text()


def test_a_failed_run_an_alarm_a_missing_check_and_a_poisoned_message_are_told():
    assert rules().keys() == {"failed-run", "alarm", "heartbeat", "poison"}
    for rule in rules().values():
        assert rule["description"]


def test_a_log_alert_looks_back_two_days_at_most_and_leaves_no_gap():
    for rule in rules().values():
        assert SECONDS[rule["every"]] < SECONDS[rule["within"]] <= SECONDS["P2D"]


def test_a_check_that_is_missing_fires_and_whatever_is_there_of_the_others():
    operators = {name: rule["operator"] for name, rule in rules().items()}
    assert operators.pop("heartbeat") == "LessThanOrEqual"
    assert {*operators.values()} == {"GreaterThan"}
    [criterion] = body_of("modules/alerts.bicep", "alerts")["properties"]["criteria"]["allOf"]
    assert (criterion["threshold"], criterion["timeAggregation"]) == (0, "Count")


def test_what_tells_one_from_another_is_in_the_query():
    for rule in rules().values():
        for dimension in rule["dimensions"]:
            assert re.search(rf"\b{dimension}\b( =|,)", columns(rule)), dimension


def test_the_rule_of_drift_fires_on_every_write_that_has_succeeded():
    condition = body_of("modules/drift-alert.bicep", "drift")["properties"]["condition"]
    category, status, operations = condition["allOf"]
    assert category == {"field": "category", "equals": "Administrative"}
    assert status == {"field": "status", "equals": "Succeeded"}
    assert {leaf["equals"] for leaf in operations["anyOf"]} == DRIFT
    assert {leaf["field"] for leaf in operations["anyOf"]} == {"operationName"}


def test_it_calls_the_app_with_the_common_alert_schema():
    [receiver] = body_of("modules/drift-alert.bicep", "callers")["properties"]["webhookReceivers"]
    assert receiver["serviceUri"] == "'${appUrl}/api/alerts?code=${hostKey}'"
    assert receiver["useCommonAlertSchema"] is True


def test_each_watched_subscription_has_a_rule_of_its_own():
    main = (INFRA / "main.bicep").read_text()
    assert "var driftIds = empty(driftKey) || isPrivate ? [] : watchedIds" in main
    assert "for id in driftIds: {" in main
    assert module_of("main.bicep", "drift")["scope"] == "subscription(id)"
    assert module_of("modules/drift.bicep", "rule")["params"]["hostKey"] == "hostKey"
