"""An outcome becomes final once."""

from tests.builders.azure import add_table, answer
from tests.builders.runs import begin, register, run_report

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


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
    app.tables.give_up(run_id, message)
    assert app.run_start.start_without_tags(run_id) == []
    assert run_report(app, run_id) == first
    assert azure.state.log == []
