"""What needs an approver, because it takes something of what guards a table away."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.armid import EnvironmentId
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.loosening import loosened
from shared.domain.registry.registration import Pin, Registration, RouteException
from shared.domain.routing.policy import ApplyPolicy
from tests.builders.azure import ase_id_of

AUTO, ADDITIVE, APPROVAL = ApplyPolicy
ASE = EnvironmentId.parse(ase_id_of("one"))
JANUARY, FEBRUARY = date(2027, 1, 1), date(2027, 2, 1)


def accepted(prefix, until=JANUARY, reason="why"):
    return RouteException(prefix, reason, until)


PIN = Pin("AzureCloud.A-000001", "why", "A", datetime(2027, 1, 1, tzinfo=UTC))
OLD = Registration(
    ("A", "B"),
    ASE,
    AddressSource.BOTH,
    apply_policy=ADDITIVE,
    exceptions=(accepted("20.0.0.0/24"), accepted("20.0.1.0/24")),
    pin=PIN,
)


@pytest.mark.parametrize(
    ("changed", "keys"),
    [
        ({}, []),
        ({"note": "x"}, []),
        ({"route_style": RouteStyle.SERVICE_TAG}, []),
        ({"apply_policy": APPROVAL}, []),
        ({"apply_policy": AUTO}, ["applyPolicy"]),
        ({"apply_policy": None}, ["applyPolicy"]),
        ({"exceptions": ()}, []),
        ({"exceptions": (accepted("20.0.0.0/24", reason="other"),)}, []),
        ({"exceptions": (accepted("20.0.0.0/24", FEBRUARY),)}, ["exceptions"]),
        ({"exceptions": (*OLD.exceptions, accepted("20.0.2.0/24"))}, ["exceptions"]),
        ({"enabled": False}, ["enabled"]),
        ({"pin": None}, ["pin"]),
        ({"pin": replace(PIN, version_id="AzureCloud.A-000002")}, ["pin"]),
        ({"pin": replace(PIN, reason="other")}, ["pin"]),
        ({"service_tags": ("B", "A", "C")}, []),
        ({"service_tags": ("A", "C")}, ["serviceTags"]),
        ({"address_source": AddressSource.SERVICE_TAG}, ["addressSource"]),
        ({"address_source": AddressSource.ASE}, ["addressSource"]),
        ({"ase_id": None}, ["addressSource"]),
        ({"ase_id": EnvironmentId.parse(ase_id_of("two"))}, ["addressSource"]),
    ],
)
def test_each_loosening_is_named_by_its_key(changed, keys):
    assert loosened(OLD, replace(OLD, **changed), AUTO) == keys


def test_to_enable_is_a_loosening_as_well():
    assert loosened(replace(OLD, enabled=False), OLD, AUTO) == ["enabled"]


@pytest.mark.parametrize(("app", "weaker"), [(AUTO, True), (ADDITIVE, False), (APPROVAL, False)])
def test_the_policy_that_counts_is_the_stricter_one(app, weaker):
    assert bool(loosened(OLD, replace(OLD, apply_policy=None), app)) == weaker


def test_a_new_registration_loosens_only_by_its_exceptions_and_its_pin():
    assert loosened(None, OLD, APPROVAL) == ["exceptions", "pin"]
    assert loosened(None, replace(OLD, exceptions=(), pin=None, enabled=False), APPROVAL) == []


exceptions = st.builds(
    accepted, st.sampled_from(["20.0.0.0/24", "20.0.1.0/24"]), st.sampled_from([JANUARY, FEBRUARY])
)
registrations = st.builds(
    Registration,
    st.sampled_from([("A",), ("B",), ("A", "B")]),
    st.sampled_from([None, ASE]),
    st.sampled_from(AddressSource),
    apply_policy=st.none() | st.sampled_from(ApplyPolicy),
    exceptions=st.lists(exceptions, max_size=2, unique_by=lambda e: e.prefix).map(tuple),
    enabled=st.booleans(),
    pin=st.sampled_from([None, PIN]),
)


@given(registrations, registrations, registrations, st.sampled_from(ApplyPolicy))
def test_no_way_around_leads_to_what_a_step_alone_would_not_allow(first, second, third, app):
    """What two changes without a loosening reach, one change reaches without a loosening."""
    if not loosened(first, second, app) and not loosened(second, third, app):
        assert loosened(first, third, app) == []
