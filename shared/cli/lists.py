"""Show what there is: versions, runs."""

from itertools import islice

from .. import answers
from ..app import app
from ..domain.addresses import difference
from ..json_shapes import report_json, run_json, version_json
from . import names, show
from .shell import answer


def list_versions(most: int, *, as_json: bool) -> None:
    found = list(islice(answers.versions(app()), most))
    answer(
        {"value": [version_json(*pair) for pair in found]}, show.versions(found), as_json=as_json
    )


def show_version(version_id: str, *, as_json: bool) -> None:
    version = answers.existing_version(app(), names.version(version_id))
    change = answers.version_change(app(), version)
    answer(version_json(version, change), show.version(version, change), as_json=as_json)


def compare_versions(version_id: str, other_id: str, *, as_json: bool) -> None:
    version = answers.existing_version(app(), names.version(version_id))
    other = answers.existing_version(app(), names.version(other_id))
    change = difference(version.address_prefixes, other.address_prefixes)

    body = {
        "from": version.version_id,
        "to": other.version_id,
        "added": list(change.added),
        "removed": list(change.removed),
    }
    answer(body, show.difference(version, other, change), as_json=as_json)


def list_runs(most: int, *, as_json: bool) -> None:
    found = list(islice(answers.runs(app()), most))
    answer({"value": [run_json(run) for run in found]}, show.runs(found), as_json=as_json)


def show_run(run_id: str, *, as_json: bool) -> None:
    report = answers.run_report(app(), answers.existing_run(app(), names.run(run_id)))
    answer(report_json(report), show.report(report), as_json=as_json)
