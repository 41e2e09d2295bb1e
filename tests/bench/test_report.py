"""The figures that the docs show are those that were measured."""

import json
import re
from typing import Any

import pytest

from bench.report import PAGE, PICTURES, RESULTS, blocks, faults, fingerprint, render

RECORDED = json.loads(RESULTS.read_text())


def test_the_pages_tables_are_made_from_the_results():
    page = PAGE.read_text()
    assert render(page, RECORDED) == page


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
    assert render(changed, RECORDED) != changed


def test_a_page_without_a_block_is_refused():
    name = next(iter(blocks(RECORDED)))
    with pytest.raises(ValueError, match=name):
        render(PAGE.read_text().replace(f"<!-- {name} -->", ""), RECORDED)


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({"timesBound": 1.25}, False),
        ({"timesBound": 1.26}, True),
        ({"changed": {"writes": 1.01}}, True),
        ({"unchanged": {"reads": 1.0}}, False),
        ({"unchanged": {"reads": 1.01}}, True),
        ({"unchanged": {"writes": 0.01}}, True),
        ({"changed": {"cpuMsATable": 40}}, False),
        ({"changed": {"cpuMsATable": 40.1}}, True),
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
        "changed": {"writes": 1.0, "cpuMsATable": 30, "peakMibAWorker": 200},
        "unchanged": {"reads": 1.0, "writes": 0.0},
    }
    row = right | {
        key: right[key] | value if isinstance(value, dict) else value
        for key, value in change.items()
    }
    results = {
        "growth": {"rows": [right, row]},
        "throttled": {"failed": 0, "otherAloneSeconds": 10.0, "otherMeanwhileSeconds": 9.0}
        | change,
        "threads": {"few": 5, "many": 32, "ratio": 1.0, "otherCallSeconds": 0.3} | change,
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
        "alertStormOneAtATime": {"goalMet": True, "atATime": 1} | change,
    }
    assert len(faults(results)) == int(missed)


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
