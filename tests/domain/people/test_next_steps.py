"""What to do about a code or a state: decided for each, with a command that can be copied."""

import re
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.cli.main import PROGRAM
from shared.domain import codes
from shared.domain.armid import EnvironmentId, RouteTableId
from shared.domain.codes import CODES, Grade, Place, lookup
from shared.domain.people.next_steps import (
    COMMANDS,
    STATES,
    About,
    step_for_code,
    step_for_state,
)
from shared.domain.people.overview import Mood, State
from shared.domain.runs.run import Action, Mode, Run, RunRequest, Trigger
from tests.builders.azure import SUBSCRIPTION, ase_id_of, table_id
from tests.builders.commands import parse

ROOT = Path(__file__).parents[3]
TABLE = RouteTableId.parse(table_id("one"))
IN_BRACKETS = RouteTableId.parse(table_id("one").replace("/rg/", "/rg (old)/"))
RUN = "20261124060000000000-1a2b3c4d"
UNDONE = "20261123060000000000-1a2b3c4d"
KNOWN = About(
    route_table_id=TABLE,
    ase_id=EnvironmentId.parse(ase_id_of("ase")),
    run_id=RUN,
    prefixes=("20.0.0.0/24", "20.0.1.0/24"),
    version_id="AzureCloud.AppServiceManagement-000001",
)
EVERY = [
    *((code.name, step_for_code(code, KNOWN), step_for_code(code, About())) for code in COMMANDS),
    *(
        (state.value, step_for_state(state, KNOWN), step_for_state(state, About()))
        for state in STATES
    ),
]
WITH_COMMAND = [
    pytest.param(step.command, id=f"{name}-{known}")
    for name, filled, unknown in EVERY
    for known, step in (("known", filled), ("unknown", unknown))
    if step.command is not None
]


def test_each_code_of_a_report_or_an_alarm_and_of_a_page_without_storage_is_decided():
    met = {code for code in CODES.values() if {Place.REPORT, Place.ALARM} & {*code.places}}
    assert COMMANDS.keys() == met | {codes.STORAGE_UNAVAILABLE}


def test_each_state_is_decided_and_each_that_needs_somebody_has_a_command():
    assert STATES.keys() == {*State}
    for state, step in STATES.items():
        assert step.command is not None or state.mood is Mood.GOOD


@pytest.mark.parametrize("code", CODES.values(), ids=str)
def test_each_guard_that_a_person_can_open_has_the_command_that_opens_it(code):
    command = step_for_code(code, KNOWN).command
    forced = command is not None and f"--force {code.name}" in command
    assert forced == code.forceable
    assert code.grade is not Grade.INFO or code is codes.NOT_NEEDED or command is None


@pytest.mark.parametrize(
    ("step", "command"),
    [
        (
            step_for_code(codes.TABLE_HELD, KNOWN),
            f"ase-route-sync release {TABLE} --reason '...'",
        ),
        (step_for_code(codes.APPLY_POLICY, KNOWN), f"ase-route-sync approve {RUN}"),
        (
            step_for_code(codes.MAX_REMOVED_PERCENT, KNOWN),
            f"ase-route-sync apply --plan {RUN} --force MaxRemovedPercent --reason '...'",
        ),
        (
            step_for_state(State.CONFLICT, KNOWN),
            (
                f"ase-route-sync tables set {TABLE} --exception '20.0.0.0/24,YYYY-MM-DD,REASON'"
                " --exception '20.0.1.0/24,YYYY-MM-DD,REASON'"
            ),
        ),
        (step_for_code(codes.AZURE_TAG_DIFFERS, KNOWN), f"ase-route-sync tables show {TABLE}"),
        (step_for_state(State.OFF, KNOWN), f"ase-route-sync tables set {TABLE} --enabled"),
        (step_for_state(State.STALE, KNOWN), f"ase-route-sync apply --route-table {TABLE}"),
        (
            step_for_code(codes.AUTHORIZATION_FAILED, KNOWN),
            (
                "az role assignment create --assignee-object-id PRINCIPAL_ID"
                " --assignee-principal-type ServicePrincipal --role 'ASE Route Sync Operator'"
                f" --scope /subscriptions/{SUBSCRIPTION}"
            ),
        ),
    ],
)
def test_the_ids_are_filled_in(step, command):
    assert step.command == command


