"""Which tables are shown, and in which order."""

from dataclasses import replace

import pytest

from shared.domain.armid import EnvironmentId
from shared.domain.people.overview import Judged, Mood, State
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.pages.choice import NAMES, Choice, options
from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, ase_id_of, rid, table_id
from tests.builders.runs import TAG


def judged(name, state=State.RIGHT, *, subscription=SUBSCRIPTION, tags=(TAG,), ase=None, mood=None):
    ase_id = EnvironmentId.parse(ase_id_of(ase)) if ase else None
    table = RegisteredTable(rid(table_id(name, subscription)), Registration(tags, ase_id))
    return Judged(table, state, mood or state.mood)


HUB = judged("rt-hub", State.CONFLICT, ase="ase-Payroll")
SPOKE = judged("RT-Spoke", State.WAITING, subscription=OTHER_SUBSCRIPTION, tags=("Storage", TAG))
EDGE = judged("rt-edge")
ALL = (EDGE, HUB, SPOKE)


def found(**asked):
    shown = Choice.of({**dict.fromkeys(NAMES), **asked}.get).found(ALL)
    return [one.table.route_table_id.name for one in shown]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["rt-hub", "RT-Spoke", "rt-edge"]),
        ({"search": " "}, ["rt-hub", "RT-Spoke", "rt-edge"]),
        ({"search": "SPOKE"}, ["RT-Spoke"]),
        ({"search": "payroll"}, ["rt-hub"]),
        ({"search": "rg-rt-hub/rt-hub"}, ["rt-hub"]),
        ({"search": "rt edge"}, ["rt-edge"]),
        ({"search": "rt nowhere"}, []),
        ({"search": "microsoft.network"}, []),
        ({"search": table_id("rt-hub").upper()}, ["rt-hub"]),
        ({"search": ase_id_of("ase-payroll")}, ["rt-hub"]),
        ({"search": f"/subscriptions/{OTHER_SUBSCRIPTION}"}, ["RT-Spoke"]),
        ({"state": "conflict"}, ["rt-hub"]),
        ({"state": "failed"}, []),
        ({"tag": "Storage"}, ["RT-Spoke"]),
        ({"tag": "Stor"}, []),
        ({"subscription": SUBSCRIPTION.upper()}, ["rt-hub", "rt-edge"]),
        ({"subscription": SUBSCRIPTION, "search": "rt", "state": "right"}, ["rt-edge"]),
        ({"sort": "state"}, ["rt-hub", "RT-Spoke", "rt-edge"]),
        ({"sort": "name"}, ["rt-edge", "rt-hub", "RT-Spoke"]),
    ],
)
def test_what_is_asked_for_is_found(asked, names):
    assert found(**asked) == names


def test_what_is_red_comes_first_whatever_its_state():
    late = replace(SPOKE, mood=Mood.BAD)
    behind = judged("b", State.BEHIND)
    shown = Choice().found([behind, SPOKE, late])
    assert [*shown] == [late, SPOKE, behind]


@pytest.mark.parametrize("asked", [{"state": "sideways"}, {"sort": "age"}])
def test_a_value_that_nobody_knows_is_an_error(asked):
    with pytest.raises(ValueError, match="is one of"):
        found(**asked)


def test_its_query_asks_for_the_same():
    choice = Choice(search="hub", state="failed", sort="name")
    assert choice.query == {"search": "hub", "state": "failed", "sort": "name"}
    assert choice.sorted_by("state")["sort"] == "state"
    assert Choice.of(choice.query.get) == choice


def test_an_order_alone_leaves_no_table_out():
    assert Choice(search="x").asks
    assert not Choice(sort="name").asks


def test_only_what_is_there_can_be_chosen():
    assert options([*ALL, EDGE]) == {
        "states": [(State.CONFLICT, 1), (State.WAITING, 1), (State.RIGHT, 2)],
        "tags": [TAG, "Storage"],
        "subscriptions": [SUBSCRIPTION, OTHER_SUBSCRIPTION],
    }
