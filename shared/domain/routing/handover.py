"""Plans that a person asks for: adopt routes that others made, or roll back a run."""

from collections.abc import Collection
from dataclasses import dataclass

from .. import codes
from ..addresses import in_order
from ..errors import PermanentError
from .changes import Bare, Change, Changes, is_as_recorded, routes_on
from .plan import Plan
from .routes import Route, RouteTable, is_owned, owned_name, renamed


@dataclass(frozen=True, slots=True)
class Adoption:
    """A plan that renames routes, and the prefixes whose routes it cannot rename.

    The routes on `stamped_by_others` have the stamp of an owner that nobody named. Our names for
    the routes on `name_taken` belong to other routes.
    """

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
    """Plan to rename foreign routes to the Internet to our names, and to change nothing else.

    Routes on a wanted prefix are adopted, but with another owner's stamp only if that owner is
    `from_owner`. A route of `from_owner` is also adopted if its prefix was wanted once (`known`):
    otherwise nobody would ever remove it.
    """
    foreign = [r for r in existing.routes if r.to_internet and r.owner != owner]
    stamped = [r for r in foreign if r.owner not in {None, from_owner} and r.prefix in wanted]
    adoptable = [r for r in foreign if _is_adoptable(r, wanted, known, from_owner)]

    # Azure refuses the whole table if two of its routes have one name.
    taken, adopted = _divided_by_name(adoptable, existing, owner)
    return Adoption(_renaming(existing, adopted, owner), _prefixes(stamped), _prefixes(taken))


def _prefixes(routes: Collection[Route]) -> tuple[str, ...]:
    return in_order(route.prefix for route in routes)


def _divided_by_name(
    routes: Collection[Route], existing: RouteTable, owner: str
) -> tuple[list[Route], list[Route]]:
    """Return the routes for which another route has our name, and the others."""
    by_name = {route.name.lower(): route for route in existing.routes}

    taken: list[Route] = []
    free: list[Route] = []
    for route in routes:
        holder = by_name.get(owned_name(owner, route.prefix).lower())
        if holder is None or holder is route:
            free.append(route)
        else:
            taken.append(route)
    return taken, free


def _is_adoptable(
    route: Route, wanted: Collection[str], known: Collection[str], from_owner: str | None
) -> bool:
    if route.owner is None:
        return route.prefix in wanted
    return route.owner == from_owner and (route.prefix in wanted or route.prefix in known)


def _renaming(existing: RouteTable, adopted: Collection[Route], owner: str) -> Plan:
    changes = Changes({r.prefix: Change.of(r, renamed(r, owner)) for r in adopted})
    return Plan(changes, _routes_after(existing, changes), handed_over=frozenset(changes.by_prefix))


def make_rollback(
    existing: RouteTable,
    done: Changes,
    *,
    owner: str,
    back_already: Collection[str] = (),
    spared: Collection[str] = (),
) -> Plan:
    """Plan to put each prefix back as it was before these changes, but for the `spared` ones.

    Raise PermanentError `MOVED_ON` if somebody else has changed a prefix since, or has put only a
    part of them back. An earlier rollback may have put back the prefixes `back_already`.
    """
    undo, moved_on = _undo(existing, done, back_already)
    if moved_on:
        raise PermanentError(
            codes.MOVED_ON,
            "the table has changed since that run, so nothing is undone: not as the run left "
            f"{', '.join(in_order(moved_on))}",
        )

    changes = Changes(undo).without(spared)
    return Plan(changes, _routes_after(existing, changes), handed_over=_given_back(changes, owner))


def _undo(
    existing: RouteTable, done: Changes, back_already: Collection[str]
) -> tuple[dict[str, Change], set[str]]:
    """Return the changes that undo these, and the prefixes that somebody has changed since."""
    now = routes_on(done.by_prefix, existing)
    names = {route.name.lower() for route in existing.routes}

    as_before = {p for p, c in done.by_prefix.items() if is_as_recorded(now.get(p), c.before)}
    undo = {
        prefix: Change(change.after, change.before)
        for prefix, change in done.by_prefix.items()
        if prefix not in as_before and _can_go_back(change, now.get(prefix), names)
    }

    # If all is as before, a rollback is done already. If only a part is, somebody else has put that
    # part back, unless an earlier rollback did.
    put_back_by_others = as_before - frozenset(back_already) if undo else set()
    changed = done.by_prefix.keys() - as_before - undo.keys()
    return undo, changed | put_back_by_others


def _given_back(changes: Changes, owner: str) -> frozenset[str]:
    """Return the prefixes whose route stops being ours, because an adoption is undone."""
    return frozenset(
        prefix
        for prefix, change in changes.by_prefix.items()
        if change.before and change.after and not _owned(change.after, owner)
    )


def _can_go_back(change: Change, now: Bare | None, names: Collection[str]) -> bool:
    """Return whether the route is as the change left it and nothing is in the way back."""
    return is_as_recorded(now, change.after) and not _name_taken(change.before, names, now)


def _name_taken(before: Bare | None, names: Collection[str], now: Bare | None) -> bool:
    """Return whether another route has the name of a route that is to come back."""
    if before is None or (now is not None and now["name"].lower() == before["name"].lower()):
        return False
    return before["name"].lower() in names


def _owned(bare: Bare, owner: str) -> bool:
    return is_owned(Route.from_arm(bare), owner)


def _routes_after(existing: RouteTable, changes: Changes) -> tuple[Route, ...]:
    """Return the table's routes after these changes: each in its place, new ones at the end."""
    routes: list[Route] = []
    for route in existing.routes:
        change = changes.by_prefix.get(route.prefix)
        if change is None:
            routes.append(route)
        elif change.after is not None:
            routes.append(Route.from_arm(change.after))

    new = (changes.by_prefix[prefix].after for prefix in in_order(changes.added))
    return (*routes, *(Route.from_arm(bare) for bare in new if bare is not None))
