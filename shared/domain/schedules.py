"""Schedules that the Functions host reads as people do.

If the host cannot read a schedule, it leaves the timer out. It also reads more than people expect:
it turns a reversed range round, takes `25:00:00` for 25 days, and waits for 31 February for ever.
So only plain schedules count as right. Source: CrontabFieldImpl.cs of atifaziz/NCrontab.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

_LONGEST_GAP_DAYS = 41 * 366
"""29 February comes on a given weekday once in 40 years at most, around the year 2100."""
_LONGEST_MONTH = 31
_SHORTER_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}

_PART = re.compile(
    r"(?:\*|(?P<first>[0-9A-Za-z]+)(?:-(?P<last>[0-9A-Za-z]+))?)(?:/(?P<step>[0-9]+))?"
)
_NUMBER = re.compile(r"[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    def fault(self, text: str) -> str | None:
        try:
            self.values(text)
        except ValueError as error:
            return f"{self.name}: {error}"
        return None

    def values(self, text: str) -> set[int]:
        """Raise ValueError if the text is not plain."""
        return {value for part in text.split(",") for value in self._part(part)}

    def _part(self, text: str) -> range:
        match = _PART.fullmatch(text)
        if match is None:
            raise self._unexpected()
        first, last = self._ends(match)
        if first > last:
            raise ValueError("a range must begin with its lower end, or the host swaps both")
        return range(first, last + 1, self._step(match["step"] or "1"))

    def _ends(self, match: re.Match[str]) -> tuple[int, int]:
        """A value with a step goes on to the end of the field."""
        if match["first"] is None:
            return self.lowest, self.highest
        first = self._value(match["first"])
        if match["last"]:
            return first, self._value(match["last"])
        return first, self.highest if match["step"] else first

    def _value(self, text: str) -> int:
        if text.lower() in self.names:
            return self.lowest + self.names.index(text.lower())
        if not _NUMBER.fullmatch(text) or not self.lowest <= int(text) <= self.highest:
            raise self._unexpected()
        return int(text)

    def _step(self, text: str) -> int:
        if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= self.highest:
            raise ValueError(f"a step must be from 1 to {self.highest}")
        return int(text)

    def _unexpected(self) -> ValueError:
        values = f"numbers from {self.lowest} to {self.highest}"
        if self.names:
            values += f" or names from {self.names[0].upper()} to {self.names[-1].upper()}"
        return ValueError(f"it must be *, or {values}")


_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

_DAY, _MONTH = _Field("day", 1, 31), _Field("month", 1, 12, _MONTHS)
_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _DAY,
    _MONTH,
    _Field("weekday", 0, 6, _WEEKDAYS),
)


def schedule_fault(text: str) -> str | None:
    """Return what is wrong with this schedule, without its text; None if it is plain."""
    parts = text.split(" ")
    if len(parts) != len(_FIELDS):
        return "it must have six fields, with single blanks between them"

    faults = [fault for at, part in enumerate(parts) if (fault := _FIELDS[at].fault(part))]
    if not faults and not _dates_exist(*parts[3:5]):
        faults.append("day and month: there is no such date, so it never fires")
    return "; ".join(faults) or None


def next_time(text: str, after: datetime) -> datetime | None:
    """Return when this schedule fires next after a moment (UTC); None if it is not plain."""
    if schedule_fault(text) is not None:
        return None
    fields = zip(_FIELDS, text.split(" "), strict=True)
    *clock, days, months, weekdays = [sorted(field.values(part)) for field, part in fields]

    start = after.replace(microsecond=0) + timedelta(seconds=1)
    for day in (start + timedelta(days=number) for number in range(_LONGEST_GAP_DAYS)):
        # Day and weekday both have to match.
        if day.day in days and day.month in months and day.isoweekday() % 7 in weekdays:
            found = _first_time(clock, start.time() if day == start else time())
            if found is not None:
                return datetime.combine(day, found, after.tzinfo)
    return None


def _first_time(clock: Sequence[Sequence[int]], earliest: time) -> time | None:
    """Return the first time of a day that matches seconds, minutes and hours, from this one on."""
    seconds, minutes, hours = clock
    possible = itertools.product((h for h in hours if h >= earliest.hour), minutes, seconds)
    times = itertools.starmap(time, possible)
    return next((each for each in times if each >= earliest), None)


def _dates_exist(days: str, months: str) -> bool:
    """Sooner or later, each date comes on each weekday, also 29 February."""
    first_day = min(_DAY.values(days))
    return any(
        first_day <= _SHORTER_MONTHS.get(month, _LONGEST_MONTH) for month in _MONTH.values(months)
    )
