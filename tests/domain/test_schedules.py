"""A schedule that counts as right means to the host what it means to people."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from local.host import ncrontab
from shared.domain.schedules import next_time, schedule_fault

LIMITS = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]
NAMES = {
    4: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    5: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
}


@pytest.mark.parametrize(
    "text",
    [
        *("0 0 6 * * 3", "0 20 5 * * *", "0 0 6 * * WED", "0 0 6 * * wed", "* * * * * *"),
        *(
            "59 59 23 31 12 6",
            "0 0 0 1 1 0",
            "0-59 0-59 0-23 1-31 1-12 0-6",
            "*/59 */59 */23 * * *",
        ),
        *("0 0 6 * * MON-FRI", "0 0 6 * * MON,WED,FRI", "0 0 6 1-7 JAN-DEC/3 SUN-SAT"),
        *("0 0/5 6 * * *", "0 1-5/2 6 * * *", "0 5-5 6 * * *", "0 0 6 29 2 *", "0 0 6 30 11 *"),
        *("0 0 6 31 2,3 *", "00 00 06 * * 3"),
    ],
)
def test_plain_schedules(text):
    assert schedule_fault(text) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        *(("60 0 6 * * 3", "second"), ("0 60 6 * * 3", "minute"), ("0 0 24 * * 3", "hour")),
        *(("0 0 6 0 * 3", "day"), ("0 0 6 32 * 3", "day"), ("0 0 6 * 0 3", "month")),
        *(("0 0 6 * 13 3", "month"), ("0 0 6 * * 7", "weekday"), ("0 0 6 * * 1-7", "weekday")),
        *(("0 0 6 ? * *", "day"), ("0 0 6 L * *", "day"), ("0 0 6 1W * *", "day")),
        *(
            ("0 0 6 * * 3#1", "weekday"),
            ("0 0 6 * * Wednesday", "weekday"),
            ("0 0 6 * * We", "weekday"),
        ),
        *(
            ("0 0 6 * * MON-SUN", "weekday"),
            ("0 0 6 * * FRI-MON", "weekday"),
            ("0 0 22-2 * * *", "hour"),
        ),
        *(("0 0 6 * NOV-FEB *", "month"), ("0 0 6 * * 1,", "weekday"), ("0 0 6 * * ,1", "weekday")),
        *(
            ("0 0 6 * * *-5", "weekday"),
            ("0 0 6 * * 1-2-3", "weekday"),
            ("0 0 6 * * -1", "weekday"),
        ),
        *(("0 */0 6 * * *", "minute"), ("0 */60 6 * * *", "minute"), ("0 */ 6 * * *", "minute")),
        *(("0 0 JAN * * *", "hour"), ("0 0 6 * MON *", "month"), ("0 0 006 * * *", "hour")),
        *(
            ("0 0 6 * * 3\n", "weekday"),
            ("0 0 6 * * 3\t", "weekday"),
            ("0 0 6 * * \uff13", "weekday"),
        ),
        *(("0 0 6 31 2 *", "day and month"), ("0 0 6 30,31 FEB *", "day and month")),
        ("0 0 6 31 4,6,9,11 *", "day and month"),
    ],
)
def test_a_fault_names_its_field(text, named):
    assert str(schedule_fault(text)).startswith(f"{named}: ")


@pytest.mark.parametrize(
    "text",
    [
        *("", "0 6 * * 3", "0 0 0 6 * * 3", "0  0 6 * * 3", " 0 0 6 * * 3", "0 0 6 * * 3 "),
        *("0\t0\t6\t*\t*\t3", "@daily", "00:00:00", "25:00:00", "6"),
    ],
)
def test_another_number_of_fields(text):
    assert schedule_fault(text) == "it must have six fields, with single blanks between them"


def test_every_wrong_field_is_named():
    faults = str(schedule_fault("60 0 6 0 * MON-SUN")).split("; ")
    assert [fault.split(":")[0] for fault in faults] == ["second", "day", "weekday"]


def alone(text, number):
    """Return a schedule in which only this field says something."""
    return " ".join("*" if other != number else text for other in range(6))


@st.composite
def right_fields(draw, number):
    """Draw a field up to its limits, with names where it has some."""
    low, high = LIMITS[number]

    def shown(value):
        return NAMES[number][value - low] if number in NAMES and draw(st.booleans()) else str(value)

    def part():
        first, last = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
        body = draw(st.sampled_from(["*", shown(first), f"{shown(first)}-{shown(last)}"]))
        return body + draw(st.just("") | st.integers(1, high).map("/{}".format))

    return ",".join(part() for _ in range(draw(st.integers(1, 3))))


def any_fields(number):
    """Draw a field that is a little beyond its limits, or turned round, or whatever."""
    low, high = LIMITS[number]
    values = st.integers(low - 1, high + 1).map(str) | st.sampled_from(NAMES.get(number, ["MON"]))
    ranges = st.tuples(values, values).map("-".join)
    steps = st.just("") | st.integers(0, high + 1).map("/{}".format)
    parts = st.tuples(st.just("*") | values | ranges, steps).map("".join)
    lists = st.lists(parts, min_size=1, max_size=3).map(",".join)
    return lists | st.text("0123456789JANFEBSUNMOWDjan*,/-", max_size=6)


def plainly(text, number):
    """Return the values of a field as people read them."""
    low, high = LIMITS[number]

    def read(name):
        return low + NAMES[number].index(name.upper()) if name.isalpha() else int(name)

    values = set()
    for one in text.split(","):
        body, _, step = one.partition("/")
        ends = [low, high] if body == "*" else [read(name) for name in body.split("-")]
        last = high if step and len(ends) == 1 else ends[-1]
        values |= set(range(ends[0], last + 1, int(step or 1)))
    return sorted(values)


@pytest.mark.parametrize("number", range(6))
@given(st.data())
def test_whatever_counts_as_right_the_host_reads_as_people_do(number, data):
    text = data.draw(right_fields(number) | any_fields(number))
    if schedule_fault(alone(text, number)) is None:
        fields = [plainly(text if other == number else "*", other) for other in range(6)]
        assert ncrontab.parse(alone(text, number)) == ncrontab.Cron(*fields)


@given(
    st.tuples(*[right_fields(number) for number in range(6)]),
    st.datetimes(datetime(2024, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
@example(("0", "0", "0", "29", "2", "SUN"), datetime(2088, 3, 1, tzinfo=UTC))
@example(("*", "*", "*", "*", "*", "*"), datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC))
@example(("0", "0", "6", "*", "*", "3"), datetime(2026, 3, 4, 6, tzinfo=UTC))
@example(("0", "0", "6", "*", "*", "3"), datetime(2026, 3, 4, 5, 59, 59, tzinfo=UTC))
def test_the_next_time_is_when_the_host_fires_next(fields, now):
    text = " ".join(fields)
    at = ncrontab.parse(text).following(now)
    assert next_time(text, now) == (None if at == ncrontab.NEVER else at)


def test_a_schedule_that_is_not_plain_has_no_next_time():
    assert next_time("@daily", datetime(2026, 3, 4, tzinfo=UTC)) is None


@given(st.tuples(*[right_fields(number) for number in range(6)]))
def test_the_host_fires_when_all_six_fields_match_if_there_is_such_a_date(fields):
    text = " ".join(fields)
    now = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
    at = ncrontab.parse(text).following(now)
    fault = schedule_fault(text)
    assert (fault is None) is (at != ncrontab.NEVER)

    if fault is None:
        here = (at.second, at.minute, at.hour, at.day, at.month, at.isoweekday() % 7)
        assert at > now
        assert all(there in plainly(fields[number], number) for number, there in enumerate(here))


@given(st.tuples(*[right_fields(number) | any_fields(number) for number in range(6)]))
def test_a_wrong_field_makes_the_schedule_wrong(fields):
    is_wrong = any(schedule_fault(alone(text, number)) for number, text in enumerate(fields))
    assert not is_wrong or schedule_fault(" ".join(fields)) is not None
