"""A report says what changes, and what to do about the rest: with commands that can be copied."""

import re
import shlex
from dataclasses import replace

import pytest
from starlette.responses import Response

from local.azure.call import Call
from local.azure.faults import Delay, InjectedFault, refusal
from shared.domain.armid import RouteTableId
from shared.domain.registry.holds import Hold
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.policy import ApplyPolicy
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    add_table,
    answer,
    rid,
    table_id,
)
from tests.builders.routes import owned, owned_prefixes, route, to_firewall
from tests.builders.runs import TAG, begin, keep, pin, register, sync

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
BOTH = SUBSCRIPTION, OTHER_SUBSCRIPTION
MANY = [f"20.1.{number}.0/24" for number in range(40)]
TERMINAL = {"columns": 80, "TERM": "xterm"}


def command_in(shown, program="ase-route-sync"):
    """The one command that the report shows to copy, as words, with a date for the last day."""
    found = [line.strip() for line in shown.splitlines() if line.startswith(f"      {program} ")]
    [command] = dict.fromkeys(found)
    return shlex.split(command.replace("YYYY-MM-DD,REASON", "2099-01-31,on purpose"))[1:]


def section(shown, head):
    return shown.partition(f"\n{head}\n")[2].partition("\n\n")[0]


def test_a_plan_says_from_what_to_what_a_route_is_updated(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    bent = owned(A, "VirtualAppliance", nextHopIpAddress="10.0.0.4")
    table = add_table(azure.state, "one", [bent])
    assert f"  ~ {A}  VirtualAppliance 10.0.0.4 → Internet\n" in cli("plan").out
    assert f"  ~ {A}  VirtualAppliance 10.0.0.4 → Internet\n" in cli("apply", "--yes").out
    assert owned_prefixes(table) == {A}


def test_tables_that_are_bent_in_different_ways_are_shown_apart(azure, app, cli):
    answer(azure, A)
    register(app, "one", "two")
    add_table(azure.state, "one", [owned(A, "None")])
    add_table(azure.state, "two", [owned(A, "VnetLocal")])
    shown = cli("plan").out
    assert f"~ {A}  None → Internet" in shown and f"~ {A}  VnetLocal → Internet" in shown


def test_unchanged_tables_are_only_counted(azure, app, cli):
    answer(azure, A)
    register(app, "one", "two", "three")
    add_table(azure.state, "one")
    for name in ("two", "three"):
        add_table(azure.state, name, [owned(A)])
    shown = cli("plan").out
    assert "Route tables: 2 unchanged, 1 planned" in shown
    assert "two" not in shown and "three" not in shown
    assert "Needs a person:" not in shown and "Left as it is:" not in shown


def test_a_conflict_is_accepted_by_the_command_that_the_plan_shows(azure, app, cli):
    answer(azure, A, B, C)
    register(app, "one")
    add_table(azure.state, "one", [to_firewall(A, "mine"), to_firewall(B, "too")])
    plan = cli("plan")
    assert plan.status == 1
    needs = section(plan.out, "Needs a person:")
    assert f"! {A}: route mine sends it to VirtualAppliance 10.0.0.4" in needs
    assert "→ Correct or remove that route." in needs
    command = command_in(plan.out)
    assert command[:3] == ["tables", "set", table_id("one")]
    assert cli(*command).status == 0
    assert [each.prefix for each in app.registry.get(rid("one")).registration.exceptions] == [A, B]
    assert cli("apply", "--yes").status == 0


def test_a_pin_is_looked_at_and_needs_nobody_because_somebody_chose_it(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    add_table(azure.state, "one")
    sync(app)
    pin(app, "one", app.versions.newest(TAG).version_id)
    answer(azure, A, B)
    shown = cli("plan").out
    assert "Pinned" in section(shown, "To look at:")
    assert "Needs a person:" not in shown


def test_a_name_that_is_taken_needs_a_person_and_cannot_be_accepted(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    add_table(azure.state, "one", [to_firewall("20.9.0.0/24", "ASEMGMT--20.0.0.0_24")])
    needs = section(cli("plan").out, "Needs a person:")
    assert "NameTaken" in needs and "→ Rename that route." in needs
    assert "--exception" not in needs


@pytest.mark.parametrize(("number", "named"), [(10, True), (11, False)])
def test_many_conflicts_are_not_accepted_one_by_one(azure, app, cli, number, named):
    answer(azure, *MANY[:number])
    register(app, "one")
    add_table(azure.state, "one", [to_firewall(p, f"r{n}") for n, p in enumerate(MANY[:number])])
    command = command_in(cli("plan").out)
    shown = [word.partition(",")[0] for word in command if word.endswith(",on purpose")]
    assert shown == (MANY[:number] if named else ["PREFIX"])


def test_what_a_guard_blocks_is_forced_by_the_command_that_the_plan_shows(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    table = add_table(azure.state, "one", [owned(p) for p in (A, *MANY[:9])])
    plan = cli("plan")
    assert plan.status == 3
    assert "→ Check whether the service tag or list really shrank." in plan.out
    command = command_in(plan.out)
    assert command[-1] == "..."
    forced = cli(*command[:-1], "moved away", types="y\n")
    assert forced.status == 0, forced.err
    assert owned_prefixes(table) == {A}


def test_what_waits_for_approval_is_shown_with_the_command_that_approves_it(azure, app, cli):
    answer(azure, A)
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), apply_policy=ApplyPolicy.APPROVAL)))
    add_table(azure.state, "one")
    waiting = cli("apply", "--yes")
    assert waiting.status == 2
    [run] = app.runs.list()
    assert f"! waits for approval: add {A}" in section(waiting.out, "Needs a person:")
    assert command_in(waiting.out) == ["approve", run.run_id]


