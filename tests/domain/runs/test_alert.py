"""A batch of alerts is merged, and the tables that it concerns are found."""

import pytest

from shared.alert_shapes import read_alerts
from shared.domain.armid import EnvironmentId, RouteTableId
from shared.domain.runs.alert import Alert, Place, merge_alerts, select_places
from tests.builders.alerts import common, event, one_alert
from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, ase_id_of, table_id

TABLE = table_id("one")
VM = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v"


def merged(batch):
    return merge_alerts([n for n in read_alerts(batch) if isinstance(n, Alert)])


def test_a_batch_is_one_alert_of_all_its_events():
    whole = merged([event(number="1"), event(number="2", uri=VM)])
    assert whole.targets == (TABLE.lower(), VM.lower())
    swapped = merged([event(number="2", uri=VM), event(number="1")])
    assert whole.instance == swapped.instance
    assert merged([event(), event(uri="nothing")]).targets == ()


def place(**known):
    return Place(RouteTableId.parse(TABLE), **known)


SUBNET = (
    f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-net"
    "/providers/microsoft.network/virtualnetworks/v/subnets/ase"
)
KNOWN = place(
    ase_id=EnvironmentId.parse(ase_id_of("an-ase")), subnet_ids=frozenset({SUBNET.lower()})
)


@pytest.mark.parametrize(
    "target",
    [
        TABLE,
        TABLE.lower(),
        f"{TABLE}/routes/r",
        SUBNET,
        SUBNET.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/"),
        SUBNET.rpartition("/subnets/")[0],
        ase_id_of("an-ase"),
        f"{ase_id_of('an-ase')}/multiRolePools/default",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-one",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-net",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-an-ase",
        f"/subscriptions/{SUBSCRIPTION}",
    ],
)
def test_a_target_concerns_the_table_that_it_is_or_holds(target):
    alert = one_alert(common(targets=[target]))
    assert list(select_places(alert.targets, [KNOWN])) == [KNOWN]


@pytest.mark.parametrize(
    "target",
    [
        VM,
        table_id("another"),
        f"{TABLE}-2",
        f"{SUBNET}-2",
        f"{SUBNET.rpartition('/subnets/')[0]}-2",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg",
        f"/subscriptions/{OTHER_SUBSCRIPTION}",
        table_id("one", OTHER_SUBSCRIPTION),
        SUBNET.rpartition("/")[0] + "/other",
    ],
)
def test_what_is_beside_it_concerns_it_not(target):
    alert = one_alert(common(targets=[target]))
    assert alert.targets
    assert list(select_places(alert.targets, [KNOWN])) == []


def test_a_table_whose_subnets_are_not_known_may_be_on_any_of_its_subscription():
    unknown = place()
    assert list(select_places([SUBNET], [unknown])) == [unknown]
    elsewhere = SUBNET.replace(SUBSCRIPTION, OTHER_SUBSCRIPTION)
    assert list(select_places([elsewhere], [unknown])) == []
    assert list(select_places([SUBNET], [place(subnet_ids=frozenset())])) == []
