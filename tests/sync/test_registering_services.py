"""A service on a registration stands for its tags, in one word."""

from dataclasses import replace
from functools import partial

import pytest

from shared.domain.errors import InvalidRequest
from shared.domain.runs.run import Trigger
from shared.domain.services.known import NAMED
from shared.sync.registering import RegisterRequest
from shared.sync.requester import Requester
from tests.builders.azure import add_table, rid, table_id, tag_document
from tests.builders.runs import TAG

SOMEBODY = Requester(Trigger.HTTP, "somebody")
PREFIXES = ["20.0.0.0/24"]
IN_WEST_EUROPE = ("AzureDatabricks", "Sql.WestEurope", "Storage.WestEurope", "EventHub.WestEurope")


def publish(azure, *tags):
    """Let the Service Tag Discovery API know these tags from now on."""
    document = tag_document(PREFIXES)
    names = {"AppServiceManagement": None, **dict.fromkeys(tags)}
    values = [{**document["values"][0], "name": name, "id": name} for name in names]
    azure.state.tags.answers["westeurope"] = {**document, "values": values}


@pytest.fixture
def app(azure, make_app):
    add_table(azure.state, "one")
    publish(azure, *IN_WEST_EUROPE, "ApiManagement")
    return make_app(ALLOWED_SERVICE_TAGS=f"{TAG},databricks,apiManagement")


def register(app, **asked):
    request = RegisterRequest(resource_id=table_id("one"), **asked)
    return app.registering.register(request, SOMEBODY).table.registration


def faults(app, **asked):
    with pytest.raises(InvalidRequest) as refused:
        register(app, **asked)
    return {fault.target: fault.message for fault in refused.value.faults}


def test_a_service_stands_for_its_tags(app):
    registered = register(app, service="databricks", region="westeurope")
    assert registered.service_tags == registered.sources == IN_WEST_EUROPE
    assert (registered.service, registered.region) == ("databricks", "westeurope")
    assert registered.named_tags == ()
    assert app.registry.get(rid("one")).registration == registered


def test_tags_beside_a_service_come_to_its_own(app):
    asked = {"service": "databricks", "region": "westeurope"}
    registered = register(app, **asked, service_tags=[TAG, "Sql.WestEurope"])
    assert registered.service_tags == (*IN_WEST_EUROPE, TAG)
    assert registered.named_tags == (TAG, "Sql.WestEurope")


def test_a_service_without_tags_of_a_region_needs_none(app):
    assert register(app, service="apiManagement").service_tags == ("ApiManagement",)


def test_without_a_service_the_apps_own_tag_is_meant_as_ever(app):
    assert register(app).service_tags == (TAG,)


@pytest.mark.parametrize(
    ("asked", "place", "said"),
    [
        ({"service": "databrick"}, "service", f"The services are {', '.join(NAMED)}"),
        ({"service": "AzureDatabricks"}, "service", "no such service"),
        ({"service": "databricks"}, "region", "name it, such as westeurope"),
        ({"service": "apiManagement", "region": "westeurope"}, "region", "name no region"),
        ({"service": "databricks", "region": "West Europe"}, "region", "such as westeurope"),
        ({"service": "databricks", "region": "westeurope2"}, "service", "is not in the answer"),
        ({"service": "batch", "region": "westeurope"}, "service", "batch is not in ALLOWED"),
        ({"region": "westeurope"}, "region", "only with a service"),
        ({"service_tags": []}, "serviceTags", "name a tag or a service"),
        ({"service_tags": ["databricks"]}, "serviceTags.0", "name it under service"),
    ],
)
def test_a_wrong_service_or_region_is_a_fault(app, asked, place, said):
    found = faults(app, **asked)
    assert found.keys() == {place}
    assert said in found[place]
    assert list(app.registry.list()) == []


def test_a_tag_that_is_not_published_in_the_region_is_named(azure, app):
    publish(azure, *IN_WEST_EUROPE[:3])
    found = faults(app, service="databricks", region="westeurope")
    assert found == {"service": "EventHub.WestEurope is not in the answer of westeurope"}


def test_the_published_answer_knows_how_a_new_region_is_spelled(azure, app):
    spelled = [tag.replace("WestEurope", "DenmarkEAST") for tag in IN_WEST_EUROPE]
    publish(azure, *spelled)
    registered = register(app, service="databricks", region="denmarkeast")
    assert list(registered.service_tags) == spelled


