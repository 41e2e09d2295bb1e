"""Each fault of the simulated Azure, met once: no address loses its route, no failure is a success.

What one delivery could not end the next ones do, as the queue would deliver them.
"""

from contextlib import suppress
from typing import Any

import pytest

from local.azure import faults
from local.azure.faults import InjectedFault
from shared.app import App
from shared.domain.errors import RouteSyncError
from tests.builders.azure import add_table, published_ipv4, table_writes
from tests.builders.routes import foreign_routes, owned_prefixes, to_firewall
from tests.builders.runs import begin, register, run_report, sync
from tests.calls import in_hand, pass_by
from tests.deliveries import Queue, start_message

DELIVERIES = 15
TABLE, TAGS, POLLS = "routeTables/one$", "serviceTags$", "/operations/"

EVERYWHERE: list[faults.AnyEffect] = [
    faults.Refuse(status=503),
    faults.Refuse(status=429, headers={"Retry-After": "1"}),
    faults.Refuse(status=429, headers={"Retry-After": "31"}),
    faults.Refuse(status=502, effected=True),
    faults.Drop(),
    faults.Drop(effected=True),
    faults.Delay(seconds=0.1),
    faults.Truncate(),
    faults.HalfPage(),
]
MET = [
    *(
        (effect, method, path)
        for effect in EVERYWHERE
        for method, path in (("GET", TABLE), ("PUT", TABLE), ("GET", TAGS), ("GET", POLLS))
    ),
    (faults.FailOperation(), "PUT", TABLE),
    (faults.FailOperation(reverts=True), "PUT", TABLE),
    (faults.FailOperation(code="NetworkingInternalOperationError"), "PUT", TABLE),
    (faults.FailOperation(code="NotKnownYet", reverts=True), "PUT", TABLE),
    *((effect, "GET", POLLS) for effect in faults.WRONG_POLLS),
    (faults.HangOperation(), "PUT", TABLE),
    (faults.LoseRace(), "PUT", TABLE),
    (faults.ServeStale(), "GET", TABLE),
    (faults.LOST_SIGHT, "GET", TABLE),
    (faults.ExpireToken(), "GET", TABLE),
    (faults.ExpireToken(), "PUT", TABLE),
    (faults.Refuse(status=500), "GET", "/msi/token"),
    (faults.Drop(), "GET", "/msi/token"),
    (faults.Truncate(), "GET", "/msi/token"),
    (faults.RepeatPage(), "GET", TAGS),
    (faults.PointElsewhere(origin="https://nobody.invalid"), "GET", TAGS),
    (faults.PointElsewhere(origin="https://nobody.invalid"), "PUT", TABLE),
    (faults.LoseTag(), "GET", TAGS),
    (faults.ShrinkTag(share=0), "GET", TAGS),
    (faults.ShrinkTag(share=0.5), "GET", TAGS),
]


def name_of(value: Any) -> str:
    if not isinstance(value, faults.Effect):
        return str(value)
    return "-".join(str(v) for v in value.model_dump(exclude_defaults=False).values())


def deliver(app: App, run_id: str) -> None:
    """As the queue does: again and again, until it gives up. Nobody really waits meanwhile."""
    queue = Queue(start_message(run_id))
    with in_hand(pass_by, pass_by):
        for _ in range(DELIVERIES):
            with suppress(RouteSyncError):
                queue.deliver(app)


@pytest.mark.parametrize(("effect", "method", "path"), MET, ids=name_of)
def test_a_fault_is_healed_and_never_makes_it_worse(azure, make_app, effect, method, path):
    first = make_app(REMOVAL_GRACE_DAYS="28")
    table = add_table(azure.state, "one", [to_firewall()])
    register(first, "one")
    assert sync(first)["status"] == "Succeeded"
    routed_before = owned_prefixes(table)
    wanted = published_ipv4(azure.state.tags.step())
    azure.state.log.clear()
    azure.state.faults.append(InjectedFault(method=method, path=path, effect=effect))

    app = make_app(REMOVAL_GRACE_DAYS="28")  # as in another process, which has no token yet
    run_id = begin(app)
    deliver(app, run_id)
    assert azure.state.faults[0].times == 0, "the fault was not met"
    for write in (w for w in table_writes(azure.state) if (w["status"] or 200) < 400):
        written = {r["name"]: r["properties"] for r in write["body"]["properties"]["routes"]}
        prefixes = {properties["addressPrefix"] for properties in written.values()}
        assert routed_before <= prefixes  # nothing that left is gone within its grace
        assert written["default-via-firewall"] == to_firewall()["properties"]
    if run_report(app, run_id)["status"] == "Succeeded":
        assert wanted <= owned_prefixes(table)

    for operation in azure.state.operations.values():
        operation.fate.hangs = False
    assert sync(app)["status"] == "Succeeded"
    assert owned_prefixes(table) == wanted | routed_before
    anothers = {"written-by-another"} if isinstance(effect, faults.LoseRace) else set()
    assert {r["name"] for r in foreign_routes(table)} == {"default-via-firewall"} | anothers
