"""What a person reads of a report."""

from datetime import date

from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration, RouteException
from shared.render import render
from tests.builders.azure import SUBSCRIPTION, add_environment, add_table, answer, rid
from tests.builders.routes import owned, to_firewall
from tests.builders.runs import TAG, discover, keep, register, report_of, sync
from tests.builders.services import add_each

A, B = "20.0.0.0/24", "20.0.1.0/24"


def shown(app):
    return render(report_of(app, sync(app)["runId"]))


def test_conflicts_are_shown_and_those_that_are_meant_as_such(azure, app):
    add_table(azure.state, "one", [to_firewall(A, "a"), to_firewall(B, "b")])
    meant = RouteException(A, "the proxy team", date(9999, 12, 31))
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), exceptions=(meant,))))
    answer(azure, A, B)
    lines = shown(app).splitlines()
    accepted = f"{A}: route a sends it to VirtualAppliance 10.0.0.4, as accepted: the proxy team"
    assert f"      · {accepted}" in lines
    assert f"      ! {B}: route b sends it to VirtualAppliance 10.0.0.4" in lines


def test_findings_that_need_nobody_are_told_from_those_that_do(azure, app):
    table = add_table(azure.state, "one", [to_firewall(), to_firewall("20.0.0.9/32", "proxy")])
    table.properties["disableBgpRoutePropagation"] = False
    register(app, "one")
    answer(azure, A)
    text = shown(app)
    assert "      · BgpRoutesNotVisible: " in text
    assert "      ! MoreSpecificRoute: " in text


def test_what_a_guard_found_is_shown_with_what_was_done_all_the_same(azure, app):
    add_table(azure.state, "one", [owned(f"20.1.{n}.0/24") for n in range(10)])
    register(app, "one")
    answer(azure, A)
    text = shown(app)
    assert "blocked   +1" in text
    assert "10 withheld" in text
    assert "! MaxRemovedPercent: 10 of 10 routes would be removed" in text


def test_a_discovery_shows_each_environment_with_its_faults_and_what_failed(azure, app):
    add_environment(azure.state, "one", kind="ASEV2", table=add_table(azure.state, "one"))
    add_table(azure.state, "alone", [owned(A)])
    missing = SUBSCRIPTION.replace("1", "9")
    whole = discover(app, SUBSCRIPTION, missing, owner="asemgmt", register=True)
    head, *lines = render(report_of(app, whole["runId"])).splitlines()
    assert head == f"Run {whole['runId']} (http, discover): Failed"
    assert f"  registered     one in rg-one ({SUBSCRIPTION})" in lines
    assert any(line.startswith("      · NsgNone: ") for line in lines)
    assert f"  1 routes of the owner in alone in rg-alone ({SUBSCRIPTION})" in lines
    assert any(line.startswith(f"  ERROR {missing}: SubscriptionNotFound: ") for line in lines)
    assert lines[-1] == "Environments: 1, 1 with a registered table"


def test_a_discovery_shows_each_resource_of_a_service_with_its_faults(azure, app):
    add_each(azure.state)
    whole = discover(app, SUBSCRIPTION)
    _, *lines = render(report_of(app, whole["runId"])).splitlines()
    assert f"  not registered databricks n1 in rg-n1 ({SUBSCRIPTION})" in lines
    assert any(line.startswith("      ! ServiceNotAllowed: databricks is ") for line in lines)
    assert lines[-2:] == [
        "Other services: 4, 0 with a registered table",
        "Environments: 0, 0 with a registered table",
    ]


def test_a_note_about_several_tables_stands_once_with_their_names(azure, app):
    for name in ("one", "two"):
        add_table(azure.state, name).properties["disableBgpRoutePropagation"] = False
    add_table(azure.state, "three")
    register(app, "one", "two", "three")
    answer(azure, A)
    [note, tables] = shown(app).splitlines()[-3:-1]
    assert note.startswith("      · BgpRoutesNotVisible: ")
    assert tables == "          of one, two"


def test_many_tables_of_a_note_are_counted(azure, app):
    names = [f"table{number}" for number in range(7)]
    for name in names:
        add_table(azure.state, name).properties["disableBgpRoutePropagation"] = False
    register(app, *names)
    answer(azure, A)
    text = shown(app)
    assert text.count("BgpRoutesNotVisible") == 1
    assert "          of 7 route tables" in text


def test_the_addresses_that_become_routes_are_counted(azure, app):
    add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A, B, "2603:1000::/48")
    assert "+3 -0 prefixes since the last, of which +2 -0 are IPv4 (version" in shown(app)
