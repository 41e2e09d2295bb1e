"""What there is: environments, versions, runs."""

from collections.abc import Mapping
from typing import Any

from .. import endpoints
from ..domain.addresses import difference
from . import show
from .errors import Ended
from .in_place import call, listed
from .shell import answer


def discover(asked: Mapping[str, Any], *, as_json: bool) -> None:
    found = call(endpoints.discover, asked)
    answer(found, show.discovered(found), as_json=as_json)
    if found["errors"]:
        raise Ended(1)


def list_versions(most: int, *, as_json: bool) -> None:
    found = listed(endpoints.list_versions, most)
    answer({"value": found}, show.versions(found), as_json=as_json)


def show_version(version_id: str, *, as_json: bool) -> None:
    found = _version(version_id)
    answer(found, show.version(found), as_json=as_json)


def compare_versions(version_id: str, other_id: str, *, as_json: bool) -> None:
    version, other = _version(version_id), _version(other_id)
    change = difference(version["addressPrefixes"], other["addressPrefixes"])
    body = {
        "from": version["versionId"],
        "to": other["versionId"],
        "added": list(change.added),
        "removed": list(change.removed),
    }
    answer(body, show.difference(body), as_json=as_json)


def list_runs(most: int, *, as_json: bool) -> None:
    found = listed(endpoints.list_runs, most)
    answer({"value": found}, show.runs(found), as_json=as_json)


def show_run(run_id: str, *, as_json: bool) -> None:
    report = call(endpoints.get_run, route_params={"runId": run_id})
    answer(report, show.report(report), as_json=as_json)


def _version(version_id: str) -> dict[str, Any]:
    found: dict[str, Any] = call(endpoints.get_version, route_params={"versionId": version_id})
    return found
