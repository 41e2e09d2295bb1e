"""An outcome becomes final once."""

from shared.domain.runs.run import Mode
from tests.builders.azure import add_table, answer, rid
from tests.builders.runs import begin, register, run_report, sync

A = "20.0.0.0/24"


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
