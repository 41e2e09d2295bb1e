"""The custom roles: what each may do, and that doctor asks for no more. That they have exactly what
the product performs is judged over all tests: tests/rights.py.
"""

import json

import pytest

from shared.cli.checks import permissions
from tests.rights import AUDITOR, OPERATOR, PROVISIONER, ROLES, actions_of, main, note_actions

from .bicep import INFRA


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


def test_bicep_makes_each_role_of_its_json():
    module = (INFRA / "modules" / "roles.bicep").read_text()
    for role in (AUDITOR, OPERATOR, PROVISIONER):
        assert f"loadJsonContent('../roles/{role}.json')" in module


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
