"""How the registrations differ from a file of them, as data, as JSON and as text."""

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.text import Text

from ..domain.armid import RouteTableId, ignoring_case
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import Registration
from ..json_shapes import registration_json
from ..sync.registering import Expect, RegisterRequest, nothing, one_of
from .registrations_file import TableEntry
from .show.parts import place_of

MOST_UNREGISTERED_PERCENT = 10
"""A person has to say so if a larger share of the registered tables is to be unregistered."""
_MOST_NAMED = 10

type Json = Mapping[str, object]


class Kind(StrEnum):
    REGISTER = "register"
    CHANGE = "change"
    UNREGISTER = "unregister"

    @property
    def done(self) -> str:
        return f"{self.removesuffix('e')}ed"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key of a registration that gets another value. `before` is None if the table is new."""

    key: str
    before: object
    after: object


_TAKEN_OVER = KeyChange("madeByTag", before=True, after=False)


@dataclass(frozen=True, slots=True)
class Step:
    """A route table whose registration differs from the file.

    `request` asks for what the file says; it is None if the table is to be unregistered. `expect`
    raises an error if the registration is not as it was when the difference was worked out.
    """

    kind: Kind
    table_id: RouteTableId
    changes: tuple[KeyChange, ...]
    request: RegisterRequest | None
    expect: Expect


@dataclass(frozen=True)  # without slots, because a cached property needs a `__dict__`
class Difference:
    """The difference between the entries of a file and the registered tables.

    `default_tag` is the tag of an entry that names none. If `prune`, the tables that are not in the
    file are unregistered. What an Azure tag has registered in the tables `of_tags` belongs to the
    file afterwards, even if the file says the same.
    """

    entries: Mapping[RouteTableId, TableEntry]
    tables: Sequence[RegisteredTable]
    default_tag: str
    prune: bool
    of_tags: frozenset[RouteTableId] = frozenset()

    @functools.cached_property
    def steps(self) -> tuple[Step, ...]:
        """Everything that is to be done."""
        known = {table.route_table_id: table for table in self.tables}
        tag = self.default_tag
        steps = (_step(i, e, known.get(i), tag, self._taken(i)) for i, e in self.entries.items())
        pruned = [table for table in self._missing if self.prune and table.unreadable is None]
        return (*(one for one in steps if one is not None), *map(_unregistering, pruned))

    def _taken(self, table_id: RouteTableId) -> tuple[KeyChange, ...]:
        return (_TAKEN_OVER,) if table_id in self.of_tags else ()

    @property
    def kept(self) -> tuple[RouteTableId, ...]:
        """The tables that are registered and not in the file, if they stay so."""
        return () if self.prune else tuple(table.route_table_id for table in self._missing)

    @property
    def unreadable(self) -> tuple[RegisteredTable, ...]:
        """The tables to which nothing is done, because their rows cannot be read."""
        broken = [table for table in self.tables if table.unreadable is not None]
        return tuple(t for t in broken if self.prune or t.route_table_id in self.entries)

    @property
    def unchanged(self) -> int:
        """The number of tables that are as the file says."""
        changing = len(self.steps) - len(self.of_kind(Kind.UNREGISTER))
        unreadable = sum(table.route_table_id in self.entries for table in self.unreadable)
        return len(self.entries) - changing - unreadable

    @property
    def unregisters_too_many(self) -> bool:
        count = len(self.of_kind(Kind.UNREGISTER))
        return 100 * count > MOST_UNREGISTERED_PERCENT * len(self.tables)

    def of_kind(self, kind: Kind) -> list[Step]:
        return of_kind(kind, self.steps)

    @property
    def _missing(self) -> list[RegisteredTable]:
        return [table for table in self.tables if table.route_table_id not in self.entries]


def of_kind(kind: Kind, steps: Iterable[Step]) -> list[Step]:
    return [step for step in steps if step.kind is kind]


def _step(
    table_id: RouteTableId,
    entry: TableEntry,
    known: RegisteredTable | None,
    default_tag: str,
    taken: tuple[KeyChange, ...],
) -> Step | None:
    """Return None if the table is as the file says and the file's, or if its row is unreadable."""
    after, request = _asked(entry, default_tag), entry.request(str(table_id))
    if known is None:
        changes = tuple(KeyChange(key, None, value) for key, value in after.items())
        return Step(Kind.REGISTER, table_id, changes, request, nothing)
    if known.unreadable is not None:
        return None

    before: Mapping[str, object] = registration_json(known.registration)
    differing = [key for key in before if not _same(key, before[key], after[key])]
    changes = (*(KeyChange(key, before[key], after[key]) for key in differing), *taken)
    expect = one_of([known.registration.etag])
    return Step(Kind.CHANGE, table_id, changes, request, expect) if changes else None


