"""The words for the states of a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.domain import codes
from shared.domain.armid import EnvironmentId
from shared.domain.people.overview import Mood, Standpoint, State
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Pin, Registration
from shared.domain.registry.status import Status
from shared.pages.tables import Note, routes, row
from tests.builders import plans
from tests.builders.azure import ase_id_of, rid
from tests.builders.routes import OWNER, owned, route, to_firewall
from tests.builders.runs import TAG

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
ROOT = Path(__file__).parents[2]


def test_every_state_has_a_word_and_is_explained_to_the_one_on_call():
    assert len({state.words for state in State}) == len(State)
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("\n## At a glance\n")[2].partition("\n## ")[0]
    assert [state.words for state in State if state.words not in section] == []


def test_a_table_whose_environment_is_suspended_is_red_and_says_so():
    now = datetime(2026, 3, 4, tzinfo=UTC)
    table = RegisteredTable(
        rid("one"),
        Registration(("AppServiceManagement",), EnvironmentId.parse(ase_id_of("one"))),
        Status(verified_at=now, suspended=True),
    )
    standpoint = Standpoint(now, {}, 2)
    shown = row(standpoint.judge(table), standpoint)
    assert (shown["state"], shown["mood"]) == (State.SUSPENDED, "bad")
    assert shown["notes"] == [
        Note(Mood.BAD, "Azure has suspended one", codes.ENVIRONMENT_SUSPENDED)
    ]


def test_a_table_that_is_not_right_now_was_right_for_the_last_time():
    now = datetime(2026, 3, 4, tzinfo=UTC)
    standpoint = Standpoint(now, {}, 2)
    status = Status(verified_at=now - timedelta(hours=2))
    for suspended, since in ((False, "found right 2 h ago"), (True, "last found right 2 h ago")):
        table = RegisteredTable(
            rid("one"), Registration((TAG,)), replace(status, suspended=suspended)
        )
        assert row(standpoint.judge(table), standpoint)["since"] == since


def test_the_number_of_each_kind_of_route_is_one_word_of_a_list():
    table = plans.table(to_firewall(), owned(A), owned(B), route("other", C, "None"))
    _, counts = routes(table, Registration((TAG,)), {A, C}, owner=OWNER)
    assert counts == "1 conflict, 1 ours (retained), 1 ours, 1 not ours"


def test_a_pin_is_one_line():
    now = datetime(2026, 3, 4, tzinfo=UTC)
    pin = Pin("AzureCloud.AppServiceManagement-000001", "the proxy", "AppServiceManagement", now)
    table = RegisteredTable(rid("one"), Registration(("AppServiceManagement",), pin=pin))
    text = "pinned to AzureCloud.AppServiceManagement-000001 since 2026-03-04: the proxy"
    standpoint = Standpoint(now, {}, 2)
    assert row(standpoint.judge(table), standpoint)["notes"] == [Note(Mood.WATCH, text)]


def test_a_table_that_its_azure_tag_has_registered_says_so():
    standpoint = Standpoint(datetime(2026, 3, 4, tzinfo=UTC), {}, 2)
    table = RegisteredTable(rid("one"), Registration((TAG,)), by_tag=True)
    note = Note(Mood.GOOD, "registered by its Azure tag aseRouteSync")
    assert row(standpoint.judge(table), standpoint)["notes"] == [note]
    by_person = replace(table, by_tag=False)
    assert row(standpoint.judge(by_person), standpoint)["notes"] == []
