"""What a service stands for, and which of its tags an allowed service allows."""

import pytest

from shared.domain.services.known import NAMED, SERVICES
from shared.domain.services.service import REGION, Service

ONE = Service(
    name="one",
    title="One",
    service_tags=("Global", f"Sql.{REGION}"),
    needed_when="",
    why="",
    unless="",
    sources=(),
)


def test_a_service_stands_for_its_tags_in_a_region():
    assert ONE.tags_in("WestEurope") == ("Global", "Sql.WestEurope")
    assert (ONE.is_regional, ONE.global_tags) == (True, ("Global",))
    assert NAMED["hdInsight"].tags_in(None) == ("HDInsight",)
    assert not NAMED["hdInsight"].is_regional


def test_a_tag_is_spelled_as_it_is_published():
    assert ONE.tags_in("WestEurope", ["sql.westeurope"]) == ("Global", "sql.westeurope")
    both = ["Sql.WestEurope", "sql.westeurope"]
    assert ONE.tags_in("WestEurope", both) == ("Global", "Sql.WestEurope")
    assert ONE.tags_in("WestEurope", ["Sql.NorthEurope"]) == ("Global", "Sql.WestEurope")


@pytest.mark.parametrize(
    ("tag", "has"),
    [
        ("Global", True),
        ("Sql.WestEurope", True),
        ("Sql.anywhere", True),
        ("Sql", False),
        ("Global.WestEurope", False),
        ("sql.WestEurope", False),
        ("SqlManagement.WestEurope", False),
    ],
)
def test_a_service_has_its_tags_in_every_region(tag, has):
    assert ONE.has(tag) is has


def test_a_service_has_each_tag_for_which_it_stands():
    for service in SERVICES:
        assert all(service.has(tag) for tag in service.tags_in("WestEurope"))


def test_no_name_of_a_service_is_ever_taken_away():
    """Registrations have these names, so a later release has to know them, too."""
    assert NAMED.keys() >= {
        *("appServiceEnvironment", "apiManagement", "databricks", "batch", "hdInsight"),
        *("azureMachineLearning", "entraDomainServices", "dataFactoryIntegrationRuntime"),
        "azureVirtualDesktop",
    }
    assert len(NAMED) == len(SERVICES)
