"""What a plan says of a write that Azure Policy would deny."""

import pytest

from local.azure.authorization import Role
from local.azure.faults import refusal
from local.azure.policy_restrictions import DenyingPolicy
from shared.domain.runs.run import Mode
from tests.builders.azure import SUBSCRIPTION, add_table, answer, ask_azure, table_with
from tests.builders.routes import owned, route, to_firewall
from tests.builders.runs import outcome_of, register, sync

A = "20.0.0.0/24"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-one"
ASSIGNMENT = "/providers/Microsoft.Authorization/policyAssignments/no-internet"
QUESTION = f"{GROUP}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"


@pytest.fixture
def table(azure, app):
    answer(azure, A)
    register(app, "one")
    return add_table(azure.state, "one", [to_firewall()])


def refused(app, mode=Mode.PLAN):
    outcome = outcome_of(sync(app, mode=mode), "one")
    found = outcome["findings"]
    return outcome, [f["message"] for f in found if f["code"] == "PolicyWouldRefuse"]


def questions(azure):
    return [entry for entry in azure.state.log if "checkPolicyRestrictions" in entry["path"]]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("scope", ["", f"/subscriptions/{SUBSCRIPTION}", GROUP.upper()])
def test_a_plan_names_the_assignment_that_then_refuses_the_write(azure, app, scope):
    azure.state.policies.append(DenyingPolicy(f"{scope}{ASSIGNMENT}"))
    planned, said = refused(app)
    assert planned["status"] == "planned"
    assert said == [f"denied by {scope}{ASSIGNMENT}"]
    applied, _ = refused(app, Mode.APPLY)
    assert applied["error"]["code"] == "RequestDisallowedByPolicy"
    assert f"{scope}{ASSIGNMENT}" in applied["error"]["message"]


@pytest.mark.usefixtures("table")
def test_it_is_asked_about_the_write_as_it_would_be_sent(azure, app):
    planned, said = refused(app)
    assert (planned["added"], said) == ([A], [])
    [question] = questions(azure)
    details = question["body"]["resourceDetails"]
    content = details["resourceContent"]
    assert (content["type"], content["name"]) == ("Microsoft.Network/routeTables", "one")
    assert (content["location"], content["tags"]) == ("westeurope", {"owner": "network"})
    routes = content["properties"]["routes"]
    assert [r["properties"]["addressPrefix"] for r in routes] == ["0.0.0.0/0", A]

    sync(app)
    [sent] = [entry for entry in azure.state.writes() if entry["method"] == "PUT"]
    assert content == sent["body"] | {"type": content["type"], "name": content["name"]}


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    "policy",
    [
        DenyingPolicy(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other{ASSIGNMENT}"),
        DenyingPolicy(ASSIGNMENT, "VirtualNetworkGateway"),
    ],
)
def test_a_policy_about_something_else_is_no_finding(azure, app, policy):
    azure.state.policies.append(policy)
    _, said = refused(app)
    assert said == []


def test_where_nothing_is_to_be_written_nobody_asks(azure, app, table):
    table.routes.append(owned(A))
    refused(app)
    assert questions(azure) == []


@pytest.mark.usefixtures("table")
def test_a_run_that_writes_does_not_ask_first(azure, app):
    assert refused(app, Mode.APPLY)[0]["status"] == "changed"
    assert questions(azure) == []


@pytest.mark.usefixtures("table")
def test_a_role_that_does_not_allow_to_ask_changes_nothing(azure, app):
    azure.state.policies.append(DenyingPolicy(ASSIGNMENT))
    without = Role("X", ("*",), ("Microsoft.PolicyInsights/checkPolicyRestrictions/read",))
    azure.state.identities.app.assignments = [("/", without)]
    planned, said = refused(app)
    assert (planned["status"], planned["error"], said) == ("planned", None, [])
    assert [entry["status"] for entry in questions(azure)] == [403]


@pytest.mark.usefixtures("table", "nobody_waits")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, {"code": "ServiceUnavailable"}),
        (409, {"code": "MissingSubscriptionRegistration"}),
        (400, {"code": "InvalidApiVersionParameter"}),
        (200, {"contentEvaluationResult": {"policyEvaluations": [{}]}}),
        (200, []),
    ],
)
def test_an_answer_that_says_nothing_withholds_no_plan(azure, app, status, body):
    azure.state.faults.append(refusal("POST", "checkPolicyRestrictions", status, body, times=99))
    planned, said = refused(app)
    assert (planned["status"], said) == ("planned", [])


def test_an_evaluation_that_failed_denies_nothing(azure, app, table):
    evaluation = {"policyInfo": {"policyAssignmentId": "/x"}, "evaluationResult": "Error"}
    body = {"contentEvaluationResult": {"policyEvaluations": [evaluation]}}
    azure.state.faults.append(refusal("POST", "checkPolicyRestrictions", 200, body, times=99))
    _, said = refused(app)
    assert said == []


def test_the_simulated_azure_answers_in_the_documented_shape(azure, table):
    azure.state.policies.append(DenyingPolicy(ASSIGNMENT))
    content = {"type": "Microsoft.Network/routeTables", **table_with(route("out", A))}
    body = {"resourceDetails": {"resourceContent": content, "apiVersion": "2025-05-01"}}
    answered = ask_azure(azure, "POST", QUESTION, api_version="2022-03-01", json=body)
    assert answered.status_code == 200
    [evaluation] = answered.json()["contentEvaluationResult"]["policyEvaluations"]
    assert evaluation["evaluationResult"] == "NonCompliant"
    assert evaluation["policyInfo"]["policyAssignmentId"] == ASSIGNMENT
    assert azure.state.log[-1]["action"] == (
        "Microsoft.PolicyInsights/checkPolicyRestrictions/read"
    )
