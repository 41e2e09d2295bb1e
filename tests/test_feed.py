"""The feed of versions, as a feed reader reads it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.addresses import Addition, Difference, Publication, Version
from shared.feed import MOST_PREFIXES, Place, versions_feed
from tests.atom import read_feed
from tests.builders.azure import ase_id_of
from tests.builders.runs import TAG

A, B = "20.0.0.0/24", "20.0.1.0/24"
NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
PLACE = Place(
    name="https://account.table.core.windows.net/ServiceTagVersions",
    own="https://app.example/api/versions.atom",
    page="https://app.example/api/dashboard",
    version=lambda one: f"https://app.example/api/versions/{one.version_id}",
)
VERSION = Version(
    version_id=f"AzureCloud.{TAG}-000017",
    cloud="AzureCloud",
    source=TAG,
    change_number="64",
    recorded_at=NOW,
    locations=("westeurope", "northeurope"),
    address_prefixes=(A,),
    previous_version_id=f"AzureCloud.{TAG}-000016",
    run_id="20260304060000000000-00000000",
)
NOTHING = Difference((), ())


def feed_of(*versions):
    return read_feed(versions_feed(PLACE, versions))


def entry_of(version, change=NOTHING):
    [entry] = feed_of((version, change)).entries
    return entry


def test_an_entry_says_what_a_version_added_and_removed():
    entry = entry_of(VERSION, Difference((A,), (B,)))
    assert (entry.title, entry.updated) == (f"{TAG} changed: +1 -1 prefixes", NOW)
    assert entry.link == "https://app.example/api/versions/AzureCloud.AppServiceManagement-000017"
    assert entry.prefixes == [A, B]
    for said in (VERSION.version_id, VERSION.previous_version_id, "64", "westeurope, northeurope"):
        assert said in entry.content


@pytest.mark.parametrize(
    ("changed", "change", "title"),
    [
        (
            {"previous_version_id": None},
            Difference((A,), ()),
            "is recorded for the first time: +1 prefixes",
        ),
        ({}, NOTHING, "has change number 64, and the same prefixes"),
    ],
)
def test_a_first_version_and_one_with_the_same_prefixes_say_so(changed, change, title):
    assert entry_of(replace(VERSION, **changed), change).title == f"{TAG} {title}"


def test_what_the_weekly_file_alone_has_is_counted():
    added = Addition(A, Publication(date(2026, 3, 2), "374"))
    said = "API lacks: 1 of these prefixes, which the weekly file has"
    assert said in entry_of(replace(VERSION, additions=(added,))).content
    assert "API lacks" not in entry_of(VERSION).content


def test_the_addresses_of_an_environment_have_its_name():
    version = replace(VERSION, source=ase_id_of("one"), locations=(), change_number="")
    entry = entry_of(version, Difference((A,), ()))
    assert entry.title == "one changed: +1 -0 prefixes"
    assert "Locations" not in entry.content
    assert "Change number" not in entry.content


def test_a_list_has_a_page_and_the_day_of_its_verification():
    page = "https://example.com/addresses"
    version = replace(VERSION, source="a-list", locations=(page,), change_number="2026-12-01")
    entry = entry_of(version)
    assert entry.title == "a-list was verified on 2026-12-01, and has the same prefixes"
    assert "Verified: 2026-12-01" in entry.content and f"Source: {page}" in entry.content
    assert "Locations" not in entry.content and "Change number" not in entry.content


def test_the_feed_is_as_new_as_its_newest_entry_and_keeps_their_order():
    older = replace(VERSION, version_id="v1", recorded_at=NOW - timedelta(days=7))
    feed = feed_of((VERSION, NOTHING), (older, NOTHING))
    assert feed.updated == NOW
    assert [entry.updated for entry in feed.entries] == [NOW, older.recorded_at]
    assert (feed.own, feed.page) == (PLACE.own, PLACE.page)


def test_a_feed_without_versions_is_a_feed():
    assert feed_of().entries == []


def test_an_entry_keeps_its_id_and_no_other_app_has_it():
    entry = entry_of(VERSION)
    assert entry_of(replace(VERSION, change_number="x"), Difference((A,), ())) != entry
    assert entry_of(replace(VERSION, change_number="x")).entry_id == entry.entry_id
    others = entry_of(replace(VERSION, run_id="20260304060000000000-11111111"))
    assert others.entry_id != entry.entry_id
    elsewhere = read_feed(versions_feed(replace(PLACE, name="https://other"), ()))
    assert elsewhere.feed_id != feed_of().feed_id


def test_a_long_list_is_shortened_and_counted():
    many = tuple(f"20.0.{number}.0/24" for number in range(MOST_PREFIXES + 5))
    lines = entry_of(VERSION, Difference(many, ())).prefixes
    assert lines == [*many[:MOST_PREFIXES], "and 5 more"]


@given(st.text() | st.sampled_from(["\x00\x0b", "\ud800", "\ufffe", "<b>&amp;</b>", "]]>"]))
def test_whatever_azure_has_for_a_change_number_it_stays_text(change_number):
    version = replace(VERSION, change_number=change_number)
    entry = entry_of(version)
    assert entry.title.startswith(f"{TAG} has change number ")
    assert entry_of(version, Difference((A,), ())).prefixes == [A]