def test_the_answer_goes_before_the_data_of_the_repository(azure, app):
    publish(azure, *IN_WEST_EUROPE[:3], "EventHub.westEUROPE")
    registered = register(app, service="databricks", region="westeurope")
    assert registered.service_tags == (*IN_WEST_EUROPE[:3], "EventHub.westEUROPE")


def test_a_service_is_allowed_if_each_of_its_tags_is(azure, make_app):
    add_table(azure.state, "one")
    publish(azure, *IN_WEST_EUROPE, "Sql.NorthEurope")
    asked = {"service": "databricks", "region": "westeurope"}
    some = make_app(ALLOWED_SERVICE_TAGS=",".join(IN_WEST_EUROPE[:3]))
    assert faults(some, **asked) == {
        "service": "databricks is not in ALLOWED_SERVICE_TAGS: add it to this setting of the app"
    }
    each = make_app(ALLOWED_SERVICE_TAGS=",".join(IN_WEST_EUROPE))
    assert register(each, **asked).service_tags == IN_WEST_EUROPE


def test_an_allowed_service_allows_its_tags_in_any_region(azure, app):
    publish(azure, "Sql.NorthEurope", "Sql", "Storage.WestEurope")
    assert register(app, service_tags=["Sql.NorthEurope"]).service_tags == ("Sql.NorthEurope",)
    assert "ALLOWED_SERVICE_TAGS" in faults(app, service_tags=["Sql"])["serviceTags.0"]


def test_a_note_can_be_changed_while_azure_cannot_be_asked(azure, app):
    register(app, service="databricks", region="westeurope")
    azure.state.tags.answers["westeurope"] = b"broken"
    registered = register(app, service="databricks", region="westeurope", note="ours")
    assert (registered.service_tags, registered.note) == (IN_WEST_EUROPE, "ours")


@pytest.mark.parametrize(
    ("asked", "place"),
    [({"service": "databrick"}, "service"), ({"service": "databricks"}, "region")],
)
def test_a_wrong_service_has_no_fault_about_the_apps_own_tag(azure, make_app, asked, place):
    publish(azure, *IN_WEST_EUROPE)
    app = make_app(ALLOWED_SERVICE_TAGS="databricks")
    with pytest.raises(InvalidRequest) as refused:
        register(app, **asked)
    assert [fault.target for fault in refused.value.faults] == [place]


def changed(app, **values):
    edit = partial(replace, **values)
    return app.registering.change(table_id("one"), edit, SOMEBODY).table.registration


def test_a_service_is_changed_and_taken_away_again(app):
    register(app)
    both = changed(app, service="databricks", region="westeurope")
    assert both.service_tags == (*IN_WEST_EUROPE, TAG)
    assert both.named_tags == (TAG,)

    other = changed(app, service="apiManagement", region=None)
    assert other.service_tags == ("ApiManagement", TAG)
    former = app.registry.get(rid("one")).status.former_sources
    assert former.keys() == {*IN_WEST_EUROPE}
    none = changed(app, service=None)
    assert (none.service, none.service_tags) == (None, (TAG,))


@pytest.mark.parametrize(
    "known", [{"service": "later"}, {"service": "apiManagement", "region": "westeurope"}]
)
def test_a_table_can_be_disabled_if_another_release_knew_its_service_otherwise(app, known):
    register(app, service="databricks", region="westeurope")
    other = replace(app.registry.get(rid("one")).registration, **known)
    app.registry.change(rid("one"), lambda entry: replace(entry, registration=other))
    left_alone = changed(app, enabled=False)
    assert (left_alone.enabled, left_alone.service_tags) == (False, IN_WEST_EUROPE)
    with pytest.raises(InvalidRequest) as refused:
        changed(app, service_tags=[TAG])
    assert {fault.target for fault in refused.value.faults} <= {"service", "region"}
    assert app.registry.get(rid("one")).registration == left_alone


def test_a_table_is_not_left_without_any_tag(app):
    register(app, service="apiManagement")
    with pytest.raises(InvalidRequest) as refused:
        changed(app, service=None)
    assert [fault.target for fault in refused.value.faults] == ["serviceTags"]
    assert changed(app, service=None, service_tags=None).service_tags == (TAG,)
