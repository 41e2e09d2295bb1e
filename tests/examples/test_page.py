"""examples/README.md: it lists every example, and its commands are right."""

import json
import re
from pathlib import Path

import pytest

from .judges import refused_by_the_cli
from .programs import RecordedAz, run_page
from .scenarios import KEY

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = (EXAMPLES / "README.md").read_text()
READERS = {
    "VAULT": "vault",
    "VAULT_ID": "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/vault",
    "APP": "app",
    "APP_GROUP": "rg-app",
    "APP_ID": "app-id",
    "REPOSITORY": "contoso/network",
}


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    az = RecordedAz(
        tmp_path_factory.mktemp("az"),
        {
            "ad app create": "caller",
            "ad sp create": "principal",
            "ad sp show": "service-principal",
            "functionapp keys list": KEY,
        },
    )
    done = run_page(PAGE, az, EXAMPLES.parent, READERS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return az.calls


def those(calls, words):
    return [call for call in calls if call.begins_with(words)]


def test_the_table_lists_every_example_with_its_sign_in_and_its_result():
    rows = re.findall(r"^\| \[(.+?)/\]\(.+?\) \|(.+)\|$", PAGE, re.MULTILINE)
    assert {name for name, _ in rows} == {one.name for one in EXAMPLES.iterdir() if one.is_dir()}
    for _, cells in rows:
        assert all(cell.strip() for cell in cells.split(" | "))


def test_github_is_trusted_for_the_environment_of_the_workflow(calls):
    [credential] = those(calls, "ad app federated-credential create")
    trusted = json.loads(credential.option("--parameters"))
    workflow = (EXAMPLES / "github-actions" / "route-sync.yml").read_text()
    [environment] = re.findall(r"^    environment: (.+)$", workflow, re.MULTILINE)
    assert trusted["subject"] == f"repo:contoso/network:environment:{environment}"


def test_the_key_comes_into_the_secret_that_the_workflow_reads(calls):
    [secret] = those(calls, "keyvault secret set")
    assert secret.option("--value") == KEY
    assert not any(KEY in text for call in calls for text in call.shown)
    [made], [read] = those(calls, "functionapp keys set"), those(calls, "functionapp keys list")
    assert read.option("--query") == f'functionKeys."{made.option("--key-name")}"'
    workflow = (EXAMPLES / "github-actions" / "route-sync.yml").read_text()
    assert f"--name {secret.option('--name')} " in workflow
    [role] = those(calls, "role assignment create")
    assert role.option("--scope").endswith(f"/secrets/{secret.option('--name')}")


def test_the_app_role_is_operator(calls):
    roles = json.loads((EXAMPLES.parent / "infra" / "entra" / "app-roles.json").read_text())
    [assigned] = [call for call in calls if "appRoleAssignedTo" in " ".join(call.arguments)]
    [operator] = [role["id"] for role in roles if role["value"] == "Operator"]
    assert json.loads(assigned.option("--body"))["appRoleId"] == operator


def test_the_logic_app_gets_the_parameters_that_it_needs_and_az_asks_for_the_key(calls):
    """A parameter of the command would be in the list of processes."""
    [deployment] = those(calls, "deployment group create")
    given = deployment.arguments[deployment.arguments.index("--parameters") + 1 :]
    template = (EXAMPLES / "logic-app" / "main.bicep").read_text()
    needed = re.findall(r"^(@secure\(\)\n)?param (\w+) \w+$", template, re.MULTILINE)
    assert [name for secure, name in needed if secure] == ["key"]
    assert [text.partition("=")[0] for text in given] == [n for secure, n in needed if not secure]


def test_the_azure_cli_knows_every_word(calls, tmp_path):
    assert refused_by_the_cli(calls, tmp_path) == ""
