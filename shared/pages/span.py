"""The part of a long list that a page shows."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """The items from the one with the number `first`, which counts from 1, out of `count`."""

    first: int
    size: int
    count: int

    @property
    def last(self) -> int:
        return min(self.first + self.size - 1, self.count)

    @property
    def previous(self) -> int | None:
        """The first item of the page before this one."""
        return max(1, self.first - self.size) if self.first > 1 else None

    @property
    def following(self) -> int | None:
        return self.last + 1 if self.last < self.count else None

    def of[T](self, items: Sequence[T]) -> Sequence[T]:
        return items[self.first - 1 : self.last]
