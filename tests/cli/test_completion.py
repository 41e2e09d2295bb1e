"""A shell completes tables, environments, runs and versions by what storage has."""

import logging
import threading

import pytest

from shared.cli import completion, names
from shared.domain.armid import EnvironmentId
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from tests.builders.azure import add_table, answer, ase_id_of, rid, table_id
from tests.builders.runs import TAG, keep, register, sync

NOBODY = "http://127.0.0.1:9"
KEY = "c2VjcmV0LXN0b3JhZ2Uta2V5LXNlY3JldA=="


@pytest.fixture
def complete(cli):
    """Press the tabulator in bash behind these words."""

    def offered(*words, **changed):
        typed = " ".join(("ase-route-sync", *words))
        asked = {"COMP_WORDS": typed, "COMP_CWORD": str(len(words))}
        done = cli(_ASE_ROUTE_SYNC_COMPLETE="complete_bash", **asked, **changed)
        assert done.err == ""
        return done.out.split()

    return offered


@pytest.fixture
def tables(app):
    register(app, "pay", "web")
    spare = table_id("web").replace("rg-web", "rg-spare")
    keep(app, RegisteredTable(type(rid("web")).parse(spare), Registration((TAG,))))


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "--route-table"),
        ("apply", "--yes", "--route-table"),
        *(("adopt",), ("rollback",), ("release",), ("tables", "set"), ("tables", "remove")),
    ],
    ids=" ".join,
)
def test_tables_are_offered_by_the_shortest_name_that_is_clear(tables, complete, command):
    assert {*complete(*command, "")} == {"pay", "rg-web/web", "rg-spare/web"}


@pytest.mark.parametrize(
    ("begun", "offered"),
    [
        ("p", {"pay"}),
        ("rg-p", {"rg-pay/pay"}),
        ("rg-", {"rg-pay/pay", "rg-web/web", "rg-spare/web"}),
        ("x", set()),
        (table_id("pay")[:-1], {table_id("pay")}),
    ],
)
def test_what_was_begun_is_completed(tables, complete, begun, offered):
    assert {*complete("release", begun)} == offered


def test_environments_are_completed(app, complete):
    registration = Registration((TAG,), EnvironmentId.parse(ase_id_of("pay")))
    keep(app, RegisteredTable(rid("pay"), registration))
    register(app, "web")
    assert complete("plan", "--ase", "") == ["pay"]


def test_runs_and_versions_are_completed(azure, app, complete):
    answer(azure, "20.0.0.0/24")
    add_table(azure.state, "pay")
    register(app, "pay")
    run_id = sync(app)["runId"]
    assert complete("runs", "") == ["last", run_id]
    assert complete("runs", run_id[:9]) == [run_id]
    assert complete("apply", "--plan", "l") == ["last"]
    assert complete("rollback", "pay", "--run", "") == ["last", run_id]
    version = "AzureCloud.AppServiceManagement-000001"
    assert complete("versions", "") == [version]
    assert complete("versions", version, "Az") == [version]


@pytest.mark.parametrize(
    "changed",
    [
        {"AzureWebJobsStorage": f"TableEndpoint={NOBODY}/one;AccountName=one;AccountKey={KEY}"},
        {"AzureWebJobsStorage": "nonsense"},
        {"AzureWebJobsStorage": ""},
    ],
    ids=["no answer", "no connection string", "no settings"],
)
@pytest.mark.parametrize("words", [("release", ""), ("plan", "--ase", ""), ("versions", "")])
def test_without_storage_nothing_is_offered_and_nothing_is_said(complete, words, changed):
    assert complete(*words, **changed) == []


def test_an_answer_that_comes_too_late_is_none(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(completion, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(logging, "disable", lambda: None)
    monkeypatch.setattr(names, "known_tables", released.wait)
    assert completion.tables("") == []
    released.set()