@pytest.mark.parametrize("state", ["held", "contested"])
def test_what_only_a_release_ends_is_released_by_the_command_that_is_shown(azure, app, cli, state):
    answer(azure, A, B)
    register(app, "one")
    table = add_table(azure.state, "one")
    run_id = sync(app)["runId"]
    if state == "held":
        undone = cli(
            "rollback",
            "one",
            "--run",
            run_id,
            "--reason",
            "x",
            "--force",
            "MaxRemovedPercent",
            "--yes",
        )
        assert undone.status == 0, undone.out
    else:
        for _ in range(2):
            table.routes = []
            sync(app)
    plan = cli("plan", "--route-table", "one")
    command = command_in(plan.out)
    assert command[:2] == ["release", table_id("one")]
    assert cli(*command).status == 0
    status = app.registry.get(rid("one")).status
    assert (status.held, status.contest.since) == ((), None)
    assert cli("apply", "--yes").status == 0
    assert owned_prefixes(table) == {A, B}


def test_what_azure_refuses_has_the_command_of_azure_that_helps(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    add_table(azure.state, "one")
    denied = {"error": {"code": "RequestDisallowedByPolicy", "message": "no"}}
    azure.state.faults.append(refusal("PUT", "routeTables/one$", 403, denied, times=9))
    command = command_in(cli("apply", "--yes").out, "az")
    assert command[:3] == ["policy", "exemption", "create"]
    assert command[-1] == table_id("one")


def test_a_need_of_several_tables_is_said_once_with_a_command_for_each(azure, app, cli):
    answer(azure, A)
    register(app, "one", "two")
    for name in ("one", "two"):
        add_table(azure.state, name, [to_firewall(A, "mine")])
    shown = cli("plan").out
    assert shown.count("route mine sends it to") == shown.count("→ Correct") == 1
    assert "      rg-one/one, rg-two/two\n" in shown
    for name in ("one", "two"):
        assert shown.count(f"      ase-route-sync tables set {table_id(name)} ") == 1


def test_tables_with_one_name_in_two_subscriptions_are_told_apart_everywhere(azure, app, cli):
    answer(azure, A)
    twins = [RouteTableId.parse(table_id("one", each)) for each in BOTH]
    for twin in twins:
        keep(app, RegisteredTable(twin, Registration((TAG,))))
        elsewhere = route("on-purpose", A, "VirtualAppliance", nextHopIpAddress="10.0.0.4")
        add_table(azure.state, "one", [elsewhere, owned(B)], twin.subscription_id)
    register(app, "two")
    add_table(azure.state, "two", [owned(A)])

    names = [f"{each}/rg-one/one" for each in BOTH]
    shown = cli("apply", "--yes", REMOVAL_GRACE_DAYS="28").out
    for said in ("Needs a person:", "Left as it is:"):
        assert all(name in section(shown, said) for name in names), shown
    for twin in twins:
        assert f"ase-route-sync tables set {twin} --exception" in shown

    for command in (("tables", "list"), ("check",)):
        listed = cli(*command).out
        assert all(name in listed for name in names), listed
    assert " rg-two/two" in cli("tables", "list").out
    assert cli("tables", "show", names[1]).status == 0


def test_what_only_should_be_looked_at_is_told_from_what_needs_a_person(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    add_table(azure.state, "one", [to_firewall("20.0.0.9/32", "proxy"), to_firewall(A, "mine")])
    shown = cli("plan").out
    assert "MoreSpecificRoute" in section(shown, "To look at:")
    assert "MoreSpecificRoute" not in section(shown, "Needs a person:")
    assert "route mine" in section(shown, "Needs a person:")


def test_lists_of_addresses_wrap_at_commas_and_are_one_line_in_a_file(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    add_table(azure.state, "one", [owned(p) for p in (A, *MANY)])
    in_file = section(cli("plan").out, "Left as it is:")
    withheld = f"  ◦ withheld (MaxRemovedPercent): remove {', '.join(MANY)}"
    assert withheld in in_file.splitlines()
    at_terminal = section(cli("plan", **TERMINAL).out, "Left as it is:")
    lines = at_terminal.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line.endswith(",") for line in lines[:-2])
    assert re.sub(r"\n +", " ", at_terminal).strip() == re.sub(r"\n +", " ", in_file).strip()


def test_an_adoption_shows_its_plan_before_it_asks(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    table = add_table(azure.state, "one", [route("by-hand", A)])
    declined = cli("adopt", "one", "--reason", "ours", types="n\n")
    assert declined.status == 1
    assert f"  ~ {A}  by-hand → asemgmt--20.0.0.0_24\n" in declined.out
    assert "(cli, adopt plan): Succeeded" in declined.out
    assert azure.state.writes() == []
    assert cli("adopt", "one", "--reason", "ours", types="y\n").status == 0
    assert owned_prefixes(table) == {A}
    nothing = cli("adopt", "one", "--reason", "ours", types="y\n")
    assert (nothing.status, "Adopt these routes?" in nothing.err) == (0, False)


def test_an_adoption_is_made_as_it_was_shown_or_not_at_all(azure, app, cli):
    """Somebody makes another route while the person looks at the plan."""

    class Meanwhile(Delay):
        async def after(self, _call: Call, response: Response) -> Response:
            table.routes = [*table.routes, route("another", B)]
            return response

    answer(azure, A, B)
    register(app, "one")
    table = add_table(azure.state, "one", [route("by-hand", A)])
    fault = InjectedFault(method="GET", path="routeTables/one", effect=Meanwhile(seconds=0))
    azure.state.faults.append(fault)
    done = cli("adopt", "one", "--reason", "ours", types="y\n")
    assert owned_prefixes(table) == set()
    assert (done.status, f"now also updated: {B}" in done.out) == (3, True)
    assert cli("adopt", "one", "--reason", "ours", types="y\n").status == 0
    assert owned_prefixes(table) == {A, B}


def test_a_rollback_shows_its_plan_before_it_asks(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    table = add_table(azure.state, "one")
    run_id = sync(app)["runId"]
    undo = ("rollback", "one", "--run", run_id, "--reason", "no")
    declined = cli(*undo, types="n\n")
    assert declined.status == 1
    assert f"will be changed\n  - {A}\n" in declined.out
    assert "Plan: 0 to add, 0 to change, 1 to remove" in declined.out
    assert owned_prefixes(table) == {A}
    assert app.registry.get(rid("one")).status.holds == ()
    assert cli(*undo, types="y\n").status == 0
    assert owned_prefixes(table) == set()


def test_a_rollback_that_a_guard_blocks_is_forced_by_the_command_that_its_plan_shows(
    azure, app, cli
):
    answer(azure, *MANY)
    register(app, "one")
    table = add_table(azure.state, "one")
    run_id = sync(app)["runId"]
    blocked = cli("rollback", "one", "--run", run_id, "--reason", "no", types="y\n")
    assert blocked.status == 3
    command = command_in(section(blocked.out, "Needs a person:"))
    assert command[:4] == ["rollback", table_id("one"), "--run", run_id]
    assert owned_prefixes(table) == {*MANY}
    assert cli(*command, "--yes").status == 0
    assert owned_prefixes(table) == set()


def test_a_plan_to_apply_is_looked_for_before_anything_else(azure, app, cli):
    answer(azure, A)
    register(app, "one")
    add_table(azure.state, "one")
    for types in (None, "y\n"):
        missing = cli("apply", "--plan", "19990101000000000000-00000000", types=types)
        assert (missing.status, missing.out) == (1, "")
        assert "planRunId: there is no run with this id" in missing.err
    running = begin(app, "one")
    unfit = cli("apply", "--plan", running, types="y\n")
    assert (unfit.status, unfit.out) == (1, "")
    assert "planRunId: " in unfit.err and "Apply this?" not in unfit.err


def test_a_table_that_is_held_and_disabled_can_be_released(app, cli):
    hold = Hold(A, True, "20990101000000000000-00000000", "20990102000000000000-00000000")
    register(app, "one", enabled=False)
    app.registry.change(
        rid("one"), lambda one: replace(one, status=replace(one.status, holds=(hold,)))
    )
    assert app.registry.get(rid("one")).status.held
    assert cli("release", "one", "--reason", "fine").status == 0
    entry = app.registry.get(rid("one"))
    assert (entry.status.held, entry.registration.enabled) == ((), False)
    nothing_left = cli("release", "one", "--reason", "fine")
    assert nothing_left.status == 1
    assert "not registered, or disabled" in nothing_left.err
