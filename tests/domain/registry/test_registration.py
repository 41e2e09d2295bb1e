"""What a registration wants, and the ETag by which a caller knows it again."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.domain.armid import EnvironmentId
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.registration import Pin, Registration, RouteException
from shared.domain.routing.policy import ApplyPolicy
from tests.builders.azure import ase_id_of

ASE = EnvironmentId.parse(ase_id_of("one"))
ONE = Registration(("A",))
ROUTES: dict[str, Any] = {
    "service_tags": ("A", "B"),
    "ase_id": ASE,
    "address_source": AddressSource.BOTH,
    "route_style": RouteStyle.SERVICE_TAG,
}
REST: dict[str, Any] = {
    "apply_policy": ApplyPolicy.ADDITIVE,
    "exceptions": (RouteException("20.0.0.0/24", "why", date(2027, 1, 1)),),
    "enabled": False,
    "note": "",
    "pin": Pin("AzureCloud.A-000001", "why", "A", datetime(2027, 1, 1, tzinfo=UTC)),
}


@pytest.mark.parametrize("field", [*ROUTES, *REST])
def test_each_field_has_its_part_in_the_etag_and_some_decide_the_routes(field):
    other = replace(ONE, **{field: (ROUTES | REST)[field]})
    assert other.etag != ONE.etag
    assert ONE.has_routes_of(other) == (field in REST)


def test_equal_registrations_have_one_etag_which_is_a_strong_one():
    assert replace(ONE, note="x").etag == replace(ONE, note="x").etag
    assert ONE.etag[0] == ONE.etag[-1] == '"'
    assert ONE.etag.isascii()


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (AddressSource.SERVICE_TAG, ("A",)),
        (AddressSource.ASE, (ASE.key,)),
        (AddressSource.BOTH, ("A", ASE.key)),
    ],
)
def test_the_address_source_says_whose_addresses_are_wanted(source, wanted):
    assert Registration(("A",), ASE, source).sources == wanted
    assert Registration(("A",), None, source).sources == ("A",)


def test_a_pin_is_about_its_own_source_alone():
    both = Registration(("A",), ASE, AddressSource.BOTH)
    pinned = replace(both, pin=REST["pin"])
    assert (both.following, pinned.following) == (("A", ASE.key), (ASE.key,))
    assert both.desired_version_id("AzureCloud.A-000002", "A") == "AzureCloud.A-000002"
    assert pinned.desired_version_id("AzureCloud.A-000002", "A") == "AzureCloud.A-000001"
    assert pinned.desired_version_id("x-000002", ASE.key) == "x-000002"
