"""docs/deploy.md says what a deployment needs, and counts what Azure bills for each piece."""

import re
from pathlib import Path

import pytest

from .deployed import DEPLOYED

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
ALWAYS_THERE = {"Microsoft.Authorization", "Microsoft.Resources"}
"""Each subscription has these providers."""
NUMBERS = {"four": 4, "five": 5, "six": 6}


def section(heading):
    return re.split(r"^## ", PAGE.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]


def test_each_provider_is_a_prerequisite():
    kinds = {resource["type"] for deployed in DEPLOYED.values() for resource in deployed.resources}
    needed = {re.split("/", kind)[0] for kind in kinds} - ALWAYS_THERE
    rows = section("Prerequisites").split("| provider |")[1]
    assert "Microsoft.Web" in needed
    assert {name for name in needed if f"`{name}`" not in rows} == set()


@pytest.mark.parametrize(
    ("meter", "kind"),
    [
        ("log alert rules", "Microsoft.Insights/scheduledQueryRules"),
        ("private endpoints", "Microsoft.Network/privateEndpoints"),
    ],
)
def test_the_cost_counts_each_piece_that_is_billed(meter, kind):
    [number] = re.findall(rf"^\| {meter}:[^|]*\| (\w+),", section("Cost"), re.MULTILINE)
    assert NUMBERS[number] == len(DEPLOYED["private"].all(kind))
