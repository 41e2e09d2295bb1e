"""Schedules as the real host reads them, with what is surprising about them."""

from datetime import datetime, timedelta

import pytest

from local.host.ncrontab import NEVER, parse


def occurrences(text, after, count):
    schedule = parse(text)
    found = [datetime.fromisoformat(after)]
    for _ in range(count):
        found.append(schedule.following(found[-1]))
    return found[1:]


ACCEPTED = [
    *("0 0 6 * * 3", "0 0 6 * * WED", "0 0 6 * * wed", "0 0 6 * * Wednesday", "0 0 6 * * We"),
    *("  0  0 6 * * 3 ", "*/7 * * * * *", "0/5 * * * * *", "1-5/2 * * * * *", "1,3 * * * * *"),
    *("0 0 6 * * MON-FRI", "0 0 6 * * SUN", "0 0 6 * JAN-Mar *", "0 6 * * 3", "0 0 6 31 2 *"),
    *("59 59 23 31 12 6", "0 0 0 1 1 0", "0 0 6 * * MON-SUN", "0 0 22-2 * * *", "*/0 * * * * *"),
    *("00:00:00", "25:00:00", "01:30:00", "01:30", "2.12:00", "1:2:3:4", "5", "00:00:00.5"),
]
REFUSED = [
    *("0 0 6 * * 7", "0 0 6 * * 1-7", "0 0 6 ? * *", "0 0 6 L * *", "0 0 6 1W * *"),
    *("0 0 6 * * 3#1", "0\t0\t6\t*\t*\t3", "60 0 6 * * *", "0 60 6 * * *", "0 0 24 * * *"),
    *("0 0 6 0 * *", "0 0 6 32 * *", "0 0 6 * 0 *", "0 0 6 * 13 *", "0 0 0 6 * * 3"),
    *("@daily", "", " ", "0 0 6 *", "0 0 6 * * 1,", "0 0 6 * * ,1", "0 0 6 * * 1-", "0 0 6 * * -1"),
    *(
        "0 0 6 * * */",
        "0 0 6 * * /2",
        "0 0 6 * * 1-2-3",
        "0 0 6 * * x",
        "0 0 6 * * **",
        "-5 0 6 * *",
    ),
    *("24:00", "00:60:00", "1.2", "1.24:00", "10675200", "x", "1:2:3:4:5", "0 0 6 * * 1/1.5"),
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_the_host_accepts(text):
    parse(text)


@pytest.mark.parametrize("text", REFUSED)
def test_the_host_refuses(text):
    with pytest.raises(ValueError, match="is "):
        parse(text)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("0 0 6 * * 3", "2026-11-23T00:00Z", "2026-11-25T06:00Z"),
        ("0 0 6 * * 3", "2026-11-25T05:59:59.999Z", "2026-11-25T06:00Z"),
        ("0 0 6 * * 3", "2026-11-25T06:00Z", "2026-12-02T06:00Z"),
        ("0 0 6 * * 3", "2026-11-25T06:00:00.001Z", "2026-12-02T06:00Z"),
        ("0 6 * * 3", "2026-11-23T00:00Z", "2026-11-25T06:00Z"),
        ("30 */5 * * * *", "2026-11-23T06:01Z", "2026-11-23T06:05:30Z"),
        ("59 59 23 31 12 *", "2026-12-31T23:59:58Z", "2026-12-31T23:59:59Z"),
        # Day and weekday are both to be met: the first Friday that is a 13th.
        ("0 0 0 13 * 5", "2026-11-23T00:00Z", "2027-08-13T00:00Z"),
        ("0 0 0 29 2 *", "2026-11-23T00:00Z", "2028-02-29T00:00Z"),
        ("0 0 0 29 2 SUN", "2088-03-01T00:00Z", "2128-02-29T00:00Z"),
        ("0 0 0 31 * *", "2026-11-01T00:00Z", "2026-12-31T00:00Z"),
        # A number with a step goes on to the end of its field.
        ("0 20/15 6 * * *", "2026-11-23T06:20Z", "2026-11-23T06:35Z"),
        ("0 1-5/2 6 * * *", "2026-11-23T06:03Z", "2026-11-23T06:05Z"),
        # The beginning of a name is enough, and the first name that has it is meant.
        ("0 0 0 1 J *", "2026-11-23T00:00Z", "2027-01-01T00:00Z"),
        ("0 0 0 1 Ju *", "2026-11-23T00:00Z", "2027-06-01T00:00Z"),
        ("0 0 0 * * T", "2026-11-23T00:00Z", "2026-11-24T00:00Z"),
        ("25:00:00", "2026-11-23T00:00Z", "2026-12-18T00:00Z"),
        ("23:00:00", "2026-11-23T00:00Z", "2026-11-23T23:00Z"),
        ("24:00:00", "2026-11-23T00:00Z", "2026-12-17T00:00Z"),
        ("25:10:59", "2026-11-23T00:00Z", "2026-12-18T10:59Z"),
        ("01:30", "2026-11-23T00:00Z", "2026-11-23T01:30Z"),
        ("5", "2026-11-23T00:00Z", "2026-11-28T00:00Z"),
        ("2.12:00", "2026-11-23T00:00Z", "2026-11-25T12:00Z"),
        ("1:2:3:4", "2026-11-23T00:00Z", "2026-11-24T02:03:04Z"),
        ("00:00:00.25", "2026-11-23T00:00Z", "2026-11-23T00:00:00.250Z"),
    ],
)
def test_the_next_occurrence(text, after, expected):
    assert occurrences(text, after, 1) == [datetime.fromisoformat(expected)]


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("0 0 6 * * MON-SUN", "0 0 6 * * 0,1"),
        ("0 0 6 * * SAT-MON", "0 0 6 * * 1,2,3,4,5,6"),
        ("0 0 22-2 * * *", "0 0 2-22 * * *"),
        ("0 0 6 * * WED-WED", "0 0 6 * * 3"),
    ],
)
def test_a_reversed_range_is_turned_round_without_a_word(text, means):
    assert parse(text) == parse(means)


@pytest.mark.parametrize("text", ["0 0 6 31 2 *", "0 0 6 30,31 2 *", "0 0 6 31 4,6,9,11 *"])
def test_a_day_that_no_month_has_never_comes(text):
    assert occurrences(text, "2026-11-23T00:00Z", 1) == [NEVER]


@pytest.mark.parametrize("text", ["00:00:00", "-01:00:00"])
def test_an_interval_of_nothing_fires_without_pause(text):
    [following] = occurrences(text, "2026-11-23T00:00Z", 1)
    assert following <= datetime.fromisoformat("2026-11-23T00:00Z")


def test_an_interval_beyond_all_dates_never_ends():
    assert occurrences("10675199", "2026-11-23T00:00Z", 1) == [NEVER]


@pytest.mark.parametrize(
    ("text", "is_frequent"),
    [
        *(("* * * * * *", True), ("*/30 * * * * *", True), ("0 * * * * *", False)),
        *(("* 0-58 * * * *", False), ("00:00:59", True), ("00:01:00", False)),
    ],
)
def test_the_host_keeps_no_status_of_what_fires_more_than_once_in_a_minute(text, is_frequent):
    assert parse(text).is_frequent is is_frequent


def test_every_second_is_every_second():
    seconds = occurrences("* * * * * *", "2026-12-31T23:59:58Z", 3)
    start = datetime.fromisoformat("2026-12-31T23:59:58Z")
    assert seconds == [start + timedelta(seconds=number) for number in (1, 2, 3)]
