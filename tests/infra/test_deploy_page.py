"""docs/deploy.md says what a deployment needs, and counts what Azure bills for each piece."""

import re
from pathlib import Path

import pytest

from .deployed import DEPLOYED

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "deploy.md").read_text()
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


def test_the_cost_counts_the_polls_of_each_queue():
    """An idle instance asks each queue every 2 s, and the host itself makes five calls a minute."""
    queues = DEPLOYED["default"].all("Microsoft.Storage/storageAccounts/queueServices/queues")
    scale = (DOCS / "scale.md").read_text()
    [named] = re.findall(r"those of the app's (\w+) queues", scale)
    assert NUMBERS[named] == len(queues)

    calls = len(queues) * 30 + 5
    month = f"{calls * 60 * 24 * 30 / 1e6:.1f} million"
    assert f"| {calls} | {month} |" in scale
    assert f"up to {month} a month" in section("Cost")
