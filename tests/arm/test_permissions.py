"""Which actions the roles of an identity give."""

import pytest

from shared.arm.permissions import lacking
from shared.cli.checks.permissions import TABLE_ACTIONS


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ([{"actions": ["*"], "notActions": []}], []),
        ([{"actions": ["microsoft.network/routetables/*"], "notActions": []}], []),
        ([{"actions": ["*/read"], "notActions": []}], [TABLE_ACTIONS[1]]),
        ([{"actions": ["*"], "notActions": ["Microsoft.Network/*/write"]}], [TABLE_ACTIONS[1]]),
        # What one role takes off another may give.
        (
            [
                {"actions": ["*"], "notActions": ["Microsoft.Network/*/write"]},
                {"actions": ["Microsoft.Network/routeTables/write"]},
            ],
            [],
        ),
        ([], list(TABLE_ACTIONS)),
    ],
)
def test_permissions_are_judged_as_azure_does(granted, missing):
    assert lacking(granted, TABLE_ACTIONS) == missing
