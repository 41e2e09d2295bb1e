"""A look at many tables asks for each version, and for the service tags, once."""

import pytest

from shared.sync.run.read_once import ServiceTagsReadOnce
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
    # For the comparison with Azure's answer, for all tables and for the report.
    assert sum("ServiceTagVersions" in url for url in asked) == 1


def test_the_service_tags_are_asked_for_once_at_each_location_and_again_after_an_error():
    asked: list[str] = []

    class Flaky:
        def read(self, location):
            asked.append(location)
            if len(asked) == 1:
                raise TimeoutError
            return {"location": location}

    once = ServiceTagsReadOnce(Flaky())
    with pytest.raises(TimeoutError):
        once.read("westeurope")
    for location in ("westeurope", "eastus2", "westeurope", "eastus2"):
        assert once.read(location) == {"location": location}
    assert asked == ["westeurope", "westeurope", "eastus2"]
