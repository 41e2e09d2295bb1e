"""Schedules of timers, as the Functions host reads them: NCrontab's grammar, and time spans.

Sources: CrontabFieldImpl.cs, CrontabField.cs and CrontabSchedule.cs of atifaziz/NCrontab; and
TimerSchedule.cs, CronSchedule.cs and ConstantSchedule.cs of Azure/azure-webjobs-sdk-extensions.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

NEVER = datetime.max.replace(tzinfo=UTC)
"""The next occurrence of a schedule that never fires again."""
DAYS_OF_400_YEARS = 146_097
"""After these days, the calendar repeats itself with its leap years and weekdays."""
LARGEST_STEP = 2**31 - 1


class Schedule(Protocol):
    @property
    def is_frequent(self) -> bool:
        """Return whether it fires more than once in a minute. Then no status is kept."""

    def following(self, after: datetime) -> datetime:
        """Return the next occurrence, or NEVER."""


def parse(text: str) -> Schedule:
    """Raise ValueError if the host does not accept this text."""
    parts = [part for part in text.split(" ") if part]
    if len(parts) == len(_FIELDS) - 1:
        parts.insert(0, "0")  # five fields begin with the minute
    if len(parts) == len(_FIELDS):
        try:
            return Cron(*map(_values, _FIELDS, parts))
        except ValueError:
            pass  # the host then tries a time span
    return Every(_time_span(text))


@dataclass(frozen=True, slots=True)
class Cron:
    """Fires when all six fields match, so both the day and the weekday have to."""

    seconds: Sequence[int]
    minutes: Sequence[int]
    hours: Sequence[int]
    days: Sequence[int]
    months: Sequence[int]
    weekdays: Sequence[int]

    @property
    def is_frequent(self) -> bool:
        given = (self.minutes, self.hours, self.days, self.months, self.weekdays)
        lengths = [field.highest - field.lowest + 1 for field in _FIELDS[1:]]
        return [len(values) for values in given] == lengths and len(self.seconds) > 1

    def following(self, after: datetime) -> datetime:
        earliest = after.replace(microsecond=0) + timedelta(seconds=1)
        for number in range(DAYS_OF_400_YEARS):
            day = earliest.date() + timedelta(days=number)
            if self._falls_on(day):
                for moment in self._times(earliest.time() if number == 0 else time.min):
                    return datetime.combine(day, moment, UTC)
        return NEVER

    def _falls_on(self, day: date) -> bool:
        weekday = day.isoweekday() % 7  # Sunday is 0
        return day.day in self.days and day.month in self.months and weekday in self.weekdays

    def _times(self, earliest: time) -> Iterator[time]:
        """Yield the occurrences of a day, from the earliest on."""
        hours = [hour for hour in self.hours if hour >= earliest.hour]
        for hour, minute, second in itertools.product(hours, self.minutes, self.seconds):
            moment = time(hour, minute, second)
            if moment >= earliest:
                yield moment


@dataclass(frozen=True, slots=True)
class Every:
    """Fires at intervals. If the interval is not positive, it fires without pause."""

    interval: timedelta

    @property
    def is_frequent(self) -> bool:
        return self.interval < timedelta(minutes=1)

    def following(self, after: datetime) -> datetime:
        return NEVER if self.interval > NEVER - after else after + self.interval


@dataclass(frozen=True, slots=True)
class _Field:
    lowest: int
    highest: int
    names: Sequence[str] = ()


_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_FIELDS = (
    _Field(0, 59),
    _Field(0, 59),
    _Field(0, 23),
    _Field(1, 31),
    _Field(1, 12, _MONTHS),
    _Field(0, 6, _WEEKDAYS),
)


def _values(field: _Field, text: str) -> list[int]:
    return sorted({value for part in text.split(",") for value in _range(field, part)})


def _range(field: _Field, text: str) -> range:
    """Read `*`, `1` or `1-5`, each also with a step: `1/7` goes on to the end of the field."""
    body, slash, step = text.partition("/")
    if body == "*":
        first, last = field.lowest, field.highest
    elif "-" in body:
        start, _, end = body.partition("-")
        # A reversed range is turned round: SAT-MON means from Monday to Saturday.
        first, last = sorted((_value(field, start), _value(field, end)))
    else:
        first = _value(field, body)
        last = field.highest if slash else first

    if first < field.lowest or max(first, last) > field.highest:
        raise ValueError(f"'{text}' is out of range")
    return range(first, last + 1, _step(step) if slash else 1)


def _step(text: str) -> int:
    if not re.fullmatch("[+-]?[0-9]+", text) or abs(int(text)) > LARGEST_STEP:
        raise ValueError(f"'{text}' is not a step")
    return max(int(text), 1)


def _value(field: _Field, text: str) -> int:
    """Read a number, or the beginning of a name: `J` is January, and `Ju` is June."""
    if re.fullmatch("[0-9]+", text):
        return int(text)
    for number, name in enumerate(field.names, field.lowest):
        if text and name.startswith(text.lower()):
            return number
    raise ValueError(f"'{text}' is not a value")


_SHAPES = {
    (False, 1): ("d",),
    (False, 2): ("hm",),
    (False, 3): ("hms", "dhm"),  # 23:00:00 are hours, and 25:00:00 are days
    (False, 4): ("dhms",),
    (True, 2): ("dhm",),
    (True, 3): ("dhms",),
}
"""The units of the numbers, by whether a point follows the first one, and by how many come then."""
_LARGEST = {"d": 10_675_199, "h": 23, "m": 59, "s": 59}
_NAMES = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def _time_span(text: str) -> timedelta:
    """Read a time span as `TimeSpan.Parse` of .NET does: `01:30:00`, `2.12:00`, `5` (days)."""
    form = r"(-?)(?:(\d+)\.)?(\d+(?::\d+){0,3})(?:\.(\d{1,7}))?"
    match = re.fullmatch(form, text.strip(), re.ASCII)
    if match is None:
        raise ValueError(f"'{text}' is neither NCRONTAB nor a time span")

    sign, days, others, fraction = match.groups()
    numbers = [int(number) for number in others.split(":")]
    shapes = _SHAPES.get((days is not None, len(numbers)), ())
    given = numbers if days is None else [int(days), *numbers]

    for shape in shapes:
        found = dict(zip(shape, given, strict=True))
        is_within = all(number <= _LARGEST[unit] for unit, number in found.items())
        if is_within and ("s" in shape or fraction is None):
            whole = timedelta(**{_NAMES[unit]: number for unit, number in found.items()})
            span = whole + timedelta(seconds=float(f"0.{fraction or 0}"))
            return -span if sign else span
    raise ValueError(f"'{text}' is not a time span")
