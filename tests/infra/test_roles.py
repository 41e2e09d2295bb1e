"""The custom roles: what each may do, and that doctor asks for no more. That they have exactly what
the product performs is judged over all tests: tests/rights.py.
"""

import json
import re

import pytest

from local.snapshots import WHERE
from shared.cli.checks import permissions
from tests.rights import AUDITOR, OPERATOR, PROVISIONER, ROLES, actions_of, main, note_actions

from .deployed import DEPLOYED

BUILT_IN = json.loads((ROLES / "built-in.json").read_text())
LISTS = ("NETWORK_ROLES_TO_ASSIGN", "STORAGE_ROLES_TO_ASSIGN", "LOG_ROLES_TO_ASSIGN")
THERE = "10000000-0000-0000-0000-00000000000"
"""So begin the ids of the profiles' subscriptions."""


@pytest.mark.parametrize("role", [AUDITOR, OPERATOR, PROVISIONER])
def test_a_role_is_a_definition_that_the_azure_cli_takes(role):
    found = json.loads((ROLES / f"{role}.json").read_text())
    assert found["IsCustom"] is True
    assert found["NotActions"] == found["DataActions"] == found["NotDataActions"] == []
    assert found["AssignableScopes"]
    assert found["Actions"] == sorted(set(found["Actions"]))
    assert not any("*" in action for action in found["Actions"])


def test_an_auditor_writes_nothing():
    assert all(action.endswith("/read") for action in actions_of(AUDITOR))


def test_an_operator_is_an_auditor_who_writes_route_tables():
    assert actions_of(OPERATOR) - actions_of(AUDITOR) == {"Microsoft.Network/routeTables/write"}
    assert actions_of(AUDITOR) < actions_of(OPERATOR)


def test_the_third_role_has_nothing_that_the_operator_has():
    assert not actions_of(PROVISIONER) & actions_of(OPERATOR)


def test_doctor_asks_for_what_the_operator_has():
    asked = {
        *permissions.TABLE_ACTIONS,
        *permissions.ENVIRONMENT_ACTIONS,
        *permissions.SUBNET_ACTIONS,
        *permissions.GROUP_ACTIONS,
        permissions.LIST_PERMISSIONS,
    }
    assert asked <= actions_of(OPERATOR)


def name_of(role):
    """No two roles of a tenant have the same name, so it has a part of the subscription's id."""
    return f"{role} (prod, {WHERE['subscriptionId'][:8]})"


def definitions(deployed):
    """The custom roles by their name."""
    found = deployed.all("Microsoft.Authorization/roleDefinitions")
    return {one["properties"]["roleName"]: one for one in found}


def assigned(deployed, kind="userAssignedIdentities"):
    """Each assignment as the name of its role and the scope, and who gets them: the app, or the
    system topics.
    """
    own = {one["name"]: name for name, one in definitions(deployed).items()}
    names = own | {guid: name for roles in BUILT_IN.values() for name, guid in roles.items()}
    assignments = [
        one
        for one in deployed.all("Microsoft.Authorization/roleAssignments")
        if f"/{kind}/" in one["properties"]["principalId"]
    ]
    who = {one["properties"]["principalId"] for one in assignments}
    roles = [one["properties"]["roleDefinitionId"].rpartition("/")[2] for one in assignments]
    # The id is an expression, because it depends on the identity. It begins with the scope.
    scopes = [re.findall(r"'([^']+)'", one["id"])[0] for one in assignments]
    return sorted((names[role], scope) for role, scope in zip(roles, scopes, strict=True)), who


def printed(deployed):
    """The assignments of the outputs."""
    found = [one for name in LISTS for one in deployed.outputs[name]]
    return sorted((role, one["scope"]) for one in found for role in one["roles"])


