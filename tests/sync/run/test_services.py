"""The tags for which a service stands, as they are published, and in a later release."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from shared.domain import codes
from shared.domain.errors import PermanentError
from shared.domain.registry.choices import RouteStyle
from shared.domain.routing.published_tags import PUBLISHED
from shared.domain.runs.run import Trigger
from shared.domain.services.known import NAMED, SERVICES
from shared.sync.registering import PinRequest, RegisterRequest
from shared.sync.requester import Requester
from shared.sync.run.services import tags_of
from tests.builders.azure import add_table, answer, rid, table_id, tag_document
from tests.builders.recorded import needs_documents, weekly_file
from tests.builders.routes import owned_prefixes
from tests.builders.runs import adopt, outcome_of, sync

FILES = {
    "AzureCloud": "ServiceTags_Public_20251027.json",
    "AzureUSGovernment": "ServiceTags_AzureGovernment_20260706.json",
    "AzureChinaCloud": "ServiceTags_China_20260706.json",
}


@needs_documents
@pytest.mark.parametrize("cloud", FILES)
def test_each_tag_in_each_region_is_spelled_as_in_the_weekly_file(cloud):
    published = {value["name"] for value in weekly_file(FILES[cloud])["values"]}
    in_any_case = {name.lower() for name in published}
    endings = PUBLISHED[cloud].regions.split()
    assert endings

    tags = {
        tag
        for ending in endings
        for service in SERVICES
        for tag in PUBLISHED[cloud].tags_of(service, ending.lower())
        if tag.lower() in in_any_case
    }
    assert sorted(tags - published) == []
    assert {tag.partition(".")[2] for tag in tags if "." in tag} == {*endings}


def test_the_data_of_the_repository_spells_what_no_answer_has(azure, make_app):
    answer(azure, "20.0.0.0/24")
    app = make_app()
    batch = next(one for one in SERVICES if one.name == "batch")
    assert tags_of(batch, "southeastasia", app.pull) == ("BatchNodeManagement.SoutheastAsia",)
    assert tags_of(batch, "denmarkeast", app.pull) == ("BatchNodeManagement.denmarkeast",)


OLD, NEW = "BatchNodeManagement.WestEurope", "Storage.WestEurope"
OF_OLD, OF_NEW = "20.0.0.0/24", "20.0.1.0/24"
TEMPLATES = ("BatchNodeManagement.{region}", "Storage.{region}")
SOMEBODY = Requester(Trigger.HTTP, "somebody")


def publish(azure, **tags):
    values = [v for tag in tags for v in tag_document([tags[tag]], tag)["values"]]
    azure.state.tags.answers["westeurope"] = tag_document([]) | {"values": values}


@pytest.fixture
def batch(azure, make_app, monkeypatch, clock):
    """An app with a table of the service, whose tags a release can change."""
    publish(azure, **{OLD: OF_OLD, NEW: OF_NEW})
    app = make_app(ALLOWED_SERVICE_TAGS=f"batch,{OLD}", REMOVAL_GRACE_DAYS="28")
    request = RegisterRequest(resource_id=table_id("one"), service="batch", region="westeurope")
    table = add_table(azure.state, "one")
    app.registering.register(request, SOMEBODY)
    sync(app)
    assert owned_prefixes(table) == {OF_OLD}

    def release(*templates):
        monkeypatch.setitem(NAMED, "batch", replace(NAMED["batch"], service_tags=templates))

    return app, table, release


def registered(app):
    return app.registry.get(rid("one"))


def missing(outcome):
    found = outcome["findings"]
    return [one["message"] for one in found if one["code"] == "ServiceTagMissing"]


def test_a_later_release_can_know_a_further_tag(batch):
    app, table, release = batch
    before = registered(app)
    release(*TEMPLATES)
    outcome = outcome_of(sync(app), "one")
    assert (outcome["added"], missing(outcome)) == ([OF_NEW], [])
    assert owned_prefixes(table) == {OF_OLD, OF_NEW}
    after = registered(app)
    assert after.registration.service_tags == (OLD, NEW)
    assert after.registration.etag == before.registration.etag
    assert after.changed_at == before.changed_at


def test_a_tag_that_the_service_has_no_more_leaves_with_its_grace(batch, clock):
    app, table, release = batch
    clock.shift(timedelta(days=60))
    release("Storage.{region}")
    outcome = outcome_of(sync(app), "one")
    assert ([one["prefix"] for one in outcome["retained"]], outcome["removed"]) == ([OF_OLD], [])
    assert owned_prefixes(table) == {OF_OLD, OF_NEW}
    clock.shift(timedelta(days=27))
    assert outcome_of(sync(app), "one")["removed"] == []
    clock.shift(timedelta(days=1))
    assert outcome_of(sync(app), "one")["removed"] == [OF_OLD]
    assert registered(app).registration.service_tags == (NEW,)


def test_a_tag_beside_the_service_stays_if_the_service_has_it_no_more(batch):
    app, table, release = batch
    edit = partial(replace, service_tags=[OLD])
    app.registering.change(table_id("one"), edit, SOMEBODY)
    release("Storage.{region}")
    assert outcome_of(sync(app), "one")["retained"] == []
    assert owned_prefixes(table) == {OF_OLD, OF_NEW}
    assert registered(app).registration.service_tags == (NEW, OLD)


def test_a_pinned_tag_stays_until_it_is_unpinned_if_the_service_has_it_no_more(batch):
    app, table, release = batch
    pin = PinRequest(app.versions.newest(OLD).version_id, "a person wants it")
    app.registering.change(table_id("one"), partial(replace, pin=pin), SOMEBODY)
    release("Storage.{region}")
    assert outcome_of(sync(app), "one")["status"] == "changed"
    assert owned_prefixes(table) == {OF_OLD, OF_NEW}
    assert {*registered(app).registration.service_tags} == {OLD, NEW}

    app.registering.change(table_id("one"), partial(replace, pin=None), SOMEBODY)
    assert [one["prefix"] for one in outcome_of(sync(app), "one")["retained"]] == [OF_OLD]
    assert registered(app).registration.service_tags == (NEW,)


def test_a_new_tag_that_is_not_published_is_a_finding_and_nothing_else(azure, batch):
    app, table, release = batch
    publish(azure, **{OLD: OF_OLD})
    release(*TEMPLATES)
    whole = sync(app)
    assert whole["status"] == "Succeeded"
    [message] = missing(outcome_of(whole, "one"))
    assert "batch needs Storage.WestEurope, too" in message
    assert "Azure does not publish it" in message
    assert owned_prefixes(table) == {OF_OLD}
    edit = partial(replace, note="ours")
    assert app.registering.change(table_id("one"), edit, SOMEBODY).table.registration.note == "ours"

    publish(azure, **{OLD: OF_OLD, NEW: OF_NEW})
    assert missing(outcome_of(sync(app), "one")) == []
    assert owned_prefixes(table) == {OF_OLD, OF_NEW}


def test_a_new_tag_that_is_not_allowed_is_a_finding_and_nothing_else(batch, make_app):
    _, table, release = batch
    release(*TEMPLATES)
    outcome = outcome_of(sync(make_app(ALLOWED_SERVICE_TAGS=OLD)), "one")
    assert "not allowed by ALLOWED_SERVICE_TAGS" in missing(outcome)[0]
    assert (outcome["status"], owned_prefixes(table)) == ("unchanged", {OF_OLD})


def test_a_table_of_tag_routes_takes_over_no_tag_that_may_not_be_one(batch):
    """By Microsoft's weekly file, no route may have BatchNodeManagement of a region."""
    app, table, release = batch
    release("Storage.{region}")
    sync(app)
    edit = partial(replace, route_style=RouteStyle.SERVICE_TAG)
    app.registering.change(table_id("one"), edit, SOMEBODY)
    release(*TEMPLATES)
    outcome = outcome_of(sync(app), "one")
    assert outcome["error"] is None
    [message] = missing(outcome)
    assert f"no route in AzureCloud may have {OLD} as its prefix" in message
    assert registered(app).registration.service_tags == (NEW,)
    assert NEW in {route["properties"]["addressPrefix"] for route in table.routes}


