"""An outcome becomes final once."""

import pytest

from shared.domain.runs.run import Mode
from tests.builders.azure import add_table, answer, rid
from tests.builders.runs import begin, register, run_report, sync

A, B = "20.0.0.0/24", "20.0.1.0/24"


def test_a_repeated_message_does_nothing_and_the_outcome_stays(azure, app):
    table = add_table(azure.state, "one")
    answer(azure, A)
    register(app, "one")
    run_id = begin(app)
    [message] = app.run_start.start(run_id)
    app.tables.sync(run_id, message)
    first = run_report(app, run_id)
    table.routes = []
    azure.state.log.clear()
    assert app.tables.sync(run_id, message).outcome is None
    assert app.run_start.start(run_id) == []
    app.tables.fail_poisoned(run_id, message)
    assert app.run_start.start_without_tags(run_id) == []
    assert run_report(app, run_id) == first
    assert azure.state.log == []


def test_a_plan_is_a_tables_last_outcome_only_while_the_app_is_paused(azure, app, make_app):
    add_table(azure.state, "one")
    answer(azure, A)
    register(app, "one")
    sync(app, mode=Mode.PLAN)
    assert app.registry.get(rid("one")).status.last_outcome is None
    sync(make_app(PAUSED="true"))
    assert app.registry.get(rid("one")).status.last_outcome.status == "planned"


@pytest.mark.parametrize(
    ("policy", "newer", "status", "waits"),
    [
        ("approval", [A, B], "planned", True),
        ("additive", [B], "changed", True),
        ("additive", [], "planned", True),
        ("additive", [A, B], "changed", False),
        ("auto", [B], "changed", False),
    ],
)
def test_a_table_waits_if_its_policy_keeps_any_change_of_it(
    azure, make_app, policy, newer, status, waits
):
    add_table(azure.state, "one")
    answer(azure, A, "20.0.2.0/24")
    app = make_app()
    register(app, "one")
    sync(app)
    answer(azure, "20.0.2.0/24", *newer)
    sync(make_app(APPLY_POLICY=policy))
    last = app.registry.get(rid("one")).status.last_outcome
    assert (last.status, last.waits) == (status, waits)


def test_nothing_waits_for_approval_while_the_app_is_paused(azure, make_app):
    add_table(azure.state, "one")
    answer(azure, A)
    app = make_app(PAUSED="true", APPLY_POLICY="approval")
    register(app, "one")
    sync(app)
    last = app.registry.get(rid("one")).status.last_outcome
    assert (last.status, last.waits) == ("planned", False)
