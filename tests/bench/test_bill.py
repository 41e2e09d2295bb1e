"""A month's cost is what the counts and the prices make of it, by hand as well."""

import json
import re
from dataclasses import replace

import pytest

from bench import log_weight
from bench.bill import (
    ALERT_RULES,
    CALLS_A_MINUTE,
    CHANGES,
    CHECKED_SINGLY,
    DAYS,
    DEFAULTS,
    INSTANCE_GB,
    MONTHS,
    PRICES,
    RUN_RETENTION_DAYS,
    WEEKS,
    Price,
    costs,
    counts_at,
    prices,
    rows_gb,
    usage_of,
)
from bench.cost_page import PAGE, PARTS, SIZES, blocks, parts_of
from bench.report import RESULTS
from bench.scale_page import PAGE as SCALE_PAGE
from bench.stored import entity_bytes
from tests.infra.deployed import DEPLOYED

RECORDED = json.loads(RESULTS.read_text())
NOTHING = {
    "executions": {"start_run": 0},
    "seconds": 0,
    "queueOperations": 0,
    "tableOperations": 0,
    "blobWrites": 0,
    "blobReads": 0,
    "storageChanges": 0,
    "messagesSent": 0,
    "events": 0,
    "logRecords": 0,
    "logBytes": 0,
    "rowBytes": 0,
}
ASLEEP = replace(DEFAULTS, awake_hours=0.0)


def month_of(**counts):
    """Make the counts at 10 and at 110 tables: a kind has them twice, and the others are 0."""
    kinds = {kind: [NOTHING, NOTHING] for kind in ("unchanged", "changed", "check")}
    given = {kind: [NOTHING | few, NOTHING | many] for kind, (few, many) in counts.items()}
    return {"tables": [10, 110]} | kinds | given


@pytest.mark.parametrize(
    ("quantity", "cost"),
    [(0, 0.0), (249_999, 0.0), (250_000, 0.0), (250_001, 0.4e-6), (1_250_000, 0.4)],
)
def test_only_what_exceeds_the_grant_costs(quantity, cost):
    assert Price(usd=0.4, per=1_000_000, free=250_000).cost(quantity) == pytest.approx(cost)


@pytest.mark.parametrize(
    ("meter", "free", "one_more"),
    [
        ("executions", 250_000, 0.4 / 1_000_000),
        ("gbSeconds", 100_000, 0.000026),
        ("logGb", 5, 2.3),
        ("eventOperations", 100_000, 0.6 / 1_000_000),
        ("queueOperations", 0, 0.004 / 10_000),
    ],
)
def test_what_is_free_each_month_ends_where_microsoft_says(meter, free, one_more):
    assert costs({meter: free}) == {meter: 0.0}
    assert costs({meter: free + 1})[meter] == pytest.approx(one_more)


def test_a_count_lies_on_the_line_through_both_measured_numbers():
    month = month_of(check=({"seconds": 12, "events": 500}, {"seconds": 112, "events": 400}))
    assert counts_at(month, "check", 10)["seconds"] == 12
    assert counts_at(month, "check", 1010)["seconds"] == pytest.approx(1012)
    # A line that falls, because something was counted by chance, does not fall below 0.
    assert counts_at(month, "check", 1000)["events"] == 0


def test_a_month_by_hand():
    """41 twelfths of a run with no change, 11 twelfths of one with changes, and 365 of a check.

    In the run with no change, ten tables need 12 executions and 110 tables need 112.
    """
    month = month_of(
        unchanged=(
            {"executions": {"start_run": 2, "sync_route_table": 10}, "tableOperations": 60},
            {"executions": {"start_run": 2, "sync_route_table": 110}, "tableOperations": 660},
        ),
        changed=(
            {"executions": {"resource_events": 24}, "seconds": 30, "events": 10},
            {"executions": {"resource_events": 224}, "seconds": 330, "events": 110},
        ),
        check=({"executions": {"daily_check": 1}}, {"executions": {"daily_check": 1}}),
    )
    used = usage_of(month, 110, ASLEEP)
    assert used["executions"] == pytest.approx(112 * 41 / 12 + 224 * 11 / 12 + 365 / 12)
    assert used["tableOperations"] == pytest.approx(660 * 41 / 12)
    assert used["gbSeconds"] == pytest.approx(2 * 330 * 11 / 12)
    assert used["eventOperations"] == pytest.approx(2 * 110 * 11 / 12)
    assert used["queueOperations"] == 0
    assert used["alertRules"] == 5

    by_hand = {"Flex Consumption": 0.0, "Event Grid": 0.0, "log alert rules": 2.5}
    assert {part: parts_of(month, 110, ASLEEP)[part] for part in by_hand} == by_hand
    storage = parts_of(month, 110, ASLEEP)["storage operations"]
    assert storage == pytest.approx(660 * 41 / 12 / 10_000 * 0.00036)


