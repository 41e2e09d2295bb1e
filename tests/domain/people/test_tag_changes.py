"""What people are told of a service tag that has changed."""

from dataclasses import replace

import pytest

from shared.domain.addresses import Version, in_order
from shared.domain.people.notices import Ledger, NoticeKind
from shared.domain.people.tag_changes import MOST_PREFIXES, TagVersion, tag_notice
from tests.builders.notices import NOW, A, B, C
from tests.builders.runs import TAG

IPV6 = "2603:1020::/48"


def version(number, *prefixes, tag=TAG, locations=("westeurope",)):
    stem = f"AzureCloud.{tag}"
    before = f"{stem}-{number - 1:06}" if number > 1 else None
    return Version(
        version_id=f"{stem}-{number:06}",
        cloud="AzureCloud",
        source=tag,
        change_number=str(number),
        recorded_at=NOW,
        locations=locations,
        address_prefixes=in_order(prefixes),
        previous_version_id=before,
        run_id="r",
    )


def told(*newest, ledger=None):
    return tag_notice("run-1", NOW, "dashboard?run=run-1", newest, ledger or Ledger())


def test_it_says_what_was_added_and_removed_from_which_version_to_which_and_at_which_locations():
    after = version(18, B, C, IPV6, locations=("westeurope", "northeurope"))
    notice, ledger = told(TagVersion(after, version(17, A, B)))
    assert notice is not None
    assert (notice.kind, notice.path) == (NoticeKind.SERVICE_TAG_CHANGED, "dashboard?run=run-1")
    assert notice.title == "AppServiceManagement changed: +2 -1 prefixes"
    assert notice.facts == {
        TAG: (
            "+2 -1, from AzureCloud.AppServiceManagement-000017 to "
            "AzureCloud.AppServiceManagement-000018, recorded 2026-03-04 06:00 UTC"
        ),
        "Locations": "westeurope, northeurope",
    }
    assert notice.summary == (
        f"{TAG}: {notice.facts[TAG]}. The app's route tables follow, unless "
        "APPLY_POLICY or PAUSED holds them. "
        "If a firewall of yours has these addresses, change it as well."
    )
    assert [(item.state, item.text) for item in notice.items] == [
        ("added", f"{TAG}: {C}, {IPV6}"),
        ("removed", f"{TAG}: {A}"),
    ]
    assert ledger.versions == {"AzureCloud.AppServiceManagement": after.version_id}


def test_if_only_ipv6_prefixes_changed_it_says_that_no_route_does():
    notice, _ = told(TagVersion(version(2, A, IPV6), version(1, A)))
    assert notice is not None
    assert "All of them are IPv6, so no route changes." in notice.summary


def test_several_tags_are_one_notice():
    both = [TagVersion(version(2, A, tag=tag), version(1, B, tag=tag)) for tag in (TAG, "Storage")]
    notice, ledger = told(*both)
    assert notice is not None
    assert notice.title == "2 service tags changed"
    assert [*notice.facts] == [TAG, "Storage", "Locations"]
    assert notice.summary.startswith(f"{TAG}: +1 -1, from ")
    assert "And 1 service tag more." in notice.summary
    assert [item.state for item in notice.items] == ["added", "removed"] * 2
    assert len(ledger.versions) == 2


@pytest.mark.parametrize(
    ("names", "title", "more"),
    [
        ((TAG, "a-list"), "1 service tag and 1 list changed", "And 1 list more."),
        (("a-list", "b-list", "c-list"), "3 lists changed", "And 2 lists more."),
        (
            ("a-list", TAG, "b-list"),
            "1 service tag and 2 lists changed",
            "1 service tag and 1 list",
        ),
    ],
)
def test_lists_are_counted_by_themselves_and_have_no_location(names, title, more):
    """Each may have a page of 1000 characters, and a notice has 10 kB."""
    page = f"https://example.com/{'x' * 980}"
    news = [
        TagVersion(version(2, A, tag=name, locations=at), version(1, B, tag=name))
        for name in names
        for at in [("westeurope",) if name == TAG else (page,)]
    ]
    notice, _ = told(*news)
    assert notice is not None
    assert (notice.title, more in notice.summary) == (title, True)
    places = {"Locations": "westeurope"} if TAG in names else {}
    assert {k: v for k, v in notice.facts.items() if k not in names} == places


@pytest.mark.parametrize(
    "before",
    [None, version(1, A, B), version(1, B, A)],
    ids=["the first one", "another number", "another order"],
)
def test_it_is_no_change_if_no_prefix_came_or_went(before):
    notice, ledger = told(TagVersion(version(2, A, B), before))
    assert notice is None
    assert [*ledger.versions.values()] == ["AzureCloud.AppServiceManagement-000002"]


def test_nothing_new_leaves_the_ledger_as_it_is():
    known = replace(Ledger(), versions={"AzureCloud.AppServiceManagement": "x"})
    assert told(ledger=known) == (None, known)


def test_a_long_list_is_shortened_and_counted():
    many = [f"20.{number}.0.0/24" for number in range(1, MOST_PREFIXES + 3)]
    notice, _ = told(TagVersion(version(2, A, *many), version(1, A)))
    assert notice is not None
    [item] = notice.items
    assert item.text.startswith(f"{TAG}: 20.1.0.0/24, 20.2.0.0/24, ")
    assert item.text.endswith(" and 2 more")
    assert item.text.count("/24") == MOST_PREFIXES
