"""docs/first-day.md: its commands run as they are written, and print what is said."""

import json

import pytest

from tests.builders.azure import add_environment, add_table, answer
from tests.builders.routes import owned_prefixes, to_firewall

from .reader import ROOT, blocks

PAGE = (ROOT / "docs" / "first-day.md").read_text()
ACCOUNT_ID = (
    "/subscriptions/10000000-0000-0000-0000-000000000001/resourceGroups/rg-first/providers"
    "/Microsoft.Storage/storageAccounts/stfirst"
)


@pytest.fixture
def table(azure):
    """The route table of an environment. Nobody has registered it."""
    answer(azure, "20.0.0.0/24", "20.0.1.0/24")
    found = add_table(azure.state, "payroll", [to_firewall()])
    add_environment(azure.state, "payroll", table=found)
    return found


@pytest.fixture
def reader(deployed, make_reader):
    made = make_reader("stfirst")
    values = {"STORAGE_ACCOUNT": "stfirst", "APP_URL": deployed.url}
    made.has("azd", {f"env get-value {name}": value for name, value in values.items()})
    made.has("az", {"storage account show": ACCOUNT_ID, "ad signed-in-user show": "me"})
    made.has("pip")
    return made


def test_the_day_leads_to_the_first_write(table, deployed, reader, app_settings):
    """azd would start the app with the new setting; here the test does so."""
    deployed.restart({**app_settings, "PAUSED": "true"})
    printed, exports = "", ""
    for kind, text in blocks(PAGE, "sh", "text"):
        if kind == "text":
            for line in text.splitlines():
                assert line in printed, f"{line} is not in {printed}"
            continue
        done = reader.bash(exports + text, types="y\n")
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        printed = done.stdout

        exports += "".join(line + "\n" for line in text.splitlines() if line.startswith("export "))
        if "azd env set PAUSED false" in text:
            assert owned_prefixes(table) == set()  # nothing was written so far
            deployed.restart(app_settings)
    assert owned_prefixes(table) == {"20.0.0.0/24", "20.0.1.0/24"}


def test_the_reader_gets_the_roles_of_the_app_for_tables_and_queues(reader):
    az = reader.has("az", {"storage account show": ACCOUNT_ID, "ad signed-in-user show": "me"})
    done = reader.bash(blocks(PAGE, "sh")[0][1])
    assert done.returncode == 0, done.stderr

    assigned = [call for call in az.calls if call.begins_with("role assignment create")]
    of_the_app = json.loads((ROOT / "infra" / "roles" / "built-in.json").read_text())["storage"]
    assert {call.option("--role") for call in assigned} == {
        role for role in of_the_app if "Blob" not in role
    }
    assert {call.option("--scope") for call in assigned} == {ACCOUNT_ID}
