"""What people are told of the registrations that Azure tags have changed."""

from dataclasses import replace

import pytest

from shared.domain import codes
from shared.domain.findings import Finding
from shared.domain.people.membership import MOST_NAMED, membership_notice, not_read_alarms
from shared.domain.people.notices import Ledger, NoticeKind
from shared.domain.registry.azure_tag import TagChange, TagEffect
from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, rid, table_id
from tests.builders.notices import check

AWAY = Finding(codes.NO_ANSWER, "no answer")
REFUSED = Finding(codes.AUTHORIZATION_FAILED, "no right")
GONE = TagChange(rid("two"), TagEffect.UNREGISTERED, "its Azure tag is gone")
IN_OTHER = rid(table_id("there", OTHER_SUBSCRIPTION))


def azures(code):
    return Finding(codes.lookup(code), "Azure says no")


def change(name, effect):
    return TagChange(rid(name), effect, "its Azure tag is aseRouteSync = 'off'")


def told(*changes, ledger=None):
    return membership_notice(replace(check(), tag_changes=changes), ledger or Ledger())


def test_nothing_is_told_if_nothing_has_changed():
    assert told() == (None, Ledger())


def test_the_notice_counts_and_lists_the_changes():
    notice, ledger = told(change("one", TagEffect.REGISTERED), change("more", TagEffect.CHANGED))
    assert notice is not None
    assert notice.kind is NoticeKind.REGISTRATIONS
    assert notice.title == "Azure tags: 1 table changed, 1 table registered"
    assert notice.summary == (
        "more in rg-more: changed, its Azure tag is aseRouteSync = 'off'. And 1 more. "
        "The check was at 2026-03-04 06:00 UTC. No action is needed."
    )
    assert told(GONE, ledger=ledger) == (None, ledger)


def test_a_table_that_has_lost_its_tag_stands_first_with_what_to_do_if_that_was_a_mistake():
    notice, _ = told(
        change("one", TagEffect.REGISTERED), change("more", TagEffect.REGISTERED), GONE
    )
    assert notice is not None
    assert notice.title == "Azure tags: 1 table unregistered, 2 tables registered"
    assert [(item.state, item.route_table_id.name) for item in notice.items] == [
        ("unregistered", "two"),
        ("registered", "one"),
        ("registered", "more"),
    ]
    assert notice.summary == (
        "two in rg-two: unregistered, its Azure tag is gone. And 2 more. "
        "The check was at 2026-03-04 06:00 UTC. "
        "To have the app keep its routes right again, give the table its tag again."
    )


@pytest.mark.parametrize(
    ("why", "registered", "is_told"),
    [
        (AWAY, (), True),
        (REFUSED, (), False),
        (REFUSED, (rid("one"),), False),
        (REFUSED, (IN_OTHER,), True),
        (azures("MissingSubscriptionRegistration"), (), False),
        (azures("MissingSubscriptionRegistration"), (IN_OTHER,), True),
        (azures("SubscriptionNotFound"), (), False),
        (azures("SubscriptionNotFound"), (IN_OTHER,), True),
    ],
)
def test_a_usual_reason_is_told_only_where_a_table_is_registered(why, registered, is_told):
    alarms = not_read_alarms({OTHER_SUBSCRIPTION: why}, registered, 2)
    assert [alarm.code for alarm in alarms] == [codes.AZURE_TAGS_NOT_READ] * is_told


def test_one_alarm_names_the_first_subscriptions_and_why():
    [alarm] = not_read_alarms({SUBSCRIPTION: AWAY, OTHER_SUBSCRIPTION: REFUSED}, (IN_OTHER,), 3)
    assert alarm.message == (
        f"not all Azure tags were read in 2 of 3 subscriptions: {SUBSCRIPTION}, "
        f"{OTHER_SUBSCRIPTION} (NoAnswer: no answer)"
    )
    [alarm] = not_read_alarms({str(number): AWAY for number in range(MOST_NAMED + 1)}, (), 50)
    assert "in 11 of 50 subscriptions: 0, 1," in alarm.message


def test_the_list_of_all_subscriptions_may_be_what_fails():
    [alarm] = not_read_alarms({"": REFUSED}, (), 0)
    assert "not all Azure tags were read in any subscription" in alarm.message
