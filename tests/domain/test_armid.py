"""ARM ids are parsed."""

import pytest

from shared.domain.armid import RouteTableId
from tests.builders.azure import table_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        table_id("a") + "/",
        table_id("a") + "/routes/b",
        table_id("a")[1:],
        table_id("a").replace("routeTables", "networkSecurityGroups"),
        table_id("a").replace("11111111-1111", "1111"),
        table_id("-a"),
        table_id("a" * 81),
        table_id("a#b"),
        table_id("a?b"),
        table_id("a\n"),
        table_id("x").replace("rg-x", "rg."),
    ],
)
def test_what_is_not_the_id_of_a_route_table_is_refused(text):
    with pytest.raises(ValueError, match="not the ARM id"):
        RouteTableId.parse(text)


def test_ids_are_equal_whatever_their_case():
    upper, lower = RouteTableId.parse(table_id("A").upper()), RouteTableId.parse(table_id("a"))
    assert upper == lower
    assert len({upper, lower}) == 1
