"""The Logic App: its template is compiled, its definition is judged and followed at the app."""

import copy
import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from local.azure.locks import Lock
from tests.builders.azure import add_table, table_id, tag_document
from tests.builders.routes import owned_prefixes, to_firewall

from .logic_apps import LogicApp, Terminated

FOLDER = Path(__file__).parents[2] / "examples" / "logic-app"
DEFINITION = json.loads((FOLDER / "definition.json").read_text())
SCHEMA = json.loads((Path(__file__).parent / "workflow-definition.schema.json").read_text())
CALL = "Start_a_run_and_wait"


def faults(definition):
    return [fault.message for fault in Draft202012Validator(SCHEMA).iter_errors(definition)]


def test_the_definition_is_what_the_reference_describes():
    Draft202012Validator.check_schema(SCHEMA)
    assert faults(DEFINITION) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("actions", CALL, "type"), "HTTP"),
        (("actions", CALL, "retries"), 4),
        (("actions", CALL, "inputs", "query"), {}),
        (("actions", CALL, "inputs", "authentication", "type"), "ManagedIdentity"),
        (("actions", "If_the_run_did_not_succeed", "runAfter"), {CALL: ["OK"]}),
        (("triggers", "Every_Wednesday", "recurrence", "schedule", "weekDays"), ["Wed"]),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_a_wrong_word_is_found(path, value):
    wrong = copy.deepcopy(DEFINITION)
    place = wrong
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert faults(wrong)


def test_it_names_only_actions_and_parameters_that_it_has():
    text = json.dumps(DEFINITION)
    assert set(re.findall(r"body\('(\w+)'\)", text)) == {CALL}
    assert set(re.findall(r"parameters\('(\w+)'\)", text)) == DEFINITION["parameters"].keys()
    [after] = DEFINITION["actions"]["If_the_run_did_not_succeed"]["runAfter"]
    assert after == CALL


def test_the_template_gives_each_parameter_and_hides_the_key(bicep):
    compiled = bicep.ask("compile", path=str(FOLDER / "main.bicep"))
    assert compiled["diagnostics"] == []
    [resource] = json.loads(compiled["contents"])["resources"]
    assert resource["identity"]["type"] == "SystemAssigned"
    parameters = resource["properties"]["parameters"]
    assert parameters.keys() == DEFINITION["parameters"].keys()
    assert DEFINITION["parameters"]["key"]["type"] == "SecureString"
    assert "defaultValue" not in DEFINITION["parameters"]["key"]
    hidden = DEFINITION["actions"][CALL]["runtimeConfiguration"]["secureData"]["properties"]
    assert hidden == ["inputs", "outputs"]


def test_it_ends_as_its_run_does(azure, host):
    prefix = "20.0.0.0/24"
    azure.state.tags.answers["westeurope"] = tag_document([prefix])
    table = add_table(azure.state, "one", [to_firewall()])
    host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).raise_for_status()
    known = {"url": host.url, "audience": "api://app", "key": host.key}

    azure.state.locks[table_id("one")] = Lock.READ_ONLY
    with pytest.raises(Terminated, match=r"^Run \S+: Failed, .*\"failed\": 1") as ended:
        LogicApp(DEFINITION, known, token="t").run()
    assert ended.value.status == "Failed"

    azure.state.locks.clear()
    assert LogicApp(DEFINITION, known, token="t").run() == "Succeeded"
    assert owned_prefixes(table) == {prefix}
    assert LogicApp(DEFINITION, {**known, "key": "wrong"}, token="t").run() == "Failed"
    runs = host.request("GET", "/api/runs").json()["value"]
    assert [run["changeId"] for run in runs] == ["08584-run"] * 2
