"""The lists fit a terminal of 80 columns, and nothing that a person copies is broken or cut."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from shared.cli import show
from shared.cli.show import Seen
from shared.domain.armid import RouteTableId
from shared.domain.people.overview import State
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.runs.run import Action, Mode, Run, RunRequest, RunStatus, Trigger
from tests.builders.azure import add_table, answer, rid, table_id, tag_document
from tests.builders.routes import owned, to_firewall
from tests.builders.runs import TAG, keep, register, sync

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
LONG = "a-route-table-with-a-name-of-eighty-letters-which-is-the-longest-that-Azure-takes"[:80]


def widest(text):
    return max(map(len, text.splitlines()))


@pytest.fixture
def tables(azure, app):
    """One in each state that a run leaves, one that is disabled, and one that is new."""
    answer(azure, A)
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "right", "conflict", "blocked", "failed")
    add_table(azure.state, "right", [owned(A)])
    add_table(azure.state, "conflict", [to_firewall(A, "mine")])
    gone = [owned(f"20.1.{number}.0/24") for number in range(9)]
    add_table(azure.state, "blocked", [owned(A), *gone])
    sync(app)
    register(app, "off", enabled=False)
    register(app, "new")


EXPECTED = """\
state              route table           what is wrong
failed             rg-failed/failed      RouteTableNotFound
blocked            rg-blocked/blocked    MaxRemovedPercent
conflict           rg-conflict/conflict  routes that are not ours: 20.0.0.0/24
not looked at yet  rg-new/new
right              rg-right/right
switched off       rg-off/off