def test_an_awake_instance_asks_the_queues_all_the_time():
    """An hour a day, 60 minutes each, 185 calls a minute."""
    used = usage_of(month_of(), 10)
    assert used["queueOperations"] == pytest.approx(365 / 12 * 60 * 185)
    assert usage_of(month_of(), 10, ASLEEP)["queueOperations"] == 0


@pytest.mark.parametrize(("tables", "in_runs"), [(999, 0), (1000, 0), (1001, 1), (10_000, 9000)])
def test_a_check_leaves_to_a_run_what_it_cannot_read_itself(tables, in_runs):
    one_each = ({"events": 10}, {"events": 110})
    of_check = usage_of(month_of(check=one_each), tables)["eventOperations"] / 2
    assert of_check == pytest.approx(365 / 12 * min(tables, 1000))
    of_runs = usage_of(month_of(unchanged=one_each), tables)["eventOperations"] / 2
    assert of_runs == pytest.approx(41 / 12 * tables + 365 / 12 * in_runs)


@pytest.mark.parametrize(("tables", "apps"), [(10_000, 1), (10_001, 2), (100_000, 10)])
def test_each_app_has_its_own_alert_rules(tables, apps):
    assert usage_of(month_of(), tables)["alertRules"] == 5 * apps


def test_ten_apps_share_what_is_free():
    month = month_of(unchanged=({"executions": {"a": 10}}, {"executions": {"a": 110}}))
    one, ten = usage_of(month, 10_000, ASLEEP), usage_of(month, 100_000, ASLEEP)
    assert ten == pytest.approx({meter: 10 * quantity for meter, quantity in one.items()})
    # Of one app 10,000 * 41 / 12 in weekly runs, and 9,000 * 365 / 12 after checks.
    executions = 307_916.667
    assert costs(one)["executions"] == pytest.approx((executions - 250_000) * 0.4e-6)
    assert costs(ten)["executions"] == pytest.approx((10 * executions - 250_000) * 0.4e-6)


def test_the_log_has_each_entry_twice_and_a_log_that_is_off_has_none():
    one_of_a_gb = {"logRecords": 1, "logBytes": 1e9}
    month = month_of(unchanged=(one_of_a_gb, one_of_a_gb))
    runs, entries = 41 / 12, log_weight.entry() + log_weight.host_entry()
    assert usage_of(month, 10, ASLEEP)["logGb"] == pytest.approx(runs * (2 + entries / 1e9))

    without = usage_of(month, 10, replace(ASLEEP, has_host_log=False))
    assert without["logGb"] == pytest.approx(runs * (1 + log_weight.entry() / 1e9))
    assert without["keptGbMonths"] == 0


@pytest.mark.parametrize(("tables", "written"), [(100, 30_000), (101, 30_000), (99, 29_700)])
def test_the_record_of_a_check_has_room_for_some_tables_only(tables, written):
    month = month_of(check=({"logBytes": 3000}, {"logBytes": 33_000}))
    assert counts_at(month, "check", tables)["logBytes"] == pytest.approx(written)


def test_a_log_of_the_storage_account_that_is_off_has_no_records():
    month = month_of(unchanged=({"storageChanges": 1e6}, {"storageChanges": 1e6}))
    assert usage_of(month, 10, ASLEEP)["logGb"] == pytest.approx(41 / 12)
    assert usage_of(month, 10, replace(ASLEEP, has_storage_log=False))["logGb"] == 0


