"""docs/storage.md: its commands run as they are written, on the storage of two apps."""

import re
import sys
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from shared.domain.runs.run import Action, Mode
from tests.builders.azure import add_table, answer
from tests.builders.routes import owned_prefixes
from tests.builders.runs import register, sync
from tests.deployed import Deployed

from .reader import ROOT, blocks

PAGE = (ROOT / "docs" / "storage.md").read_text()
DAY = timedelta(days=1)
A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
GRACE = {"REMOVAL_GRACE_DAYS": "28"}
COPY = """#!{python}
import sys
sys.path.insert(0, {root!r})
from azure.data.tables import TableServiceClient
from infra import copy_tables
script, *names = sys.argv[1:]
assert script == "infra/copy_tables.py"
services = (TableServiceClient.from_connection_string({accounts!r}[name]) for name in names)
sys.exit(copy_tables.copied(*services))
"""
"""The script of the page, with connection strings instead of a sign-in."""


def section(heading):
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def commands(heading):
    return [text for _, text in blocks(section(heading), "sh")]


@pytest.fixture
def tables(azure, make_app):
    """Nine days ago B left the tag and C came, and a rollback took C out of the second table."""
    app = make_app(**GRACE)
    found = [add_table(azure.state, name) for name in ("one", "two")]
    register(app, "one", "two")
    with time_machine.travel(datetime.now(UTC) - 10 * DAY) as clock:
        answer(azure, A, B)
        sync(app)
        clock.shift(DAY)
        answer(azure, A, C)
        changed = sync(app)["runId"]
        sync(app, "two", action=Action.ROLLBACK, rolled_back_run_id=changed, reason="not yet")
    assert [owned_prefixes(table) for table in found] == [{A, B, C}, {A, B}]
    return found


@pytest.fixture
def new_account(azurite):
    return azurite()


@pytest.fixture
def new_app(new_account, app_settings):
    """The second app, with the new account."""
    with Deployed() as running:
        running.restart({**app_settings, **GRACE, "AzureWebJobsStorage": new_account})
        yield running


def retained(app):
    """The day on which each route of the first table that is not wanted any more goes."""
    [outcome] = sync(app, "one", mode=Mode.PLAN)["outcomes"]
    return {one["prefix"]: one["until"] for one in outcome["retained"]}


def test_after_a_move_nothing_changes(
    tables, deployed, new_app, new_account, app_settings, make_app, make_reader
):
    deployed.follow({**app_settings, **GRACE})
    reader = make_reader("stold", stnew=new_account)
    values = {
        "STORAGE_ACCOUNT -e prod": "stold",
        "APP_NAME -e prod": "func-prod",
        "AZURE_RESOURCE_GROUP -e prod": "rg-prod",
        "STORAGE_ACCOUNT -e prod2": "stnew",
        "APP_URL -e prod2": new_app.url,
    }
    azd = reader.has("azd", {f"env get-value {name}": value for name, value in values.items()})
    az = reader.has("az")
    accounts = {"stold": app_settings["AzureWebJobsStorage"], "stnew": new_account}
    copy = COPY.format(python=sys.executable, root=str(ROOT), accounts=accounts)
    (reader.folder / "bin" / "python").write_text(copy)
    (reader.folder / "bin" / "python").chmod(0o755)

    own, *rest = commands("Move to another storage account")
    assert {"OLD", "NEW", "SUBSCRIPTION", "LOCATION"} == {*re.findall(r"(\w+)=", own)}
    done = reader.bash(own + "".join(rest))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "messages waiting: 0 in route-table-runs, 0 in route-table-sync" in done.stdout
    assert "RouteTables: 2 rows" in done.stdout
    assert "Plan: 0 to add, 0 to change, 0 to remove" in done.stdout
    [stopped] = az.calls
    assert stopped.arguments[:2] == ["functionapp", "stop"]
    assert [call.arguments for call in azd.calls if "get-value" not in call.arguments] == [
        ["env", "new", "prod2", "--subscription", "ID", "--location", "westeurope"],
        ["env", "set", "PAUSED", "true", "-e", "prod2"],
        ["up", "-e", "prod2"],
        ["env", "set", "PAUSED", "false", "-e", "prod2"],
        ["provision", "-e", "prod2"],
    ]

    moved = make_app(AzureWebJobsStorage=new_account, **GRACE)
    assert retained(moved) == retained(make_app(**GRACE)) != {}
    sync(moved)
    assert [owned_prefixes(table) for table in tables] == [{A, B, C}, {A, B}]


def test_after_a_loss_the_file_brings_the_registrations_back_and_nothing_is_removed(
    tables, deployed, new_app, new_account, app_settings, make_app, make_reader
):
    deployed.follow({**app_settings, **GRACE})
    reader = make_reader("stfirst", stnew=new_account)
    values = {"STORAGE_ACCOUNT": "stnew", "APP_URL": new_app.url}
    reader.has("azd", {f"env get-value {name}": value for name, value in values.items()})
    reader.has("az", {"storage account show": "/subscriptions/s/…/storageAccounts/stfirst"})
    exported = "export AzureWebJobsStorage__accountName=stfirst\n" + "".join(commands("Back up"))
    done = reader.bash(exported)
    assert done.returncode == 0, done.stderr

    done = reader.bash("".join(commands("Restore")), types="y\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 to remove" in done.stdout
    assert "exit status 2" in done.stdout  # the hold is lost, so C would come back
    assert [owned_prefixes(table) for table in tables] == [{A, B, C}, {A, B}]

    restored = make_app(AzureWebJobsStorage=new_account, **GRACE)
    before, after = retained(make_app(**GRACE)), retained(restored)
    assert before.keys() == after.keys() == {B}
    assert before[B] < after[B]
