"""Find what a person means by an id, a name, or a part of one.

Names are compared as ARM compares ids, without regard to case. A whole name wins over a part. If a
text fits several things, the command ends and lists them. If a part is taken, standard error says
for what. A command that changes something without a question takes no part, because next week the
same part may belong to another table.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from rich.text import Text

from ..domain import codes
from ..domain.armid import EnvironmentId, ResourceId, RouteTableId, ignoring_case
from ..domain.codes import Code
from ..domain.runs.outcome import OutcomeStatus
from ..domain.runs.run import Action, Mode, Run
from .contact import app
from .errors import Refused
from .shell import say

LAST = "last"
MOST_LISTED = 20
"""So many candidates are listed, and the rest is counted."""
_WHOLE_RUN_ID = re.compile("[0-9]{20}-[0-9a-f]{8}")
_QUIET = frozenset({OutcomeStatus.UNCHANGED, OutcomeStatus.PLANNED})


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of thing, the code if there is none of it, and the command that lists all."""

    noun: str
    missing: Code
    lists: str


_TABLE = _Kind("registered route table", codes.NOT_REGISTERED, "tables list")
_ENVIRONMENT = _Kind("registered environment", codes.NOT_REGISTERED, "tables list -o wide")
_RUN = _Kind("run", codes.RUN_NOT_FOUND, "runs")
_VERSION = _Kind("version", codes.VERSION_NOT_FOUND, "versions")


@dataclass(frozen=True, slots=True)
class Last:
    """The newest run that suits is meant by `last`."""

    noun: str
    suits: Callable[[Run], bool]


type _Names = Mapping[str, Sequence[str]]
"""The whole names of each thing by its id. The last name is the longest; a part can be of it."""

type _Known = Callable[[], Sequence[ResourceId]]
"""Reads from storage what a name can stand for."""


def _waits(run: Run) -> bool:
    if not run.ended or run.request.action is not Action.SYNC:
        return False
    # Most runs are ruled out without reading an outcome.
    found = {status for status, number in run.counts.items() if number}
    if found <= {OutcomeStatus.UNCHANGED}:
        return False
    return any(outcome.can_be_approved for outcome in app().outcomes.list(run.run_id))


ANY = Last("run", lambda _: True)
WAITING = Last("run in which something waits for an approval", _waits)


def changing(route_table: str) -> Last:
    """Return the newest run that has changed this route table, if this is the id of one."""
    meant = RouteTableId.around(route_table)
    if meant is None:
        return Last("run that has changed it", lambda _: False)
    return Last(f"run that has changed {meant.name}", lambda run: _has_changed(run, meant))


def _has_changed(run: Run, table: RouteTableId) -> bool:
    asked = run.request
    if asked.mode is not Mode.APPLY or not asked.action.is_about_tables:
        return False

    # Most runs are ruled out without reading an outcome.
    about = not asked.route_tables or table in asked.route_tables
    quiet = run.ended and not any(n for status, n in run.counts.items() if status not in _QUIET)
    if quiet or not about:
        return False
    outcome = app().outcomes.get(run.run_id, table)
    return outcome is not None and bool(outcome.changes)


def table(text: str, *, whole: bool = False) -> str:
    """Return the ARM id of the registered route table that is meant.

    An ARM id is returned as it is, because it may be meant although it is not registered. With
    `whole`, a part of a name is refused. Raise Refused.
    """
    return _resource(text, _TABLE, known_tables, whole=whole)


def tables(texts: Sequence[str] | None, *, whole: bool = False) -> Sequence[str] | None:
    return _resources(texts, _TABLE, known_tables, whole=whole)


def environments(texts: Sequence[str] | None, *, whole: bool = False) -> Sequence[str] | None:
    """Return the ARM ids of environments that registered route tables have."""
    return _resources(texts, _ENVIRONMENT, known_environments, whole=whole)


def run(text: str, last: Last = ANY, *, whole: bool = False) -> str:
    """Return the id of the run that is meant: by its beginning, or the `last` one."""
    if _WHOLE_RUN_ID.fullmatch(text):
        return text
    if ignoring_case(text) == LAST:
        kind = replace(_RUN, noun=last.noun)
        newest = (one.run_id for one in app().runs.list() if last.suits(one))
        return _only(text, list(islice(newest, 1)), kind, whole=whole)

    begun = islice(app().runs.list(beginning=text), MOST_LISTED + 1)
    return _only(text, [one.run_id for one in begun], _RUN, whole=whole)


def version(text: str, *, whole: bool = False) -> str:
    """Return the id of the recorded version that is meant."""
    return _chosen(text, {each: [each] for each in app().versions.ids()}, _VERSION, whole=whole)


def names_of(resource: ResourceId) -> Sequence[str]:
    """Return the whole names of a resource, from the short one to the long one."""
    in_group = f"{resource.resource_group}/{resource.name}"
    return resource.name, in_group, f"{resource.subscription_id}/{in_group}"


def is_arm_id(text: str) -> bool:
    return ignoring_case(text.lstrip("/")).startswith("subscriptions/")


def known_tables() -> Sequence[RouteTableId]:
    return [one.route_table_id for one in app().registry.list()]


def known_environments() -> Sequence[EnvironmentId]:
    """Return each environment of a registered route table once."""
    found = (one.registration.ase_id for one in app().registry.list() if one.unreadable is None)
    return [*dict.fromkeys(ase_id for ase_id in found if ase_id is not None)]


def _resources(
    texts: Sequence[str] | None, kind: _Kind, known: _Known, *, whole: bool
) -> Sequence[str] | None:
    if texts is None:
        return None
    # Storage is read once, and only if one of the texts is no id.
    once = functools.cache(known)
    return [_resource(text, kind, once, whole=whole) for text in texts]


def _resource(text: str, kind: _Kind, known: _Known, *, whole: bool) -> str:
    # People write an id with or without its leading slash.
    if is_arm_id(text):
        return "/" + text.strip("/")
    return _chosen(text, {str(each): names_of(each) for each in known()}, kind, whole=whole)


def _chosen(text: str, names: _Names, kind: _Kind, *, whole: bool) -> str:
    wanted = ignoring_case(text)
    exact = [one for one in names if wanted in map(ignoring_case, names[one])]
    if len(exact) == 1:
        return exact[0]

    parts = [one for one in names if wanted and wanted in ignoring_case(names[one][-1])]
    return _only(text, exact or parts, kind, whole=whole)


def _only(text: str, found: Sequence[str], kind: _Kind, *, whole: bool) -> str:
    """Return the only one that was found, and say which. Raise Refused if it is not clear."""
    if not found:
        message = f"{text!r} is no {kind.noun}: ase-route-sync {kind.lists} shows all"
        raise Refused(kind.missing, message)
    if len(found) > 1:
        raise _ambiguous(text, found, kind)

    if whole:
        message = f"{text!r} is not a whole name or id. Do you mean {found[0]}?"
        raise Refused(codes.NAME_INCOMPLETE, message)
    say(Text(f"{text} means {found[0]}"))
    return found[0]


def _ambiguous(text: str, found: Sequence[str], kind: _Kind) -> Refused:
    number = len(found) if len(found) <= MOST_LISTED else f"more than {MOST_LISTED}"
    shown = [{"target": str(n), "message": one} for n, one in enumerate(found, 1)]
    message = f"{text!r} fits {number} {kind.noun}s"
    return Refused(codes.NAME_AMBIGUOUS, message, shown[:MOST_LISTED])