6 tables: 1 failed, 1 blocked, 1 conflict, 1 not looked at yet, 1 right, 1 switched off
"""


def test_the_tables_with_their_states_and_what_is_wrong_the_worst_first(tables, cli):
    listed = cli("tables", "list")
    assert (listed.status, listed.err) == (0, "")
    assert listed.out == EXPECTED


def test_at_a_terminal_of_80_columns_the_tables_fit(tables, cli):
    shown = cli("tables", "list", columns=80, TERM="xterm")
    assert shown.status == 0
    assert shown.out.partition("\n\n")[0] == EXPECTED.partition("\n\n")[0]
    assert widest(shown.out.partition("\n\n")[0]) <= 80
    by_variable = cli("tables", "list", columns=200, TERM="xterm", COLUMNS="40")
    assert widest(by_variable.out.partition("\n\n")[0]) <= 40


def test_the_states_are_those_of_the_dashboard(app):
    console = Console(width=80, force_terminal=True, color_system=None)
    with console.capture() as captured:
        seen = [Seen(RegisteredTable(rid("one"), Registration((TAG,))), state) for state in State]
        console.print(show.registered_tables(seen), soft_wrap=True)
    for state, line in zip(State, captured.get().splitlines()[1:], strict=False):
        assert line.startswith(f"{state.words} ")


def test_a_long_name_is_whole_and_what_is_wrong_stands_below_it(azure, app, cli):
    answer(azure, A)
    long_id = RouteTableId.parse(table_id("one").replace("routeTables/one", f"routeTables/{LONG}"))
    keep(app, RegisteredTable(long_id, Registration((TAG,))))
    sync(app)
    shown = cli("tables", "list", columns=80, TERM="xterm").out.splitlines()
    assert shown[:3] == [
        "state   route table",
        f"failed  rg-one/{LONG}",
        "    RouteTableNotFound",
    ]


def test_the_other_forms_of_the_tables(tables, cli):
    ids = cli("tables", "list", "-o", "id")
    names = ("failed", "blocked", "conflict", "new", "right", "off")
    assert ids.out.splitlines() == [table_id(name) for name in names]
    as_json = cli("tables", "list", "-o", "json")
    assert as_json.out == cli("tables", "list", "--json").out
    assert {one["routeTableId"] for one in as_json.json["value"]} == {*map(table_id, names)}
    wide = cli("tables", "list", "--output", "wide").out
    for name in names:
        assert f" {table_id(name)} " in wide
    assert "AppServiceManagement" in wide
    assert cli("tables", "list", "-o", "yaml").status == 1


def test_a_row_that_is_wider_than_the_terminal_has_no_empty_line_after_it(tables, cli):
    wide = cli("tables", "list", "-o", "wide", columns=80, TERM="xterm").out
    rows, _, counts = wide.partition("\n\n")
    assert counts.startswith("6 tables: ")
    assert all(line.strip() for line in rows.splitlines())


def test_without_a_table_the_ids_are_no_line_at_all(app, cli):
    assert cli("tables", "list", "-o", "id").out == ""
    assert "No route table is registered" in cli("tables", "list").out


@pytest.mark.parametrize(
    ("form", "is_json"),
    [
        (("-o", "json"), True),
        (("-ojson",), True),
        (("--output", "json"), True),
        (("--output=json",), True),
        (("--json",), True),
        (("-o", "wide"), False),
        ((), False),
    ],
)
def test_an_error_is_json_if_the_answer_would_be(app, cli, form, is_json):
    refused = cli("runs", "nonsense", *form)
    assert refused.status == 1
    assert ("RunNotFound" in refused.out) == is_json
    assert ("RunNotFound" in refused.err) != is_json


def test_runs_say_what_they_were_for_how_they_ended_and_who_asked(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    add_table(azure.state, "one")
    assert cli("apply", "--yes", "--reason", "why").status == 0
    undone = ("rollback", "one", "--run", "last", "--reason", "no")
    assert cli(*undone, types="y\n").status == 0
    assert cli("plan").status == 0

    shown = cli("runs", columns=80, TERM="xterm").out
    lines = shown.splitlines()
    assert [re.split("  +", line)[:3] for line in lines if line[:1].strip()] == [
        ["run", "what", "status"],
        *([run.run_id, what, "Succeeded"] for run, what in zip(app.runs.list(), WHAT, strict=True)),
    ]
    assert widest(shown) <= 80
    assert shown.count("\n    cli: 00000000-0000-4000-8000-0000000000a1\n") == 4
    wide = cli("runs", "--output", "wide").out
    assert "1 changed" in wide and "why" in wide and str(datetime.now(UTC).year) in wide
    assert cli("runs", "-o", "id").out.split() == [run.run_id for run in app.runs.list()]
    requested = {run["requestedBy"] for run in cli("runs", "-o", "json").json["value"]}
    assert requested == {"00000000-0000-4000-8000-0000000000a1"}


WHAT = ("sync plan", "rollback", "rollback plan", "sync")


@pytest.mark.parametrize(
    ("took", "shown"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(seconds=60), "1 min 0 s"),
        (timedelta(minutes=59, seconds=59), "59 min 59 s"),
        (timedelta(hours=1, minutes=1), "1 h 1 min"),
    ],
)
def test_a_run_shows_how_long_it_took_or_has_taken_so_far(took, shown):
    request = RunRequest(Trigger.TIMER, Mode.APPLY, Action.PROVISION)
    ended = Run("r", request, NOW, RunStatus.SUCCEEDED, finished_at=NOW + took)
    running = replace(ended, status=RunStatus.RUNNING, finished_at=None)
    console = Console(width=80, color_system=None)
    with console.capture() as captured:
        console.print(show.runs([ended], NOW + timedelta(days=9)), show.runs([running], NOW + took))
    lines = captured.get().splitlines()
    assert [re.split("  +", line)[3] for line in lines] == ["took", shown] * 2


def test_versions_fit_and_have_their_other_forms(azure, app, cli):
    for prefixes in ((A, B), (B, C)):
        answer(azure, *prefixes)
        sync(app)
    second, first = (f"AzureCloud.AppServiceManagement-{number:06}" for number in (2, 1))
    shown = cli("versions", columns=80, TERM="xterm").out
    assert widest(shown) <= 80
    assert [line.split()[0] for line in shown.splitlines()] == ["version", second, first]
    assert shown.splitlines()[1].endswith("+1 -1")
    assert cli("versions", "-o", "id").out.split() == [second, first]
    assert cli("versions", "-o", "json").out == cli("versions", "--json").out
    assert "change number" in cli("versions", "-o", "wide").out


def test_what_a_discovery_found_is_never_cut(azure, app, cli):
    from local import sample

    sample.fill(azure.state)
    shown = cli("discover", columns=80, TERM="xterm", **sample.settings())
    assert "…" not in shown.out
    for run in app.runs.list():
        assert run.run_id in shown.out
