"""The infrastructure as text: what can be checked without Azure's own compiler."""

from pathlib import Path

from pycep import BicepParser

INFRA = Path(__file__).parents[2] / "infra"
DRIFT = {
    "Microsoft.Network/routeTables/write",
    "Microsoft.Network/routeTables/delete",
    "Microsoft.Network/routeTables/routes/write",
    "Microsoft.Network/routeTables/routes/delete",
}


def resources(name):
    return BicepParser().parse(file_path=INFRA / name)["resources"]


def test_the_rule_of_drift_fires_on_every_write_that_has_succeeded():
    found = resources("modules/drift-alert.bicep")
    category, status, operations = found["drift"]["config"]["properties"]["condition"]["allOf"]
    assert category == {"field": "category", "equals": "Administrative"}
    assert status == {"field": "status", "equals": "Succeeded"}
    assert {leaf["equals"] for leaf in operations["anyOf"]} == DRIFT
    assert {leaf["field"] for leaf in operations["anyOf"]} == {"operationName"}


def test_it_calls_the_app_with_the_common_alert_schema():
    [receiver] = resources("modules/drift-alert.bicep")["callers"]["config"]["properties"][
        "webhookReceivers"
    ]
    assert receiver["serviceUri"] == "${appUrl}/api/alerts?code=${hostKey}"
    assert receiver["useCommonAlertSchema"] is True
