"""The script copies what an app has stored, so that another app goes on where the first one was."""

from datetime import timedelta

import pytest
from azure.data.tables import TableServiceClient

from infra import copy_tables
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.runs.run import Action, Mode
from tests.builders.azure import add_table, answer, rid
from tests.builders.runs import begin, pin, register, sync

DAY = timedelta(days=1)
A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
GRACE = {"REMOVAL_GRACE_DAYS": "28"}


@pytest.fixture
def old(azure, make_app, clock):
    """An address has left the tag, a rollback holds another one, and a table is pinned."""
    app = make_app(**GRACE)
    for name in ("one", "two", "three"):
        add_table(azure.state, name)
        register(app, name)
    answer(azure, A, B)
    sync(app)
    clock.shift(DAY)
    answer(azure, A, C)
    changed = sync(app)["runId"]
    sync(app, "two", action=Action.ROLLBACK, rolled_back_run_id=changed, reason="not yet")
    pin(app, "three", "AzureCloud.AppServiceManagement-000001")
    clock.shift(9 * DAY)
    return app


@pytest.fixture
def connection(azurite):
    """An account that is new."""
    return azurite()


@pytest.fixture
def accounts(old, app_settings, connection):
    """Table Storage of the old account and of the new one."""
    return [
        TableServiceClient.from_connection_string(one)
        for one in (app_settings["AzureWebJobsStorage"], connection)
    ]


def everything(service):
    return {
        name: {(row["PartitionKey"], row["RowKey"]): dict(row) for row in rows_of(service, name)}
        for name in copy_tables.TABLES
    }


def rows_of(service, name):
    return service.create_table_if_not_exists(name).list_entities()


def planned(app):
    """What a run would do with each table, by its name."""
    report = sync(app, mode=Mode.PLAN)
    told = ("status", "added", "removed", "retained", "withheld", "findings", "versionIds")
    return {
        outcome["routeTableId"].rpartition("/")[2]: {key: outcome[key] for key in told}
        for outcome in report["outcomes"]
    }


def test_the_new_app_goes_on_exactly_where_the_old_one_was(old, accounts, connection, make_app):
    before = planned(old)
    assert before["one"]["retained"]
    assert "Held" in str(before["two"]["withheld"])
    assert "Pinned" in str(before["three"]["findings"])

    assert copy_tables.copied(*accounts) == 0
    assert planned(make_app(AzureWebJobsStorage=connection, **GRACE)) == before


def test_every_row_is_copied_as_it_is_except_the_record_of_the_app(old, accounts):
    old.recorder.record()
    assert copy_tables.copied(*accounts) == 0
    first, second = map(everything, accounts)
    assert first["SyncRuns"].pop(("settings", "app"))
    assert first == second


def test_it_can_be_repeated_and_brings_what_has_come_since(old, accounts):
    assert copy_tables.copied(*accounts) == 0
    sync(old)
    assert copy_tables.copied(*accounts) == 0
    first, second = map(everything, accounts)
    assert first == second


@pytest.mark.parametrize(
    ("make_wrong", "said"),
    [
        (lambda _, accounts: accounts.reverse(), "has no registrations"),
        (lambda old, _: begin(old), "A run of the first app is under way"),
    ],
    ids=["the wrong way round", "a run"],
)
def test_nothing_is_copied_if(make_wrong, said, old, accounts, capsys):
    make_wrong(old, accounts)
    before = [everything(account) for account in accounts]
    assert copy_tables.copied(*accounts) == 1
    assert said in capsys.readouterr().err
    assert [everything(account) for account in accounts] == before


def test_registrations_of_another_app_are_not_mixed_with_ours(
    old, accounts, connection, make_app, capsys
):
    other = make_app(AzureWebJobsStorage=connection)
    register(other, "four")
    before = everything(accounts[1])
    assert copy_tables.copied(*accounts) == 1
    assert "registrations of its own" in capsys.readouterr().err
    assert everything(accounts[1]) == before


def test_what_the_new_app_has_done_since_is_not_overwritten(
    old, accounts, connection, make_app, capsys
):
    """A table was released there, and must not be held again."""
    assert copy_tables.copied(*accounts) == 0
    new = make_app(AzureWebJobsStorage=connection, **GRACE)
    new.registry.change(rid("two"), RegisteredTable.release)
    sync(new)
    before = everything(accounts[1])
    assert copy_tables.copied(*accounts) == 1
    assert "runs of its own" in capsys.readouterr().err
    assert everything(accounts[1]) == before


def test_an_account_has_its_url_in_the_public_cloud_and_others_are_named_by_theirs():
    assert copy_tables.url_of("stone") == "https://stone.table.core.windows.net"
    url = "https://stone.table.core.chinacloudapi.cn"
    assert copy_tables.url_of(url) == url
