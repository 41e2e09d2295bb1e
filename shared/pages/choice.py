"""Which route tables the overview shows, and in which order: its URL says so."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..domain.people.overview import Judged, Mood, State

NAMES = ("search", "state", "tag", "subscription", "sort")
"""The query parameters."""
SORTS = ("state", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The tables that somebody looks for. Everything that is empty is not asked for.

    Every word of `search` has to be in the table's name, group or environment, or the search is the
    beginning of an ARM id.
    """

    search: str = ""
    state: str = ""
    tag: str = ""
    subscription: str = ""
    sort: str = ""

    @classmethod
    def of(cls, value_of: Callable[[str], str | None]) -> "Choice":
        """Raise ValueError if a value is none that the page knows."""
        choice = cls(**{name: (value_of(name) or "").strip() for name in NAMES})
        for name, known in (("state", [*State]), ("sort", SORTS)):
            asked = getattr(choice, name)
            if asked and asked not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}")
        return choice

    @property
    def query(self) -> Mapping[str, str]:
        """Return the query parameters that ask for the same."""
        return {name: text for name in NAMES if (text := getattr(self, name))}

    def sorted_by(self, sort: str) -> Mapping[str, str]:
        """Return the query parameters that ask for the same tables in this order."""
        return {**self.query, "sort": sort}

    @property
    def asks(self) -> bool:
        """Whether it leaves out any table."""
        return bool({*self.query} - {"sort"})

    def found(self, tables: Iterable[Judged]) -> Sequence[Judged]:
        """Return the tables that are asked for, in their order: the worst first, or by name."""
        return sorted(filter(self._takes, tables), key=_by_name if self.sort == "name" else _worst)

    def _takes(self, judged: Judged) -> bool:
        asked, place = judged.table.registration, judged.table.route_table_id
        return (
            self.state in {"", judged.state}
            and (not self.tag or self.tag in asked.service_tags)
            and self.subscription.lower() in {"", place.subscription_id.lower()}
            and self._has_words(judged)
        )

    def _has_words(self, judged: Judged) -> bool:
        place, ase_id = judged.table.route_table_id, judged.table.registration.ase_id
        search = self.search.lower()
        if search.startswith("/"):
            ids = (place.key, ase_id.key if ase_id else "")
            return any(key.startswith(search) for key in ids)
        text = f"{place.resource_group}/{place.name} {ase_id.name if ase_id else ''}".lower()
        return all(word in text for word in search.split())


def options(tables: Sequence[Judged]) -> Mapping[str, object]:
    """Return what can be chosen among these tables, and how many tables are in each state."""
    states = Counter(one.state for one in tables)
    tags = {tag for one in tables for tag in one.table.registration.service_tags}
    subscriptions = {one.table.route_table_id.subscription_id.lower() for one in tables}
    return {
        "states": [(state, states[state]) for state in [*State][::-1] if states[state]],
        "tags": sorted(tags),
        "subscriptions": sorted(subscriptions),
    }


def _worst(judged: Judged) -> tuple[int, int, str]:
    moods = list(Mood)
    return -moods.index(judged.mood), -judged.state.rank, judged.table.route_table_id.key


def _by_name(judged: Judged) -> tuple[str, str]:
    place = judged.table.route_table_id
    return place.name.lower(), place.key
