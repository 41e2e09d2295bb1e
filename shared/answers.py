"""Read runs, versions and registrations: every door gives the same answers."""

from collections.abc import Iterator
from typing import Any

from .app import App
from .domain import codes
from .domain.addresses import Version, difference, service_tag_of
from .domain.errors import NotFound
from .domain.registry.registration import Registration
from .domain.runs.report import report
from .domain.runs.run import Run
from .domain.times import utc_text
from .sync.surroundings.discovery import DiscoveryResult


def existing_run(context: App, run_id: str) -> Run:
    """An overdue run is ended first. Raise NotFound if there is no run with this id."""
    run = context.run_end.expire_if_overdue(context.runs.get(run_id))
    if run is None:
        raise NotFound(codes.RUN_NOT_FOUND, "there is no run with this id")
    return run


def runs(context: App, *, older_than: str | None = None) -> Iterator[Run]:
    """Yield the newest first. Overdue ones are ended."""
    for run in context.runs.list(older_than=older_than):
        yield context.run_end.expire_if_overdue(run)


def run_report(context: App, run: Run) -> dict[str, Any]:
    return report(run, context.outcomes.list(run.run_id))


def registrations(context: App) -> list[Registration]:
    """Return all, sorted by their ids in lower case."""
    return sorted(context.registry.list(), key=lambda one: one.route_table_id.key)


def existing_version(context: App, version_id: str) -> Version:
    """Raise NotFound if there is no version with this id."""
    version = context.versions.get(version_id)
    if version is None:
        raise NotFound(codes.VERSION_NOT_FOUND, "there is no version with this id")
    return version


def previous_version(context: App, version: Version) -> Version | None:
    return context.versions.get(version.previous_version_id or "")


def versions(context: App) -> list[tuple[Version, Version | None]]:
    """Return each version with the one before it, the newest first."""
    by_id = {version.version_id: version for version in context.versions.list()}
    newest_first = sorted(by_id.values(), key=lambda v: (v.recorded_at, v.version_id), reverse=True)
    return [(version, by_id.get(version.previous_version_id or "")) for version in newest_first]


def version_json(version: Version, previous: Version | None) -> dict[str, Any]:
    before = () if previous is None else previous.address_prefixes
    change = difference(before, version.address_prefixes)
    tag = service_tag_of(version.source)

    return {
        "versionId": version.version_id,
        "cloud": version.cloud,
        "serviceTag": tag,
        "changeNumber": version.change_number,
        "recordedAt": utc_text(version.recorded_at),
        "source": "ase" if tag is None else "serviceTag",
        "locations": list(version.locations) or [version.source],
        "addressPrefixes": list(version.address_prefixes),
        "added": list(change.added),
        "removed": list(change.removed),
        "previousVersionId": version.previous_version_id,
    }


def discovery_json(context: App, discovered: DiscoveryResult) -> dict[str, Any]:
    return {"cloud": context.settings.azure_cloud, **discovered.to_json()}
