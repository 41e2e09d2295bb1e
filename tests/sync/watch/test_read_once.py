"""A look at many tables asks storage for each version once."""

import pytest

from tests.builders.azure import add_table, answer
from tests.builders.runs import register, sync
from tests.calls import in_hand, pass_by


@pytest.mark.parametrize("tables", [1, 5])
def test_a_check_reads_the_versions_as_often_for_many_tables_as_for_one(azure, app, clock, tables):
    answer(azure, "20.0.0.0/24")
    names = [f"table{number}" for number in range(tables)]
    for name in names:
        add_table(azure.state, name)
    register(app, *names)
    sync(app)
    asked: list[str] = []
    with in_hand(lambda request: asked.append(request.url), pass_by):
        report = app.check.check()
    assert report.figures.right == tables
    # The comparison with Azure's answer, all tables together, and the report.
    assert sum("ServiceTagVersions" in url for url in asked) == 3
