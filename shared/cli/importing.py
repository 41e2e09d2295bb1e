"""Write the registrations into a file, and bring them to what a file says."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from .. import answers
from ..domain import codes
from ..domain.armid import RouteTableId
from ..domain.errors import InvalidRequest, RouteSyncError
from ..domain.people.notices import number_of
from ..domain.registry.azure_tag import AZURE_TAG
from ..domain.registry.registered_table import RegisteredTable
from ..domain.runs.run import Trigger
from ..sync.requester import Requester
from . import show
from .actions import FAILED, PENDING, signed_in
from .agreement import app_for_writing
from .contact import app
from .difference import (
    Difference,
    Json,
    Kind,
    Step,
    counted,
    difference_lines,
    steps_json,
)
from .errors import Ended, Refused
from .registrations_file import read, written
from .shell import answer, ask, need_somebody, say
from .show.parts import place_of

_BY_TAG = f"registered by the Azure tag {AZURE_TAG}"

type _Failures = Mapping[RouteTableId, Refused]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """`prune` unregisters what is not in the file, and `prune_all` however much that is."""

    prune: bool
    prune_all: bool
    plan_only: bool
    acknowledge: bool
    yes: bool
    as_json: bool


def export_tables() -> None:
    """Write the file byte for byte, because it is a backup. It ends with 1 if a row is missing."""
    found = answers.registered_tables(app())
    tagged = [table for table in found if _is_tags(table)]
    sys.stdout.buffer.write(written(table for table in found if table not in tagged).encode())
    sys.stdout.buffer.flush()

    if tagged:
        say(Text(f"Not in the file: {number_of(len(tagged), 'table')} {_BY_TAG}", style="dim"))
    lost = _unreadable(found)
    if lost:
        say(Group(*_failed(lost)))
    raise Ended(FAILED if lost else 0)


def import_tables(source: str, options: ImportOptions) -> None:
    """Register what the file says. The failure of one table stops no other."""
    # Nobody has to be signed in to look.
    by = Requester(Trigger.CLI) if options.plan_only else signed_in()
    _Import(_difference(source, options), by, options).run()


def _difference(source: str, options: ImportOptions) -> Difference:
    entries = read(_content(source))
    if options.acknowledge:
        acknowledged = {"acknowledge": True}
        entries = {i: entry.model_copy(update=acknowledged) for i, entry in entries.items()}
    found, tag = answers.registered_tables(app()), app().policy.default_service_tag
    of_tags = frozenset(one.route_table_id for one in found if _is_tags(one))
    tables = [one for one in found if one.route_table_id not in of_tags - entries.keys()]
    return Difference(entries, tables, tag, options.prune, of_tags)


def _is_tags(table: RegisteredTable) -> bool:
    """Return whether the table's Azure tag decides its registration, and so no file does."""
    return table.by_tag and app().policy.discovers_by_tag


def _content(source: str) -> bytes:
    """Raise Refused if the file cannot be read."""
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise Refused(codes.INVALID_FILE, f"{source}: {error.strerror}") from None


def _unreadable(tables: Iterable[RegisteredTable]) -> dict[RouteTableId, Refused]:
    return {
        table.route_table_id: Refused(table.unreadable.code, table.unreadable.message)
        for table in tables
        if table.unreadable is not None
    }


def _failures(steps: Iterable[Step], do: Callable[[Step], None]) -> dict[RouteTableId, Refused]:
    """Do this for each step, and return why it failed for some."""
    failed: dict[RouteTableId, Refused] = {}
    for step in steps:
        try:
            do(step)
        except RouteSyncError as error:
            faults = error.faults if isinstance(error, InvalidRequest) else ()
            details = [{"target": one.target, "message": one.message} for one in faults]
            failed[step.table_id] = Refused(error.code, error.message, details)
    return failed


@dataclass(slots=True)
class _Import:
    """One import, with why it has failed for some tables so far."""

    found: Difference
    by: Requester
    options: ImportOptions
    failed: dict[RouteTableId, Refused] = field(default_factory=dict)

    def run(self) -> None:
        self._preview()
        if self.options.plan_only:
            self._end(self.found.steps)

        steps = self._succeeding(self.found.steps)
        self._confirm(steps)
        self.failed |= _failures(steps, self._carry_out)
        self._end(self._succeeding(steps))

    def _preview(self) -> None:
        """Show the difference. Raise Refused if too many tables would be unregistered."""
        self.failed = _unreadable(self.found.unreadable)

        # A person sees what would be refused before the question.
        if self.options.plan_only or not self.options.yes:
            self.failed |= _failures(self.found.steps, self._judge)
        if not self.options.as_json:
            answer(None, _planned(self.found, self.failed), as_json=False)

        if self.found.unregisters_too_many and not self.options.prune_all:
            count = len(self.found.of_kind(Kind.UNREGISTER))
            message = f"{count} of {len(self.found.tables)} registered tables are not in the file"
            raise Refused(codes.TOO_MANY_UNREGISTERED, message)

    def _succeeding(self, steps: Iterable[Step]) -> list[Step]:
        return [step for step in steps if step.table_id not in self.failed]

    def _confirm(self, steps: Sequence[Step]) -> None:
        """Ask a person, and let the app confirm its settings. The difference follows from them."""
        yes, as_json = self.options.yes, self.options.as_json
        if not steps:
            return
        if not yes:
            need_somebody(as_json=as_json)
            ask("Do this?")
        app_for_writing(yes=yes, shown=True, as_json=as_json)

    def _judge(self, step: Step) -> None:
        if step.request is not None:
            app().registering.judge(step.request, self.by)

    def _carry_out(self, step: Step) -> None:
        if step.request is None:
            app().registering.unregister(str(step.table_id), self.by, step.expect)
        else:
            app().registering.register(step.request, self.by, step.expect)
        if not self.options.as_json:
            say(Text(f"{step.kind.done}: {place_of(step.table_id)}", style="dim"))

    def _end(self, steps: Sequence[Step]) -> None:
        """Show what was done, or as JSON also what is planned, and end with the exit status."""
        if self.options.as_json:
            answer(_json(self.found, steps, self.failed), "", as_json=True)
        elif (steps or self.failed) and not self.options.plan_only:
            answer(None, _done(steps, self.failed), as_json=False)

        if self.failed:
            raise Ended(FAILED)
        raise Ended(PENDING if steps and self.options.plan_only else 0)


def _planned(found: Difference, failed: _Failures) -> RenderableType:
    total = f"Plan: {counted(found.steps, planned=True)}, {found.unchanged} unchanged"
    return Group(*difference_lines(found), *_failed(failed), Text(total, style="bold"))


def _done(steps: Sequence[Step], failed: _Failures) -> RenderableType:
    total = f"Done: {counted(steps, planned=False)}, {len(failed)} failed"
    return Group(*_failed(failed), Text(total, style="bold"))


def _failed(failed: _Failures) -> Iterator[RenderableType]:
    for table_id, refused in failed.items():
        yield Text(f"! {place_of(table_id)}", style="red")
        yield show.error(refused)


def _json(found: Difference, steps: Sequence[Step], failed: _Failures) -> Json:
    return {
        **steps_json(steps),
        "unchanged": found.unchanged,
        "kept": [str(table_id) for table_id in found.kept],
        "failed": [
            {"routeTableId": str(table_id), **refused.to_json()}
            for table_id, refused in failed.items()
        ],
    }