def _unregistering(table: RegisteredTable) -> Step:
    expect = one_of([table.registration.etag])
    return Step(Kind.UNREGISTER, table.route_table_id, (), None, expect)


def _asked(entry: TableEntry, default_tag: str) -> Json:
    """Return what `GET` would show of the entry if it were registered."""
    given = entry.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude={"route_table_id", "acknowledge"}
    )
    default = () if entry.service else (default_tag,)
    asked = {**registration_json(Registration(default)), **given}
    return {**asked, "serviceTags": list(dict.fromkeys(asked["serviceTags"]))}


def _same(key: str, before: object, after: object) -> bool:
    if key == "aseId" and isinstance(before, str) and isinstance(after, str):
        return ignoring_case(before) == ignoring_case(after)
    return before == after


def steps_json(steps: Sequence[Step]) -> Json:
    """Show what is to be done, or was done, by kind."""
    return {
        "registered": [
            {"routeTableId": str(step.table_id), "registration": _registration_json(step)}
            for step in of_kind(Kind.REGISTER, steps)
        ],
        "changed": [
            {"routeTableId": str(step.table_id), "changes": [*map(_change_json, step.changes)]}
            for step in of_kind(Kind.CHANGE, steps)
        ],
        "unregistered": [str(step.table_id) for step in of_kind(Kind.UNREGISTER, steps)],
    }


def _registration_json(step: Step) -> Json:
    return {change.key: change.after for change in step.changes}


def _change_json(change: KeyChange) -> Json:
    return {"key": change.key, "from": change.before, "to": change.after}


def difference_lines(found: Difference) -> Iterator[Text]:
    """Show each table with the keys that change, and then what is left alone."""
    for step in found.steps:
        yield from _step_lines(step)
    if found.kept:
        names = [*map(place_of, found.kept[:_MOST_NAMED])]
        more = len(found.kept) - len(names)
        said = f"{', '.join(names)}{f' and {more} more' if more else ''}"
        yield Text(f"Not in the file, and kept: {said}. --prune unregisters them.", style="dim")


def counted(steps: Sequence[Step], *, planned: bool) -> str:
    """Count the steps of each kind in words."""
    counts = {kind: len(of_kind(kind, steps)) for kind in Kind}
    return ", ".join(
        f"{count} to {kind}" if planned else f"{count} {kind.done}"
        for kind, count in counts.items()
    )


def _step_lines(step: Step) -> Iterator[Text]:
    said = ", and its routes stay" if step.kind is Kind.UNREGISTER else ""
    head = f"{place_of(step.table_id)} will be {step.kind.done}{said}"
    yield Text.assemble(("# ", "dim"), (head, "bold"))

    for change in step.changes:
        if step.kind is Kind.CHANGE:
            yield from _change_lines(change)
        elif change.after not in (None, []):
            yield Text(f"  + {change.key}: {_shown(change.after)}", style="green")


def _change_lines(change: KeyChange) -> Iterator[Text]:
    before, after = change.before, change.after
    if not isinstance(before, list) or not isinstance(after, list):
        yield Text(f"  ~ {change.key}: {_shown(before)} → {_shown(after)}", style="yellow")
        return

    added = [one for one in after if one not in before]
    removed = [one for one in before if one not in after]
    if not added and not removed:
        yield Text(f"  ~ {change.key}: in another order, {_shown(after)}", style="yellow")
    yield from (Text(f"  + {change.key}: {_shown(one)}", style="green") for one in added)
    yield from (Text(f"  - {change.key}: {_shown(one)}", style="red") for one in removed)


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
