"""The value of the Azure tag that registers a route table."""

from dataclasses import replace

import pytest

from shared.domain.errors import InvalidRequest, TransientError
from shared.domain.registry.azure_tag import TaggedTable, TagWish
from shared.domain.registry.registration import Registration
from shared.domain.routing.routes import RouteTable
from tests.builders.azure import rid
from tests.builders.routes import owned, route, to_firewall

DISABLED = "disabled"
A, B = "Storage.WestEurope", "AzureDatabricks"


def tagged(tags, *routes):
    table = RouteTable.from_arm({"tags": tags, "properties": {"routes": [*routes]}})
    return TaggedTable.of(rid("one"), table)


@pytest.mark.parametrize("name", ["aseRouteSync", "ASEROUTESYNC", "aseroutesync"])
def test_azure_compares_the_name_of_a_tag_without_regard_to_case(name):
    assert tagged({"owner": "network", name: "Off"}).value == "Off"


@pytest.mark.parametrize("tags", [None, {}, {"aseRouteSync2": A}, {"owner": "aseRouteSync"}])
def test_a_table_without_the_tag(tags):
    assert tagged(tags).value is None


def test_a_tag_without_a_value_is_there_nevertheless():
    assert tagged({"aseRouteSync": None}).value == tagged({"aseRouteSync": ""}).value == ""


@pytest.mark.parametrize("tags", [[], "aseRouteSync", 1])
def test_tags_in_an_unknown_form_are_not_taken_for_none(tags):
    with pytest.raises(TransientError):
        tagged(tags)


def test_the_owners_are_those_whose_stamps_are_in_the_table():
    routes = [route("other--20.0.0.0_24", "20.0.0.0/24"), owned("20.0.1.0/24"), to_firewall()]
    assert tagged({}, *routes).owners == {"other", "asemgmt"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [("off", "aseRouteSync = 'off'"), ("a\nb\u202e", "aseRouteSync = 'a\\nb\\u202e'")],
)
def test_a_message_shows_the_value_as_plain_text(value, shown):
    assert tagged({"aseRouteSync": value}).text == shown


def test_a_message_shows_the_beginning_of_a_long_value():
    assert len(tagged({"aseRouteSync": "x" * 256}).text) < 100


def wish(value, region="westeurope"):
    return TagWish.of(TaggedTable(rid("one"), value, region))


@pytest.mark.parametrize("value", ["off", "Off", "OFF", " off "])
def test_off_is_taken_in_any_case(value):
    assert wish(value) == TagWish(enabled=False)


@pytest.mark.parametrize(
    ("value", "names"),
    [(A, (A,)), (f" {A} , {B}", (A, B)), (f"{A},{B},{A}", (A, B)), (A.lower(), (A.lower(),))],
)
def test_names_stand_between_commas_and_keep_their_case(value, names):
    assert wish(value) == TagWish(enabled=True, service_tags=names)


def test_a_service_has_the_region_of_its_table_if_its_tags_depend_on_it():
    databricks = TagWish(enabled=True, service="databricks", region="westeurope")
    assert wish(" databricks ") == databricks
    assert wish("apiManagement") == TagWish(enabled=True, service="apiManagement")


def test_a_tag_and_a_service_may_differ_in_their_case_alone():
    assert wish("ApiManagement") == TagWish(enabled=True, service_tags=("ApiManagement",))


@pytest.mark.parametrize(
    ("location", "region"),
    [("westeurope", "westeurope"), ("West Europe", "westeurope"), (None, None)],
)
def test_the_region_is_written_as_arm_writes_locations(location, region):
    table = RouteTable.from_arm({"location": location})
    assert TaggedTable.of(rid("one"), table).region == region


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "the value is empty"),
        (" ", "the value is empty"),
        (",", "the value is empty"),
        (f"{A},", "a name is missing"),
        (f"{A},,{B}", "a name is missing"),
        (f"databricks,{A}", "databricks is a service, which stands alone"),
    ],
)
def test_a_value_that_cannot_be_meant_is_wrong(value, said):
    with pytest.raises(InvalidRequest) as refused:
        wish(value)
    [fault] = refused.value.faults
    assert said in fault.message


IN_WEST = Registration((A, B), service="databricks", region="westeurope")


@pytest.mark.parametrize(
    ("wish", "registration", "said"),
    [
        (TagWish(enabled=True, service_tags=(A, B)), Registration((B, A)), []),
        (TagWish(enabled=True, service_tags=(A,)), Registration((A, B)), [f"with {A}, {B}"]),
        (TagWish(enabled=True, service_tags=(A,)), Registration((A,), enabled=False), [DISABLED]),
        (TagWish(enabled=True, service_tags=(A, B)), IN_WEST, ["with databricks in westeurope"]),
        (TagWish(enabled=True, service="databricks", region="westeurope"), IN_WEST, []),
        (
            TagWish(enabled=True, service="databricks", region="northeurope"),
            IN_WEST,
            ["with databricks in westeurope"],
        ),
        (
            TagWish(enabled=True, service="databricks", region="westeurope"),
            replace(IN_WEST, tags_beside=(A,)),
            [f"with databricks, {A} in westeurope"],
        ),
        (TagWish(enabled=False), Registration((A,), enabled=False), []),
        (TagWish(enabled=False), Registration((A,)), ["enabled"]),
    ],
)
def test_what_the_registration_says_otherwise(wish, registration, said):
    assert [*wish.differences(registration)] == said
