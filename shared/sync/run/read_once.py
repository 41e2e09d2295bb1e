"""Recorded versions, and service tags, for a look at many tables, most of which want the same."""

import functools
from collections.abc import Callable, Mapping

from ...domain.addresses import Source, Version
from ..ports import ServiceTagSource, Versions


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


class ServiceTagsReadOnce:
    """Remembers the answer of each location, so that it is asked for once. Errors are not kept."""

    def __init__(self, service_tags: ServiceTagSource) -> None:
        self._read: Callable[[str], Mapping[str, object]] = functools.cache(service_tags.read)

    def read(self, location: str) -> Mapping[str, object]:
        return self._read(location)
