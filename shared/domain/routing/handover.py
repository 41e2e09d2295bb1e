"""Plans of what a person asks for: adopt routes that others made, or undo what a run did."""

from collections.abc import Collection
from dataclasses import dataclass

from ..addresses import in_order
from ..errors import PermanentError
from .changes import Bare, Change, Changes, same, standing_routes
from .plan import Plan
from .routes import Route, RouteTable, is_owned, owned_name, renamed


@dataclass(frozen=True, slots=True)
class Adoption:
    """A plan that renames, and what it leaves because of the stamp or the name it bears."""

    plan: Plan
    stamped_by_others: tuple[str, ...]
    name_taken: tuple[str, ...]


def make_adoption(
    existing: RouteTable,
    wanted: Collection[str],
    known: Collection[str],
    *,
    owner: str,
    from_owner: str | None,
) -> Adoption:
    """Rename routes to the Internet that are somebody's to ours, all else as it is.

    Those on a wanted prefix, but another owner's stamp only where it is `from_owner`'s: of that
    one, also what was wanted once (`known`), which otherwise would stay for ever.
    """
    names = {route.name.lower(): route for route in existing.routes}
    adopted: dict[str, Route] = {}
    stamped: list[str] = []
    taken: list[str] = []
    for route in existing.routes:
        prefix, stamp = route.prefix, route.owner
        if not route.to_internet or stamp == owner:
            continue
        taken_over = stamp is not None and stamp == from_owner
        if prefix not in wanted and not (taken_over and prefix in known):
            continue
        if stamp is not None and not taken_over:
            stamped.append(prefix)
        elif names.get(owned_name(owner, prefix), route) is not route:
            taken.append(prefix)
        else:
            adopted[prefix] = route
    changes = Changes({p: Change.of(r, renamed(r, owner)) for p, r in adopted.items()})
    return Adoption(
        Plan(changes, _changed(existing, changes), handed_over=frozenset(adopted)),
        in_order(stamped),
        in_order(taken),
    )


def make_rollback(
    existing: RouteTable,
    done: Changes,
    *,
    owner: str,
    undone: Collection[str] = (),
    spared: Collection[str] = (),
) -> Plan:
    """Put each prefix back as it was before these changes; those `spared` stay as they are.

    Raise PermanentError `MOVED_ON` where the table is neither as the changes left it, but for what
    an earlier rollback has `undone` of them, nor as it was before.
    """
    standing = standing_routes(existing, done.by_prefix)
    names = {route.name.lower() for route in existing.routes}
    undo: dict[str, Change] = {}
    moved_on: list[str] = []
    as_before: list[str] = []
    for prefix, change in done.by_prefix.items():
        now = standing.get(prefix)
        if same(now, change.before):
            as_before.append(prefix)
        elif same(now, change.after) and not _name_taken(change.before, names, now):
            undo[prefix] = Change(change.after, change.before)
        else:
            moved_on.append(prefix)
    if undo:
        moved_on += (prefix for prefix in as_before if prefix not in undone)
    if moved_on:
        raise PermanentError(
            "MOVED_ON",
            "the table has moved on since that run, nothing is undone: "
            f"{', '.join(in_order(moved_on))} not as the run left it",
        )
    changes = Changes(undo).without(spared)
    return Plan(
        changes,
        _changed(existing, changes),
        handed_over=frozenset(
            prefix
            for prefix, change in changes.by_prefix.items()
            if change.before and change.after and not _owned(change.after, owner)
        ),
    )


def _name_taken(wanted: Bare | None, names: Collection[str], now: Bare | None) -> bool:
    """Whether a route that is to come back finds its name in use, by another than it replaces."""
    if wanted is None or (now is not None and now["name"].lower() == wanted["name"].lower()):
        return False
    return wanted["name"].lower() in names


def _owned(bare: Bare, owner: str) -> bool:
    return is_owned(Route.from_arm(bare), owner)


def _changed(existing: RouteTable, changes: Changes) -> tuple[Route, ...]:
    """The table's routes with these changes: each in its place, new ones at the end."""
    routes: list[Route] = []
    for route in existing.routes:
        change = changes.by_prefix.get(route.prefix)
        if change is None:
            routes.append(route)
        elif change.after is not None:
            routes.append(Route.from_arm(change.after))
    new = (changes.by_prefix[prefix].after for prefix in in_order(changes.added))
    return (*routes, *(Route.from_arm(bare) for bare in new if bare is not None))
