"""Show what there is: environments, versions, runs."""

from itertools import islice
from typing import Any

from .. import answers
from ..app import app
from ..domain.addresses import difference
from ..sync.asking import DiscoverRequest
from . import show
from .errors import Ended
from .shell import answer


def discover(request: DiscoverRequest, *, as_json: bool) -> None:
    found = answers.discovery_json(app(), app().asking.discover(request))
    answer(found, show.discovered(found), as_json=as_json)
    if found["errors"]:
        raise Ended(1)


def list_versions(most: int, *, as_json: bool) -> None:
    found = [answers.version_json(*pair) for pair in answers.versions(app())[:most]]
    answer({"value": found}, show.versions(found), as_json=as_json)


def show_version(version_id: str, *, as_json: bool) -> None:
    version = answers.existing_version(app(), version_id)
    found = answers.version_json(version, answers.previous_version(app(), version))
    answer(found, show.version(found), as_json=as_json)


def compare_versions(version_id: str, other_id: str, *, as_json: bool) -> None:
    version = answers.existing_version(app(), version_id)
    other = answers.existing_version(app(), other_id)
    change = difference(version.address_prefixes, other.address_prefixes)

    body: dict[str, Any] = {
        "from": version.version_id,
        "to": other.version_id,
        "added": list(change.added),
        "removed": list(change.removed),
    }
    answer(body, show.difference(body), as_json=as_json)


def list_runs(most: int, *, as_json: bool) -> None:
    found = [run.to_json() for run in islice(answers.runs(app()), most)]
    answer({"value": found}, show.runs(found), as_json=as_json)


def show_run(run_id: str, *, as_json: bool) -> None:
    report = answers.run_report(app(), answers.existing_run(app(), run_id))
    answer(report, show.report(report), as_json=as_json)
