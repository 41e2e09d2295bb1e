"""The tags of one weekly file, and which of them a route may have as its prefix, in short lines."""

import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..services.service import Service

type _Tag = tuple[str, str]
"""The name of a tag, and its ending in lower case; the ending is empty if there is none."""

ITSELF = "."
REGIONS = "*"
WITHOUT = "-"


@dataclass(frozen=True)  # without slots, because a cached property needs a `__dict__`
class Publication:
    """The tags of one file: those that a route may have as its prefix, and the others.

    Each line of `routable` and `others` is the name of a tag with its endings: `.` is the tag
    itself, `*` stands for all of `regions`, and `-westindia` leaves that ending out of them. An
    indented line belongs to the line before it. Only `regions` are spelled as in the file.
    `published` is the day in the file's name.
    """

    published: str
    change_number: int
    regions: str
    routable: str
    others: str

    def says(self, service_tag: str) -> bool | None:
        """Return whether a route may have this tag as its prefix; None if the file lacks the tag.

        The file's own spelling of an ending varies, so its case does not matter.
        """
        name, _, ending = service_tag.partition(".")
        tag = name, ending.lower()
        if tag in self._routable:
            return True
        return False if tag in self._others else None

    def ending(self, location: str) -> str | None:
        """Return the ending that tags have for this ARM location; None if the file lacks it."""
        return next((one for one in self.regions.split() if one.lower() == location.lower()), None)

    def tags_of(
        self, service: Service, region: str | None, spelled: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Return the tags of the service in an ARM location, as `spelled` or the file spells them.

        A region that the file lacks stays as it is.
        """
        ending = self.ending(region) if region else None
        return service.tags_in(ending or region, spelled)

    @functools.cached_property
    def _routable(self) -> frozenset[_Tag]:
        return frozenset(self._tags(self.routable))

    @functools.cached_property
    def _others(self) -> frozenset[_Tag]:
        return frozenset(self._tags(self.others))

    def _tags(self, lines: str) -> Iterator[_Tag]:
        for line in lines.replace("\n ", " ").splitlines():
            name, *words = line.split()
            yield from ((name, ending) for ending in self._endings(words))

    def _endings(self, words: list[str]) -> set[str]:
        without = {word[1:] for word in words if word.startswith(WITHOUT)}
        plain = {word for word in words if not word.startswith((ITSELF, REGIONS, WITHOUT))}
        itself = {""} if ITSELF in words else set()
        regions = set(self.regions.lower().split()) if REGIONS in words else set()
        return itself | plain | (regions - without)
