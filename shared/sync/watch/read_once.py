"""Recorded versions for a look at many tables, most of which want the same ones."""

import functools
from collections.abc import Callable

from ...domain.addresses import Source, Version
from ..ports import Versions


class VersionsReadOnce:
    """Remembers each answer, so that it is asked for once.

    Use it for one look that writes nothing to a table: a version that is recorded meanwhile is not
    seen.
    """

    def __init__(self, versions: Versions) -> None:
        self.append = versions.append
        self._newest: Callable[[Source], Version | None] = functools.cache(versions.newest)
        self._get: Callable[[str], Version | None] = functools.cache(versions.get)
        self._history: Callable[[Source], list[Version]] = functools.cache(versions.history)

    def newest(self, source: Source) -> Version | None:
        return self._newest(source)

    def get(self, version_id: str) -> Version | None:
        return self._get(version_id)

    def history(self, source: Source) -> list[Version]:
        return self._history(source)