def test_a_log_that_is_not_of_application_insights_is_paid_for_from_the_32nd_day():
    """1 GB in each month, kept for 59 days more, is 1.94 GB at any time."""
    month = month_of(unchanged=({"storageChanges": 12e6 / 41}, {"storageChanges": 12e6 / 41}))
    kept = usage_of(month, 10, ASLEEP)["keptGbMonths"]
    assert kept == pytest.approx(59 / (365 / 12))


def test_a_longer_message_weighs_as_much_more():
    assert log_weight.entry(100) - log_weight.entry() == 100
    assert log_weight.host_entry(100) - log_weight.host_entry() == 100


def test_the_rows_grow_until_the_first_runs_are_removed():
    month = month_of(unchanged=({"rowBytes": 12e9 / 41}, {"rowBytes": 12e9 / 41}))
    assert rows_gb(month, 10) == pytest.approx(400 / (365 / 12))
    assert DEPLOYED["default"].settings["RUN_RETENTION_DAYS"] == str(RUN_RETENTION_DAYS)


def test_a_row_weighs_its_keys_and_its_properties():
    """4 + 2 * 3 for the keys; a name has 8 + 2 bytes a letter, and a text 4 + 2 bytes a letter."""
    row = {"PartitionKey": "ab", "RowKey": "c", "text": "four", "is": True, "n": 7, "f": 1.5}
    assert entity_bytes(row) == 10 + (16 + 12) + (12 + 1) + (10 + 4) + (10 + 8)


def test_each_meter_has_a_price_with_its_sources():
    used = set(usage_of(month_of(), 10))
    assert used == set(prices()) == {meter for meters in PARTS.values() for meter in meters}
    for one in json.loads(PRICES.read_text())["meters"]:
        assert one["source"].startswith("https://"), one
        assert one["quotedBy"].startswith("https://"), one
        assert one["usd"] > 0 < one["per"], one


def test_the_bill_is_that_of_the_template_and_of_an_idle_instance():
    default = DEPLOYED["default"]
    assert len(default.all("Microsoft.Insights/scheduledQueryRules")) == ALERT_RULES
    scaling = default.site["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    assert scaling["instanceMemoryMB"] == INSTANCE_GB * 1024
    workspace = default.one("Microsoft.OperationalInsights/workspaces")
    assert workspace["properties"]["retentionInDays"] == 90
    sku = default.storage["sku"]["name"]
    assert all(sku.removeprefix("Standard_") in one["name"] for one in blob_prices())

    [row] = re.findall(r"^\| \*\*2 s\*\* .*", SCALE_PAGE.read_text(), re.MULTILINE)
    assert f"| {CALLS_A_MINUTE} |" in row


def blob_prices():
    meters = json.loads(PRICES.read_text())["meters"]
    return [one for one in meters if one["meter"].startswith("blob")]


def test_the_page_says_what_the_bill_assumes():
    text = " ".join(PAGE.read_text().split())
    assert f"comes {WEEKS} times a year. In {CHANGES} of these runs every table changes" in text
    assert f"reads about {CHECKED_SINGLY:,} tables of an app itself" in text
    assert DEFAULTS.awake_hours == DEFAULTS.checks == DAYS / MONTHS
    assert "an instance of each app for an hour a day" in text
    assert f"has {log_weight.STORAGE_CHANGE:,} bytes" in text
    assert log_weight.COUNTERS_A_MINUTE == 5
    assert "sends five performance counters a minute" in text


def test_another_count_makes_another_page():
    month = RECORDED["month"]
    few, many = month["unchanged"]
    more = {**month, "unchanged": [few, {**many, "tableOperations": 2 * many["tableOperations"]}]}
    assert blocks({"month": more})["month"] != blocks(RECORDED)["month"]


def test_the_total_is_the_sum_of_the_parts():
    rows = [line.split("|") for line in blocks(RECORDED)["month"].splitlines()]
    for column, tables in enumerate(SIZES, start=2):
        total = sum(parts_of(RECORDED["month"], tables).values())
        [shown] = [row[column] for row in rows if "US$ a month" in row[1]]
        assert float(shown.strip(" *").replace(",", "")) == pytest.approx(total, rel=0.06)