@pytest.mark.parametrize("templates", [TEMPLATES, ("Storage.{region}",)])
def test_the_daily_check_starts_a_run_for_what_a_release_has_changed(batch, clock, templates):
    app, _, release = batch
    before = registered(app)
    release(*templates)
    checked = app.check.check()
    assert checked.figures.right == 1
    assert app.runs.get(checked.run_id).request.route_tables == ()
    assert registered(app).registration == before.registration
    app.run_start.start(checked.run_id)
    app.tables.sync(checked.run_id, rid("one"))
    assert registered(app).registration.service_tags == tuple(
        template.replace("{region}", "WestEurope") for template in templates
    )
    clock.shift(timedelta(days=1))
    assert app.check.check().run_id is None


def test_a_new_tag_that_cannot_be_recorded_leaves_the_table_to_its_repairs(batch, monkeypatch):
    """Nothing is repaired from a tag without a version, so the table must not depend on it."""
    app, table, release = batch
    release(*TEMPLATES)
    table.routes = []
    append = type(app.versions).append

    def refuse(versions, content, *args, **kwargs):
        if content.source == NEW:
            raise PermanentError(codes.STORAGE_UNAVAILABLE, "no row can hold it")
        return append(versions, content, *args, **kwargs)

    monkeypatch.setattr(type(app.versions), "append", refuse)
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert (whole["status"], outcome["error"], len(missing(outcome))) == ("Succeeded", None, 1)
    assert owned_prefixes(table) == {OF_OLD}
    assert registered(app).registration.service_tags == (OLD,)


def test_an_adoption_takes_over_no_further_tag(batch):
    """Somebody has asked for an adoption, and for nothing else."""
    app, table, release = batch
    release(*TEMPLATES)
    adopt(app)
    assert registered(app).registration.service_tags == (OLD,)
    assert owned_prefixes(table) == {OF_OLD}


def test_many_tables_of_a_service_ask_azure_once_for_a_further_tag(azure, batch):
    app, _, release = batch
    for number in range(4):
        add_table(azure.state, f"more{number}")
        request = RegisterRequest(
            resource_id=table_id(f"more{number}"), service="batch", region="westeurope"
        )
        app.registering.register(request, SOMEBODY)
    release(*TEMPLATES)
    azure.state.log.clear()
    assert sync(app)["status"] == "Succeeded"
    asked = [one for one in azure.state.log if "/serviceTags" in one["path"]]
    assert len(asked) <= 2


def test_a_service_that_this_release_does_not_know_keeps_its_tags(batch, make_app):
    app, table, _ = batch
    unknown = replace(registered(app).registration, service="unknown")
    app.registry.change(rid("one"), lambda known: replace(known, registration=unknown))
    outcome = outcome_of(sync(make_app(ALLOWED_SERVICE_TAGS=OLD)), "one")
    assert (outcome["status"], owned_prefixes(table)) == ("unchanged", {OF_OLD})