def test_what_is_not_known_is_a_word_in_capitals():
    unknown = step_for_code(codes.TABLE_HELD, About()).command
    assert unknown == "ase-route-sync release TABLE --reason '...'"
    assert step_for_code(codes.APPLY_POLICY, About()).command == "ase-route-sync approve RUN"


def test_without_a_run_to_approve_the_table_is_planned():
    step = step_for_state(State.WAITING, About(route_table_id=TABLE))
    assert step.command == f"ase-route-sync plan --route-table {TABLE}"


@pytest.mark.parametrize(
    ("action", "command"),
    [
        (Action.SYNC, f"ase-route-sync apply --plan {RUN} --force TableFailed --reason '...'"),
        (
            Action.ROLLBACK,
            f"ase-route-sync rollback {TABLE} --run {UNDONE} --force TableFailed --reason '...'",
        ),
        *(
            (action, f"ase-route-sync plan --route-table {TABLE}")
            for action in (Action.ADOPT, Action.REMOVE)
        ),
    ],
)
def test_a_guard_is_forced_in_the_way_of_the_action_that_met_it(action, command):
    request = RunRequest(Trigger.CLI, Mode.PLAN, action, rolled_back_run_id=UNDONE)
    about = About.of(Run(RUN, request, datetime(2026, 11, 24, tzinfo=UTC)), TABLE)
    assert step_for_code(codes.TABLE_FAILED, about).command == command
    parse(shlex.split(command)[1:])


def test_a_code_of_azures_own_has_its_advice_and_no_command():
    code = lookup("SomethingOfAzures")
    assert step_for_code(code, KNOWN).command is None
    assert step_for_code(code, KNOWN).remedy == code.remedy


@pytest.mark.parametrize("text", ["$(reboot)", "a b", "'; reboot; '", "`reboot`", '"'])
def test_a_shell_reads_each_id_as_one_word_and_runs_nothing(text):
    about = About(route_table_id=IN_BRACKETS, run_id=text, prefixes=(text,), version_id=text)
    for code in (codes.APPLY_POLICY, codes.EXCEPTION_ENDED, codes.RECORDED_OUT_OF_BOUNDS):
        command = step_for_code(code, about).command
        assert command is not None
        assert "\n" not in command
        shown = subprocess.run(
            ["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True
        )
        assert shown.stdout.splitlines() == shlex.split(command)
        assert any(text in word for word in shown.stdout.splitlines())


@pytest.mark.parametrize("command", WITH_COMMAND)
def test_the_command_line_takes_each_of_our_commands(command):
    program, *words = shlex.split(command)
    if program == PROGRAM:
        parse(words)


@pytest.mark.parametrize("words", ["plan --no-such", "no-such", "tables set --enabled", "plan ID"])
def test_the_command_line_refuses_others(words):
    with pytest.raises(Exception, match=r"(?i)no such|missing|unexpected"):
        parse(words.split())


@pytest.mark.parametrize("command", WITH_COMMAND)
def test_the_pages_explain_each_command_of_azure(command):
    program, *words = shlex.split(command)
    if program == "az":
        assert {word for word in words if word.startswith("--")} <= documented(words[:3])


def documented(words):
    """The options with which the pages show this command."""
    pages = [page.read_text().replace("\\\n", " ") for page in (ROOT / "docs").glob("*.md")]
    shown = [line for text in pages for line in re.findall(rf"az {' '.join(words)} .*", text)]
    return {option for line in shown for option in re.findall(r"--[a-z-]+", line)}
