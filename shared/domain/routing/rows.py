"""Which row of the decision table a prefix is in.

Each prefix that is desired, or that a route in the table has, is in exactly one row.

| row        | existing route with that prefix        | desired | what the plan does    |
|------------|----------------------------------------|---------|-----------------------|
| add        | none                                   | yes     | adds our route        |
| keep       | ours, next hop Internet                | yes     | nothing               |
| update     | ours, another next hop                 | yes     | sets the next hop     |
| retain     | ours, within its grace                 | no      | nothing until its day |
| spare      | ours, spared or not replaced           | no      | nothing for now       |
| remove     | ours                                   | no      | removes it            |
| covered    | not ours, next hop Internet            | yes     | nothing               |
| conflict   | not ours, another next hop             | yes     | nothing, and reports  |
| name_taken | none, but a foreign route has our name | yes     | nothing, and reports  |
| leave      | not ours                               | no      | nothing               |

The prefixes in a desired tag need no routes of their own, so they are not desired unless they are
held. All the same, a foreign route that takes one of them elsewhere is a conflict. A foreign route
that sends a tag to the Internet covers the prefixes in the tag.

An owned route is not replaced in two cases: a desired tag contains its prefix, but the tag is in
the row conflict or name_taken; or its prefix is a tag, and a desired prefix in this tag is in the
row name_taken.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from .routes import Route, RouteTable, is_owned, owned_name


class Row(StrEnum):
    """The rows of the table above, in its order."""

    ADD = "add"
    KEEP = "keep"
    UPDATE = "update"
    RETAIN = "retain"
    SPARE = "spare"
    REMOVE = "remove"
    COVERED = "covered"
    CONFLICT = "conflict"
    NAME_TAKEN = "name_taken"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts that decide the row of each prefix of one table.

    `ours` and `foreign` are the routes by prefix. `namesakes` has, for a desired prefix, the
    foreign route with the name that ours would have. `tags` has the prefixes in each service tag.
    `retained` are the prefixes in their grace, and `spared` the others whose routes must stay.
    """

    owner: str
    desired: frozenset[str]
    ours: Mapping[str, Route]
    foreign: Mapping[str, Route]
    namesakes: Mapping[str, Route]
    tags: Mapping[str, frozenset[str]]
    retained: frozenset[str]
    spared: frozenset[str]

    @classmethod
    def of(
        cls,
        existing: RouteTable,
        desired: Collection[str],
        *,
        owner: str,
        retained: Collection[str] = (),
        spared: Collection[str] = (),
        tags: Mapping[str, Collection[str]] | None = None,
    ) -> Self:
        ours, foreign = _divided(existing, owner)

        return cls(
            owner=owner,
            desired=frozenset(desired),
            ours=ours,
            foreign={route.prefix: route for route in foreign},
            namesakes=_namesakes(foreign, desired, owner),
            tags={tag: frozenset(prefixes) for tag, prefixes in (tags or {}).items()},
            retained=frozenset(retained),
            spared=frozenset(spared),
        )

    def rows(self) -> dict[str, Row]:
        """Return the row of each prefix that is desired or has a route."""
        prefixes = self.desired | self.ours.keys() | self.foreign.keys()
        return {prefix: classify(prefix, self) for prefix in prefixes}


def _divided(existing: RouteTable, owner: str) -> tuple[dict[str, Route], list[Route]]:
    """Return our routes by prefix, and all others."""
    ours = {route.prefix: route for route in existing.routes if is_owned(route, owner)}
    foreign = [route for route in existing.routes if not is_owned(route, owner)]
    return ours, foreign


def _namesakes(
    foreign: Collection[Route], desired: Collection[str], owner: str
) -> dict[str, Route]:
    # Azure refuses the whole table if two names in it differ in case only.
    by_name = {route.name.lower(): route for route in foreign}
    names = {prefix: owned_name(owner, prefix).lower() for prefix in desired}
    return {prefix: by_name[name] for prefix, name in names.items() if name in by_name}


def classify(prefix: str, situation: Situation) -> Row:
    """Return the row that one prefix is in."""
    if prefix in situation.ours:
        return _row_of_ours(prefix, situation)
    if prefix in situation.foreign:
        return _row_of_foreign(prefix, situation)
    return _row_without_route(prefix, situation)


def _row_of_ours(prefix: str, situation: Situation) -> Row:
    if prefix in situation.desired:
        return Row.KEEP if situation.ours[prefix].to_internet else Row.UPDATE
    if prefix in situation.retained:
        return Row.RETAIN
    if prefix in situation.spared or _is_not_replaced(prefix, situation):
        return Row.SPARE
    return Row.REMOVE


def _row_of_foreign(prefix: str, situation: Situation) -> Row:
    desired = prefix in situation.desired
    if situation.foreign[prefix].to_internet:
        return Row.COVERED if desired else Row.LEAVE
    return Row.CONFLICT if desired or _is_in_desired_tag(prefix, situation) else Row.LEAVE


def _row_without_route(prefix: str, situation: Situation) -> Row:
    if prefix not in situation.desired:
        return Row.LEAVE
    if _is_covered_by_tag(prefix, situation):
        return Row.COVERED
    return Row.NAME_TAKEN if prefix in situation.namesakes else Row.ADD


def _tags_of(prefix: str, situation: Situation) -> list[str]:
    """Return the tags that contain this prefix."""
    return [tag for tag, prefixes in situation.tags.items() if prefix in prefixes]


def _is_in_desired_tag(prefix: str, situation: Situation) -> bool:
    return any(tag in situation.desired for tag in _tags_of(prefix, situation))


def _is_covered_by_tag(prefix: str, situation: Situation) -> bool:
    """Return whether a foreign route sends a tag that contains this prefix to the Internet."""
    tags = [tag for tag in _tags_of(prefix, situation) if tag not in situation.ours]
    return any(tag in situation.foreign and situation.foreign[tag].to_internet for tag in tags)


def _is_not_replaced(prefix: str, situation: Situation) -> bool:
    """Return whether the route that is to replace this owned route cannot be made.

    All prefixes that it classifies are desired, so that none of them leads back to it.
    """
    tags = [tag for tag in _tags_of(prefix, situation) if tag in situation.desired]
    if any(classify(tag, situation) in {Row.CONFLICT, Row.NAME_TAKEN} for tag in tags):
        return True

    # The prefix may be a tag whose prefixes get routes of their own. A foreign route on one of them
    # goes before the tag's route already, so that only a taken name matters.
    successors = situation.tags.get(prefix, frozenset()) & situation.desired
    return any(classify(successor, situation) is Row.NAME_TAKEN for successor in successors)