def test_the_template_makes_each_role_of_its_json():
    found = definitions(DEPLOYED["subscriptions"])
    for role in (AUDITOR, OPERATOR, PROVISIONER):
        wanted = json.loads((ROLES / f"{role}.json").read_text())
        made = found.pop(name_of(wanted["Name"]))["properties"]
        [permissions] = made["permissions"]
        assert permissions == {
            "actions": wanted["Actions"],
            "notActions": [],
            "dataActions": [],
            "notDataActions": [],
        }
        assert made["assignableScopes"] == [f"/subscriptions/{THERE}{n}" for n in (2, 3, 4)]
    assert not found


def test_the_app_gets_its_roles_on_storage_log_and_each_subscription():
    default = DEPLOYED["default"]
    insights = default.one("Microsoft.Insights/components")["id"]
    own = [
        (name_of("ASE Route Sync Operator"), f"{THERE}1"),
        *((name, default.storage["id"]) for name in BUILT_IN["storage"]),
        *((name, insights) for name in BUILT_IN["log"]),
    ]
    roles, who = assigned(default)
    assert roles == sorted(own)
    [identity] = who
    assert "/userAssignedIdentities/id-prod'" in identity

    roles, _ = assigned(DEPLOYED["subscriptions"])
    both = [name_of(f"ASE Route Sync {role}") for role in ("Operator", "Provisioner")]
    assert {(name, f"{THERE}{n}") for name in both for n in (2, 3, 4)} <= {*roles}


def test_if_somebody_else_assigns_the_roles_each_is_printed_and_none_made():
    no_roles, subscription = DEPLOYED["no-roles"], f"/subscriptions/{THERE}1"
    assert definitions(no_roles) == {}
    assert assigned(no_roles) == ([], set())
    wanted = [json.loads((ROLES / f"{role}.json").read_text()) for role in (OPERATOR, PROVISIONER)]
    for role in wanted:
        role |= {"Name": name_of(role["Name"]), "AssignableScopes": [subscription]}
    assert no_roles.outputs["ROLES_TO_MAKE"] == wanted
    insights = no_roles.one("Microsoft.Insights/components")["id"]
    assert printed(no_roles) == sorted(
        [
            *((role["Name"], subscription) for role in wanted),
            *((name, no_roles.storage["id"]) for name in BUILT_IN["storage"]),
            *((name, insights) for name in BUILT_IN["log"]),
        ]
    )


def test_the_app_may_read_the_secret_of_the_webhook_and_no_other(expand):
    secret = (
        f"/subscriptions/{THERE}5/resourceGroups/rg-ops/providers/Microsoft.KeyVault/vaults/kv-net"
        "/secrets/notices"
    )
    [role] = BUILT_IN["secret"]
    assert (role, secret) in assigned(DEPLOYED["webhook"])[0]
    printed = expand(webhookSecretId=secret, assignRoles=False).outputs["SECRET_ROLES_TO_ASSIGN"]
    assert printed == [{"roles": [role], "scope": secret}]
    assert DEPLOYED["no-roles"].outputs["SECRET_ROLES_TO_ASSIGN"] == []


def test_what_is_assigned_is_not_printed():
    default = DEPLOYED["default"]
    assert default.outputs["ROLES_TO_MAKE"] == printed(default) == []


def test_what_is_missing_and_what_is_spare_is_told(tmp_path, monkeypatch, capsys):
    file = tmp_path / "actions"
    monkeypatch.setenv("ACTIONS_FILE", str(file))
    given = actions_of(OPERATOR) | actions_of(PROVISIONER)

    def asked(actions, agent="azsdk-python-mgmt-network/1"):
        file.unlink(missing_ok=True)
        note_actions({"action": a, "linked": [], "userAgent": agent} for a in actions)
        return main()

    assert asked(given) == 0
    assert asked({*given, "Microsoft.Network/locations/operations/read"}) == 0
    assert asked({*given, "Microsoft.Network/x/write"}) == 1
    assert "missing in the roles: Microsoft.Network/x/write" in capsys.readouterr().out
    assert asked(given - {"Microsoft.Network/routeTables/write"}) == 1
    assert "spare in the roles: Microsoft.Network/routeTables/write" in capsys.readouterr().out
    assert asked(given, agent="python-httpx/1") == 1
