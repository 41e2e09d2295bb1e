"""The figures that the docs show are those that were measured."""

import json
import re
from typing import Any

import pytest

from bench.goals import faults
from bench.markdown import fill
from bench.procedure import OURS, THE_LOOP
from bench.procedure_table import times_of_the_loop
from bench.report import PAGES, PICTURES, RESULTS, fingerprint
from bench.scale_page import PAGE, blocks
from bench.world import FAST_SERVICE, SLOW_SERVICE

RECORDED = json.loads(RESULTS.read_text())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_tables_of_a_page_are_made_from_the_results(path):
    page = path.read_text()
    assert fill(page, PAGES[path](RECORDED)) == page


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_says_which_results_it_shows(name):
    picture = (PAGE.parent / name).read_text()
    assert fingerprint(RECORDED) in picture
    assert f"]({name})" in PAGE.read_text()


def test_all_names_have_one_style():
    names = re.findall(r'"(\w+)":', RESULTS.read_text())
    assert [name for name in names if not re.fullmatch(r"[a-z]+([A-Z0-9][a-z0-9]*)*", name)] == []


def test_a_figure_that_was_not_measured_is_seen():
    page = PAGE.read_text()
    [seconds] = re.findall(r"\| ASE Route Sync \| ([0-9.]+) \|", page)
    changed = page.replace(f"| ASE Route Sync | {seconds} |", "| ASE Route Sync | 0.1 |")
    assert fill(changed, blocks(RECORDED)) != changed


def test_a_page_without_a_block_is_refused():
    found = blocks(RECORDED)
    name = next(iter(found))
    with pytest.raises(ValueError, match=name):
        fill(PAGE.read_text().replace(f"<!-- {name} -->", ""), found)


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({"timesBound": 1.15}, False),
        ({"timesBound": 1.16}, True),
        ({"changed": {"writes": 1.01}}, True),
        ({"unchanged": {"reads": 1.0}}, False),
        ({"unchanged": {"reads": 1.01}}, True),
        ({"unchanged": {"writes": 0.01}}, True),
        ({"changed": {"cpuMsATable": 40}}, False),
        ({"changed": {"cpuMsATable": 40.1}}, True),
        ({"changed": {"storageCallsATable": 7}}, False),
        ({"changed": {"storageCallsATable": 7.1}}, True),
        ({"changed": {"peakMibAWorker": 450}}, False),
        ({"changed": {"peakMibAWorker": 451}}, True),
        ({"otherMeanwhileSeconds": 15.0}, False),
        ({"otherMeanwhileSeconds": 15.1}, True),
        ({"ratio": 1.1}, False),
        ({"ratio": 1.11}, True),
        ({"otherCallSeconds": 1.0}, False),
        ({"otherCallSeconds": 1.01}, True),
        ({"tableSeconds": 199.9}, False),
        ({"tableSeconds": 200.0}, True),
        ({"goalMet": False}, True),
    ],
)
def test_a_missed_goal_is_named(change, missed):
    right: dict[str, Any] = {
        "tables": 1000,
        "workers": 4,
        "timesBound": 1.1,
        "changed": {
            "writes": 1.0,
            "cpuMsATable": 30,
            "storageCallsATable": 6.1,
            "peakMibAWorker": 200,
        },
        "unchanged": {"reads": 1.0, "writes": 0.0},
    }
    row = right | {
        key: right[key] | value if isinstance(value, dict) else value
        for key, value in change.items()
    }
    results = {
        "growth": {"rows": [right, row], "fastRows": []},
        "throttled": {"failed": 0, "otherAloneSeconds": 10.0, "otherMeanwhileSeconds": 9.0}
        | change,
        "fewThreads": {"ratio": 1.0, "otherCallSeconds": 0.3} | change,
        "procedure": procedure(today=4000.0),
        "memory": {
            "deadlines": {"tableSeconds": 200.0},
            "rows": [
                {"cores": None, "tableSeconds": 2.0},
                {"cores": 0.25, "tableSeconds": 3.0} | change,
            ],
        },
        "idle": {"goalMet": True},
        "drift": {"goalMet": True},
        "coldStart": {"goalMet": True},
        "alertStorm": {"goalMet": True},
        "eventStorm": {"goalMet": True},
        "alertStormOneAtATime": {"goalMet": True, "atATime": 1, "answeredWithinP99": 1.1} | change,
    }
    assert len(faults(results)) == int(missed)


@pytest.mark.parametrize(
    ("tables", "seconds", "times_bound", "missed"),
    [(1, 2.9, 1.5, 0), (1, 3.0, 1.5, 1), (99, 3.0, 1.5, 1), (100, 3.0, 1.5, 0)],
)
def test_a_table_by_itself_takes_less_than_three_seconds_at_a_fast_service(
    tables, seconds, times_bound, missed
):
    """More tables wait for the one processor of a worker."""
    fast = RECORDED["growth"]["fastRows"][0]
    row = {**fast, "tables": tables, "timesBound": times_bound}
    row["changed"] = {**fast["changed"], "tableSeconds": seconds}
    met = {**RECORDED, "growth": {"rows": [], "fastRows": []}}
    assert len(faults({**met, "growth": {"rows": [], "fastRows": [row]}})) == missed + len(
        faults(met)
    )


@pytest.mark.parametrize(("tables", "missed"), [(99, 0), (100, 1)])
def test_the_pace_of_few_tables_is_a_matter_of_what_was_drawn(tables, missed):
    row = {**RECORDED["growth"]["rows"][0], "tables": tables, "timesBound": 1.16}
    met = {**RECORDED, "growth": {"rows": [], "fastRows": []}}
    assert len(faults({**met, "growth": {"rows": [row], "fastRows": []}})) == missed + len(
        faults(met)
    )


@pytest.mark.parametrize(("loop", "missed"), [(2000, False), (1999, True)])
def test_a_loop_that_takes_less_than_500_times_as_long_is_named(loop, missed):
    rows = procedure(today=loop)
    assert len(faults({**RECORDED, "procedure": rows})) == int(missed) + len(
        faults({**RECORDED, "procedure": procedure(today=9999)})
    )


def test_without_the_azure_cli_the_loop_is_not_compared():
    rows = [row for row in procedure(today=1.0)["rows"] if row["way"] == OURS]
    assert times_of_the_loop({"rows": rows}) is None


def procedure(*, today: float) -> dict[str, Any]:
    """At a service that takes longer, the loop never has the goal's multiple."""
    return {
        "rows": [
            {"way": way, "operationSeconds": [*service], "seconds": seconds}
            for service, loop in ((SLOW_SERVICE, 100.0), (FAST_SERVICE, today))
            for way, seconds in ((THE_LOOP, loop), (OURS, 4.0))
        ]
    }


@pytest.mark.parametrize("section", ["coldStart", "drift", "eventStorm", "idle"])
def test_a_section_that_misses_its_goal_is_named(section):
    met, missed = (
        faults({**RECORDED, section: {**RECORDED[section], "goalMet": goal}})
        for goal in (True, False)
    )
    assert len(missed) == len(met) + 1


def test_a_machine_that_cannot_limit_the_processor_claims_nothing():
    recorded = RECORDED["memory"]
    whole, unlimited = (
        blocks({**RECORDED, "memory": {**recorded, "rows": rows}})["memory"]
        for rows in (recorded["rows"], recorded["rows"][:1])
    )
    assert "0.25 of a core" in whole
    assert "0.25 of a core" not in unlimited
    assert "could not be limited on this machine" in unlimited
